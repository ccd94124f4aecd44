import SwitchboardCore

/// The calls of one connection that wait for their replies.
final class PendingCalls: Sendable {
    /// Why a call that was sent, or may have been, ended without a reply; the client makes the sentence.
    enum Failure: Error {
        /// Neither reply nor keepalive in time to the call of this id.
        case timeout(id: WireID)
        /// The connection ended.
        case closed(any Error)
    }

    fileprivate struct Call {
        var deadline: Moment
        var keepaliveInterval: Duration?
        var token: DeadlineScheduler.Token
        /// Whether it is not known yet that it was sent. A failure to do so says more than that time is over.
        var isSending: Bool
        var isOverdue = false
        var continuation: UnsafeContinuation<OsloReply, any Error>?
        /// What came before somebody waited for it.
        var outcome: Result<OsloReply, any Error>?
        /// The last result or failure of messages that said that more was to come (oslo-wire.md §4.1).
        var partial: OsloReply?
        /// The mailbox of the server that said that it works on the call.
        var worker: String?

        enum Sent {
            case waits, timedOut
            /// The other side has been silent for no time yet.
            case listens(until: Moment)
        }

        /// It is known that the call was sent.
        mutating func sent() -> Sent {
            isSending = false
            if let keepaliveInterval, outcome == nil, .now < deadline {
                isOverdue = false
                return .listens(until: min(deadline, .now + keepaliveInterval))
            }
            return isOverdue ? .timedOut : .waits
        }

        enum Received {
            /// It was over already.
            case late
            case kept
            case postponed(DeadlineScheduler.Token, Moment)
            case finished(End, OsloReply)
        }

        mutating func receive(_ reply: OsloReply) -> Received {
            guard outcome == nil else { return .late }
            let carriesValue = reply.failure != nil || reply.result != .null
            if reply.ending {
                var last = carriesValue ? reply : partial ?? reply
                if !last.ending { last.ending = true }
                return .finished(end(.success(last)), last)
            }
            if carriesValue { partial = reply }
            if let worker = reply.worker { self.worker = worker }
            guard let keepaliveInterval else { return .kept }
            return .postponed(token, min(deadline, .now + keepaliveInterval))
        }

        /// The alarm that isn't needed any more, and the caller that waits. Without one, the outcome is kept until it comes.
        typealias End = (token: DeadlineScheduler.Token, continuation: UnsafeContinuation<OsloReply, any Error>?)

        mutating func end(_ outcome: Result<OsloReply, any Error>) -> End {
            if continuation == nil { self.outcome = outcome }
            return (token, continuation)
        }
    }

    fileprivate struct State {
        var calls: [IDFingerprint: Call] = [:]
        /// Calls that nobody waits for any more, and of which it is not known yet who works on them.
        var abandoned: [IDFingerprint: DeadlineScheduler.Token] = [:]
        var closed: (any Error)?
    }

    private static let maximumAbandoned = 1024

    private let state = Locked(State())
    private let deadlines: DeadlineScheduler
    /// Is told the worker of a call that nobody waits for any more.
    private let onAbandoned: @Sendable (_ id: WireID, _ worker: String) -> Void

    init(deadlines: DeadlineScheduler, onAbandoned: @escaping @Sendable (_ id: WireID, _ worker: String) -> Void) {
        self.deadlines = deadlines
        self.onAbandoned = onAbandoned
    }

    var count: Int {
        state.withLock { $0.calls.count }
    }

    /// Expects the reply to `id` until `deadline`, and, where there is a keepalive interval, some sign of life within
    /// each interval.
    ///
    /// - Parameter isSending: whether ``sent(_:_:)`` will tell, by `deadline`, how sending it went.
    func add(
        _ id: WireID, deadline: Moment, keepaliveInterval: Duration?, isSending: Bool = false
    ) throws {
        let first = keepaliveInterval.map { min(deadline, .now + $0) } ?? deadline
        let token = deadlines.schedule(at: first) { self.timeOut(id) }
        let closed = state.withLock { state in
            if state.closed == nil {
                state.calls[IDFingerprint(id)] = Call(
                    deadline: deadline, keepaliveInterval: keepaliveInterval, token: token, isSending: isSending
                )
            }
            return state.closed
        }
        if let closed {
            deadlines.cancel(token)
            // Nothing was sent.
            throw closed
        }
        // The alarm may have come before there was a call to end.
        if first <= .now { timeOut(id) }
    }

    private func timeOut(_ id: WireID) {
        let isSending = state.withLock { state in
            guard let index = state.calls.index(forKey: IDFingerprint(id)), state.calls.values[index].isSending else {
                return false
            }
            state.calls.values[index].isOverdue = true
            return true
        }
        if !isSending { finish(id, .failure(Failure.timeout(id: id))) }
    }

    /// How sending a call went; its reply may have come before.
    func sent(_ id: WireID, _ error: TransportError?) {
        if let error { return finish(id, .failure(error)) }
        // In its place in the dictionary: a copy of a call is not cheap.
        let next: Call.Sent = state.withLock { state in
            guard let index = state.calls.index(forKey: IDFingerprint(id)) else { return .waits }
            return state.calls.values[index].sent()
        }
        switch next {
        case .waits: break
        case .timedOut: finish(id, .failure(Failure.timeout(id: id)))
        case .listens(let deadline): listen(for: id, until: deadline)
        }
    }

    /// Another alarm, as the one of before may have gone off.
    private func listen(for id: WireID, until deadline: Moment) {
        let token = deadlines.schedule(at: deadline) { self.timeOut(id) }
        let unneeded = state.withLock { state in
            guard let index = state.calls.index(forKey: IDFingerprint(id)), state.calls.values[index].outcome == nil
            else {
                return token
            }
            defer { state.calls.values[index].token = token }
            return state.calls.values[index].token
        }
        deadlines.cancel(unneeded)
    }

    /// Stops expecting a reply.
    func remove(_ id: WireID) {
        let token = state.withLock { $0.calls.removeValue(forKey: IDFingerprint(id))?.token }
        if let token { deadlines.cancel(token) }
    }

    /// Waits for the outcome of a call that was added; ends with the deadline given there.
    ///
    /// - Parameter sending: the publish of the request, given up when the task is cancelled.
    func reply(to id: WireID, sending: PendingPublish? = nil) async throws -> OsloReply {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let outcome: Result<OsloReply, any Error>? = state.withLock { state in
                    guard let index = state.calls.index(forKey: IDFingerprint(id)) else {
                        return .failure(CancellationError())
                    }
                    if let outcome = state.calls.values[index].outcome {
                        state.calls.remove(at: index)
                        return outcome
                    }
                    state.calls.values[index].continuation = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            self.abandon(id)
            sending?.cancel()
        }
    }

    /// Ends a call whose task was cancelled, and has its worker told, now or as soon as it says who it is.
    func abandon(_ id: WireID) {
        let (worker, deadline) = state.withLock { state -> (String?, Moment?) in
            guard let call = state.calls[IDFingerprint(id)], call.outcome == nil else { return (nil, nil) }
            return (call.worker, call.deadline)
        }
        guard let deadline else { return }
        finish(id, .failure(CancellationError()))
        if let worker { return onAbandoned(id, worker) }
        let token = deadlines.schedule(at: deadline) {
            _ = self.state.withLock { $0.abandoned.removeValue(forKey: IDFingerprint(id)) }
        }
        let isKept = state.withLock { state in
            guard state.abandoned.count < Self.maximumAbandoned else { return false }
            state.abandoned[IDFingerprint(id)] = token
            return true
        }
        if !isKept { deadlines.cancel(token) }
    }

    /// Takes a reply message. `false` when nobody waits for it (a late reply, a leaked keepalive).
    func receive(_ reply: OsloReply, id: WireID) -> Bool {
        var abandoned: DeadlineScheduler.Token?
        let key = IDFingerprint(id)
        let next: Call.Received = state.withLock { state in
            if let index = state.calls.index(forKey: key) {
                let received = state.calls.values[index].receive(reply)
                if case .finished(let end, _) = received, end.continuation != nil { state.calls.remove(at: index) }
                if case .late = received {} else { return received }
            }
            abandoned = state.abandoned.removeValue(forKey: key)
            return .late
        }
        switch next {
        case .late:
            guard let abandoned else { return false }
            deadlines.cancel(abandoned)
            if let worker = reply.worker { onAbandoned(id, worker) }
        case .kept: return true
        case .postponed(let token, let deadline): deadlines.postpone(token, to: deadline)
        case .finished(let end, let reply):
            deadlines.cancel(end.token)
            end.continuation?.resume(returning: reply)
        }
        return true
    }

    /// Ends every call, and every later one, with an error.
    func close(_ error: any Error) {
        let keys: [IDFingerprint] = state.withLock { state in
            state.closed = state.closed ?? error
            return Array(state.calls.keys)
        }
        for key in keys { finish(key, .failure(Failure.closed(error))) }
    }

    /// Ends the calls of now, whose replies cannot come any more.
    func failAll(_ error: any Error) {
        let keys = state.withLock { Array($0.calls.keys) }
        for key in keys { finish(key, .failure(Failure.closed(error))) }
    }

    private func finish(_ id: WireID, _ outcome: Result<OsloReply, any Error>) {
        finish(IDFingerprint(id), outcome)
    }

    private func finish(_ key: IDFingerprint, _ outcome: Result<OsloReply, any Error>) {
        let ended = state.withLock { state in
            state.calls.index(forKey: key).flatMap { index in
                state.calls.values[index].outcome == nil ? state.finish(index, outcome) : nil
            }
        }
        guard let (token, continuation) = ended else { return }
        deadlines.cancel(token)
        continuation?.resume(with: outcome)
    }
}

extension PendingCalls.State {
    /// Ends a call. If its caller waits, nothing is kept; otherwise the outcome is, until the caller comes.
    fileprivate mutating func finish(
        _ index: Dictionary<IDFingerprint, PendingCalls.Call>.Index, _ outcome: Result<OsloReply, any Error>
    ) -> PendingCalls.Call.End {
        let end = calls.values[index].end(outcome)
        if end.continuation != nil { calls.remove(at: index) }
        return end
    }
}
