#if RabbitMQ
import SwitchboardCore

/// A connection with a queue of its own, which gets copies of what passes through exchanges. Nobody's messages are taken: each
/// queue that an exchange has gets them as before.
///
/// The queue is exclusive: it goes with the connection, however that ends, and its bindings with it. It holds a bounded number of
/// messages, of which the oldest make room for new ones, so a tap that is slow never piles up at the broker.
package struct BrokerTap: Sendable {
    /// RabbitMQ's exchange for its firehose.
    package static let firehose = "amq.rabbitmq.trace"
    /// What the names of taps' queues begin with.
    package static let queuePrefix = "switchboard.tap."
    /// What the queue holds at most.
    private static let mostMessages = 50_000
    private static let mostBytes = 64 * 1024 * 1024

    private let session: InspectionSession
    /// The queue's name.
    package let queue: String
    package let broker: BrokerIdentity
    package let username: String

    /// Declares the queue, and begins to consume it. Close what it returns.
    ///
    /// - Parameters:
    ///   - look: a connection that is open; it is the tap's from here on.
    ///   - messageLimit: the longest body that is taken, in bytes.
    ///   - deliver: gets each message, on the connection's event loop, where it must not wait.
    ///   - ended: is told once why no more come.
    package init(
        on look: BrokerLook, messageLimit: Int, deliver: @escaping @Sendable (TappedDelivery) -> Void,
        ended: @escaping @Sendable (String) -> Void
    ) async throws(InspectionFailure) {
        session = look.session
        broker = look.broker
        username = look.username
        queue = Self.queuePrefix + BrokerLook.probeName().dropFirst("reply_".count)
        var declaration = QueueDeclaration(
            name: queue, isDurable: false, deletesItself: true,
            arguments: ["x-overflow": .string("drop-head")])
        declaration.isExclusive = true
        declaration.arguments.append("x-max-length", Self.mostMessages)
        declaration.arguments.append("x-max-length-bytes", Self.mostBytes)
        try await session.watch(declaration, messageLimit: messageLimit, deliver: deliver, ended: ended)
    }

    /// What came of a binding.
    package enum BindingOutcome: Hashable, Sendable {
        case bound
        case noSuchExchange
        /// With what the broker says.
        case refused(String)
    }

    /// Has copies of what an exchange routes by a key come to the queue.
    package func bind(to exchange: String, key: String) async throws(InspectionFailure) -> BindingOutcome {
        try await outcome(of: .bind(Binding(queue: queue, exchange: exchange, key: key)))
    }

    /// Takes a binding away.
    package func unbind(from exchange: String, key: String) async throws(InspectionFailure) -> BindingOutcome {
        try await outcome(of: .unbind(Binding(queue: queue, exchange: exchange, key: key)))
    }

    private func outcome(of method: OutgoingMethod) async throws(InspectionFailure) -> BindingOutcome {
        guard let closure = try await session.ask([method]).closure else { return .bound }
        return closure.code == 404 ? .noSuchExchange : .refused("\(closure.code) \(closure.text)")
    }

    /// How many messages wait in a queue, and how many consumers it has; `nil` when it isn't there, or belongs to another connection.
    package func backlog(of queue: String) async throws(InspectionFailure) -> (ready: Int, consumers: Int)? {
        let conversation = try await session.ask([.inspectQueue(queue)])
        guard case .queueDeclareOK(let ready, let consumers)? = conversation.answers.first else { return nil }
        return (Int(ready), Int(consumers))
    }

    /// Says goodbye. The broker deletes the queue.
    package func close() async {
        await session.close()
    }
}

extension BrokerLook {
    /// Publishes an empty message to a queue by its name, as a tap does to its own to see whether the firehose tells of it.
    ///
    /// On a connection of its own, as a broker with an alarm reads no more of one that publishes. Returns why it was not taken, or `nil`.
    package func publishProbe(to queue: String) async throws(InspectionFailure) -> String? {
        let conversation = try await session.publish(Message(body: []), to: queue)
        if let closure = conversation.closure { return "\(closure.code) \(closure.text)" }
        return await session.blockedReason
    }
}
#endif
