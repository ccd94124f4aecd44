public import SwitchboardCore
public import SwitchboardMessaging

/// Where an actor is: the target that its calls go to, and the interface that it has there.
///
///     let id = SwitchboardActorID(topic: "compute", exchange: "nova", server: "host1", version: "6.0")
///     let compute = try $Compute.resolve(id: id, using: system)
///
/// An actor that lives in this process has an id without an address; it is reached from elsewhere under the topic of the
/// server that it is registered with (`RPCRouter`).
///
/// Not `Codable`, so that an actor passed as an argument is a compile-time error: no Python peer could use it. Pass a topic
/// and a server's name instead.
public struct SwitchboardActorID: Hashable, Sendable {
    /// The exchange, the topic and maybe the one server that calls go to.
    public var target: RPCTarget
    /// The namespace, the version and the names that methods have on the wire.
    public var interface: ActorInterface

    /// The number of an actor of this process; `nil` for an address.
    let number: UInt64?

    /// Creates the id of whatever serves at `target`: a topic, for any of its servers, or one server of it.
    public init(_ target: RPCTarget, interface: ActorInterface = ActorInterface()) {
        self.target = target
        self.interface = interface
        number = nil
    }

    /// Creates the id of whatever serves a topic: its one `server`, or any of its servers. Each call carries `version`, the
    /// version of the interface.
    public init(
        topic: String, exchange: String = Topic.defaultExchange, server: String? = nil, namespace: String? = nil,
        version: RPCVersion = "1.0"
    ) {
        self.init(
            RPCTarget(topic: topic, exchange: exchange, server: server),
            interface: ActorInterface(namespace: namespace, version: version))
    }

    /// The id of an actor of this process.
    init(number: UInt64) {
        target = RPCTarget(topic: "")
        interface = ActorInterface()
        self.number = number
    }
}

extension SwitchboardActorID: CustomStringConvertible {
    public var description: String {
        if let number { return "local actor \(number)" }
        return interface.namespace.map { "\(target) (namespace \($0), version \(interface.version))" }
            ?? "\(target) (version \(interface.version))"
    }
}
