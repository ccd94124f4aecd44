import SwitchboardCore
import SwitchboardMessaging

/// A copy of a message that passed through a bus.
struct TappedMessage: Sendable {
    /// What the message did when it was seen.
    enum Motion: Hashable, Sendable {
        case published
        /// It went out to a consumer of a queue: only the firehose tells.
        case delivered(queue: String, isRedelivered: Bool)
    }

    var motion = Motion.published
    /// The exchange that it was published to; empty for the default exchange.
    var exchange: String
    var routingKey: String
    var message: Message
    /// Why the message has no content here: it was too large, for example.
    var defect: String?
    /// When it was seen.
    var instant: ContinuousClock.Instant
    /// The same in seconds since 1970.
    var time: Double
    /// The publisher's or the consumer's connection and user, where the firehose tells them.
    var connection: String?
    var user: String?
    /// Of a call: whether its replies will be seen.
    var showsReplies: Bool

    /// How long its sender gives it: a call's time.
    var timeToLive: Duration? {
        guard let text = message.headers["properties.expiration"], let milliseconds = Int64(text), milliseconds >= 0
        else { return nil }
        return .milliseconds(min(milliseconds, 31_536_000_000))
    }
}

/// What a tap sees and has to say, in order.
enum TapEvent: Sendable {
    /// It watches from now on.
    case began(TapCoverage)
    case message(TappedMessage)
    /// So many messages came too fast, and were let go.
    case missed(Int)
    /// The connection was lost. What passes until the next ``began(_:)`` isn't seen.
    case lost(String)
}

/// What a tap sees, and what it doesn't.
struct TapCoverage: Hashable, Sendable {
    enum Replies: String, Hashable, Sendable {
        /// By RabbitMQ's firehose, and so is all else.
        case firehose
        /// By bindings to the exchanges of reply queues, as oslo.messaging before 10.0 has them.
        case bindings
        case none
    }

    var replies: Replies
    /// The exchanges that are watched.
    var exchanges: [String]
    /// The virtual host.
    var virtualHost: String
    /// A sentence about what isn't seen, and how it would be.
    var remark: String?
}
