#if RabbitMQ
import SwitchboardCore

/// What happens to subscriptions when time passes: deadlines, retries, self-checks.
extension Consumer {
    func expire(_ now: ContinuousClock.Instant) {
        nextDeadline = nil
        for consumption in Array(consumptions.values) {
            if let retryAt = consumption.retryAt, retryAt <= now {
                consumption.retryAt = nil
                setUp(consumption)
            }
            if let deadline = consumption.closeDeadline, deadline <= now {
                remove(consumption)
                continue
            }
            if consumption.state == .opening, let channel = consumption.channel,
                let deadline = consumption.answerDeadline, deadline <= now
            {
                consumption.history.change { $0.silences += 1 }
                restart(consumption, channel, "the broker did not answer what sets the subscription up")
            }
            check(consumption, now)
            note(consumption.nextDeadline)
        }
        checkRoutes(now)
    }

    /// Asks the broker about the queue of a live subscription, when it is time.
    private func check(_ consumption: Consumption, _ now: ContinuousClock.Instant) {
        guard let interval = settings.selfCheckInterval, let channel = consumption.channel, consumption.state == .live,
            !consumption.isMuted
        else { return }
        switch consumption.selfCheck.due(now, every: interval) {
        case _ where isDraining: break
        case .nothing: break
        case .ask: send([.inspectQueue(consumption.plan.queue)], channel)
        case .deaf(let reason): restart(consumption, channel, reason)
        }
    }
}
#endif
