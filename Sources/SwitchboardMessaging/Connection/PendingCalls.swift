import SwitchboardCore

/// The calls of one connection that wait for their replies.
///
/// Nearly every call ends long before its deadline. So their deadlines are not kept in order: an alarm is set for a lower
/// bound of them; when it goes off all calls are looked through, and the next bound is found on the way.
final class PendingCalls: Sendable {
    /// Why a call that was sent, or may have been, ended without a reply; the client makes the sentence.
    enum Failure: Error {
        /// Neither reply nor keepalive in time to the call of this id.
        case timeout(id: WireID)
        /// The connection ended.
        case closed(any Error)
    }

    fileprivate struct State {
        var calls = CallTable<PendingCall>()
        /// No call's limit is before it.
        var alarm: (moment: Moment, token: DeadlineScheduler.Token)?
        /// Calls that no caller waits for any more, and of which it is not known yet who works on them.
        var abandoned: [IDFingerprint: DeadlineScheduler.Token] = [:]
        var closed: (any Error)?
    }

    fileprivate typealias Ending = (
        continuation: UnsafeContinuation<OsloReply, any Error>, outcome: Result<OsloReply, any Error>
    )

    private static let maximumAbandoned = 1024

    private let state = Locked(State())
    private let deadlines: DeadlineScheduler
    /// Is told the worker of a call that no caller waits for any more.
    private let onAbandoned: @Sendable (_ id: WireID, _ worker: String) -> Void

    init(deadlines: DeadlineScheduler, onAbandoned: @escaping @Sendable (_ id: WireID, _ worker: String) -> Void) {
        self.deadlines = deadlines
        self.onAbandoned = onAbandoned
    }

    var count: Int {
        state.withLock { $0.calls.count }
    }

    /// Expects a reply until `deadline`, and, where there is a keepalive interval, some sign of life within each interval.
    ///
    /// - Parameters:
    ///   - isSending: whether ``PendingCall/sent(_:)`` will tell, by `deadline`, how sending it went.
    ///   - observation: is told that too.
    func add(
        deadline: Moment, keepaliveInterval: Duration?, isSending: Bool = false, observation: SendingObservation? = nil
    ) throws -> PendingCall {
        let limit = keepaliveInterval.map { min(deadline, .now + $0) } ?? deadline
        return try state.withLock { state throws(any Error) in
            // Nothing was sent.
            if let closed = state.closed { throw closed }
            let call = state.calls.add { high, low in
                PendingCall(
                    high, low, deadline: deadline, limit: limit, keepaliveInterval: keepaliveInterval,
                    isSending: isSending, observation: observation, calls: self)
            }
            setAlarm(by: limit, &state)
            return call
        }
    }

    /// How sending a call went.
    func sent(_ call: PendingCall, _ error: TransportError?) {
        let ending: Ending? = state.withLock { state in
            if let error { return state.end(call, .failure(error)) }
            call.isSending = false
            guard let interval = call.keepaliveInterval, .now < call.deadline else {
                return call.isOverdue ? state.end(call, .failure(Failure.timeout(id: call.id))) : nil
            }
            // The other side has been silent for no time yet.
            call.isOverdue = false
            call.limit = min(call.deadline, .now + interval)
            if state.has(call) { setAlarm(by: call.limit, &state) }
            return nil
        }
        Self.resume(ending)
    }

    /// Stops expecting a reply.
    func remove(_ call: PendingCall) {
        state.withLock { state in
            _ = state.calls.remove(call.high, call.low)
            call.standing = .over
        }
    }

    /// Waits for the outcome of a call; ends with its deadline.
    ///
    /// - Parameter sending: the publish of the request, given up when the task is cancelled.
    func reply(to call: PendingCall, sending: PendingPublish? = nil) async throws -> OsloReply {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let outcome: Result<OsloReply, any Error>? = state.withLock { _ in
                    switch call.standing {
                    case .expected:
                        call.standing = .waits(continuation)
                        return nil
                    case .ended(let outcome):
                        call.standing = .over
                        return outcome
                    case .waits, .over: return .failure(CancellationError())
                    }
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            self.abandon(call)
            sending?.cancel()
        }
    }

    /// Ends a call whose task was cancelled, and has its worker told, now or as soon as it says who it is.
    func abandon(_ call: PendingCall) {
        let (worker, ending): (String?, Ending?) = state.withLock { state in
            guard state.has(call) else { return (nil, nil) }
            let ending = state.end(call, .failure(CancellationError()))
            if call.worker == nil, state.abandoned.count < Self.maximumAbandoned {
                let key = IDFingerprint(call.id)
                state.abandoned[key] = deadlines.schedule(at: call.deadline) {
                    _ = self.state.withLock { $0.abandoned.removeValue(forKey: key) }
                }
            }
            return (call.worker, ending)
        }
        Self.resume(ending)
        if let worker { onAbandoned(call.id, worker) }
    }

    /// Takes a reply message. `false` when no caller waits for it (a late reply, a leaked keepalive).
    func receive(_ reply: OsloReply, id: WireID) -> Bool {
        enum Next {
            case kept, late
            case ended(Ending?)
            case abandoned(DeadlineScheduler.Token)
        }
        let next: Next = state.withLock { state in
            if case .digits(let high, let low) = id, let call = state.calls.call(high, low) {
                guard let last = call.received(reply) else { return .kept }
                return .ended(state.end(call, .success(last)))
            }
            if state.abandoned.isEmpty { return .late }
            return state.abandoned.removeValue(forKey: IDFingerprint(id)).map { .abandoned($0) } ?? .late
        }
        switch next {
        case .late: return false
        case .kept: break
        case .ended(let ending): Self.resume(ending)
        case .abandoned(let token):
            deadlines.cancel(token)
            if let worker = reply.worker { onAbandoned(id, worker) }
        }
        return true
    }

    /// Ends every call, and every later one, with an error.
    func close(_ error: any Error) {
        state.withLock { $0.closed = $0.closed ?? error }
        failAll(error)
    }

    /// Ends the calls of now, whose replies cannot come any more.
    func failAll(_ error: any Error) {
        let endings = state.withLock { state in
            state.calls.all.compactMap { state.end($0, .failure(Failure.closed(error))) }
        }
        for ending in endings { Self.resume(ending) }
    }

    private static func resume(_ ending: Ending?) {
        if let ending { ending.continuation.resume(with: ending.outcome) }
    }

    // MARK: Time

    /// Sees to it that an alarm goes off by then.
    private func setAlarm(by limit: Moment, _ state: inout State) {
        if let alarm = state.alarm {
            if alarm.moment <= limit { return }
            deadlines.cancel(alarm.token)
        }
        state.alarm = (limit, deadlines.schedule(at: limit) { [weak self] in self?.goOff(limit) })
    }

    /// Ends the calls that have been silent for too long.
    private func goOff(_ alarm: Moment) {
        let endings: [Ending] = state.withLock { state in
            // Another one may have been set just now, for earlier.
            if state.alarm?.moment == alarm { state.alarm = nil }
            let now = Moment.now
            var endings: [Ending] = []
            var bound: Moment?
            for call in state.calls.all where !call.isOverdue {
                if call.limit > now {
                    bound = min(bound ?? call.limit, call.limit)
                } else if call.isSending {
                    call.isOverdue = true
                } else if let ending = state.end(call, .failure(Failure.timeout(id: call.id))) {
                    endings.append(ending)
                }
            }
            if let bound { setAlarm(by: bound, &state) }
            return endings
        }
        for ending in endings { Self.resume(ending) }
    }
}

extension PendingCalls.State {
    fileprivate func has(_ call: PendingCall) -> Bool { calls.call(call.high, call.low) === call }

    /// Ends a call, unless it has ended.
    ///
    /// - Returns: its caller, if that waits already.
    fileprivate mutating func end(
        _ call: PendingCall, _ outcome: Result<OsloReply, any Error>
    ) -> PendingCalls.Ending? {
        guard calls.remove(call.high, call.low) else { return nil }
        if case .waits(let continuation) = call.standing {
            call.standing = .over
            return (continuation, outcome)
        }
        call.standing = .ended(outcome)
        return nil
    }
}
