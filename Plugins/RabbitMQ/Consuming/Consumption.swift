#if RabbitMQ
import Logging
import SwitchboardCore

/// A subscription on one connection, from one channel to the next.
///
///     waiting ──its time──▶ on a channel ──subscriber done──▶ closing ──close-ok──▶ (over)
///        ▲                        │
///        ├── channel closed, cancelled by the broker, deaf
///        └── refused, and live before: with pauses that grow, as what was right once may be again
///     refused for good ──▶ (over)
final class Consumption {
    /// How long the broker may take to answer the end of a subscription.
    private static let closeTime: Duration = .seconds(5)

    let subscription: Subscription
    let history: SubscriptionHistory
    private let context: ConsumerContext
    private let routes: RouteKeeper
    private(set) var methods: SubscriptionMethods
    /// `nil` while it waits.
    private(set) var channel: ConsumerChannel?
    private var backoff = GrowingPause(first: .milliseconds(50), longest: .seconds(5))
    private var retryAt: Moment?
    /// How often on end the queue, which should be this one's alone, had other consumers too.
    private var strangers = 0

    init(
        _ subscription: Subscription, _ history: SubscriptionHistory, _ context: ConsumerContext, _ routes: RouteKeeper
    ) {
        self.subscription = subscription
        self.history = history
        self.context = context
        self.routes = routes
        methods = SubscriptionMethods(
            plan: history.plan, tag: String(subscription.id),
            prefetch: UInt16(min(subscription.prefetch, context.settings.prefetchLimit)))
    }

    var address: Address { subscription.address }
    var plan: SubscriptionPlan { methods.plan }
    // By themselves, as each delivery asks, and a plan is large.
    var isStream: Bool { methods.plan.isStream }
    var isQuorum: Bool { methods.plan.isQuorum }
    var prefetch: UInt16 { methods.prefetch }

    /// Where a stream goes on.
    var nextOffset: Int64? { history.change { $0.nextOffset } }

    /// Whether something is being set up that never was before.
    var isSettingUpNews: Bool { channel?.isOpening == true && !subscription.hasBeenLive }

    /// Whether its channel has to stay for what is to be settled. A stream keeps what it has delivered.
    var hasUnsettled: Bool { channel?.hasUnsettled == true && !isStream }

    // MARK: Beginning

    func begin() {
        // What the last connection broke over has its own time.
        let (suspended, reason) = history.change { ($0.suspendedUntil, $0.lastReason) }
        guard let suspended, suspended > .now else { return setUp() }
        retryAt = suspended
        context.note(suspended)
        context.signal(.repairing(subscription, reason: reason ?? "the broker failed over it"))
    }

    private func setUp() {
        guard let connection = context.connection, !context.isEnding else { return }
        guard let number = context.takeChannel() else {
            return retry("the connection has no channel left (\(connection.tuning.channelMax) is the most)")
        }
        methods.plan.declarations = context.demands.adapted(history.plan.declarations, for: address)
        // Each time longer: a channel that hangs in the broker stays taken.
        let silences = history.change { $0.silences }
        let channel = ConsumerChannel(
            number, self, context, answeringUntil: .now + context.settings.answerTimeout * (1 << min(silences, 5)))
        context.channels[number] = channel
        self.channel = channel
        context.send(methods.setUp(from: nextOffset), number)
        context.metrics.declared(plan.declarations.count)
        context.note(channel.nextDeadline)
    }

    /// Everything is set up.
    func becameLive() {
        let reason = history.change { history in
            history.silences = 0
            history.refusals.reset()
            history.failures.reset()
            history.suspendedUntil = nil
            return history.lastReason.take()
        }
        if let reason {
            context.logger.info(
                "Subscription is live again",
                metadata: ["address": "\(address)", "rabbitmq.reason": "\(reason)"])
        }
        backoff.reset()
        methods.leftOut = []
        if let interval = context.settings.selfCheckInterval {
            // Not all at once: a process has many, and they become live together.
            let first = Moment.now + interval * Double.random(in: 0.5...1)
            channel?.beginChecks(at: first)
            routes.begin(at: first)
        }
        context.signal(.live(subscription))
    }

    // MARK: Beginning again

    /// Tries again after a pause. A reason that stays the same is logged once.
    ///
    /// - Parameter pause: `nil`: as after a loss.
    private func retry(_ reason: String, after pause: Duration? = nil) {
        noteReason(reason)
        methods.leftOut = []
        var generator = SystemRandomNumberGenerator()
        retryAt = .now + (pause ?? backoff.next(using: &generator))
        context.note(retryAt)
        context.signal(.repairing(subscription, reason: reason))
    }

    private func noteReason(_ reason: String) {
        let isNews = history.change { history in
            defer { history.lastReason = reason }
            return history.lastReason != reason
        }
        guard isNews else { return }
        context.logger.warning(
            "Subscription begins anew", metadata: ["address": "\(address)", "rabbitmq.reason": "\(reason)"])
    }

    /// Begins anew on another channel, where the queue is declared again. The number of the present one stays taken until
    /// the broker has answered.
    func restart(_ reason: String) {
        if let channel {
            channel.leave()
            context.channels[channel.number] = ClosingChannel(channel.number, context)
        }
        forgetChannel()
        retry(reason)
    }

    /// The broker has closed the channel.
    ///
    /// - Parameter answered: how many declarations it had answered; `nil` if the subscription was live.
    func channelClosed(_ closure: IncomingMethod.Closure, answered: Int?) {
        let declarations = methods.declarations
        forgetChannel()
        // Only a refused set-up is refused for good. A live subscription loses its channel over a handler that took
        // longer than the broker's consumer_timeout (406), for example, and needs another one.
        // One that misses what it could not declare is refused too.
        let isRefused =
            closure.code == 403 || closure.code == 406 || closure.code == 404 && !methods.leftOut.isEmpty
        guard let answered, isRefused else {
            return retry("the broker closed the channel: \(closure.code) \(closure.text)")
        }
        let failed = answered < declarations.count ? declarations[answered] : nil
        if let failed, context.demands.learn(from: closure, failed, context.connection?.brokerVersion) {
            return setUp()
        }
        let error =
            if let failed {
                context.errors.refused(failed, closure, for: address)
            } else {
                context.errors.refused(plan.queue, closure, for: address)
            }
        if !subscription.hasBeenLive {
            // There is no use in trying again.
            context.signal(.failed(subscription, error))
            remove()
        } else if let failed, plan.canGo(without: failed, closure) {
            leaveOut(failed, error)
        } else {
            waitOut(error)
        }
    }

    /// Goes on with what is there.
    private func leaveOut(_ declaration: Declaration, _ error: TransportError) {
        if history.tells(error.message) {
            context.logger.warning(
                "The broker refuses a declaration that it took before; the subscription uses what is there",
                metadata: ["address": "\(address)", "error": "\(error)"])
        }
        methods.leftOut.insert(declaration)
        setUp()
    }

    /// Tries again what has been live and is refused now, as it may pass: later each time.
    private func waitOut(_ error: TransportError) {
        let pause = history.change { history in
            var generator = SystemRandomNumberGenerator()
            return history.refusals.next(using: &generator)
        }
        retry(error.message.withoutFullStop, after: pause)
    }

    /// The channel is gone, and with it what was unsettled: the broker delivers that again.
    private func forgetChannel() {
        guard let channel else { return }
        // What nobody has begun with is dropped: it comes again, and would gather here with each loss.
        subscription.withdraw()
        channel.lost()
        self.channel = nil
    }

    // MARK: Ends

    /// The subscriber is done.
    func end() {
        guard let channel else { return ended() }
        channel.close(until: .now + Self.closeTime)
        context.note(channel.nextDeadline)
    }

    /// The broker has answered the end, or doesn't.
    func ended() {
        forgetChannel()
        remove()
        context.signal(.ended(subscription))
    }

    private func remove() {
        context.consumptions[subscription.id] = nil
    }

    /// The connection is gone.
    func lost(_ loss: ConnectionLoss) {
        // The broker has failed while it set this one up, maybe over it, and closed the connection with all that is on
        // it. It is set up again after pauses that grow, and so soon as the only one.
        if loss.isFailureOfBroker, channel?.isOpening == true {
            history.change { history in
                var generator = SystemRandomNumberGenerator()
                history.suspendedUntil = .now + history.failures.next(using: &generator)
            }
            noteReason(loss.reason.withoutFullStop)
        }
        forgetChannel()
    }

    // MARK: Time

    func expire(_ now: Moment) {
        if let retryAt, retryAt <= now {
            self.retryAt = nil
            setUp()
        }
        channel?.expire(now)
        context.note(retryAt)
        context.note(channel?.nextDeadline)
    }

    /// Notes how many consumers the queue has. Two processes with one name for a queue steal each other's messages; where
    /// they are on two machines, no lock tells. A connection of our own that the broker has not given up yet is no stranger
    /// for long.
    func noteConsumers(_ consumers: UInt32) {
        guard isAlone, consumers > 1 else { return strangers = 0 }
        strangers += 1
        guard strangers == 2 else { return }
        context.logger.warning(
            "Others take messages from a queue that should be this process's alone: two processes have one name",
            metadata: [
                "address": "\(address)", "rabbitmq.queue": "\(plan.queue)", "rabbitmq.consumers": "\(consumers)",
                "rabbitmq.hint": "give each its own hostname or processname option",
            ])
    }

    /// Whether it is its queue's only consumer, because the queue's name belongs to this subscription.
    private var isAlone: Bool {
        switch address {
        case .mailbox, .fanout: !isStream
        default: false
        }
    }
}
#endif
