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

    /// What it is broken with.
    var failure: (any Error)? {
        state.withLock { state in
            if case .broken(let error) = state.phase { error } else { nil }
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
        until deadline: Moment, timeoutError: @escaping @Sendable () -> any Error
    ) async throws {
        if isOpen { return }
        if let failure { throw failure }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.wait() }
            group.addTask {
                try await Task.sleep(until: deadline.instant, clock: .continuous)
                throw timeoutError()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { self.enqueue($0, id: id) }
        } onCancel: {
            self.resume(id, throwing: CancellationError())
        }
    }

    private func enqueue(_ continuation: CheckedContinuation<Void, any Error>, id: UInt64) {
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
        // That may have come before the continuation was here to be resumed.
        if Task.isCancelled { resume(id, throwing: CancellationError()) }
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
