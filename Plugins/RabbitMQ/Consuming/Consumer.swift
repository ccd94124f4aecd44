#if RabbitMQ
import Logging
import SwitchboardCore

/// The consuming side of a driver: its subscriptions, each on a channel of its own.
final class Consumer: ConnectionClient {
    typealias Command = ConsumeCommand

    /// How long the broker may take to answer the end of a subscription.
    private static let closeTime: Duration = .seconds(5)

    let place: Place
    let maximumMessageSize: Int
    let inbox: Inbox<ConsumeCommand>
    /// `nil`: subscriptions do not check themselves.
    let selfCheckInterval: Duration?
    let answerTimeout: Duration
    let demands: BrokerDemands
    let metrics: DriverMetrics
    let logger: Logger

    private(set) var link: Link?
    var subscriptions: [UInt64: Subscription] = [:]
    var byChannel: [Subscription?] = []
    var freeChannels: [UInt16] = []
    private var dirty: [Subscription] = []
    private var finalError: TransportError?
    private var answered: [() -> Void] = []
    var generator = SystemRandomNumberGenerator()
    var nextDeadline: ContinuousClock.Instant?
    /// How many subscriptions have been live and are not.
    private var restoring = 0
    /// Whether exchanges and bindings are still there.
    var routes = RouteChecks()
    private(set) var wasSettingUpNews = false

    init(
        place: Place, maximumMessageSize: Int, inbox: Inbox<ConsumeCommand>, selfCheckInterval: Duration?,
        answerTimeout: Duration, demands: BrokerDemands, metrics: DriverMetrics, logger: Logger
    ) {
        self.place = place
        self.maximumMessageSize = maximumMessageSize
        self.inbox = inbox
        self.selfCheckInterval = selfCheckInterval
        self.answerTimeout = answerTimeout
        self.demands = demands
        self.metrics = metrics
        self.logger = logger
    }

    /// Whether another connection is about to take over.
    private(set) var isDraining = false

    var isReady: Bool { link != nil && restoring == 0 }
    var unreadyReason: String? {
        subscriptions.values.lazy.filter(\.isRestoring).compactMap { subscription in
            subscription.lastReason.map { "the subscription to \(subscription.request.address): \($0)" }
        }.first
    }
    var isIdle: Bool {
        !isDraining || subscriptions.values.allSatisfy { $0.tracker.count == 0 || $0.request.plan.isStream }
    }

    // MARK: Commands

    func perform(_ command: ConsumeCommand) {
        switch command {
        case .open(let request, let continuation): open(request, continuation)
        case .cancelOpening(let request): cancelOpening(request)
        case .settle(let request, let epoch, let tag, let settlement, let whenKnown):
            settle(request, epoch, tag, settlement, whenKnown)
        case .close(let request, let continuation): close(request, continuation)
        }
    }

    private func open(_ request: SubscriptionRequest, _ continuation: CheckedContinuation<TransportError?, Never>) {
        let subscription = Subscription(request)
        subscription.opening = continuation
        if let finalError { return answer(subscription, finalError) }
        if request.isCancelled { return answer(subscription, place.cancelled(request)) }
        subscriptions[request.id] = subscription
        setUp(subscription)
        note(subscription.nextDeadline)
    }

    private func cancelOpening(_ request: SubscriptionRequest) {
        guard let subscription = subscriptions[request.id], subscription.opening != nil else { return }
        answer(subscription, place.cancelled(request))
        remove(subscription)
    }

    private func settle(
        _ request: SubscriptionRequest, _ epoch: UInt64, _ tag: UInt64, _ settlement: Settlement,
        _ whenKnown: (@Sendable (TransportError?) -> Void)?
    ) {
        guard let subscription = subscriptions[request.id], subscription.epoch == epoch, subscription.channel != nil,
            subscription.state == .live
        else {
            whenKnown?(AcceptanceReceipts.neverSent(request.address))
            return
        }
        if let whenKnown { subscription.receipts.add(whenKnown) }
        switch settlement {
        case .accept: accept(subscription, tag)
        case .requeue: giveBack(subscription, tag, by: .reject(tag: tag, requeue: true))
        case .release: release(subscription, tag)
        case .discard: discard(subscription, tag)
        }
    }

    /// The broker is told at the end of the turn.
    func accept(_ subscription: Subscription, _ tag: UInt64) {
        subscription.tracker.accept(tag)
        guard !subscription.isDirty else { return }
        subscription.isDirty = true
        dirty.append(subscription)
    }

    /// Returns what was not handled to its queue. Since RabbitMQ 4.3, quorum queues count a `basic.reject` as an attempt, and
    /// no `basic.nack`.
    func release(_ subscription: Subscription, _ tag: UInt64) {
        giveBack(subscription, tag, by: .nack(tag: tag, multiple: false, requeue: true))
    }

    /// It will not come again: its queue dead-letters it, where it is told to, or drops it.
    func discard(_ subscription: Subscription, _ tag: UInt64) {
        giveBack(subscription, tag, by: .reject(tag: tag, requeue: false))
    }

    private func giveBack(_ subscription: Subscription, _ tag: UInt64, by method: OutgoingMethod) {
        guard let channel = subscription.channel, subscription.tracker.reject(tag) else { return }
        send([method], channel)
    }

    private func close(_ request: SubscriptionRequest, _ continuation: CheckedContinuation<Void, Never>) {
        guard let subscription = subscriptions[request.id] else {
            return answered.append { continuation.resume() }
        }
        subscription.closing = continuation
        guard let channel = subscription.channel else { return remove(subscription) }
        change(subscription, to: .closing)
        send(subscription.tearDown, channel)
        subscription.closeDeadline = .now + Self.closeTime
        note(subscription.closeDeadline)
    }

    // MARK: Setting up

    func setUp(_ subscription: Subscription) {
        guard let link, !isDraining, subscription.state == .waiting, subscription.retryAt == nil else { return }
        guard let channel = takeChannel() else {
            return retry(
                subscription, "the connection has no channel left (\(link.tuning.channelMax) is the most)")
        }
        byChannel[Int(channel)] = subscription
        subscription.channel = channel
        subscription.answered = 0
        subscription.isMuted = false
        subscription.adapt(to: demands)
        change(subscription, to: .opening)
        send(subscription.setUp, channel)
        metrics.declared(subscription.plan.declarations.count)
        // Each time longer: a channel that hangs in the broker stays taken.
        subscription.answerDeadline = .now + answerTimeout * (1 << min(subscription.silences, 5))
        note(subscription.answerDeadline)
    }

    /// A channel's number that nothing has; `nil`: the connection has no more.
    func takeChannel() -> UInt16? {
        if let channel = freeChannels.popLast() { return channel }
        guard let link else { return nil }
        if byChannel.isEmpty { byChannel.append(nil) }  // Channel 0 is the connection's.
        guard byChannel.count <= Int(link.tuning.channelMax) else { return nil }
        byChannel.append(nil)
        return UInt16(byChannel.count - 1)
    }

    func send(_ methods: [OutgoingMethod], _ channel: UInt16) {
        guard let link else { return }
        do throws(TransportError) {
            for method in methods { try link.send(method, channel: channel) }
        } catch {
            link.end(error.message)
        }
    }

    /// Tries again after a pause. A reason that stays the same is logged once.
    ///
    /// - Parameter pause: `nil`: as after a loss.
    func retry(_ subscription: Subscription, _ reason: String, after pause: Duration? = nil) {
        if subscription.lastReason != reason {
            logger.warning(
                "Subscription begins anew",
                metadata: ["address": "\(subscription.request.address)", "rabbitmq.reason": "\(reason)"])
        }
        subscription.lastReason = reason
        subscription.leftOut = []
        change(subscription, to: .waiting)
        subscription.retryAt = .now + (pause ?? subscription.backoff.next(using: &generator))
        note(subscription.retryAt)
    }

    /// Tries again what has been live and is refused now, as it may pass: later each time.
    func waitOut(_ subscription: Subscription, _ error: TransportError) {
        retry(subscription, error.message.withoutFullStop, after: subscription.refusals.next(using: &generator))
    }

    /// The broker has failed while it set this one up, maybe over it, and closed the connection with all that is on it. It is
    /// set up again after pauses that grow, and so soon as the only one.
    private func suspect(_ subscription: Subscription, _ loss: ConnectionLoss) {
        subscription.isSuspected = true
        retry(subscription, loss.reason.withoutFullStop, after: subscription.failures.next(using: &generator))
    }

    /// Goes on with what is there.
    func leaveOut(_ declaration: Declaration, of subscription: Subscription, _ error: TransportError) {
        if subscription.tells(error.message) {
            logger.warning(
                "The broker refuses a declaration that it took before; the subscription uses what is there",
                metadata: ["address": "\(subscription.request.address)", "error": "\(error)"])
        }
        subscription.leftOut.insert(declaration)
        change(subscription, to: .waiting)
        setUp(subscription)
    }

    func change(_ subscription: Subscription, to state: Subscription.State) {
        subscription.state = state
        restoring = subscriptions.values.count(where: \.isRestoring)
    }

    func becameLive(_ subscription: Subscription) {
        if let reason = subscription.lastReason {
            logger.info(
                "Subscription is live again",
                metadata: ["address": "\(subscription.request.address)", "rabbitmq.reason": "\(reason)"])
        }
        subscription.hasBeenLive = true
        subscription.silences = 0
        subscription.lastReason = nil
        subscription.backoff.reset()
        subscription.refusals.reset()
        subscription.failures.reset()
        subscription.leftOut = []
        change(subscription, to: .live)
        if let selfCheckInterval {
            // Not all at once: a process has many, and they become live together.
            let first = selfCheckInterval * Double.random(in: 0.5...1, using: &generator)
            subscription.selfCheck.begin(at: .now + first)
            note(subscription.nextDeadline)
            note(routes.begin(.now + first))
        }
        answer(subscription, nil)
    }

    /// There is no use in trying again.
    func fail(_ subscription: Subscription, _ error: TransportError) {
        if subscription.opening != nil {
            answer(subscription, error)
            remove(subscription)
        } else {
            change(subscription, to: .failed)
            subscription.request.source.finish(throwing: error)
        }
    }

    func answer(_ subscription: Subscription, _ error: TransportError?) {
        guard let continuation = subscription.opening else { return }
        subscription.opening = nil
        answered.append { continuation.resume(returning: error) }
    }

    /// Forgets a subscription. A channel that it still has is closed; its number is free again when the broker says so.
    func remove(_ subscription: Subscription) {
        subscriptions[subscription.request.id] = nil
        if let channel = subscription.channel, subscription.state != .closing {
            send(subscription.tearDown, channel)
        }
        change(subscription, to: .closing)
        subscription.receipts.lost(subscription.request.address)
        subscription.request.source.finish()
        if let continuation = subscription.closing {
            subscription.closing = nil
            answered.append { continuation.resume() }
        }
    }

    // MARK: The connection

    func opened(_ link: Link) {
        self.link = link
        for subscription in subscriptions.values.sorted(by: { $0.request.id < $1.request.id }) {
            // What the last connection broke over has its own time.
            if subscription.isSuspected { continue }
            subscription.retryAt = nil
            setUp(subscription)
        }
    }

    func closed(_ loss: ConnectionLoss) {
        link = nil
        wasSettingUpNews = subscriptions.values.contains { $0.state == .opening && !$0.hasBeenLive }
        routes.closed()
        isDraining = false
        byChannel = []
        freeChannels = []
        for subscription in subscriptions.values {
            let isSuspected = loss.isFailureOfBroker && subscription.state == .opening
            subscription.forgetChannel()
            subscription.leftOut = []
            if subscription.state == .closing {
                remove(subscription)
            } else if isSuspected {
                suspect(subscription, loss)
            } else if subscription.state != .failed {
                change(subscription, to: .waiting)
            }
        }
    }

    func blocked(_ reason: String?) {}
    func writable() {}

    /// The broker sends nothing more; what it has sent is settled on this connection.
    func drain() {
        isDraining = true
        for subscription in subscriptions.values where subscription.state == .live && !subscription.isMuted {
            guard let channel = subscription.channel else { continue }
            send([.cancel(tag: subscription.tag)], channel)
        }
    }

    func stop(_ error: TransportError) {
        guard finalError == nil else { return }
        finalError = error
        for subscription in subscriptions.values where subscription.opening != nil {
            answer(subscription, error)
            remove(subscription)
        }
        for subscription in subscriptions.values where subscription.state == .live {
            guard let channel = subscription.channel else { continue }
            send(subscription.release(), channel)
            subscription.tracker.rejectAll()
        }
    }

    func ended(_ error: TransportError) {
        stop(error)
        for subscription in subscriptions.values where subscription.state != .failed && subscription.state != .closing {
            change(subscription, to: .failed)
            subscription.request.source.finish(throwing: finalError)
        }
    }

    func note(_ deadline: ContinuousClock.Instant?) {
        guard let deadline else { return }
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    func finishTurn() {
        for subscription in dirty {
            subscription.isDirty = false
            if let channel = subscription.channel, subscription.state == .live {
                send(subscription.tracker.drain(), channel)
                // The broker's answer to anything that comes behind them says that it has them.
                if subscription.receipts.ask() { send([.prefetch(subscription.request.prefetch)], channel) }
            }
        }
        dirty.removeAll(keepingCapacity: true)
        for answer in answered { answer() }
        answered.removeAll(keepingCapacity: true)
    }
}
#endif
