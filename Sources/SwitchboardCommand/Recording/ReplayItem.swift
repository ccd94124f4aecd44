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
    let address: Address
    var answer: Answer?
}

/// Finds the requests of a recording and their answers, which come later. Looks so far ahead and no farther, so that memory is
/// bounded. A value without I/O.
struct ReplayWindow: Sendable {
    private let size: Int
    private var items: [ReplayItem] = []
    private var first = 0
    private var answers: Bounded<String, ReplayItem.Answer>
    private var partials: Bounded<String, ReplayItem.Answer>
    /// Messages that are neither requests, nor answers, nor notifications.
    private(set) var others = 0

    /// - Parameter size: how many requests and notifications are looked ahead.
    init(size: Int = 5000) {
        self.size = max(1, size)
        answers = Bounded(max(1, size))
        partials = Bounded(max(1, size))
    }

    /// Takes the next message of the recording.
    mutating func add(_ recorded: RecordedMessage, number: Int) {
        switch PassingMessage(recorded.message) {
        case .request(let request):
            items.append(
                ReplayItem(
                    number: number, recorded: recorded, method: request.method, id: request.id,
                    address: Self.address(of: recorded)))
        case .notification(let notification):
            items.append(
                ReplayItem(
                    number: number, recorded: recorded, method: notification.eventType, id: nil,
                    address: .notifications(Topic(recorded.routingKey, exchange: recorded.exchange))))
        case .reply(let reply):
            let answer = ReplayItem.Answer(reply)
            if reply.isEnding {
                let isEmpty = answer == .result(.null)
                _ = answers.set(reply.id, isEmpty ? partials.remove(reply.id) ?? answer : answer)
            } else if answer != .result(.null) {
                _ = partials.set(reply.id, answer)
            }
        case .other: others += 1
        }
    }

    /// Whether the next item should wait for more messages of the recording, among which its answer may be.
    var wantsMore: Bool { items.count - first < size }

    /// The next request or notification, in its order; `nil` when there is none.
    mutating func next() -> ReplayItem? {
        guard first < items.count else { return nil }
        var item = items[first]
        first += 1
        if first > size {
            items.removeFirst(first)
            first = 0
        }
        if let id = item.id { item.answer = answers.remove(id) }
        return item
    }

    private static func address(of recorded: RecordedMessage) -> Address {
        let fanout = "_fanout"
        if recorded.exchange.hasSuffix(fanout) {
            return .fanout(Topic(String(recorded.exchange.dropLast(fanout.count))))
        }
        let (name, server) = KnownNames.split(recorded.routingKey)
        let topic = Topic(name, exchange: recorded.exchange)
        return server.map { .server(topic, server: $0) } ?? .topic(topic)
    }
}
