internal import SwitchboardCore

/// What publishes and subscriptions wait at until the spool is open.
final class Gate: Sendable {
    private enum State {
        case waiting([UInt64: CheckedContinuation<Void, Never>])
        case open(SpoolSession)
        case closed(TransportError)
    }

    private let state = Locked(State.waiting([:]))
    private let identifiers = Locked<UInt64>(0)

    var closure: TransportError? {
        state.withLock { state in
            if case .closed(let error) = state { error } else { nil }
        }
    }

    func open(_ session: SpoolSession) {
        change(to: .open(session))
    }

    /// Lets everybody wait until it is open again.
    func suspend() {
        state.withLock { state in
            if case .open = state { state = .waiting([:]) }
        }
    }

    func close(_ error: TransportError) {
        change(to: .closed(error))
    }

    private func change(to new: State) {
        let waiting = state.withLock { state in
            var continuations: [CheckedContinuation<Void, Never>] = []
            if case .waiting(let waiting) = state { continuations = Array(waiting.values) }
            state = new
            return continuations
        }
        for continuation in waiting { continuation.resume() }
    }

    /// The open spool; waits for it, to the deadline.
    func session(
        until deadline: ContinuousClock.Instant?, for what: String, _ monitor: TransportMonitor
    ) async throws(TransportError) -> SpoolSession {
        if let session = try current() { return session }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.change() }
            if let deadline {
                group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
            }
            await group.next()
            group.cancelAll()
        }
        if let session = try current() { return session }
        if Task.isCancelled {
            throw TransportError(.cancelled, "\(what) was cancelled while the spool was not open.")
        }
        throw TransportError(
            .unavailable,
            "\(what) waited until its deadline for the spool to be opened; its state is: \(monitor.state).")
    }

    private func current() throws(TransportError) -> SpoolSession? {
        let (session, error): (SpoolSession?, TransportError?) = state.withLock { state in
            switch state {
            case .waiting: (nil, nil)
            case .open(let session): (session, nil)
            case .closed(let error): (nil, error)
            }
        }
        if let error { throw error }
        return session
    }

    /// Returns when the state changes or the task is cancelled.
    private func change() async {
        let id = identifiers.withLock { id in
            id += 1
            return id
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = state.withLock { state in
                    guard case .waiting(var waiting) = state, !Task.isCancelled else { return false }
                    waiting[id] = continuation
                    state = .waiting(waiting)
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .waiting(var waiting) = state else { return nil }
                let continuation = waiting.removeValue(forKey: id)
                state = .waiting(waiting)
                return continuation
            }
            continuation?.resume()
        }
    }
}
