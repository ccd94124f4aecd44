#if RabbitMQ
import SwitchboardCore

/// A subscription inside the consumer: its channel, its unsettled deliveries, and where it stands.
final class Subscription {
    ///     waiting ──connection, retry──▶ opening ──consume-ok──▶ live
    ///        ▲                              │                      │
    ///        └──── channel closed, cancelled by the broker, connection lost
    ///     any ──body returned──▶ closing ──close-ok──▶ (gone)
    ///     opening ──refused, and never live before──▶ failed ──body returned──▶ (gone)
    ///     opening ──refused, and live before──▶ waiting, with pauses that grow: what was right once may be again
    enum State: Hashable {
        case waiting, opening, live, closing, failed
    }

    struct Method {
        var tag: UInt64
        var isRedelivered: Bool
    }

    let request: SubscriptionRequest
    /// What it declares and takes from: as requested, or as the broker demands.
    private(set) var plan: SubscriptionPlan
    var state = State.waiting
    var channel: UInt16?
    /// Counts the channels that this subscription has had.
    var epoch: UInt64 = 0
    var tracker = AckTracker()
    var receipts = AcceptanceReceipts()
    var assembler = ContentAssembler<Method>()
    var backoff: Backoff
    var refusals = RefusalPauses()
    /// Between attempts over which the broker may have failed.
    var failures = RefusalPauses(most: FailingDeclarations.longestPause)
    /// Whether the broker may have failed over its set-up: until ``retryAt`` it is not tried, whatever connection there is.
    var isSuspected = false
    /// What the broker refuses to declare since it was live, as it is there otherwise or we may not any more: left out of the
    /// next ``setUp``.
    var leftOut: Set<Declaration> = []
    /// What people have been told of it.
    private var told: Set<String> = []
    var retryAt: ContinuousClock.Instant?
    /// When the broker should have answered all of ``setUp``.
    var answerDeadline: ContinuousClock.Instant?
    /// How often on end it has not.
    var silences = 0
    /// What has been answered of the declarations while opening.
    var answered = 0
    var opening: CheckedContinuation<TransportError?, Never>?
    var closing: CheckedContinuation<Void, Never>?
    var closeDeadline: ContinuousClock.Instant?
    /// Why it is not live, or was not the last time.
    var lastReason: String?
    /// Whether it has acceptances to tell the broker at the end of the turn.
    var isDirty = false
    var hasBeenLive = false
    /// Whether the broker has been told to send nothing more.
    var isMuted = false
    var selfCheck = SelfCheck()
    /// How often on end the queue, which should be this one's alone, had other consumers too.
    var strangers = 0
    /// A stream's position: where to go on after a reconnect.
    var nextOffset: Int64?

    init(_ request: SubscriptionRequest) {
        self.request = request
        plan = request.plan
        backoff = Backoff(first: .milliseconds(50), most: .seconds(5))
    }

    var tag: String { String(request.id) }

    /// Plans what a broker takes that demands this.
    func adapt(to demands: BrokerDemands) {
        plan.declarations = demands.adapted(request.plan.declarations, for: request.address)
    }

    /// The next moment at which something has to happen.
    var nextDeadline: ContinuousClock.Instant? {
        let checkAt = state == .live && !isMuted ? selfCheck.nextAt : nil
        let answerAt = state == .opening ? answerDeadline : nil
        return [opening == nil ? nil : request.deadline, retryAt, closeDeadline, checkAt, answerAt]
            .compactMap(\.self).min()
    }

    /// Whether it has been live and is not.
    var isRestoring: Bool { hasBeenLive && (state == .waiting || state == .opening) }

    /// Whether the broker may send more before something is acknowledged.
    var hasRoom: Bool { request.prefetch == 0 || tracker.count < Int(request.prefetch) }

    /// Whether the broker keeps to the prefetch: all memory for deliveries depends on it. With some room for what is on its
    /// way while a queue is consumed from anew.
    var isWithinPrefetch: Bool { request.prefetch == 0 || tracker.count <= 2 * Int(request.prefetch) + 64 }

    /// Notes where a stream goes on after what has come.
    func notePosition(_ header: ContentHeader) {
        guard request.plan.isStream, let offset = header.headers["x-stream-offset"].flatMap(Int64.init), offset < .max
        else { return }
        nextOffset = offset + 1
    }

    /// Whether people are to be told of something: once, and not of ever more.
    func tells(_ text: String) -> Bool { told.count < 100 && told.insert(text).inserted }

    /// Its channel is gone, and with it what was unsettled: the broker delivers that again.
    func forgetChannel() {
        // What nobody has begun with is dropped: it comes again, and would gather here with each loss.
        if channel != nil { request.source.withdraw() }
        receipts.lost(request.address)
        channel = nil
        epoch += 1
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
        [.channelOpen, .prefetch(request.prefetch)] + declarations.map(\.method) + [consume]
    }

    var consume: OutgoingMethod {
        var arguments = request.plan.consumeArguments
        // Only to be refused by a stream, which has no such argument and would give each consumer every message.
        if !request.plan.isStream, leftOut.contains(where: { if case .queue = $0 { true } else { false } }) {
            arguments = arguments.replacing("x-priority", .int32(0))
        }
        if let nextOffset { arguments = arguments.replacing("x-stream-offset", .int64(nextOffset)) }
        return .consume(queue: request.plan.queue, tag: tag, arguments: arguments)
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
        if request.plan.deletesQueueAtEnd {
            methods.append(.deleteQueue(request.plan.queue))
        }
        methods.append(.channelClose(code: 200, text: "Goodbye"))
        return methods
    }
}
#endif
