import SwitchboardCore
import SwitchboardMessaging

/// What is sent again: a request, with the recorded answer where there is one, or a notification.
struct ReplayItem: Hashable, Sendable {
    /// An answer to a call.
    enum Answer: Hashable, Sendable {
        case result(JSONValue)
        /// An exception's class.
        case failure(String)

        init(_ reply: PassingMessage.Reply) {
            self = reply.failure.map { .failure($0.className) } ?? .result(reply.result)
        }
    }

    /// Its number in the recording, from 1 on.
    let number: Int
    let recorded: RecordedMessage
    /// A method, or an event type.
    let method: String
    /// Of a call.
    let id: String?
    /// Whether the message was sent before in the recording, as its sender wasn't sure: receivers drop it, so it has no answer of
    /// its own.
    var isRepeated = false
    let address: Address
    var answer: Answer?

    init(_ request: PassingMessage.Request, _ recorded: RecordedMessage, number: Int) {
        self.number = number
        self.recorded = recorded
        method = request.method
        id = request.id
        let fanout = "_fanout"
        if recorded.exchange.hasSuffix(fanout) {
            address = .fanout(Topic(String(recorded.exchange.dropLast(fanout.count))))
        } else {
            let (name, server) = KnownNames.split(recorded.routingKey)
            let topic = Topic(name, exchange: recorded.exchange)
            address = server.map { .server(topic, server: $0) } ?? .topic(topic)
        }
    }

    init(_ notification: PassingMessage.Notification, _ recorded: RecordedMessage, number: Int) {
        self.number = number
        self.recorded = recorded
        method = notification.eventType
        id = nil
        address = .notifications(Topic(recorded.routingKey, exchange: recorded.exchange))
    }

    /// Whether a receiver is wanted: a fanout and a notification may have none.
    var isMandatory: Bool {
        switch address {
        case .fanout, .notifications, .pool: false
        case .topic, .server, .mailbox: true
        }
    }
}
