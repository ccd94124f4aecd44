/// A method of an RPC interface: a constant that caller and server share, so that names and types can't disagree.
///
///     static let reboot = RPCMethod<Reboot, Bool>("reboot", version: "1.2")
///
/// `Arguments` encodes to a JSON object, the method's keyword arguments; ``NoArguments`` is the empty one. `Reply` is
/// ``NoReply`` for methods that return nothing.
public struct RPCMethod<Arguments: Codable & Sendable, Reply: Codable & Sendable>: Sendable {
    public let name: String
    public let namespace: String?
    /// The version of the interface in which the method got this form.
    public let version: RPCVersion

    public init(_ name: String, namespace: String? = nil, version: RPCVersion = "1.0") {
        self.name = name
        self.namespace = namespace
        self.version = version
    }
}

/// The arguments of a method without arguments: `{}`.
public struct NoArguments: Codable, Sendable, Hashable {
    public init() {}
}

/// The reply of a method that returns nothing: `null`. Accepts any reply.
public struct NoReply: Codable, Sendable, Hashable {
    public init() {}

    public init(from decoder: any Decoder) throws {}

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encodeNil()
    }
}
