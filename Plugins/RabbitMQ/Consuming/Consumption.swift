#if RabbitMQ
import SwitchboardCore

/// A subscription on one connection: its channel, its unsettled deliveries, and where it stands.
final class Consumption {
    ///     waiting ──retry──▶ opening ──consume-ok──▶ live
    ///        ▲                  │                      │
    ///        └──── channel closed, cancelled by the broker
    ///     any ──subscriber done, refused for good──▶ closing ──close-ok──▶ (gone)
    ///     opening ──refused, and live before──▶ waiting, with pauses that grow: what was right once may be again
    enum State: Hashable {
        case waiting, opening, live, closing
    }

    struct Method {
        var tag: UInt64
        var isRedelivered: Bool
    }

    let subscription: Subscription
    let history: SubscriptionHistory
    let prefetch: UInt16
    /// What it declares and takes from: as planned, or as the broker demands.
    private(set) var plan: SubscriptionPlan
    var state = State.waiting
    var channel: UInt16?
    /// Settles what comes by the present channel.
    var settler: ChannelSettler?
    var tracker = AckTracker()
    var receipts = AcceptanceReceipts()
    var assembler = ContentAssembler<Method>()
    var backoff = GrowingPause(first: .milliseconds(50), longest: .seconds(5))
    /// What the broker refuses to declare since it was live, as it is there otherwise or we may not any more: left out of the
    /// next ``setUp``.
    var leftOut: Set<Declaration> = []
    var retryAt: ContinuousClock.Instant?
    /// When the broker should have answered all of ``setUp``.
    var answerDeadline: ContinuousClock.Instant?
    /// What has been answered of the declarations while opening.
    var answered = 0
    /// When the broker should have answered its end.
    var closeDeadline: ContinuousClock.Instant?
    /// Whether `Transport` waits to hear that it has ended.
    var isEnding = false
    /// Whether it has acceptances to tell the broker at the end of the turn.
    var isDirty = false
    /// Whether the broker has been told to send nothing more.
    var isMuted = false
    var selfCheck = SelfCheck()
    /// How often on end the queue, which should be this one's alone, had other consumers too.
    var strangers = 0

    init(_ subscription: Subscription, _ history: SubscriptionHistory, prefetchLimit: Int) {
        self.subscription = subscription
        self.history = history
        prefetch = UInt16(min(subscription.prefetch, prefetchLimit))
        plan = history.plan
    }

    var address: Address { subscription.address }
    var tag: String { String(subscription.id) }

    /// Whether it is its queue's only consumer, because the queue's name belongs to this subscription.
    var isAlone: Bool {
        switch address {
        case .mailbox, .fanout: !plan.isStream
        default: false
        }
    }

    /// Plans what a broker takes that demands this.
    func adapt(to demands: BrokerDemands) {
        plan.declarations = demands.adapted(history.plan.declarations, for: address)
    }

    /// The next moment at which something has to happen.
    var nextDeadline: ContinuousClock.Instant? {
        let checkAt = state == .live && !isMuted ? selfCheck.nextAt : nil
        let answerAt = state == .opening ? answerDeadline : nil
        return [retryAt, closeDeadline, checkAt, answerAt].compactMap(\.self).min()
    }

    /// Whether the broker may send more before something is acknowledged.
    var hasRoom: Bool { prefetch == 0 || tracker.count < Int(prefetch) }

    /// Whether the broker keeps to the prefetch: all memory for deliveries depends on it. With some room for what is on its
    /// way while a queue is consumed from anew.
    var isWithinPrefetch: Bool { prefetch == 0 || tracker.count <= 2 * Int(prefetch) + 64 }

    /// Notes where a stream goes on after what has come.
    func notePosition(_ header: ContentHeader) {
        guard plan.isStream, let offset = header.headers["x-stream-offset"].flatMap(Int64.init), offset < .max
        else { return }
        history.change { $0.nextOffset = offset + 1 }
    }

    /// Its channel is gone, and with it what was unsettled: the broker delivers that again.
    func forgetChannel() {
        // What nobody has begun with is dropped: it comes again, and would gather here with each loss.
        if channel != nil { subscription.withdraw() }
        receipts.lost(address)
        channel = nil
        settler = nil
        tracker = AckTracker()
        assembler = ContentAssembler()
        selfCheck = SelfCheck()
        answered = 0
    }

    /// What is declared to make it live.
    var declarations: [Declaration] {
        leftOut.isEmpty ? plan.declarations : plan.declarations.filter { !leftOut.contains($0) }
    }

    /// What is sent to make it live, in one go: a channel of its own, so that a refusal concerns nobody else.
    var setUp: [OutgoingMethod] {
        [.channelOpen, .prefetch(prefetch)] + declarations.map(\.method) + [consume]
    }

    var consume: OutgoingMethod {
        var arguments = plan.consumeArguments
        // Only to be refused by a stream, which has no such argument and would give each consumer every message.
        if !plan.isStream, leftOut.contains(where: { if case .queue = $0 { true } else { false } }) {
            arguments = arguments.replacing("x-priority", .int32(0))
        }
        if let nextOffset = history.change({ $0.nextOffset }) {
            arguments = arguments.replacing("x-stream-offset", .int64(nextOffset))
        }
        return .consume(queue: plan.queue, tag: tag, arguments: arguments)
    }

    /// What is sent so that nothing more comes, and everything unsettled goes back to its place in the queue, as not handled:
    /// also what is on its way to here. A channel that ends with unsettled messages costs each an attempt.
    func release() -> [OutgoingMethod] {
        var methods = tracker.drain()
        methods.append(.cancel(tag: tag))
        if !plan.isStream { methods.append(.nack(tag: 0, multiple: true, requeue: true)) }
        return methods
    }

    /// What is sent to end it.
    var tearDown: [OutgoingMethod] {
        var methods = release()
        if plan.deletesQueueAtEnd {
            methods.append(.deleteQueue(plan.queue))
        }
        methods.append(.channelClose(code: 200, text: "Goodbye"))
        return methods
    }
}
#endif
