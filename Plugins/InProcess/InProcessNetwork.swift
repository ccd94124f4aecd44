import SwitchboardCore

/// The worlds of in-process drivers: drivers of one network whose URLs have one name share a broker.
///
/// A broker keeps what a RabbitMQ broker with oslo.messaging's topology keeps, with these differences: topics of
/// different exchanges are apart, and a mailbox ends with its last subscription, as in one process no connection gets
/// lost that the owner could come back on.
public final class InProcessNetwork: Sendable {
    private let brokers = Locked<[String: InProcessBroker]>([:])

    /// A network of its own, for tests that must not meet others.
    public init() {}

    /// The one of the whole process: `fake://NAME` means the same broker everywhere in it.
    public static let process = InProcessNetwork()

    /// The messages that consumers discarded in the world `name`, the oldest first: the newest 1000, at most 64 MiB.
    public func deadLetters(in name: String) -> [DeadLetter] {
        brokers.withLock { $0[name] }?.deadLetters ?? []
    }

    func broker(named name: String) -> InProcessBroker {
        brokers.withLock { brokers in
            if let broker = brokers[name] { return broker }
            let broker = InProcessBroker()
            brokers[name] = broker
            return broker
        }
    }
}
