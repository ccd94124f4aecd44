#if RabbitMQ
import Logging
import SwitchboardCore

/// Sees to it that exchanges and bindings of live subscriptions are there.
extension Consumer {
    func checkRoutes(_ now: ContinuousClock.Instant) {
        defer { note(routes.nextDeadline) }
        if let channel = routes.channel { send(routes.expire(now), channel) }
        guard let selfCheckInterval = settings.selfCheckInterval else { return }
        let next = selfCheckInterval * Double.random(in: 0.75...1, using: &generator)
        guard routes.isDue(now, next: next), !isDraining, routes.sweep(liveRoutes) else { return }
        openRoutes()
    }

    private var liveRoutes: [RouteChecks.Route] {
        consumptions.values.filter { $0.state == .live && !$0.isMuted }.sorted {
            $0.subscription.id < $1.subscription.id
        }
        .map { RouteChecks.Route(subscription: $0.subscription.id, steps: $0.plan.routes) }
    }

    private func openRoutes() {
        guard let connection, let channel = channels.take(for: nil, limit: connection.tuning.channelMax) else {
            return routes.skip()
        }
        send(routes.open(channel, until: .now + settings.answerTimeout), channel)
    }

    /// What comes on the channel of a sweep.
    func routeAnswered(_ method: IncomingMethod, _ channel: UInt16) throws(ProtocolViolation) {
        switch method {
        case .channelOpenOK: break
        case .exchangeDeclareOK, .queueBindOK:
            send(try routes.answered(until: .now + settings.answerTimeout), channel)
        case .channelCloseOK:
            routes.left()
            channels.free(channel)
        case .channelClose(let closure):
            send([.channelCloseOK], channel)
            // Both sides closed: ours is still to be answered, and frees the number.
            if case .leaving = routes.state { break }
            channels.free(channel)
            routeRefused(closure)
        case .channelFlow(let active): send([.channelFlowOK(active: active)], channel)
        default:
            throw ProtocolViolation("the broker sent \(method) on the consuming connection's channel \(channel)")
        }
        note(routes.nextDeadline)
    }

    /// A subscription that works is left alone: whether messages still find it, nobody can tell.
    private func routeRefused(_ closure: IncomingMethod.Closure) {
        if let refusal = routes.refused(closure), let consumption = consumptions[refusal.subscription] {
            tell(consumption, refusal.step, closure)
        }
        if routes.isInterrupted { openRoutes() }
    }

    private func tell(_ consumption: Consumption, _ step: Declaration, _ closure: IncomingMethod.Closure) {
        let error = errors.refused(step, closure, for: consumption.address)
        guard consumption.history.tells(error.message) else { return }
        logger.warning(
            "Whether messages find their way to a subscription cannot be seen to",
            metadata: ["address": "\(consumption.address)", "error": "\(error)"])
    }
}

extension SubscriptionPlan {
    /// What leads to the queue.
    fileprivate var routes: [Declaration] {
        declarations.filter { if case .queue = $0 { false } else { true } }
    }
}
#endif
