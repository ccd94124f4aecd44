#if RabbitMQ
import Logging
import SwitchboardCore

/// Sees to it that exchanges and bindings of live subscriptions are there: carries out what ``RouteChecks`` decides, on a
/// channel of its own.
final class RouteKeeper: ChannelUser {
    private let context: ConsumerContext
    private var checks = RouteChecks()

    init(_ context: ConsumerContext) {
        self.context = context
    }

    /// There is something to keep.
    func begin(at first: Moment) {
        context.note(checks.begin(first))
    }

    func expire(_ now: Moment) {
        defer { context.note(checks.nextDeadline) }
        if let channel = checks.channel { context.send(checks.expire(now), channel) }
        guard let interval = context.settings.selfCheckInterval else { return }
        guard checks.isDue(now, next: interval * Double.random(in: 0.75...1)), !context.isEnding,
            checks.sweep(liveRoutes)
        else { return }
        open()
    }

    private var liveRoutes: [RouteChecks.Route] {
        context.consumptions.values.filter { $0.channel?.takesMessages == true }.sorted {
            $0.subscription.id < $1.subscription.id
        }
        .map { RouteChecks.Route(subscription: $0.subscription.id, steps: $0.plan.routes) }
    }

    private func open() {
        guard let channel = context.takeChannel() else { return checks.skip() }
        context.channels[channel] = self
        context.send(checks.open(channel, until: .now + context.settings.answerTimeout), channel)
    }

    // MARK: Frames

    func received(_ method: IncomingMethod) throws(ProtocolViolation) {
        guard let channel = checks.channel else { return }
        switch method {
        case .channelOpenOK: break
        case .exchangeDeclareOK, .queueBindOK:
            context.send(try checks.answered(until: .now + context.settings.answerTimeout), channel)
        case .channelCloseOK:
            checks.left()
            context.channels.free(channel)
        case .channelClose(let closure):
            context.send([.channelCloseOK], channel)
            // Both sides closed: ours is still to be answered, and frees the number.
            if case .leaving = checks.state { break }
            context.channels.free(channel)
            refused(closure)
        case .channelFlow(let active): context.send([.channelFlowOK(active: active)], channel)
        default:
            throw ProtocolViolation("the broker sent \(method) on the consuming connection's channel \(channel)")
        }
        context.note(checks.nextDeadline)
    }

    func received(_ header: ContentHeader) throws(ProtocolViolation) { throw content }
    func received(_ body: UnsafeRawBufferPointer) throws(ProtocolViolation) { throw content }

    private var content: ProtocolViolation {
        ProtocolViolation("the broker sent a message on a channel without a consumer")
    }

    /// A subscription that works is left alone: whether messages still find it can't be known.
    private func refused(_ closure: IncomingMethod.Closure) {
        if let refusal = checks.refused(closure), let consumption = context.consumptions[refusal.subscription] {
            tell(consumption, refusal.step, closure)
        }
        if checks.isInterrupted { open() }
    }

    private func tell(_ consumption: Consumption, _ step: Declaration, _ closure: IncomingMethod.Closure) {
        let error = context.errors.refused(step, closure, for: consumption.address)
        guard consumption.history.tells(error.message) else { return }
        context.logger.warning(
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
