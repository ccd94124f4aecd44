/// A version of an RPC interface: `major.minor` or `major.minor.revision`.
public struct RPCVersion: Hashable, Sendable {
    public var major: Int
    public var minor: Int
    public var revision: Int

    public init(_ major: Int, _ minor: Int, _ revision: Int = 0) {
        self.major = major
        self.minor = minor
        self.revision = revision
    }

    /// Reads `1.2` or `1.2.3`; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else { return nil }
        var numbers: [Int] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(part) else { return nil }
            numbers.append(number)
        }
        self.init(numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 0)
    }

    /// Whether something that implements this version can serve a request for `requested`: the same major, and no
    /// newer minor, nor a newer revision of the same minor (oslo-wire.md §5.3).
    public func isCompatible(with requested: RPCVersion) -> Bool {
        major == requested.major
            && (requested.minor < minor || (requested.minor == minor && requested.revision <= revision))
    }
}

extension RPCVersion: CustomStringConvertible {
    public var description: String {
        revision == 0 ? "\(major).\(minor)" : "\(major).\(minor).\(revision)"
    }
}

extension RPCVersion: Comparable {
    public static func < (one: RPCVersion, other: RPCVersion) -> Bool {
        (one.major, one.minor, one.revision) < (other.major, other.minor, other.revision)
    }
}

extension RPCVersion: ExpressibleByStringLiteral {
    /// Traps when the literal is no version.
    public init(stringLiteral text: String) {
        guard let version = RPCVersion(text) else {
            preconditionFailure("\"\(text)\" is no RPC version; write major.minor, for example \"1.0\".")
        }
        self = version
    }
}
