#if RabbitMQ
import Logging
import SwitchboardCore

/// What comes on the channels of subscriptions: answers, deliveries, and the ends of channels.
extension Consumer {
    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {
        if channel == routes.channel { return try routeAnswered(method, channel) }
        let consumption = try consumption(on: channel)
        switch method {
        case .deliver(let tag, let isRedelivered):
            try consumption.assembler.began(.init(tag: tag, isRedelivered: isRedelivered))
        case .prefetchOK where consumption.state == .live: consumption.receipts.answered()
        case .channelOpenOK, .prefetchOK, .queueDeleteOK: break
        case .queueDeclareOK(let ready, let consumers) where consumption.state == .live:
            let verdict = consumption.selfCheck.answered(
                ready: ready, consumers: consumers, isStream: consumption.plan.isStream,
                hasRoom: consumption.hasRoom, isIdle: consumption.tracker.count == 0)
            switch verdict {
            case _ where isDraining: break
            case .fine: break
            case .deaf(let reason): restart(consumption, channel, reason)
            case .doubtful: send([.cancel(tag: consumption.tag), consumption.consume], channel)
            }
            noteStrangers(consumption, consumers)
        case .exchangeDeclareOK, .queueDeclareOK, .queueBindOK: consumption.answered += 1
        case .consumeOK:
            if consumption.state == .opening { becameLive(consumption) }
        case .cancelOK: break
        case .cancel:
            // The queue was deleted or has moved: begin anew on another channel, where it is declared again.
            if consumption.state != .closing {
                restart(
                    consumption, channel, "the broker cancelled the consumer: its queue was deleted or moved")
            }
        case .channelCloseOK where consumption.state == .closing:
            channels.free(channel)
            gone(consumption)
        case .channelClose(let closure):
            send([.channelCloseOK], channel)
            channelClosed(consumption, channel, closure)
        case .channelFlow(let active): send([.channelFlowOK(active: active)], channel)
        default:
            throw ProtocolViolation("the broker sent \(method) on the consuming connection's channel \(channel)")
        }
    }

    /// Two processes with one name for a queue steal each other's messages; where they are on two machines, no lock tells. A
    /// connection of our own that the broker has not given up yet is no stranger for long.
    private func noteStrangers(_ consumption: Consumption, _ consumers: UInt32) {
        guard consumption.isAlone, consumers > 1 else { return consumption.strangers = 0 }
        consumption.strangers += 1
        guard consumption.strangers == 2 else { return }
        logger.warning(
            "Others take messages from a queue that should be this process's alone: two processes have one name",
            metadata: [
                "address": "\(consumption.address)", "rabbitmq.queue": "\(consumption.plan.queue)",
                "rabbitmq.consumers": "\(consumers)",
                "rabbitmq.hint": "give each its own hostname or processname option",
            ])
    }

    private func consumption(on channel: UInt16) throws(ProtocolViolation) -> Consumption {
        guard let consumption = channels[channel] else {
            throw ProtocolViolation("the broker sent a frame on channel \(channel), which is not open")
        }
        return consumption
    }

    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {
        let consumption = try consumption(on: channel)
        if let content = try consumption.assembler.received(header, limit: settings.maximumMessageSize) {
            try deliver(content, to: consumption)
        }
    }

    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {
        let consumption = try consumption(on: channel)
        if let content = try consumption.assembler.received(body) { try deliver(content, to: consumption) }
    }

    private func deliver(
        _ content: ContentAssembler<Consumption.Method>.Content, to consumption: Consumption
    ) throws(ProtocolViolation) {
        let tag = content.method.tag
        try consumption.tracker.delivered(tag)
        guard consumption.isWithinPrefetch else {
            throw ProtocolViolation(
                "the broker sent \(consumption.tracker.count) messages on end, and the prefetch is "
                    + "\(consumption.prefetch)")
        }
        consumption.selfCheck.delivered()
        if content.method.isRedelivered { metrics.redelivered() }
        guard consumption.state == .live else { return }
        // What was on its way when the broker was told to send nothing more: it must not wait for the subscription's end.
        guard !consumption.isMuted else { return giveBack(consumption, tag) }
        consumption.notePosition(content.header)
        if let defect = content.header.defect { return refuse(tag, defect, of: consumption) }
        // What comes again may have ended the process that had it: nothing else should be between its acceptance and its work.
        let canWait = !content.method.isRedelivered && acceptanceCanWait(consumption)
        let message = Message(
            body: content.body, contentType: content.header.contentType,
            contentEncoding: content.header.contentEncoding, headers: content.header.headers)
        var attempt: Int?
        if consumption.plan.isQuorum {
            attempt = connection?.brokerVersion?.attempt(message.headers, isRedelivered: content.method.isRedelivered)
            if let attempt, attempt > 1 { noteAttempt(attempt, of: consumption) }
        }
        guard let settler = consumption.settler else { return }
        let delivery = Delivery(
            message, isRedelivered: content.method.isRedelivered, attempt: attempt,
            token: ChannelSettler.token(tag, canWait: canWait), settler: settler)
        if consumption.subscription.append(delivery) {
            // On this thread, which has no lock: whoever takes it as it comes need not be woken.
            consumption.subscription.handOut()
        } else if let channel = consumption.channel {
            // Nobody iterates any more: what has come goes back, and nothing more is asked for.
            consumption.isMuted = true
            send([.cancel(tag: consumption.tag)], channel)
            giveBack(consumption, tag)
        }
    }

    /// A message that cannot be taken would only come again: it goes to the dead letters, where the queue has some.
    private func refuse(_ tag: UInt64, _ defect: ContentDefect, of consumption: Consumption) {
        metrics.untakeable()
        logger.warning(
            "A message cannot be taken and is rejected",
            metadata: [
                "address": "\(consumption.address)", "rabbitmq.queue": "\(consumption.plan.queue)",
                "rabbitmq.reason": "\(defect)",
            ])
        guard consumption.plan.isStream else { return discard(consumption, tag) }
        // A stream keeps what it has delivered, and sends more for what is acknowledged.
        accept(consumption, tag)
    }

    /// Quorum queues count how often a message has come back, and at their limit drop it, or dead-letter it where they are
    /// told to: nobody would hear of that.
    private func noteAttempt(_ attempt: Int, of consumption: Consumption) {
        let limit = consumption.plan.deliveryLimit ?? connection?.brokerVersion?.quorumDeliveryLimit
        guard attempt - 1 == limit else { return }
        logger.warning(
            "A message is delivered for the last time: when it goes back once more, its queue drops or dead-letters it",
            metadata: [
                "address": "\(consumption.address)", "rabbitmq.queue": "\(consumption.plan.queue)",
                "attempt": "\(attempt)",
                "rabbitmq.hint": "see rabbit_quorum_delivery_limit, or a policy's delivery-limit",
            ])
    }

    /// Returns what nobody takes any more to its queue. A stream keeps what it has delivered.
    private func giveBack(_ consumption: Consumption, _ tag: UInt64) {
        guard !consumption.plan.isStream else { return }
        release(consumption, tag)
    }

    /// Whether the acceptance of what was just delivered may leave a moment later, together with others, instead of waking
    /// the loop for itself. Not where the broker may be waiting for it.
    private func acceptanceCanWait(_ consumption: Consumption) -> Bool {
        guard consumption.tracker.count * 2 <= Int(consumption.prefetch) else { return false }
        if inbox.expect() { note(.now + Self.acceptanceDelay) }
        return true
    }

    private static var acceptanceDelay: Duration { .milliseconds(2) }

    /// Begins anew on another channel, where the queue is declared again.
    func restart(_ consumption: Consumption, _ channel: UInt16, _ reason: String) {
        send(consumption.release() + [.channelClose(code: 200, text: "Restarting")], channel)
        orphan(consumption, channel)
        retry(consumption, reason)
    }

    /// The channel's number stays taken until the broker has answered; its subscription has left it.
    private func orphan(_ consumption: Consumption, _ channel: UInt16) {
        let placeholder = Consumption(consumption.subscription, consumption.history, prefetchLimit: 1)
        placeholder.state = .closing
        channels.leave(channel, to: placeholder)
        consumption.forgetChannel()
    }

    private func gone(_ consumption: Consumption) {
        consumption.forgetChannel()
        if consumptions[consumption.subscription.id] === consumption { remove(consumption) }
    }

    private func channelClosed(
        _ consumption: Consumption, _ channel: UInt16, _ closure: IncomingMethod.Closure
    ) {
        if consumption.state == .closing {
            // Both sides closed: ours is still to be answered, and frees the number.
            return
        }
        let wasOpening = consumption.state == .opening
        let declarations = consumption.declarations
        let failed = consumption.answered
        let reason = "the broker closed the channel: \(closure.code) \(closure.text)"
        channels.free(channel)
        consumption.forgetChannel()
        // Only a refused set-up is refused for good. A live subscription loses its channel over a handler that took
        // longer than the broker's consumer_timeout (406), for example, and needs another one.
        // One that misses what it could not declare is refused too.
        let isRefused =
            closure.code == 403 || closure.code == 406 || closure.code == 404 && !consumption.leftOut.isEmpty
        guard wasOpening, isRefused else { return retry(consumption, reason) }
        if failed < declarations.count, demands.learn(from: closure, declarations[failed], connection?.brokerVersion) {
            consumption.state = .waiting
            return setUp(consumption)
        }
        let error =
            failed < declarations.count
            ? errors.refused(declarations[failed], closure, for: consumption.address)
            : errors.refused(consumption.plan.queue, closure, for: consumption.address)
        // What was right once may be again: somebody is just changing it.
        guard consumption.subscription.hasBeenLive else { return fail(consumption, error) }
        if failed < declarations.count, consumption.plan.canGo(without: declarations[failed], closure) {
            leaveOut(declarations[failed], of: consumption, error)
        } else {
            waitOut(consumption, error)
        }
    }
}
#endif
