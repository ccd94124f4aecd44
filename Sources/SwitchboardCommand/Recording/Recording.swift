import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

/// A spool that holds what passed over a bus, in its order, in one queue. What was where is in headers of each message.
enum Recording {
    static let topic = Topic("messages", exchange: "recording")
    /// The queue's name, as `switchboard spool ls` shows it.
    static let queue = "topic~recording~messages"

    enum Header {
        static let prefix = "recording-"
        static let exchange = "recording-exchange"
        static let routingKey = "recording-routing-key"
        /// In seconds since 1970.
        static let time = "recording-time"
        /// `yes` or `no`.
        static let isRedacted = "recording-redacted"
    }

    /// How it is written: in segments, which the kernel has when a message counts as recorded.
    static func configuration(_ directory: String) -> SpoolConfiguration {
        var configuration = SpoolConfiguration(directory: directory)
        configuration.layout = .segment
        configuration.durability = .none
        configuration.maximumMessages = 1 << 40
        configuration.maximumBytes = 1 << 50
        // One after the other.
        configuration.writers = 1
        return configuration
    }
}

/// A message of a recording.
struct RecordedMessage: Hashable, Sendable {
    var exchange: String
    var routingKey: String
    /// In seconds since 1970.
    var time: Double
    var isRedacted: Bool
    /// As it passed, without the headers of the recording.
    var message: Message

    init(exchange: String, routingKey: String, time: Double, isRedacted: Bool, message: Message) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.time = time
        self.isRedacted = isRedacted
        self.message = message
    }

    /// Reads one; `nil` when it isn't a recording's.
    init?(_ stored: Message) {
        guard let exchange = stored.headers[Recording.Header.exchange],
            let routingKey = stored.headers[Recording.Header.routingKey],
            let time = stored.headers[Recording.Header.time].flatMap(Double.init), time.isFinite
        else { return nil }
        var message = stored
        message.headers = stored.headers.filter { !$0.key.hasPrefix(Recording.Header.prefix) }
        self.init(
            exchange: exchange, routingKey: routingKey, time: time,
            isRedacted: stored.headers[Recording.Header.isRedacted] != "no", message: message)
    }

    /// As it is stored.
    var stored: Message {
        var stored = message
        // What expired on the bus is kept here.
        stored.timeToLive = nil
        stored.headers[Recording.Header.exchange] = exchange
        stored.headers[Recording.Header.routingKey] = routingKey
        stored.headers[Recording.Header.time] = "\(time)"
        stored.headers[Recording.Header.isRedacted] = isRedacted ? "yes" : "no"
        return stored
    }
}
