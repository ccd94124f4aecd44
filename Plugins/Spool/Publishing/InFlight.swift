internal import SwitchboardCore

/// The publishes on their way, and their deadlines: one timer for all.
final class InFlight: Sendable {
    static let limit = 16_384

    private struct State {
        var operations: [UInt64: PublishOperation] = [:]
        var nextID: UInt64 = 0
        var earliest: ContinuousClock.Instant?
        var thread: SpoolThread?
    }

    private let state = Locked(State())

    func attach(_ thread: SpoolThread) {
        state.withLock { $0.thread = thread }
    }

    /// `nil` when there are too many.
    func add(_ operation: PublishOperation) -> UInt64? {
        let (id, alarm): (UInt64?, SpoolThread?) = state.withLock { state in
            guard state.operations.count < Self.limit else { return (nil, nil) }
            state.nextID += 1
            state.operations[state.nextID] = operation
            if let earliest = state.earliest, earliest <= operation.deadline { return (state.nextID, nil) }
            state.earliest = operation.deadline
            return (state.nextID, state.thread)
        }
        alarm?.wake(at: operation.deadline)
        return id
    }

    func remove(_ id: UInt64) {
        _ = state.withLock { $0.operations.removeValue(forKey: id) }
    }

    /// Gives up what is over its deadline. The next deadline there is.
    func expire() -> ContinuousClock.Instant? {
        let now = ContinuousClock.Instant.now
        let (overdue, next): ([PublishOperation], ContinuousClock.Instant?) = state.withLock { state in
            guard let earliest = state.earliest else { return ([], nil) }
            if earliest > now { return ([], earliest) }
            let overdue = state.operations.values.filter { $0.deadline <= now }
            state.earliest = state.operations.values.map(\.deadline).filter { $0 > now }.min()
            return (overdue, state.earliest)
        }
        for operation in overdue { operation.expire() }
        return next
    }
}
