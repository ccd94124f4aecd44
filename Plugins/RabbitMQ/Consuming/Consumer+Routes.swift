#if RabbitMQ
import Logging
import SwitchboardCore

/// Sees to it that exchanges and bindings of live subscriptions are there.
extension Consumer {
    func checkRoutes(_ now: ContinuousClock.Instant) {
        defer { note(routes.nextDeadline) }
        if let channel = routes.channel { send(routes.expire(now), channel) }
        guard let selfCheckInterval else { return }
        let next = selfCheckInterval * Double.random(in: 0.75...1, using: &generator)
        guard routes.isDue(now, next: next), !isDraining, routes.sweep(liveRoutes) else { return }
        openRoutes()
    }

    private var liveRoutes: [RouteChecks.Route] {
        subscriptions.values.filter { $0.state == .live && !$0.isMuted }.sorted { $0.request.id < $1.request.id }
            .map { RouteChecks.Route(subscription: $0.request.id, steps: $0.plan.routes) }
    }

    private func openRoutes() {
        guard let channel = takeChannel() else { return routes.skip() }
        send(routes.open(channel, until: .now + answerTimeout), channel)
    }

    /// What comes on the channel of a sweep.
    func routeAnswered(_ method: IncomingMethod, _ channel: UInt16) throws(ProtocolViolation) {
        switch method {
        case .channelOpenOK: break
        case .exchangeDeclareOK, .queueBindOK:
            send(try routes.answered(until: .now + answerTimeout), channel)
        case .channelCloseOK:
            routes.left()
            free(channel)
        case .channelClose(let closure):
            send([.channelCloseOK], channel)
            // Both sides closed: ours is still to be answered, and frees the number.
            if case .leaving = routes.state { break }
            free(channel)
            routeRefused(closure)
        case .channelFlow(let active): send([.channelFlowOK(active: active)], channel)
        default:
            throw ProtocolViolation("the broker sent \(method) on the consuming connection's channel \(channel)")
        }
        note(routes.nextDeadline)
    }

    /// A subscription that works is left alone: whether messages still find it, nobody can tell.
    private func routeRefused(_ closure: IncomingMethod.Closure) {
        if let refusal = routes.refused(closure), let subscription = subscriptions[refusal.subscription] {
            tell(subscription, refusal.step, closure)
        }
        if routes.isInterrupted { openRoutes() }
    }

    private func tell(_ subscription: Subscription, _ step: Declaration, _ closure: IncomingMethod.Closure) {
        let error = place.refused(step, closure, for: subscription.request.address)
        guard subscription.tells(error.message) else { return }
        logger.warning(
            "Whether messages find their way to a subscription cannot be seen to",
            metadata: ["address": "\(subscription.request.address)", "error": "\(error)"])
    }
}

extension SubscriptionPlan {
    /// What leads to the queue.
    fileprivate var routes: [Declaration] {
        declarations.filter { if case .queue = $0 { false } else { true } }
    }
}
#endif
