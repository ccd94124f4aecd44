import SwitchboardMessaging

/// A method of the compute RPC API: its name, and how it is sent.
struct ComputeMethod: Sendable {
    enum Topic: String, Sendable {
        /// Work that a compute which is shutting down does not begin.
        case compute
        /// Work that is under way, which a compute finishes before it goes. Computes listen here since 6.5; older ones
        /// are sent it on `compute`.
        case computeAlt = "compute-alt"
    }

    let name: String
    /// The versions that have the method, each in a form of its own, newest first. The newest one allowed is sent.
    let versions: [RPCVersion]
    let topic: Topic
    /// Whether a call may last as long as a migration, watched by keepalives.
    let isLong: Bool

    /// - Parameter versions: unless given, 6.0 or 5.0, which are the same in most methods.
    init(_ name: String, versions: [RPCVersion] = ["6.0", "5.0"], topic: Topic = .compute, isLong: Bool = false) {
        self.name = name
        self.versions = versions
        self.topic = topic
        self.isLong = isLong
    }
}

extension ComputeMethod: ExpressibleByStringLiteral {
    init(stringLiteral name: String) {
        self.init(name)
    }
}

extension ComputeMethod {
    /// The newest version of the method that a pin allows.
    func version(under pin: ComputePin) throws -> RPCVersion {
        if let version = versions.first(where: { pin.allows($0) }) { return version }
        throw RPCError(
            .versionCapExceeded,
            "\(name) needs compute RPC version \(versions.map(\.description).joined(separator: " or ")), and the "
                + "target is pinned to \(pin.version).")
    }

    /// The topic under a pin.
    func topic(under pin: ComputePin) -> String {
        (pin.allows("6.5") ? topic : .compute).rawValue
    }
}
