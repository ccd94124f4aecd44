#if RabbitMQ
import SwitchboardCore

/// What happens to subscriptions when time passes: deadlines, retries, self-checks.
extension Consumer {
    func expire(_ now: ContinuousClock.Instant) {
        nextDeadline = nil
        for subscription in Array(subscriptions.values) {
            if subscription.opening != nil, let deadline = subscription.request.deadline, deadline <= now {
                answer(subscription, place.notLive(subscription.request, subscription.lastReason, now))
                remove(subscription)
                continue
            }
            if let retryAt = subscription.retryAt, retryAt <= now {
                subscription.retryAt = nil
                subscription.isSuspected = false
                setUp(subscription)
            }
            if let deadline = subscription.closeDeadline, deadline <= now {
                remove(subscription)
                continue
            }
            if subscription.state == .opening, let channel = subscription.channel,
                let deadline = subscription.answerDeadline, deadline <= now
            {
                subscription.silences += 1
                restart(subscription, channel, "the broker did not answer what sets the subscription up")
            }
            check(subscription, now)
            note(subscription.nextDeadline)
        }
        checkRoutes(now)
    }

    /// Asks the broker about the queue of a live subscription, when it is time.
    private func check(_ subscription: Subscription, _ now: ContinuousClock.Instant) {
        guard let interval = selfCheckInterval, let channel = subscription.channel, subscription.state == .live,
            !subscription.isMuted
        else { return }
        switch subscription.selfCheck.due(now, every: interval) {
        case _ where isDraining: break
        case .nothing: break
        case .ask: send([.inspectQueue(subscription.request.plan.queue)], channel)
        case .deaf(let reason): restart(subscription, channel, reason)
        }
    }
}
#endif
