#if RabbitMQ
import Logging
import SwitchboardCore

/// The consuming side of a connection: its subscriptions, each on a channel of its own.
final class Consumer: ConnectionClient {
    typealias Command = ConsumeCommand

    /// How long the broker may take to answer the end of a subscription.
    private static let closeTime: Duration = .seconds(5)

    struct Settings: Sendable {
        var maximumMessageSize: Int
        var prefetchLimit: Int
        /// `nil`: subscriptions do not check themselves.
        var selfCheckInterval: Duration?
        var answerTimeout: Duration
    }

    let settings: Settings
    let errors: BrokerErrors
    let inbox: Inbox<ConsumeCommand>
    let demands: BrokerDemands
    let metrics: DriverMetrics
    let signals: ConnectionSignals
    let logger: Logger

    private(set) var connection: AMQPConnection?
    var consumptions: [UInt64: Consumption] = [:]
    let channels = ConsumerChannels()
    private var dirty: [Consumption] = []
    private var isStopped = false
    private var answered: [ConnectionSignal] = []
    var generator = SystemRandomNumberGenerator()
    var nextDeadline: ContinuousClock.Instant?
    /// Whether exchanges and bindings are still there.
    var routes = RouteChecks()
    private(set) var wasSettingUpNews = false

    init(
        _ settings: Settings, errors: BrokerErrors, inbox: Inbox<ConsumeCommand>, demands: BrokerDemands,
        metrics: DriverMetrics, signals: ConnectionSignals, logger: Logger
    ) {
        self.settings = settings
        self.errors = errors
        self.inbox = inbox
        self.demands = demands
        self.metrics = metrics
        self.signals = signals
        self.logger = logger
    }

    /// Whether another connection is about to take over.
    private(set) var isDraining = false

    var isReady: Bool { connection != nil }
    var isIdle: Bool {
        !isDraining || consumptions.values.allSatisfy { $0.tracker.count == 0 || $0.plan.isStream }
    }

    /// `Transport` hears of it at the end of the turn.
    func signal(_ signal: ConnectionSignal) {
        answered.append(signal)
    }

    // MARK: Commands

    func perform(_ command: ConsumeCommand) {
        switch command {
        case .subscribe(let subscription, let history): subscribe(subscription, history)
        case .settle(let settler, let tag, let settlement, let completion):
            settle(settler, tag, settlement, completion)
        case .unsubscribe(let subscription): unsubscribe(subscription)
        }
    }

    func abandon(_ command: ConsumeCommand) {
        guard case .settle(let settler, _, _, let completion) = command else { return }
        completion?(AcceptanceReceipts.neverSent(settler.subscription.address))
    }

    private func subscribe(_ subscription: Subscription, _ history: SubscriptionHistory) {
        let consumption = Consumption(subscription, history, prefetchLimit: settings.prefetchLimit)
        consumptions[subscription.id] = consumption
        // What the last connection broke over has its own time.
        let (suspended, reason) = history.change { ($0.suspendedUntil, $0.lastReason) }
        if let suspended, suspended > .now {
            consumption.retryAt = suspended
            signal(.repairing(subscription, reason: reason ?? "the broker failed over it"))
        } else {
            setUp(consumption)
        }
        note(consumption.nextDeadline)
    }

    private func settle(
        _ settler: ChannelSettler, _ tag: UInt64, _ settlement: Settlement,
        _ completion: (@Sendable (TransportError?) -> Void)?
    ) {
        guard let consumption = consumptions[settler.subscription.id], consumption.settler === settler,
            consumption.state == .live
        else {
            completion?(AcceptanceReceipts.neverSent(settler.subscription.address))
            return
        }
        if let completion {
            // Only acceptances are asked about; the others are told at once.
            if settlement == .accept { consumption.receipts.add(completion) } else { completion(nil) }
        }
        switch settlement {
        case .accept: accept(consumption, tag)
        case .requeue: giveBack(consumption, tag, by: .reject(tag: tag, requeue: true))
        case .release: release(consumption, tag)
        case .discard: discard(consumption, tag)
        }
    }

    /// The broker is told at the end of the turn.
    func accept(_ consumption: Consumption, _ tag: UInt64) {
        consumption.tracker.accept(tag)
        guard !consumption.isDirty else { return }
        consumption.isDirty = true
        dirty.append(consumption)
    }

    /// Returns what was not handled to its queue. Since RabbitMQ 4.3, quorum queues count a `basic.reject` as an attempt, and
    /// no `basic.nack`.
    func release(_ consumption: Consumption, _ tag: UInt64) {
        giveBack(consumption, tag, by: .nack(tag: tag, multiple: false, requeue: true))
    }

    /// It will not come again: its queue dead-letters it, where it is told to, or drops it.
    func discard(_ consumption: Consumption, _ tag: UInt64) {
        giveBack(consumption, tag, by: .reject(tag: tag, requeue: false))
    }

    private func giveBack(_ consumption: Consumption, _ tag: UInt64, by method: OutgoingMethod) {
        guard let channel = consumption.channel, consumption.tracker.reject(tag) else { return }
        send([method], channel)
    }

    private func unsubscribe(_ subscription: Subscription) {
        guard let consumption = consumptions[subscription.id] else { return signal(.ended(subscription)) }
        consumption.isEnding = true
        guard let channel = consumption.channel else { return remove(consumption) }
        consumption.state = .closing
        send(consumption.tearDown, channel)
        consumption.closeDeadline = .now + Self.closeTime
        note(consumption.closeDeadline)
    }

    // MARK: Setting up

    func setUp(_ consumption: Consumption) {
        guard let connection, !isDraining, !isStopped, consumption.state == .waiting, consumption.retryAt == nil else {
            return
        }
        guard let channel = channels.take(for: consumption, limit: connection.tuning.channelMax) else {
            return retry(
                consumption, "the connection has no channel left (\(connection.tuning.channelMax) is the most)")
        }
        consumption.channel = channel
        consumption.settler = ChannelSettler(consumption.subscription, consumption.history, inbox, errors)
        consumption.answered = 0
        consumption.isMuted = false
        consumption.adapt(to: demands)
        consumption.state = .opening
        send(consumption.setUp, channel)
        metrics.declared(consumption.plan.declarations.count)
        // Each time longer: a channel that hangs in the broker stays taken.
        let silences = consumption.history.change { $0.silences }
        consumption.answerDeadline = .now + settings.answerTimeout * (1 << min(silences, 5))
        note(consumption.answerDeadline)
    }

    func send(_ methods: [OutgoingMethod], _ channel: UInt16) {
        guard let connection else { return }
        do throws(TransportError) {
            for method in methods { try connection.send(method, channel: channel) }
        } catch {
            connection.end(error.message)
        }
    }

    /// Tries again after a pause. A reason that stays the same is logged once.
    ///
    /// - Parameter pause: `nil`: as after a loss.
    func retry(_ consumption: Consumption, _ reason: String, after pause: Duration? = nil) {
        let isNews = consumption.history.change { history in
            defer { history.lastReason = reason }
            return history.lastReason != reason
        }
        if isNews {
            logger.warning(
                "Subscription begins anew",
                metadata: ["address": "\(consumption.address)", "rabbitmq.reason": "\(reason)"])
        }
        consumption.leftOut = []
        consumption.state = .waiting
        consumption.retryAt = .now + (pause ?? consumption.backoff.next(using: &generator))
        note(consumption.retryAt)
        signal(.repairing(consumption.subscription, reason: reason))
    }

    /// Tries again what has been live and is refused now, as it may pass: later each time.
    func waitOut(_ consumption: Consumption, _ error: TransportError) {
        let pause = consumption.history.change { history in
            var generator = SystemRandomNumberGenerator()
            return history.refusals.next(using: &generator)
        }
        retry(consumption, error.message.withoutFullStop, after: pause)
    }

    /// Goes on with what is there.
    func leaveOut(_ declaration: Declaration, of consumption: Consumption, _ error: TransportError) {
        if consumption.history.tells(error.message) {
            logger.warning(
                "The broker refuses a declaration that it took before; the subscription uses what is there",
                metadata: ["address": "\(consumption.address)", "error": "\(error)"])
        }
        consumption.leftOut.insert(declaration)
        consumption.state = .waiting
        setUp(consumption)
    }

    func becameLive(_ consumption: Consumption) {
        let reason = consumption.history.change { history in
            history.silences = 0
            history.refusals.reset()
            history.failures.reset()
            history.suspendedUntil = nil
            return history.lastReason.take()
        }
        if let reason {
            logger.info(
                "Subscription is live again",
                metadata: ["address": "\(consumption.address)", "rabbitmq.reason": "\(reason)"])
        }
        consumption.backoff.reset()
        consumption.leftOut = []
        consumption.state = .live
        if let interval = settings.selfCheckInterval {
            // Not all at once: a process has many, and they become live together.
            let first = interval * Double.random(in: 0.5...1, using: &generator)
            consumption.selfCheck.begin(at: .now + first)
            note(consumption.nextDeadline)
            note(routes.begin(.now + first))
        }
        signal(.live(consumption.subscription))
    }

    /// There is no use in trying again.
    func fail(_ consumption: Consumption, _ error: TransportError) {
        signal(.failed(consumption.subscription, error))
        remove(consumption)
    }

    /// Forgets a subscription. A channel that it still has is closed; its number is free again when the broker says so.
    func remove(_ consumption: Consumption) {
        consumptions[consumption.subscription.id] = nil
        if let channel = consumption.channel, consumption.state != .closing {
            send(consumption.tearDown, channel)
        }
        consumption.state = .closing
        consumption.receipts.lost(consumption.address)
        if consumption.isEnding {
            consumption.isEnding = false
            signal(.ended(consumption.subscription))
        }
    }

    // MARK: The connection

    func opened(_ connection: AMQPConnection) {
        self.connection = connection
    }

    func closed(_ loss: ConnectionLoss) {
        connection = nil
        wasSettingUpNews = consumptions.values.contains { $0.state == .opening && !$0.subscription.hasBeenLive }
        routes.closed()
        for consumption in consumptions.values {
            // The broker has failed while it set this one up, maybe over it, and closed the connection with all that is on
            // it. It is set up again after pauses that grow, and so soon as the only one.
            if loss.isFailureOfBroker, consumption.state == .opening { suspend(consumption, loss) }
            consumption.forgetChannel()
        }
        consumptions.removeAll()
        answered.removeAll()
    }

    private func suspend(_ consumption: Consumption, _ loss: ConnectionLoss) {
        let reason = loss.reason.withoutFullStop
        let isNews = consumption.history.change { history in
            var generator = SystemRandomNumberGenerator()
            history.suspendedUntil = .now + history.failures.next(using: &generator)
            defer { history.lastReason = reason }
            return history.lastReason != reason
        }
        guard isNews else { return }
        logger.warning(
            "Subscription begins anew",
            metadata: ["address": "\(consumption.address)", "rabbitmq.reason": "\(reason)"])
    }

    func blocked(_ reason: String?) {}
    func writable() {}

    /// The broker sends nothing more; what it has sent is settled on this connection.
    func drain() {
        isDraining = true
        for consumption in consumptions.values where consumption.state == .live && !consumption.isMuted {
            guard let channel = consumption.channel else { continue }
            send([.cancel(tag: consumption.tag)], channel)
        }
    }

    /// What is unsettled goes back, and nothing new is set up.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        for consumption in consumptions.values where consumption.state == .live {
            guard let channel = consumption.channel else { continue }
            send(consumption.release(), channel)
            consumption.tracker.rejectAll()
        }
    }

    func note(_ deadline: ContinuousClock.Instant?) {
        guard let deadline else { return }
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    func finishTurn() {
        for consumption in dirty {
            consumption.isDirty = false
            if let channel = consumption.channel, consumption.state == .live {
                send(consumption.tracker.drain(), channel)
                // The broker's answer to anything that comes behind them says that it has them.
                if consumption.receipts.ask() { send([.prefetch(consumption.prefetch)], channel) }
            }
        }
        dirty.removeAll(keepingCapacity: true)
        guard !answered.isEmpty else { return }
        let told = answered
        answered = []
        for signal in told { signals.send(signal) }
    }
}
#endif
