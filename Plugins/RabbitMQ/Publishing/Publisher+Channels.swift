#if RabbitMQ
import DequeModule
import Logging
import SwitchboardCore

/// The two channels: opening, declaring, and what happens when the broker closes one.
extension Publisher {
    func opened(_ link: Link) {
        guard link.tuning.channelMax >= Self.firstControlChannel else {
            return link.end("the broker permits one channel on a connection, and publishing needs two")
        }
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
        case (controlChannel, .channelOpenOK) where !isControlChannelReady:
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
        if let failure = failing.failure(of: address, at: .now) {
            let at = min(failure.until, pending.request.options.deadline)
            postponed.append(PostponedPublish(pending: pending, at: at, failure: failure.reason))
            return note(at)
        }
        parked[address, default: []].append(pending)
        guard !declaring.contains(where: { $0.address == address }) else { return }
        let route = RouteDeclaration(address: address, plan: plan)
        declaring.append(route)
        guard isControlChannelReady else { return }
        declare(route)
        if declaring.count == 1 { expectControlAnswer() }
    }

    private func declare(_ route: RouteDeclaration) {
        for declaration in route.steps { send(declaration.method, controlChannel) }
        metrics.declared(route.steps.count)
    }

    private func redeclare() {
        for index in declaring.indices {
            declaring[index].done = 0
            declare(declaring[index])
        }
    }

    private func declarationAnswered() throws(ProtocolViolation) {
        guard var first = declaring.first else {
            throw ProtocolViolation("the broker answered a declaration that was not made")
        }
        noteDeclared(first.steps[first.done])
        first.done += 1
        if first.done < first.steps.count {
            declaring[0] = first
            return
        }
        declaring.removeFirst()
        isDeclaredNow(first.address)
    }

    private func isDeclaredNow(_ address: Address) {
        failing.declared(address)
        waiting.prepend(contentsOf: parked.removeValue(forKey: address) ?? [])
        pump()
    }

    /// A declaration was refused. Those behind it were dropped with the channel and are made again.
    ///
    /// What somebody deleted between two steps (404), or what is just moving (405), is worth another try.
    private func controlChannelClosed(_ closure: IncomingMethod.Closure) {
        isControlChannelReady = false
        if var first = declaring.popFirst() {
            first.attempts += 1
            let declaration = first.steps[first.done]
            if demands.learn(from: closure, declaration, link?.brokerVersion) {
                declaring.prepend(first)
                adaptRoutes()
            } else if wasEverDeclared(declaration), declaration.isDispensable(after: closure) {
                goOn(without: first.leaveOut(), closure, for: first.address)
                if first.steps.isEmpty { isDeclaredNow(first.address) } else { declaring.prepend(first) }
            } else if first.attempts < Self.declarationAttempts(after: closure.code) {
                forgetDeclarations()
                declaring.prepend(first)
            } else {
                for pending in parked.removeValue(forKey: first.address) ?? [] {
                    answer(pending, place.refused(declaration, closure, for: first.address))
                }
            }
        }
        openControlChannel()
    }

    /// What could be declared before, and is there otherwise now or may not be declared any more, is used as it is.
    private func goOn(
        without declaration: Declaration, _ closure: IncomingMethod.Closure, for address: Address
    ) {
        noteDeclared(declaration)
        let error = place.refused(declaration, closure, for: address)
        if told.count >= Self.routeLimit { told.removeAll() }
        guard told.insert(error.message).inserted else { return }
        logger.warning(
            "The broker refuses a declaration that it took before; publishers use what is there",
            metadata: ["address": "\(address)", "error": "\(error)"])
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
            let isCulprit = missing == nil && isAlone
            let isCertain =
                isCulprit || index >= firstDropped || pending.lacksQueue || pending.returned != nil
            pending.wasSent = pending.wasSent || !isCertain
            pending.lacksQueue = false
            if let returned = pending.returned {
                answer(pending, place.unroutable(pending.request, returned))
            } else if isCulprit || pending.exceptions > Self.exceptionLimit(missing != nil && isCertain) {
                answer(pending, place.rejected(pending.request, closure))
            } else if let missing, isCertain, !pending.wasSent, pending.exceptions > 3 {
                // Not there for longer: somebody deletes it all the time, or it may not be declared.
                pending.lastReturn = .init(closure, exchange: missing)
                postpone(pending, round: pending.exceptions - 3)
            } else if isCertain || pending.request.options.allowsDuplicates {
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

    /// How often a message may come back with a closed channel before it is given up. One that was certainly not taken, as its
    /// exchange is missing, goes out later each time.
    private static func exceptionLimit(_ isMissingExchange: Bool) -> Int { isMissingExchange ? 25 : 3 }

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

extension IncomingMethod.Return {
    /// A channel that was closed over a missing exchange says of its message what a return says.
    fileprivate init(_ closure: IncomingMethod.Closure, exchange: String) {
        self.init(code: closure.code, text: closure.text, exchange: exchange, routingKey: "")
    }
}
#endif
