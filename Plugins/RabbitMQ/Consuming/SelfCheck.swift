#if RabbitMQ
import SwitchboardCore

/// Finds a subscription that is "connected but deaf": its connection lives and the broker sends it nothing, because it
/// has lost the consumer (a node that failed over, a queue that was deleted without a word; field.md §2).
///
/// Now and then the broker is asked about the queue, on the subscription's own channel. The subscription is deaf when
/// the broker has not answered by the next time, though it had as long as any answer may take; when the queue has no
/// consumer at all; or when it had messages waiting twice in a row and sent none of them though there was room. When the
/// queue is gone, the broker closes the channel, which begins the subscription anew by itself.
///
/// A queue that others consume from too keeps its messages moving without this consumer. When it has fewer consumers than
/// the last time, and nothing has come since, this one may be who is missing: the broker does not tell, so it consumes
/// anew. No I/O.
struct SelfCheck: Sendable {
    enum Step: Hashable, Sendable {
        case nothing, ask
        case deaf(reason: String)
    }

    enum Verdict: Hashable, Sendable {
        case fine
        case deaf(reason: String)
        /// One consumer of the queue is missing, perhaps this one.
        case doubtful
    }

    /// When to ask next; `nil` before ``begin(at:)``.
    private(set) var nextAt: Moment?
    /// When the last question should have been answered; `nil` when it has been.
    private var answerDeadline: Moment?
    /// Whether messages were waiting at the last answer, and nothing has come since.
    private var wasStarving = false
    /// The queue's consumers at the last answer.
    private var consumers: UInt32?
    /// Whether they have become fewer, and nothing has come since.
    private var isDoubtful = false

    mutating func begin(at first: Moment) {
        self = SelfCheck()
        nextAt = first
    }

    /// The broker may take `answerTime` to answer: a busy one is not deaf because it is asked often.
    mutating func due(_ now: Moment, every interval: Duration, answeredWithin answerTime: Duration) -> Step {
        guard let nextAt, nextAt <= now else { return .nothing }
        self.nextAt = now + interval
        guard let answerDeadline else {
            answerDeadline = now + answerTime
            return .ask
        }
        guard now < answerDeadline else {
            return .deaf(reason: "the broker did not answer on the subscription's channel")
        }
        self.nextAt = min(now + interval, answerDeadline)
        return .nothing
    }

    mutating func delivered() {
        wasStarving = false
        isDoubtful = false
    }

    /// - Parameter isIdle: whether nothing is unsettled, so that the subscription may consume anew.
    mutating func answered(
        ready: UInt32, consumers: UInt32, isStream: Bool, hasRoom: Bool, isIdle: Bool
    ) -> Verdict {
        guard answerDeadline != nil else { return .fine }
        answerDeadline = nil
        if consumers == 0 { return .deaf(reason: "the broker has forgotten the consumer") }
        if let before = self.consumers, consumers < before { isDoubtful = true }
        self.consumers = consumers
        // A stream keeps what it has delivered, and its consumers have each a position of their own.
        guard !isStream else { return .fine }
        if ready > 0, hasRoom {
            if wasStarving { return .deaf(reason: "the broker keeps \(ready) messages back") }
            wasStarving = true
        } else {
            wasStarving = false
        }
        guard isDoubtful, isIdle else { return .fine }
        isDoubtful = false
        return .doubtful
    }
}
#endif
