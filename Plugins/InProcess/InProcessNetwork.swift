import SwitchboardCore

/// The message queues of in-process drivers. Drivers of one network whose URLs have the same name share a broker.
///
/// A broker behaves like a RabbitMQ broker with oslo.messaging's queues, with two differences: topics of different
/// exchanges are separate, and a mailbox ends with its last subscription, because within a process no connection is
/// ever lost.
public final class InProcessNetwork: Sendable {
    private let brokers = Locked<[String: InProcessBroker]>([:])

    /// Creates a separate network, for tests that must not meet others.
    public init() {}

    /// The network of the whole process: `fake://NAME` means the same broker everywhere in it.
    public static let process = InProcessNetwork()

    /// The messages that consumers discarded in the message queue `name`, oldest first: the newest 1000, at most 64
    /// MiB.
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
