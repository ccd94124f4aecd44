import SwitchboardCore

/// The calls of one connection that wait for their replies.
final class PendingCalls: Sendable {
    /// Why a call that was sent, or may have been, ended without a reply; the client makes the sentence.
    enum Failure: Error {
        /// Neither reply nor keepalive in time to the call of this id.
        case timeout(id: String)
        /// The connection ended.
        case closed(any Error)
    }

    fileprivate struct Call {
        var deadline: ContinuousClock.Instant
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
    }

    fileprivate struct State {
        var calls: [String: Call] = [:]
        /// Calls that nobody waits for any more, and of which it is not known yet who works on them.
        var abandoned: [String: DeadlineScheduler.Token] = [:]
        var closed: (any Error)?
    }

    private static let maximumAbandoned = 1024

    private let state = Locked(State())
    private let deadlines: DeadlineScheduler
    /// Is told the worker of a call that nobody waits for any more.
    private let onAbandoned: @Sendable (_ id: String, _ worker: String) -> Void

    init(deadlines: DeadlineScheduler, onAbandoned: @escaping @Sendable (_ id: String, _ worker: String) -> Void) {
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
        _ id: String, deadline: ContinuousClock.Instant, keepaliveInterval: Duration?, isSending: Bool = false
    ) throws {
        let first = keepaliveInterval.map { min(deadline, .now + $0) } ?? deadline
        let token = deadlines.schedule(at: first) { self.timeOut(id) }
        let closed = state.withLock { state in
            if state.closed == nil {
                state.calls[id] = Call(
                    deadline: deadline, keepaliveInterval: keepaliveInterval, token: token, isSending: isSending)
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

    private func timeOut(_ id: String) {
        let isSending = state.withLock { state in
            guard let index = state.calls.index(forKey: id), state.calls.values[index].isSending else { return false }
            state.calls.values[index].isOverdue = true
            return true
        }
        if !isSending { finish(id, .failure(Failure.timeout(id: id))) }
    }

    /// How sending a call went; its reply may have come before.
    func sent(_ id: String, _ error: TransportError?) {
        if let error { return finish(id, .failure(error)) }
        enum Next {
            case waits, timedOut
            /// The other side has been silent for no time yet.
            case listens(until: ContinuousClock.Instant)
        }
        let next: Next = state.withLock { state in
            guard let index = state.calls.index(forKey: id) else { return .waits }
            state.calls.values[index].isSending = false
            let call = state.calls.values[index]
            if let interval = call.keepaliveInterval, call.outcome == nil, .now < call.deadline {
                state.calls.values[index].isOverdue = false
                return .listens(until: min(call.deadline, .now + interval))
            }
            return call.isOverdue ? .timedOut : .waits
        }
        switch next {
        case .waits: break
        case .timedOut: finish(id, .failure(Failure.timeout(id: id)))
        case .listens(let deadline): listen(for: id, until: deadline)
        }
    }

    /// Another alarm, as the one of before may have gone off.
    private func listen(for id: String, until deadline: ContinuousClock.Instant) {
        let token = deadlines.schedule(at: deadline) { self.timeOut(id) }
        let unneeded = state.withLock { state in
            guard let index = state.calls.index(forKey: id), state.calls.values[index].outcome == nil else {
                return token
            }
            defer { state.calls.values[index].token = token }
            return state.calls.values[index].token
        }
        deadlines.cancel(unneeded)
    }

    /// Stops expecting a reply.
    func remove(_ id: String) {
        let token = state.withLock { $0.calls.removeValue(forKey: id)?.token }
        if let token { deadlines.cancel(token) }
    }

    /// Waits for the outcome of a call that was added; ends with the deadline given there.
    ///
    /// - Parameter sending: the publish of the request, given up when the task is cancelled.
    func reply(to id: String, sending: PendingPublish? = nil) async throws -> OsloReply {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let outcome: Result<OsloReply, any Error>? = state.withLock { state in
                    guard let index = state.calls.index(forKey: id) else { return .failure(CancellationError()) }
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
    func abandon(_ id: String) {
        let (worker, deadline) = state.withLock { state -> (String?, ContinuousClock.Instant?) in
            guard let call = state.calls[id], call.outcome == nil else { return (nil, nil) }
            return (call.worker, call.deadline)
        }
        guard let deadline else { return }
        finish(id, .failure(CancellationError()))
        if let worker { return onAbandoned(id, worker) }
        let token = deadlines.schedule(at: deadline) {
            _ = self.state.withLock { $0.abandoned.removeValue(forKey: id) }
        }
        let isKept = state.withLock { state in
            guard state.abandoned.count < Self.maximumAbandoned else { return false }
            state.abandoned[id] = token
            return true
        }
        if !isKept { deadlines.cancel(token) }
    }

    /// Takes a reply message. `false` when nobody waits for it (a late reply, a leaked keepalive).
    func receive(_ reply: OsloReply, id: String) -> Bool {
        enum Next {
            case unknown
            case abandoned(DeadlineScheduler.Token)
            case postponed(DeadlineScheduler.Token, ContinuousClock.Instant)
            case kept
            case finished(DeadlineScheduler.Token, UnsafeContinuation<OsloReply, any Error>?, OsloReply)
        }
        let next: Next = state.withLock { state in
            guard let index = state.calls.index(forKey: id), state.calls.values[index].outcome == nil else {
                return state.abandoned.removeValue(forKey: id).map { .abandoned($0) } ?? .unknown
            }
            let carriesValue = reply.failure != nil || reply.result != .null
            if reply.ending {
                var last = carriesValue ? reply : state.calls.values[index].partial ?? reply
                if !last.ending { last.ending = true }
                let (token, continuation) = state.finish(index, .success(last))
                return .finished(token, continuation, last)
            }
            if carriesValue { state.calls.values[index].partial = reply }
            if let worker = reply.worker { state.calls.values[index].worker = worker }
            let call = state.calls.values[index]
            guard let interval = call.keepaliveInterval else { return .kept }
            return .postponed(call.token, min(call.deadline, .now + interval))
        }
        switch next {
        case .unknown: return false
        case .abandoned(let token):
            deadlines.cancel(token)
            if let worker = reply.worker { onAbandoned(id, worker) }
        case .kept: return true
        case .postponed(let token, let deadline): deadlines.postpone(token, to: deadline)
        case .finished(let token, let continuation, let reply):
            deadlines.cancel(token)
            continuation?.resume(returning: reply)
        }
        return true
    }

    /// Ends every call, and every later one, with an error.
    func close(_ error: any Error) {
        let ids: [String] = state.withLock { state in
            state.closed = state.closed ?? error
            return Array(state.calls.keys)
        }
        for id in ids { finish(id, .failure(Failure.closed(error))) }
    }

    /// Ends the calls of now, whose replies cannot come any more.
    func failAll(_ error: any Error) {
        let ids = state.withLock { Array($0.calls.keys) }
        for id in ids { finish(id, .failure(Failure.closed(error))) }
    }

    private func finish(_ id: String, _ outcome: Result<OsloReply, any Error>) {
        let ended = state.withLock { state in
            state.calls.index(forKey: id).flatMap { index in
                state.calls.values[index].outcome == nil ? state.finish(index, outcome) : nil
            }
        }
        guard let (token, continuation) = ended else { return }
        deadlines.cancel(token)
        continuation?.resume(with: outcome)
    }
}

extension PendingCalls.State {
    /// Ends a call: of one that somebody waits for nothing is kept, of another one the outcome until he comes.
    fileprivate mutating func finish(
        _ index: Dictionary<String, PendingCalls.Call>.Index, _ outcome: Result<OsloReply, any Error>
    ) -> (DeadlineScheduler.Token, UnsafeContinuation<OsloReply, any Error>?) {
        let (token, continuation) = (calls.values[index].token, calls.values[index].continuation)
        if continuation == nil {
            calls.values[index].outcome = outcome
        } else {
            calls.remove(at: index)
        }
        return (token, continuation)
    }
}
