#if RabbitMQ
import SwitchboardCore

/// Settles the deliveries that came by one channel: an acknowledgement is never sent on a later one.
final class ChannelSettler: DeliverySettler {
    let subscription: Subscription
    private let history: SubscriptionHistory
    private let inbox: Inbox<ConsumeCommand>
    private let errors: BrokerErrors

    init(
        _ subscription: Subscription, _ history: SubscriptionHistory, _ inbox: Inbox<ConsumeCommand>,
        _ errors: BrokerErrors
    ) {
        self.subscription = subscription
        self.history = history
        self.inbox = inbox
        self.errors = errors
    }

    /// What stands for a delivery with this tag.
    ///
    /// - Parameter canWait: whether its acceptance may leave a moment later, together with others.
    static func token(_ tag: UInt64, canWait: Bool) -> UInt64 { tag << 1 | (canWait ? 1 : 0) }

    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        if history.hasEnded { throw errors.ended(subscription.address) }
        let isTaken = inbox.submit(
            .settle(self, tag: token >> 1, settlement, completion),
            canWait: token & 1 == 1 && settlement == .accept && completion == nil)
        // What was delivered by a connection that is lost comes again, whatever is said of it.
        if !isTaken, completion != nil { throw AcceptanceReceipts.neverSent(subscription.address) }
    }
}

enum ConsumeCommand: Sendable {
    case subscribe(Subscription, SubscriptionHistory)
    case unsubscribe(Subscription)
    /// The function, of acceptances, is told when the broker has it.
    case settle(ChannelSettler, tag: UInt64, Settlement, (@Sendable (TransportError?) -> Void)?)
}
#endif
