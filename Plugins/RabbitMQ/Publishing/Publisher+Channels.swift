#if RabbitMQ
import DequeModule
import SwitchboardCore

/// The two channels: opening, declaring, and what happens when the broker closes one.
extension Publisher {
    func opened(_ link: Link) {
        self.link = link
        adaptRoutes()
        openPublishChannel()
        openControlChannel()
    }

    private func openPublishChannel() {
        send(.channelOpen, Self.publishChannel)
        send(.confirmSelect, Self.publishChannel)
        let deadline = ContinuousClock.now + bounds.answer
        publishAnswerDeadline = deadline
        note(deadline)
    }

    private func openControlChannel() {
        send(.channelOpen, controlChannel)
        expectControlAnswer()
    }

    /// The broker has answered on the control channel, or is asked something.
    private func expectControlAnswer() {
        guard !isControlChannelReady || !declaring.isEmpty else { return controlAnswerDeadline = nil }
        let deadline = ContinuousClock.now + bounds.answer
        controlAnswerDeadline = deadline
        note(deadline)
    }

    /// Leaves the control channel to the declaration that the broker does not answer. `false` when it was the last one.
    func replaceControlChannel() -> Bool {
        let next = controlChannel + 1
        guard let link, next < Self.firstControlChannel + Self.controlChannelLimit, next <= link.tuning.channelMax
        else { return false }
        send(.channelClose(code: 200, text: "No answer"), controlChannel)
        controlChannel = next
        isControlChannelReady = false
        if let silent = declaring.popFirst(), parked[silent.address]?.isEmpty == false { declaring.append(silent) }
        openControlChannel()
        return true
    }

    private func send(_ method: OutgoingMethod, _ channel: UInt16) {
        guard let link else { return }
        do {
            try link.send(method, channel: channel)
        } catch {
            link.end(error.message)
        }
    }

    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {
        switch (channel, method) {
        case (Self.publishChannel, .ack(let tag, let multiple)):
            try settle(tag, multiple: multiple, isPositive: true)
        case (Self.publishChannel, .nack(let tag, let multiple)):
            try settle(tag, multiple: multiple, isPositive: false)
        case (Self.publishChannel, .returned(let returned)):
            try beginReturn(returned)
        case (Self.publishChannel, .confirmSelectOK):
            isPublishChannelReady = true
            publishAnswerDeadline = nil
            pump()
        case (Self.publishChannel, .channelClose(let closure)):
            send(.channelCloseOK, channel)
            publishChannelClosed(closure)
        // Late answers on channels that were left to them.
        case (Self.firstControlChannel..<controlChannel, .channelClose): send(.channelCloseOK, channel)
        case (Self.firstControlChannel..<controlChannel, _): break
        case (controlChannel, .channelOpenOK):
            isControlChannelReady = true
            redeclare()
            expectControlAnswer()
        case (controlChannel, .exchangeDeclareOK), (controlChannel, .queueDeclareOK), (controlChannel, .queueBindOK):
            try declarationAnswered()
            expectControlAnswer()
        case (controlChannel, .channelClose(let closure)):
            send(.channelCloseOK, channel)
            controlChannelClosed(closure)
        case (_, .channelFlow(let active)):
            isPaused = !active
            send(.channelFlowOK(active: active), channel)
            pump()
        case (Self.publishChannel, .channelOpenOK):
            break
        default:
            throw ProtocolViolation("the broker sent \(method) on the publishing connection's channel \(channel)")
        }
    }

    // MARK: Declarations

    /// Keeps a publish until what its address needs is declared: once per connection, as oslo.messaging does.
    func park(_ pending: PendingPublish, _ plan: PublishPlan) {
        let address = pending.request.address
        parked[address, default: []].append(pending)
        guard !declaring.contains(where: { $0.address == address }) else { return }
        declaring.append(RouteDeclaration(address: address, plan: plan))
        guard isControlChannelReady else { return }
        declare(plan)
        if declaring.count == 1 { expectControlAnswer() }
    }

    private func declare(_ plan: PublishPlan) {
        for declaration in plan.declarations { send(declaration.method, controlChannel) }
        metrics.declared(plan.declarations.count)
    }

    private func redeclare() {
        for index in declaring.indices {
            declaring[index].done = 0
            declare(declaring[index].plan)
        }
    }

    private func declarationAnswered() throws(ProtocolViolation) {
        guard var first = declaring.first else {
            throw ProtocolViolation("the broker answered a declaration that was not made")
        }
        noteDeclared(first.plan.declarations[first.done])
        first.done += 1
        if first.done < first.plan.declarations.count {
            declaring[0] = first
            return
        }
        declaring.removeFirst()
        waiting.prepend(contentsOf: parked.removeValue(forKey: first.address) ?? [])
        pump()
    }

    /// A declaration was refused. Those behind it were dropped with the channel and are made again.
    ///
    /// What somebody deleted between two steps (404), or what is just moving (405), is worth another try.
    private func controlChannelClosed(_ closure: IncomingMethod.Closure) {
        isControlChannelReady = false
        if var first = declaring.popFirst() {
            first.attempts += 1
            if demands.learn(from: closure, first.plan.declarations[first.done], link?.brokerVersion) {
                declaring.prepend(first)
                adaptRoutes()
            } else if first.attempts < Self.declarationAttempts(after: closure.code) {
                forgetDeclarations()
                declaring.prepend(first)
            } else {
                let declaration = first.plan.declarations[first.done]
                for pending in parked.removeValue(forKey: first.address) ?? [] {
                    answer(pending, place.refused(declaration, closure, for: first.address))
                }
            }
        }
        openControlChannel()
    }

    /// Each is a round trip. A broker may need many for a deletion: until it is done, the exchange is still declared with
    /// success, and not found by a binding.
    private static func declarationAttempts(after code: UInt16) -> Int {
        switch code {
        case 404: 500
        case 405: 10
        default: 0
        }
    }

    // MARK: Channel exceptions

    /// The channel is gone, and all that was pipelined behind the offending publish was dropped without a confirm.
    private func publishChannelClosed(_ closure: IncomingMethod.Closure) {
        isPublishChannelReady = false
        isPaused = false
        let isAlone = window.count == 1 && window.abandoned == 0
        let lost = window.reset()
        let missing = closure.code == 404 ? Self.quotedName(in: closure.text) : nil
        if missing != nil { forgetDeclarations() }
        let exchanges = lost.map { (try? route(to: $0.request.address))?.plan.exchange }
        let firstDropped = Self.firstCertainlyDropped(exchanges, missing: missing)
        var again: [PendingPublish] = []
        for (index, pending) in lost.enumerated() {
            pending.exceptions += 1
            let isCertain = index >= firstDropped || pending.lacksQueue
            pending.lacksQueue = false
            if let returned = pending.returned {
                answer(pending, place.unroutable(pending.request, returned))
            } else if (missing == nil && isAlone) || pending.exceptions > 3 {
                answer(pending, place.rejected(pending.request, closure))
            } else if isCertain || pending.request.options.allowsDuplicates {
                pending.wasSent = pending.wasSent || !isCertain
                again.append(pending)
            } else {
                answer(
                    pending,
                    place.lost(pending.request, "the broker closed the channel: \(closure.code) \(closure.text)"))
            }
        }
        // Not told whose fault it was: one at a time, until the culprit is alone.
        probes = missing == nil ? again.count : 0
        waiting.prepend(contentsOf: again)
        openPublishChannel()
    }

    /// The index from which on publishes were certainly not taken, when the exchange `missing` was the reason.
    ///
    /// The culprit is a publish to that exchange. With one in flight it is that one; with several it may be any, and
    /// only what lies behind the last is certain.
    static func firstCertainlyDropped(_ exchanges: [String?], missing: String?) -> Int {
        guard let missing, let first = exchanges.firstIndex(of: missing),
            let last = exchanges.lastIndex(of: missing)
        else { return exchanges.count }
        return first == last ? first : last + 1
    }

    /// `NOT_FOUND - no exchange 'x' in vhost '/'` → `x`
    static func quotedName(in text: String) -> String? {
        let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[1]) : nil
    }
}
#endif
