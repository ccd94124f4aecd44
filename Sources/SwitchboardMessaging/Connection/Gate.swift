import SwitchboardCore

/// Something that tasks wait for until it is open: closed at first, opened and closed any number of times, or broken
/// for good with an error that everybody who waits or comes later gets.
final class Gate: Sendable {
    private enum Phase {
        case closed
        case open
        case broken(any Error)
    }

    private struct State {
        var phase = Phase.closed
        var nextID: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state = Locked(State())

    var isOpen: Bool {
        state.withLock { state in
            if case .open = state.phase { true } else { false }
        }
    }

    /// Lets everybody through, those who wait and those who come.
    func open() {
        resumeAll(phase: .open)
    }

    /// Makes those who come from now on wait.
    func close() {
        state.withLock { state in
            if case .open = state.phase { state.phase = .closed }
        }
    }

    /// Fails those who wait now; the gate stays closed.
    func fail(_ error: any Error) {
        resumeAll(phase: nil, throwing: error)
    }

    /// Fails those who wait and those who come, for good.
    func `break`(_ error: any Error) {
        resumeAll(phase: .broken(error), throwing: error)
    }

    /// Returns when the gate is open. Throws its error, `CancellationError`, or what `timeoutError` makes at the deadline.
    func wait(
        until deadline: ContinuousClock.Instant,
        _ deadlines: DeadlineScheduler,
        timeoutError: @escaping @Sendable () -> any Error
    ) async throws {
        let id: UInt64? = try state.withLock { state in
            switch state.phase {
            case .open: return nil
            case .broken(let error): throw error
            case .closed:
                state.nextID += 1
                return state.nextID
            }
        }
        guard let id else { return }
        let token = deadlines.schedule(at: deadline) { self.resume(id, throwing: timeoutError()) }
        defer { deadlines.cancel(token) }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.enqueue(continuation, id: id, deadline: deadline, timeoutError: timeoutError)
            }
        } onCancel: {
            self.resume(id, throwing: CancellationError())
        }
    }

    private func enqueue(
        _ continuation: CheckedContinuation<Void, any Error>,
        id: UInt64,
        deadline: ContinuousClock.Instant,
        timeoutError: () -> any Error
    ) {
        let result: Result<Void, any Error>? = state.withLock { state in
            switch state.phase {
            case .open: return .success(())
            case .broken(let error): return .failure(error)
            case .closed:
                state.waiters[id] = continuation
                return nil
            }
        }
        if let result { return continuation.resume(with: result) }
        // Either may have come before the continuation was here to be resumed.
        if Task.isCancelled { resume(id, throwing: CancellationError()) }
        if deadline <= .now { resume(id, throwing: timeoutError()) }
    }

    private func resume(_ id: UInt64, throwing error: any Error) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
        waiter?.resume(throwing: error)
    }

    private func resumeAll(phase: Phase?, throwing error: (any Error)? = nil) {
        let waiters: [CheckedContinuation<Void, any Error>] = state.withLock { state in
            if case .broken = state.phase { return [] }
            if let phase { state.phase = phase }
            let waiters = Array(state.waiters.values)
            state.waiters.removeAll()
            return waiters
        }
        for waiter in waiters {
            if let error { waiter.resume(throwing: error) } else { waiter.resume() }
        }
    }
}
