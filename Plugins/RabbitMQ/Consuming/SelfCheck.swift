#if RabbitMQ
/// Finds a subscription that is "connected but deaf": its connection lives and the broker sends it nothing, because it
/// has lost the consumer (a node that failed over, a queue that was deleted without a word; field.md §2).
///
/// Now and then the broker is asked about the queue, on the subscription's own channel. The subscription is deaf when
/// the broker does not answer until the next time, when the queue has no consumer at all, or when it had messages
/// waiting twice in a row and sent none of them though there was room. When the queue is gone, the broker closes the
/// channel, which begins the subscription anew by itself. No I/O.
struct SelfCheck: Sendable {
    enum Step: Hashable, Sendable {
        case nothing, ask
        case deaf(reason: String)
    }

    /// When to ask next; `nil` before ``begin(at:)``.
    private(set) var nextAt: ContinuousClock.Instant?
    private var isWaiting = false
    /// Whether messages were waiting at the last answer, and nothing has come since.
    private var wasStarving = false

    mutating func begin(at first: ContinuousClock.Instant) {
        self = SelfCheck()
        nextAt = first
    }

    mutating func due(_ now: ContinuousClock.Instant, every interval: Duration) -> Step {
        guard let nextAt, nextAt <= now else { return .nothing }
        self.nextAt = now + interval
        if isWaiting { return .deaf(reason: "the broker did not answer on the subscription's channel") }
        isWaiting = true
        return .ask
    }

    mutating func delivered() {
        wasStarving = false
    }

    /// Returns why the subscription is deaf, when it is.
    mutating func answered(ready: UInt32, consumers: UInt32, isStream: Bool, hasRoom: Bool) -> String? {
        guard isWaiting else { return nil }
        isWaiting = false
        if consumers == 0 { return "the broker has forgotten the consumer" }
        // A stream keeps what it has delivered.
        guard ready > 0, hasRoom, !isStream else {
            wasStarving = false
            return nil
        }
        if wasStarving { return "the broker keeps \(ready) messages back" }
        wasStarving = true
        return nil
    }
}
#endif
