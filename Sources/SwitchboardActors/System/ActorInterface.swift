public import SwitchboardMessaging

/// How the methods of a Swift protocol are called on the wire.
///
/// Without further words, a method's wire name is its Swift base name, and an argument's name is its label, or its
/// parameter name where the label is `_`:
///
///     distributed func reboot(instance: String, hard: Bool) async throws    // reboot(instance=…, hard=…)
///
/// Where a peer uses other names, or a method is sent in another way, say so here:
///
///     ActorInterface(version: "6.0", methods: [
///         "reboot": .init("reboot_instance", version: "5.0", arguments: ["hard": "is_hard"]),
///         "forget": .init(sending: .cast),
///     ])
public struct ActorInterface: Hashable, Sendable {
    /// The interface's namespace in oslo.messaging's sense.
    public var namespace: String?
    /// The version that calls ask for, unless their method has one of its own.
    public var version: RPCVersion
    /// What differs from Swift's names, by the method's base name in Swift.
    public var methods: [String: Method]

    public init(namespace: String? = nil, version: RPCVersion = "1.0", methods: [String: Method] = [:]) {
        self.namespace = namespace
        self.version = version
        self.methods = methods
    }

    /// What differs from Swift's names in one method. Overloads share it, as they share their base name.
    public struct Method: Hashable, Sendable {
        /// How a method is sent.
        public enum Sending: Sendable, Hashable {
            /// Waits for the reply.
            case call
            /// Returns once the queue has taken the request over. For methods without a result only.
            case cast
            /// A cast to every server of the topic. For methods without a result only.
            case fanout
        }

        /// The wire name; `nil`: the base name in Swift.
        public var name: String?
        /// The version that this method's calls ask for; `nil`: the interface's.
        public var version: RPCVersion?
        /// Wire names of arguments, by their names in Swift. What isn't listed keeps its name.
        public var arguments: [String: String]
        public var sending: Sending
        /// How long a call waits; `nil`: as long as the actor system's client.
        public var timeout: Duration?

        public init(
            _ name: String? = nil, version: RPCVersion? = nil, arguments: [String: String] = [:],
            sending: Sending = .call, timeout: Duration? = nil
        ) {
            self.name = name
            self.version = version
            self.arguments = arguments
            self.sending = sending
            self.timeout = timeout
        }
    }
}
