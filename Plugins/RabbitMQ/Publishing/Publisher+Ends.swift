#if RabbitMQ
import DequeModule
import Logging
import SwitchboardCore

/// How publishes end when they are not confirmed: refused, lost, cut off by the end of the driver, or out of time.
extension Publisher {
    // MARK: Refused

    /// A `basic.nack`: a queue is full and rejects, or has no leader just now.
    ///
    /// Where several queues take the message, one may have it already; so it is sent again only with leave to.
    func refused(_ pending: PendingPublish) {
        if case .fanout = pending.request.address { pending.wasSent = true }
        guard pending.request.options.allowsDuplicates, finalError == nil else {
            return answer(pending, place.negative(pending.request))
        }
        pending.refusals += 1
        pending.lastReturn = nil
        postpone(pending, round: pending.refusals)
    }

    /// No queue took it although its route declares one: somebody deleted the queue, its binding or the exchange between
    /// the declaration and the publish. Nobody has the message, so it may always be sent again.
    func declareAgain(_ pending: PendingPublish) {
        forgetDeclarations()
        pending.lacksQueue = false
        pending.returns += 1
        // The first time at once; a deletion that takes its time returns it again.
        guard pending.returns > 1 else { return waiting.append(pending) }
        postpone(pending, round: pending.returns)
    }

    func postpone(_ pending: PendingPublish, round: Int) {
        let longest = Duration.milliseconds(20 << min(round, 6))
        var at = ContinuousClock.now + longest * Double.random(in: 0.5...1, using: &generator)
        // Not so late that the broker's answer may miss the deadline: its last answer says more than that one is missing.
        let deadline = pending.request.options.deadline
        if at + Self.answerTime > deadline { at = deadline }
        postponed.append(PostponedPublish(pending: pending, at: at))
        note(at)
    }

    /// What a broker that is not stuck needs to confirm or refuse a message.
    private static let answerTime: Duration = .milliseconds(50)

    // MARK: The connection

    func closed(_ loss: ConnectionLoss) {
        let flushes = link?.flushes ?? 0
        link = nil
        noteFailedDeclaration(loss)
        wasSettingUpNews = isDeclaringNews
        isPublishChannelReady = false
        isControlChannelReady = false
        controlChannel = Self.firstControlChannel
        publishAnswerDeadline = nil
        controlAnswerDeadline = nil
        isPaused = false
        isDraining = false
        probes = 0
        forgetDeclarations()
        declaring.removeAll()
        returning = ContentAssembler()
        var kept: [PendingPublish] = []
        for pending in window.reset() {
            let hasLeft = pending.flush != flushes && !pending.lacksQueue
            pending.lacksQueue = false
            if let returned = pending.returned {
                answer(pending, place.unroutable(pending.request, returned))
            } else if !hasLeft || pending.request.options.allowsDuplicates {
                pending.wasSent = pending.wasSent || hasLeft
                kept.append(pending)
            } else {
                answer(pending, place.lost(pending.request, loss.reason))
            }
        }
        let parked = parked.values.joined()
        waiting.prepend(contentsOf: kept + parked)
        self.parked.removeAll()
    }

    /// The broker fails over one thing after another on a channel: what it has not answered first is what it failed over.
    private func noteFailedDeclaration(_ loss: ConnectionLoss) {
        guard loss.isFailureOfBroker, isControlChannelReady, let address = declaring.first?.address else { return }
        failing.failed(address, loss.reason, at: .now, using: &generator)
        if told.count >= Self.routeLimit { told.removeAll() }
        guard told.insert("\(address): \(loss.reason)").inserted else { return }
        logger.warning(
            "The broker fails to declare what an address needs, and closes the connection: it is declared again later",
            metadata: ["address": "\(address)", "rabbitmq.reason": "\(loss.reason)"])
    }

    func drain() {
        isDraining = true
    }

    func stop(_ error: TransportError) {
        guard finalError == nil else { return }
        finalError = error
        failUnsent(error)
    }

    /// What was lost after ``stop(_:)`` waits for a connection that does not come.
    func ended(_ error: TransportError) {
        finalError = finalError ?? error
        failUnsent(finalError ?? error)
    }

    private func failUnsent(_ error: TransportError) {
        let unsent = Array(waiting) + parked.values.joined() + postponed.map(\.pending)
        for pending in unsent {
            answer(pending, error)
        }
        waiting.removeAll()
        parked.removeAll()
        postponed.removeAll()
    }

    func writable() { pump() }

    func blocked(_ reason: String?) {
        guard reason == nil else { return }
        postponeAnswerDeadlines()
        pump()
    }

    // MARK: Time

    /// Answers whose deadline has passed. Looks at everything, and so is called only when the earliest deadline that was
    /// seen has passed, not once per publish.
    func expire(_ now: ContinuousClock.Instant) {
        var next: ContinuousClock.Instant?
        func isOver(_ pending: PendingPublish) -> Bool {
            let deadline = pending.request.options.deadline
            if deadline <= now { return true }
            next = min(next ?? deadline, deadline)
            return false
        }
        abandon { pending in
            guard isOver(pending) else { return nil }
            // What the broker returned nobody has, whether that was to go out again or not.
            let returned = pending.returned ?? (pending.lacksQueue ? pending.lastReturn : nil)
            return returned.map { place.unroutable(pending.request, $0) } ?? place.unconfirmed(pending.request, now)
        }
        let state = waitState
        waiting.removeAll { pending in
            guard isOver(pending) else { return false }
            answer(pending, place.unsent(pending, state, now))
            return true
        }
        for address in parked.keys {
            parked[address]!.removeAll { pending in
                guard isOver(pending) else { return false }
                answer(pending, place.unsent(pending, .declaring, now))
                return true
            }
        }
        postponed.removeAll { postponed in
            guard isOver(postponed.pending) else { return false }
            let request = postponed.pending.request
            let error =
                if let failure = postponed.failure { place.undeclarable(request, failure, now) } else {
                    postponed.pending.lastReturn.map { place.unroutable(request, $0) } ?? place.negative(request)
                }
            answer(postponed.pending, error)
            return true
        }
        let due = postponed.filter { $0.at <= now }.map(\.pending)
        postponed.removeAll { $0.at <= now }
        for postponed in postponed { next = min(next ?? postponed.at, postponed.at) }
        expireAnswers(now)
        for deadline in [publishAnswerDeadline, controlAnswerDeadline] {
            if let deadline { next = min(next ?? deadline, deadline) }
        }
        nextDeadline = next
        waiting.prepend(contentsOf: due)
        pump()
    }

    /// A broker that does not open a channel is given up. One that hangs in a declaration answers nothing else on that
    /// channel: what waits behind it goes on on another one, and it is asked again as the last.
    private func expireAnswers(_ now: ContinuousClock.Instant) {
        guard let link else { return }
        // It reads nothing meanwhile.
        if link.blockedReason != nil { return postponeAnswerDeadlines() }
        let isControlLate = controlAnswerDeadline.map { $0 <= now } ?? false
        let isPublishLate = publishAnswerDeadline.map { $0 <= now } ?? false
        guard isControlLate || isPublishLate else { return }
        guard !isPublishLate, isControlChannelReady else {
            return link.end("the broker did not answer the opening of a channel")
        }
        guard replaceControlChannel() else {
            return link.end("the broker did not answer declarations on \(Self.controlChannelLimit) channels")
        }
    }

    private func postponeAnswerDeadlines() {
        let deadline = ContinuousClock.now + bounds.answer
        if publishAnswerDeadline != nil { publishAnswerDeadline = deadline }
        if controlAnswerDeadline != nil { controlAnswerDeadline = deadline }
        note(deadline)
    }

    /// What those in ``waiting`` wait for.
    private var waitState: Place.WaitState {
        guard let link, isPublishChannelReady else { return .disconnected }
        if let reason = link.blockedReason { return .blocked(reason) }
        return .windowFull
    }
}
#endif
