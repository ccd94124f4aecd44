#if RabbitMQ
import SwitchboardCore
import Synchronization

/// One subscription as its caller made it, and what its deliveries settle through.
final class SubscriptionRequest: Sendable {
    let id: UInt64
    let address: Address
    let plan: SubscriptionPlan
    let prefetch: UInt16
    let deadline: ContinuousClock.Instant?
    let source: Deliveries.Source
    let started = ContinuousClock.now

    private let cancellation = Atomic<Bool>(false)
    private let ending = Atomic<Bool>(false)

    init(
        id: UInt64, address: Address, plan: SubscriptionPlan, prefetch: UInt16, deadline: ContinuousClock.Instant?,
        source: Deliveries.Source
    ) {
        self.id = id
        self.address = address
        self.plan = plan
        self.prefetch = prefetch
        self.deadline = deadline
        self.source = source
    }

    /// Whether nobody else consumes from its queue, as its name is this subscription's alone.
    var isAlone: Bool {
        switch address {
        case .mailbox, .fanout: !plan.isStream
        default: false
        }
    }

    /// Set by the caller's cancellation, which can come before the request itself has arrived at the loop.
    var isCancelled: Bool { cancellation.load(ordering: .acquiring) }
    func cancel() { cancellation.store(true, ordering: .releasing) }

    /// Set when the subscription's body has returned: what is settled afterwards has gone back to the queue already.
    var hasEnded: Bool { ending.load(ordering: .acquiring) }
    func end() { ending.store(true, ordering: .releasing) }
}

enum ConsumeCommand: Sendable {
    case open(SubscriptionRequest, CheckedContinuation<TransportError?, Never>)
    case cancelOpening(SubscriptionRequest)
    /// `epoch` is the channel that the delivery came by: an acknowledgement is never sent on a later one.
    ///
    /// `whenKnown`, of acceptances, is told when the broker has it.
    case settle(
        SubscriptionRequest, epoch: UInt64, tag: UInt64, Settlement, whenKnown: (@Sendable (TransportError?) -> Void)?)
    case close(SubscriptionRequest, CheckedContinuation<Void, Never>)
}
#endif
