#if MariaDB
    internal import SwitchboardCells
    internal import SwitchboardCore

    /// A caller that waits for what a thread does for it: its end comes once, from the thread, the deadline or the caller.
    ///
    ///     waiting ──began──▶ running ◀──repeats── committing
    ///        │                  │ └──mayCommit──────▲ │
    ///        └──────────────────┴────────▶ over ◀─────┘
    final class Call<Value: Sendable>: PendingCall {
        private enum Phase { case waiting, running, committing, over }

        private struct State {
            var phase = Phase.waiting
            var result: Result<Value, CellError>?
            var continuation: CheckedContinuation<Result<Value, CellError>, Never>?
            var socket: SocketSwitch?
        }

        let deadline: ContinuousClock.Instant
        let body: @Sendable (MariaDBConnection) throws -> Value
        private let state = Locked(State())

        init(deadline: ContinuousClock.Instant, _ body: @escaping @Sendable (MariaDBConnection) throws -> Value) {
            self.deadline = deadline
            self.body = body
        }

        /// Takes the caller, which may have its answer already.
        func wait(_ continuation: CheckedContinuation<Result<Value, CellError>, Never>) {
            let result: Result<Value, CellError>? = state.withLock { state in
                if state.result == nil { state.continuation = continuation }
                return state.result
            }
            if let result { continuation.resume(returning: result) }
        }

        var isOver: Bool { state.withLock { $0.phase == .over } }

        /// A thread takes it up. Returns `false` if the caller has its answer already.
        func began(on socket: SocketSwitch) -> Bool {
            state.withLock { state in
                guard state.phase == .waiting else { return false }
                state.phase = .running
                state.socket = socket
                return true
            }
        }

        /// Whether a transaction may be committed: not when its caller was told that nothing happened.
        func mayCommit() -> Bool {
            state.withLock { state in
                guard state.phase == .running else { return false }
                state.phase = .committing
                return true
            }
        }

        /// The server undid the commit, so the transaction runs again. Returns `false` if the caller has its answer already.
        func repeats() -> Bool {
            state.withLock { state in
                if state.phase == .committing { state.phase = .running }
                return state.phase == .running
            }
        }

        /// The answer. Only the first one counts.
        func finish(_ result: Result<Value, CellError>) {
            _ = end { _ in result }
        }

        func fail(_ error: CellError) {
            finish(.failure(error))
        }

        /// Its time is over, whatever the thread does.
        func expire(_ outcome: (ExpiredPhase) -> CellError) {
            let socket = state.withLock(\.socket)
            let isEnded = end { phase in
                switch phase {
                case .waiting: .failure(outcome(.waiting))
                case .running: .failure(outcome(.running))
                case .committing: .failure(outcome(.committing))
                case .over: nil
                }
            }
            // The thread is needed by others.
            if isEnded { socket?.cut() }
        }

        /// The caller doesn't want it any more. A commit that is on its way is waited for, because its outcome is known soon.
        func cancel(_ error: CellError) {
            _ = end { phase in phase == .committing ? nil : .failure(error) }
        }

        /// Ends it with what `decide` makes of the phase that it is in, in one step. Returns whether it ended by that.
        private func end(_ decide: (Phase) -> Result<Value, CellError>?) -> Bool {
            let (ended, result, continuation) = state.withLock { state in
                guard state.phase != .over, let result = decide(state.phase) else {
                    return (
                        false, Result<Value, CellError>?.none,
                        CheckedContinuation<Result<Value, CellError>, Never>?.none
                    )
                }
                state.phase = .over
                state.result = result
                state.socket = nil
                defer { state.continuation = nil }
                return (true, result, state.continuation)
            }
            if let result { continuation?.resume(returning: result) }
            return ended
        }
    }

    /// How far a call was when its time was over.
    enum ExpiredPhase: Sendable { case waiting, running, committing }

    /// A call, whatever its value.
    protocol PendingCall: AnyObject, Sendable {
        var deadline: ContinuousClock.Instant { get }
        var isOver: Bool { get }
        func fail(_ error: CellError)
        func expire(_ outcome: (ExpiredPhase) -> CellError)
    }
#endif
