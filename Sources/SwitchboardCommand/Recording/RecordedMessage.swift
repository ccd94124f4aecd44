import SwitchboardCore

/// A message of a recording.
struct RecordedMessage: Hashable, Sendable {
    private enum Header {
        static let prefix = "recording-"
        static let exchange = "recording-exchange"
        static let routingKey = "recording-routing-key"
        /// In seconds since 1970.
        static let time = "recording-time"
        /// `yes` or `no`.
        static let isRedacted = "recording-redacted"
        /// A URL without users and options.
        static let bus = "recording-bus"
    }

    /// The headers that are kept: others are of those who sent it, and may hold anything.
    private static let kept: Set<String> = ["compression", expiration]
    private static let expiration = "properties.expiration"

    var exchange: String
    var routingKey: String
    /// In seconds since 1970.
    var time: Double
    var isRedacted: Bool
    /// Where it was recorded: hosts and virtual host. With the first message of each run of the command.
    var bus: TransportURL?
    /// As it passed, without the headers of the recording.
    var message: Message

    /// - Parameters:
    ///   - redaction: masks secrets; `nil` keeps them.
    ///   - bus: where it was recorded.
    init(_ tapped: TappedMessage, redaction: TapRedaction?, bus: TransportURL? = nil) {
        var message = tapped.message
        if let redaction {
            message = redaction.redacted(message)
            message.contentType = Secret.masked(in: message.contentType)
            message.contentEncoding = Secret.masked(in: message.contentEncoding)
        }
        message.headers = message.headers.filter { Self.kept.contains($0.key) }
        message.headers[Self.expiration] = message.headers[Self.expiration].flatMap(Int64.init).map(String.init)
        exchange = redaction == nil ? tapped.exchange : Secret.masked(in: tapped.exchange)
        routingKey = redaction == nil ? tapped.routingKey : Secret.masked(in: tapped.routingKey)
        time = tapped.time
        isRedacted = redaction != nil
        self.bus = bus?.place
        self.message = message
    }

    /// Reads one; `nil` when it isn't a recording's.
    init?(_ stored: Message) {
        guard let exchange = stored.headers[Header.exchange], let routingKey = stored.headers[Header.routingKey],
            let time = stored.headers[Header.time].flatMap(Double.init), time.isFinite
        else { return nil }
        self.exchange = exchange
        self.routingKey = routingKey
        self.time = time
        isRedacted = stored.headers[Header.isRedacted] != "no"
        bus = stored.headers[Header.bus].flatMap { try? TransportURL($0) }
        message = stored
        message.headers = stored.headers.filter { !$0.key.hasPrefix(Header.prefix) }
    }

    /// As it is stored.
    var stored: Message {
        var stored = message
        // What expired on the bus is kept here.
        stored.timeToLive = nil
        stored.headers[Header.exchange] = exchange
        stored.headers[Header.routingKey] = routingKey
        stored.headers[Header.time] = "\(time)"
        stored.headers[Header.isRedacted] = isRedacted ? "yes" : "no"
        stored.headers[Header.bus] = bus?.place.description
        return stored
    }

    /// As it is sent again, with the time to live that it had.
    var sendable: Message {
        var message = message
        message.headers[Self.expiration] = nil
        message.timeToLive = self.message.headers[Self.expiration].flatMap(Int64.init)
            .map { .milliseconds(min(max(1, $0), 31_536_000_000)) }
        return message
    }
}
