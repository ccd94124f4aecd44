#if RabbitMQ
import Logging
import SwitchboardCore

/// One channel of a subscription, from opened to closed: what comes on it, what is unsettled, and what the broker is told.
final class ConsumerChannel: ChannelUser {
    private enum Phase {
        /// The broker should have answered all of the set-up by then.
        case opening(until: Moment)
        case live
        /// The broker has been told to send nothing more, as nothing is taken any more.
        case muted
        /// The broker should have answered the end by then.
        case closing(until: Moment)
    }

    private struct Method {
        var tag: UInt64
        var isRedelivered: Bool
    }

    /// How long an acceptance may wait for others.
    private static let acceptanceDelay = Duration.milliseconds(2)
    /// The same for a mailbox. It has one consumer, so a late acceptance can't make another consumer handle the message again.
    private static let mailboxAcceptanceDelay = Duration.milliseconds(10)

    let number: UInt16
    /// Settles what comes by this channel.
    let settler: ChannelSettler
    private let consumption: Consumption
    private let context: ConsumerContext
    // The properties on the path of each message are marked `exclusivity(unchecked)`: one thread touches them, and no access
    // lasts while another function of this class runs. The check at run time costs more than most of the accesses.
    @exclusivity(unchecked) private var phase: Phase
    /// How many declarations the broker has answered.
    private var answered = 0
    @exclusivity(unchecked) private var tracker = AckTracker()
    @exclusivity(unchecked) private var receipts = AcceptanceReceipts()
    @exclusivity(unchecked) private var assembler = ContentAssembler<Method>()
    @exclusivity(unchecked) private var selfCheck = SelfCheck()
    /// Whether it has acceptances to tell the broker at the end of the turn.
    @exclusivity(unchecked) private var hasAcceptances = false

    init(
        _ number: UInt16, _ consumption: Consumption, _ context: ConsumerContext,
        answeringUntil deadline: Moment
    ) {
        self.number = number
        self.consumption = consumption
        self.context = context
        settler = ChannelSettler(consumption.subscription, consumption.history, context.inbox, context.errors)
        phase = .opening(until: deadline)
    }

    var isOpening: Bool { if case .opening = phase { true } else { false } }
    private var isClosing: Bool { if case .closing = phase { true } else { false } }
    /// Whether what came may be settled.
    var isLive: Bool {
        switch phase {
        case .live, .muted: true
        case .opening, .closing: false
        }
    }
    /// Whether the broker sends what comes to the queue.
    var takesMessages: Bool { if case .live = phase { true } else { false } }
    var hasUnsettled: Bool { tracker.count > 0 }

    /// The next moment at which ``expire(_:)`` has something to do.
    var nextDeadline: Moment? {
        switch phase {
        case .opening(let deadline), .closing(let deadline): deadline
        case .live: selfCheck.nextAt
        case .muted: nil
        }
    }

    // MARK: What the subscription asks for

    func beginChecks(at first: Moment) {
        selfCheck.begin(at: first)
    }

    /// Has the broker send nothing more.
    func cancel() {
        if takesMessages { send(.cancel(tag: consumption.methods.tag)) }
    }

    /// Has what is unsettled go back, and nothing more come.
    func release() {
        guard isLive else { return }
        context.send(tracker.drain() + consumption.methods.release, number)
        tracker.rejectAll()
    }

    /// Ends the channel for good.
    func close(until deadline: Moment) {
        context.send(tracker.drain() + consumption.methods.tearDown, number)
        phase = .closing(until: deadline)
    }

    /// Ends the channel for another one.
    func leave() {
        context.send(
            tracker.drain() + consumption.methods.release + [.channelClose(code: 200, text: "Restarting")], number)
    }

    /// The channel isn't the subscription's any more.
    func lost() {
        receipts.lost(consumption.address)
    }

    /// Looks after what the broker should have answered, and after the queue.
    func expire(_ now: Moment) {
        switch phase {
        case .opening(let deadline) where deadline <= now:
            consumption.history.change { $0.silences += 1 }
            consumption.restart("the broker did not answer what sets the subscription up")
        case .closing(let deadline) where deadline <= now: consumption.ended()
        case .live:
            guard let interval = context.settings.selfCheckInterval else { return }
            switch selfCheck.due(now, every: interval, answeredWithin: context.settings.answerTimeout) {
            case _ where context.isEnding: break
            case .nothing: break
            case .ask: send(.inspectQueue(consumption.plan.queue))
            case .deaf(let reason): consumption.restart(reason)
            }
        case .opening, .muted, .closing: break
        }
    }

    private func send(_ method: OutgoingMethod) {
        context.send([method], number)
    }

    // MARK: Settling

    /// - Parameter completion: of acceptances, is told when the broker has it; of others, at once.
    func settle(_ tag: UInt64, _ settlement: Settlement, _ completion: (@Sendable (TransportError?) -> Void)?) {
        if let completion {
            if settlement == .accept { receipts.add(completion) } else { completion(nil) }
        }
        switch settlement {
        case .accept: accept(tag)
        case .requeue: giveBack(tag, by: .reject(tag: tag, requeue: true))
        case .release: release(tag)
        case .discard: discard(tag)
        }
    }

    /// The broker is told at the end of the turn.
    private func accept(_ tag: UInt64) {
        tracker.accept(tag)
        guard !hasAcceptances else { return }
        hasAcceptances = true
        context.sendAcceptances(of: self)
    }

    /// Returns what was not handled to its queue. Since RabbitMQ 4.3, quorum queues count a `basic.reject` as an attempt, and
    /// no `basic.nack`.
    private func release(_ tag: UInt64) {
        giveBack(tag, by: .nack(tag: tag, multiple: false, requeue: true))
    }

    /// It will not come again: its queue dead-letters it, where it is told to, or drops it.
    private func discard(_ tag: UInt64) {
        giveBack(tag, by: .reject(tag: tag, requeue: false))
    }

    private func giveBack(_ tag: UInt64, by method: OutgoingMethod) {
        if tracker.reject(tag) { send(method) }
    }

    /// Tells the broker what was accepted in this turn.
    func sendAcceptances() {
        hasAcceptances = false
        guard isLive, consumption.channel === self else { return }
        context.send(tracker.drain(), number)
        // The broker's answer to anything that comes behind them says that it has them.
        if receipts.ask() { send(.prefetch(consumption.prefetch)) }
    }

    // MARK: Methods

    func received(_ method: IncomingMethod) throws(ProtocolViolation) {
        switch method {
        case .deliver(let tag, let isRedelivered):
            try assembler.began(Method(tag: tag, isRedelivered: isRedelivered))
        case .prefetchOK: if !isOpening { receipts.answered() }
        case .queueDeclareOK(let ready, let consumers) where isLive: inspected(ready, consumers)
        case .exchangeDeclareOK, .queueDeclareOK, .queueBindOK: answered += 1
        case .consumeOK:
            guard isOpening else { break }
            phase = .live
            consumption.becameLive()
        case .channelOpenOK, .cancelOK, .queueDeleteOK: break
        case .cancel where isClosing: break
        case .cancel: consumption.restart("the broker cancelled the consumer: its queue was deleted or moved")
        case .channelCloseOK where isClosing: closed()
        // Both sides closed: ours is still to be answered, and frees the number.
        case .channelClose where isClosing: send(.channelCloseOK)
        case .channelClose(let closure):
            send(.channelCloseOK)
            context.channels.free(number)
            consumption.channelClosed(closure, answered: isOpening ? answered : nil)
        case .channelFlow(let active): send(.channelFlowOK(active: active))
        default:
            throw ProtocolViolation("the broker sent \(method) on the consuming connection's channel \(number)")
        }
    }

    /// The broker has answered the end, and so has what it was told before.
    private func closed() {
        context.channels.free(number)
        receipts.allAnswered()
        if consumption.channel === self { consumption.ended() }
    }

    /// The broker has said how its queue is.
    private func inspected(_ ready: UInt32, _ consumers: UInt32) {
        let verdict = selfCheck.answered(
            ready: ready, consumers: consumers, isStream: consumption.isStream, hasRoom: hasRoom,
            isIdle: !hasUnsettled)
        switch verdict {
        case _ where context.isEnding: break
        case .fine: break
        case .deaf(let reason): consumption.restart(reason)
        case .doubtful:
            let methods = consumption.methods
            context.send([.cancel(tag: methods.tag), methods.consume(from: consumption.nextOffset)], number)
        }
        consumption.noteConsumers(consumers)
    }

    /// Whether the broker may send more before something is acknowledged.
    private var hasRoom: Bool {
        let prefetch = consumption.prefetch
        return prefetch == 0 || tracker.count < Int(prefetch)
    }

    // MARK: Deliveries

    func received(_ header: ContentHeader) throws(ProtocolViolation) {
        if let content = try assembler.received(header, limit: context.settings.maximumMessageSize) {
            try deliver(content)
        }
    }

    func received(_ body: UnsafeRawBufferPointer) throws(ProtocolViolation) {
        if let content = try assembler.received(body) { try deliver(content) }
    }

    private func deliver(_ content: ContentAssembler<Method>.Content) throws(ProtocolViolation) {
        let (tag, isRedelivered) = (content.method.tag, content.method.isRedelivered)
        try tracker.delivered(tag)
        try checkPrefetch()
        selfCheck.delivered()
        if isRedelivered { context.metrics.redelivered() }
        switch phase {
        case .opening, .closing: return
        // What was on its way when the broker was told to send nothing more: it must not wait for the subscription's end.
        case .muted: return giveBackUntaken(tag)
        case .live: break
        }
        if consumption.isStream { notePosition(content.header) }
        if let defect = content.header.defect { return refuse(tag, defect) }
        // What comes again may have ended the process that had it: nothing else should be between its acceptance and its work.
        let canWait = !isRedelivered && acceptanceCanWait
        let message = Message(
            body: content.body, contentType: content.header.contentType,
            contentEncoding: content.header.contentEncoding, headers: content.header.headers)
        let delivery = Delivery(
            message, isRedelivered: isRedelivered,
            attempt: consumption.isQuorum ? attempt(of: message, isRedelivered) : nil,
            token: ChannelSettler.token(tag, canWait: canWait), settler: settler)
        if consumption.subscription.append(delivery) {
            context.handOut(consumption.subscription)
        } else {
            // The subscriber has stopped iterating: what has come goes back, and nothing more is asked for.
            phase = .muted
            send(.cancel(tag: consumption.methods.tag))
            giveBackUntaken(tag)
        }
    }

    /// All memory for deliveries depends on it that the broker keeps to the prefetch. With some room for what is on its way
    /// while a queue is consumed from anew.
    private func checkPrefetch() throws(ProtocolViolation) {
        let prefetch = Int(consumption.prefetch)
        guard prefetch == 0 || tracker.count <= 2 * prefetch + 64 else {
            throw ProtocolViolation(
                "the broker sent \(tracker.count) messages on end, and the prefetch is \(prefetch)")
        }
    }

    /// Notes where a stream goes on after what has come.
    private func notePosition(_ header: ContentHeader) {
        guard let offset = header.headers["x-stream-offset"].flatMap(Int64.init), offset < .max else { return }
        consumption.history.change { $0.nextOffset = offset + 1 }
    }

    /// A message that cannot be taken would only come again: it goes to the dead letters, where the queue has some.
    private func refuse(_ tag: UInt64, _ defect: ContentDefect) {
        context.metrics.untakeable()
        context.logger.warning(
            "A message cannot be taken and is rejected",
            metadata: [
                "address": "\(consumption.address)", "rabbitmq.queue": "\(consumption.plan.queue)",
                "rabbitmq.reason": "\(defect)",
            ])
        // A stream keeps what it has delivered, and sends more for what is acknowledged.
        if consumption.isStream { accept(tag) } else { discard(tag) }
    }

    /// Quorum queues count how often a message has come back, and at their limit drop it, or dead-letter it where they are
    /// told to, and they tell no client.
    private func attempt(of message: Message, _ isRedelivered: Bool) -> Int? {
        let version = context.connection?.brokerVersion
        let attempt = version?.attempt(message.headers, isRedelivered: isRedelivered)
        let limit = consumption.plan.deliveryLimit ?? version?.quorumDeliveryLimit
        if let attempt, attempt > 1, attempt - 1 == limit {
            context.logger.warning(
                "A message is delivered for the last time: when it goes back once more, its queue drops or dead-letters it",
                metadata: [
                    "address": "\(consumption.address)", "rabbitmq.queue": "\(consumption.plan.queue)",
                    "attempt": "\(attempt)",
                    "rabbitmq.hint": "see rabbit_quorum_delivery_limit, or a policy's delivery-limit",
                ])
        }
        return attempt
    }

    /// Returns a message that the subscriber no longer takes to its queue. A stream keeps what it has delivered.
    private func giveBackUntaken(_ tag: UInt64) {
        if !consumption.isStream { release(tag) }
    }

    /// Whether the acceptance of what was just delivered may leave a moment later, together with others, instead of waking
    /// the loop for itself. Not where the broker may be waiting for it.
    private var acceptanceCanWait: Bool {
        guard tracker.count * 2 <= Int(consumption.prefetch) else { return false }
        let isMailbox = if case .mailbox = consumption.address { true } else { false }
        // The earliest deadline of all that wait applies to all.
        if context.inbox.expect() || !isMailbox {
            context.note(.now + (isMailbox ? Self.mailboxAcceptanceDelay : Self.acceptanceDelay))
        }
        return true
    }
}
#endif
