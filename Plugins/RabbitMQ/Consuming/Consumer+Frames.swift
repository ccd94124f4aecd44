#if RabbitMQ
import Logging
import SwitchboardCore

/// What comes on the channels of subscriptions: answers, deliveries, and the ends of channels.
extension Consumer {
    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {
        if channel == routes.channel { return try routeAnswered(method, channel) }
        let subscription = try subscription(on: channel)
        switch method {
        case .deliver(let tag, let isRedelivered):
            try subscription.assembler.began(.init(tag: tag, isRedelivered: isRedelivered))
        case .prefetchOK where subscription.state == .live: subscription.receipts.answered()
        case .channelOpenOK, .prefetchOK, .queueDeleteOK: break
        case .queueDeclareOK(let ready, let consumers) where subscription.state == .live:
            let verdict = subscription.selfCheck.answered(
                ready: ready, consumers: consumers, isStream: subscription.request.plan.isStream,
                hasRoom: subscription.hasRoom, isIdle: subscription.tracker.count == 0)
            switch verdict {
            case _ where isDraining: break
            case .fine: break
            case .deaf(let reason): restart(subscription, channel, reason)
            case .doubtful: send([.cancel(tag: subscription.tag), subscription.consume], channel)
            }
            noteStrangers(subscription, consumers)
        case .exchangeDeclareOK, .queueDeclareOK, .queueBindOK: subscription.answered += 1
        case .consumeOK:
            if subscription.state == .opening { becameLive(subscription) }
        case .cancelOK: break
        case .cancel:
            // The queue was deleted or has moved: begin anew on another channel, where it is declared again.
            if subscription.state != .closing {
                restart(
                    subscription, channel, "the broker cancelled the consumer: its queue was deleted or moved")
            }
        case .channelCloseOK where subscription.state == .closing:
            free(channel)
            gone(subscription)
        case .channelClose(let closure):
            send([.channelCloseOK], channel)
            channelClosed(subscription, channel, closure)
        case .channelFlow(let active): send([.channelFlowOK(active: active)], channel)
        default:
            throw ProtocolViolation("the broker sent \(method) on the consuming connection's channel \(channel)")
        }
    }

    /// Two processes with one name for a queue steal each other's messages; where they are on two machines, no lock tells. A
    /// connection of our own that the broker has not given up yet is no stranger for long.
    private func noteStrangers(_ subscription: Subscription, _ consumers: UInt32) {
        guard subscription.request.isAlone, consumers > 1 else { return subscription.strangers = 0 }
        subscription.strangers += 1
        guard subscription.strangers == 2 else { return }
        logger.warning(
            "Others take messages from a queue that should be this process's alone: two processes have one name",
            metadata: [
                "address": "\(subscription.request.address)", "rabbitmq.queue": "\(subscription.request.plan.queue)",
                "rabbitmq.consumers": "\(consumers)",
                "rabbitmq.hint": "give each its own hostname or processname option",
            ])
    }

    private func subscription(on channel: UInt16) throws(ProtocolViolation) -> Subscription {
        guard Int(channel) < byChannel.count, let subscription = byChannel[Int(channel)] else {
            throw ProtocolViolation("the broker sent a frame on channel \(channel), which is not open")
        }
        return subscription
    }

    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {
        let subscription = try subscription(on: channel)
        if let content = try subscription.assembler.received(header, limit: maximumMessageSize) {
            try deliver(content, to: subscription)
        }
    }

    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {
        let subscription = try subscription(on: channel)
        if let content = try subscription.assembler.received(body) { try deliver(content, to: subscription) }
    }

    private func deliver(
        _ content: ContentAssembler<Subscription.Method>.Content, to subscription: Subscription
    ) throws(ProtocolViolation) {
        let tag = content.method.tag
        try subscription.tracker.delivered(tag)
        guard subscription.isWithinPrefetch else {
            throw ProtocolViolation(
                "the broker sent \(subscription.tracker.count) messages on end, and the prefetch is "
                    + "\(subscription.request.prefetch)")
        }
        subscription.selfCheck.delivered()
        if content.method.isRedelivered { metrics.redelivered() }
        guard subscription.state == .live else { return }
        // What was on its way when the broker was told to send nothing more: it must not wait for the subscription's end.
        guard !subscription.isMuted else { return giveBack(subscription, tag) }
        subscription.notePosition(content.header)
        if let defect = content.header.defect { return refuse(tag, defect, of: subscription) }
        let request = subscription.request
        let epoch = subscription.epoch
        let inbox = inbox
        // What comes again may have ended the process that had it: nothing else should be between its acceptance and its work.
        let canWait = !content.method.isRedelivered && acceptanceCanWait(subscription)
        let message = Message(
            body: content.body, contentType: content.header.contentType,
            contentEncoding: content.header.contentEncoding, headers: content.header.headers)
        var attempt: Int?
        if request.plan.isQuorum {
            attempt = link?.brokerVersion?.attempt(message.headers, isRedelivered: content.method.isRedelivered)
            if let attempt, attempt > 1 { noteAttempt(attempt, of: subscription) }
        }
        let delivery = Delivery(
            message, isRedelivered: content.method.isRedelivered, attempt: attempt
        ) { settlement, whenKnown throws(TransportError) in
            if request.hasEnded {
                throw TransportError(
                    .closed,
                    "The subscription to \(request.address) has ended; its unsettled deliveries have gone back.")
            }
            inbox.submit(
                .settle(request, epoch: epoch, tag: tag, settlement, whenKnown: whenKnown),
                canWait: canWait && settlement == .accept && whenKnown == nil)
        }
        if request.source.append(delivery) {
            // On this thread, which has no lock: whoever takes it as it comes need not be woken.
            request.source.handOut()
        } else if let channel = subscription.channel {
            // Nobody iterates any more: what has come goes back, and nothing more is asked for.
            subscription.isMuted = true
            send([.cancel(tag: subscription.tag)], channel)
            giveBack(subscription, tag)
        }
    }

    /// A message that cannot be taken would only come again: it goes to the dead letters, where the queue has some.
    private func refuse(_ tag: UInt64, _ defect: ContentDefect, of subscription: Subscription) {
        metrics.untakeable()
        logger.warning(
            "A message cannot be taken and is rejected",
            metadata: [
                "address": "\(subscription.request.address)", "rabbitmq.queue": "\(subscription.request.plan.queue)",
                "rabbitmq.reason": "\(defect)",
            ])
        guard subscription.request.plan.isStream else { return discard(subscription, tag) }
        // A stream keeps what it has delivered, and sends more for what is acknowledged.
        accept(subscription, tag)
    }

    /// Quorum queues count how often a message has come back, and at their limit drop it, or dead-letter it where they are
    /// told to: nobody would hear of that.
    private func noteAttempt(_ attempt: Int, of subscription: Subscription) {
        let limit = subscription.request.plan.deliveryLimit ?? link?.brokerVersion?.quorumDeliveryLimit
        guard attempt - 1 == limit else { return }
        logger.warning(
            "A message is delivered for the last time: when it goes back once more, its queue drops or dead-letters it",
            metadata: [
                "address": "\(subscription.request.address)", "rabbitmq.queue": "\(subscription.request.plan.queue)",
                "attempt": "\(attempt)",
                "rabbitmq.hint": "see rabbit_quorum_delivery_limit, or a policy's delivery-limit",
            ])
    }

    /// Returns what nobody takes any more to its queue. A stream keeps what it has delivered.
    private func giveBack(_ subscription: Subscription, _ tag: UInt64) {
        guard !subscription.request.plan.isStream else { return }
        release(subscription, tag)
    }

    /// Whether the acceptance of what was just delivered may leave a moment later, together with others, instead of waking
    /// the loop for itself. Not where the broker may be waiting for it.
    private func acceptanceCanWait(_ subscription: Subscription) -> Bool {
        guard subscription.tracker.count * 2 <= Int(subscription.request.prefetch) else { return false }
        if inbox.expect() { note(.now + Self.acceptanceDelay) }
        return true
    }

    private static var acceptanceDelay: Duration { .milliseconds(2) }

    /// Begins anew on another channel, where the queue is declared again.
    func restart(_ subscription: Subscription, _ channel: UInt16, _ reason: String) {
        send(subscription.release() + [.channelClose(code: 200, text: "Restarting")], channel)
        orphan(subscription, channel)
        retry(subscription, reason)
    }

    /// The channel's number stays taken until the broker has answered; its subscription has left it.
    private func orphan(_ subscription: Subscription, _ channel: UInt16) {
        let placeholder = Subscription(subscription.request)
        placeholder.state = .closing
        byChannel[Int(channel)] = placeholder
        subscription.forgetChannel()
    }

    func free(_ channel: UInt16) {
        byChannel[Int(channel)] = nil
        freeChannels.append(channel)
    }

    private func gone(_ subscription: Subscription) {
        subscription.forgetChannel()
        if subscriptions[subscription.request.id] === subscription { remove(subscription) }
    }

    private func channelClosed(
        _ subscription: Subscription, _ channel: UInt16, _ closure: IncomingMethod.Closure
    ) {
        if subscription.state == .closing {
            // Both sides closed: ours is still to be answered, and frees the number.
            return
        }
        let wasOpening = subscription.state == .opening
        let declarations = subscription.declarations
        let failed = subscription.answered
        let reason = "the broker closed the channel: \(closure.code) \(closure.text)"
        free(channel)
        subscription.forgetChannel()
        // Only a refused set-up is refused for good. A live subscription loses its channel over a handler that took
        // longer than the broker's consumer_timeout (406), for example, and needs another one.
        // One that misses what it could not declare is refused too.
        let isRefused =
            closure.code == 403 || closure.code == 406 || closure.code == 404 && !subscription.leftOut.isEmpty
        guard wasOpening, isRefused else { return retry(subscription, reason) }
        if failed < declarations.count, demands.learn(from: closure, declarations[failed], link?.brokerVersion) {
            change(subscription, to: .waiting)
            return setUp(subscription)
        }
        let error =
            failed < declarations.count
            ? place.refused(declarations[failed], closure, for: subscription.request.address)
            : place.refused(subscription.request, closure)
        // What was right once may be again: somebody is just changing it.
        guard subscription.hasBeenLive else { return fail(subscription, error) }
        if failed < declarations.count, subscription.plan.canGo(without: declarations[failed], closure) {
            leaveOut(declarations[failed], of: subscription, error)
        } else {
            waitOut(subscription, error)
        }
    }
}
#endif
