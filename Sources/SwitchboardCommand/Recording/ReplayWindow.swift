import SwitchboardCore
import SwitchboardMessaging

/// Finds the requests of a recording and their answers, which come later. Looks so far ahead and no farther, so that memory is
/// bounded. A value without I/O.
struct ReplayWindow: Sendable {
    private static let mostBytes = 64 << 20

    private let size: Int
    private var items: [ReplayItem] = []
    private var first = 0
    /// Of the items that wait.
    private var bytes = 0
    private var answers: Bounded<String, ReplayItem.Answer>
    private var partials: Bounded<String, ReplayItem.Answer>
    /// The ids of messages, which show those that were sent more than once.
    private var seen: Bounded<String, Bool>
    /// Messages that are neither requests, nor answers, nor notifications.
    private(set) var others = 0

    /// - Parameter size: how many requests and notifications are looked ahead.
    init(size: Int = 5000) {
        self.size = max(1, size)
        answers = Bounded(max(1, size))
        partials = Bounded(max(1, size))
        seen = Bounded(max(1, size))
    }

    /// Takes the next message of the recording.
    mutating func add(_ recorded: RecordedMessage, number: Int) {
        switch PassingMessage(recorded.message) {
        case .request(let request):
            var item = ReplayItem(request, recorded, number: number)
            if let uniqueID = request.uniqueID {
                item.isRepeated = seen[uniqueID] != nil
                if !item.isRepeated { _ = seen.set(uniqueID, true) }
            }
            add(item)
        case .notification(let notification): add(ReplayItem(notification, recorded, number: number))
        case .reply(let reply):
            let answer = ReplayItem.Answer(reply)
            if reply.isEnding {
                let partial = partials.remove(reply.id)
                // A second answer to a call isn't the one that its caller got.
                if answers[reply.id] == nil {
                    _ = answers.set(reply.id, answer == .result(.null) ? partial ?? answer : answer)
                }
            } else if answer != .result(.null) {
                _ = partials.set(reply.id, answer)
            }
        case .other: others += 1
        }
    }

    private mutating func add(_ item: ReplayItem) {
        items.append(item)
        bytes += item.recorded.message.body.count
    }

    /// Whether the next item should wait for more messages of the recording, among which its answer may be.
    var wantsMore: Bool { items.count - first < size && bytes < Self.mostBytes }

    /// The next request or notification, in its order; `nil` when there is none.
    mutating func next() -> ReplayItem? {
        guard first < items.count else { return nil }
        var item = items[first]
        first += 1
        bytes -= item.recorded.message.body.count
        if first > size {
            items.removeFirst(first)
            first = 0
        }
        if let id = item.id, !item.isRepeated { item.answer = answers.remove(id) }
        return item
    }
}
