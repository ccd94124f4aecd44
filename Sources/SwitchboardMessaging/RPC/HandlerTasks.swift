import SwitchboardCore

/// The tasks of a server's handlers: at most so many at a time, and all of them can be cancelled together.
final class HandlerTasks: Sendable {
    private struct Occupant {
        let id: UInt64
        var task: Task<Void, Never>
    }

    private struct State {
        /// A free place is `nil`.
        var places: [Occupant?] = []
        var freePlaces: [Int] = []
        /// What is called when there is a free place again.
        var refused: [@Sendable () -> Void] = []
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
        /// What goes on without a place.
        var later: [UInt64: Task<Void, Never>] = [:]
        var nextID: UInt64 = 0
        var isCancelled = false

        var isIdle: Bool { freePlaces.count == places.count && later.isEmpty }

        mutating func takeIdleWaiters() -> [CheckedContinuation<Void, Never>] {
            isIdle ? idleWaiters.take() : []
        }
    }

    /// The right to be at work, from ``HandlerTasks/start(orLater:_:)`` to ``leave()``, which is called once.
    struct Place: Sendable {
        fileprivate let tasks: HandlerTasks
        fileprivate let index: Int
        fileprivate let id: UInt64

        /// Whether all tasks have been cancelled, and not this one alone.
        var areAllCancelled: Bool {
            tasks.state.withLock { $0.isCancelled }
        }

        func leave() {
            tasks.leave(index)
        }

        /// Cancels what is at work here; does nothing when it has left.
        func cancel() {
            let task = tasks.state.withLock { state in
                state.places[index].flatMap { $0.id == id ? $0.task : nil }
            }
            task?.cancel()
        }

        /// Leaves, and does more in a task that takes no place: what waits for others keeps nobody from work. All are
        /// idle when that is done too, and cancelling all cancels it.
        ///
        /// - Returns: whether it does; not when ``laterLimit`` do so already, and then this has not left.
        func leave(forLater work: @escaping @Sendable () async -> Void) -> Bool {
            guard tasks.goOn(id, work) else { return false }
            leave()
            return true
        }
    }

    /// How many may go on without a place.
    static let laterLimit = 1000

    private let maximum: Int
    private let executor: (any TaskExecutor)?
    private let onLeave: @Sendable () -> Void
    private let state = Locked(State())

    /// - Parameter onLeave: called whenever a place is left, before it is free.
    init(_ maximum: Int, executor: (any TaskExecutor)? = nil, onLeave: @escaping @Sendable () -> Void) {
        self.maximum = maximum
        self.executor = executor
        self.onLeave = onLeave
    }

    /// Does `work` in a task of its own; or, when as many are at work as may be, does not, and calls `onRoom` as soon as
    /// one of them has left.
    ///
    /// - Returns: whether it does.
    func start(
        orLater onRoom: @escaping @Sendable () -> Void, _ work: @escaping @Sendable (Place) async -> Void
    ) -> Bool {
        let (isStarted, late) = state.withLock { state -> (Bool, Task<Void, Never>?) in
            guard let index = state.freePlaces.popLast() ?? (state.places.count < maximum ? state.places.count : nil)
            else {
                state.refused.append(onRoom)
                return (false, nil)
            }
            state.nextID += 1
            let place = Place(tasks: self, index: index, id: state.nextID)
            // It leaves under the lock too, and so after this. A preference costs something also where it is `nil`.
            let task =
                if let executor {
                    Task(executorPreference: executor) { await work(place) }
                } else {
                    Task { await work(place) }
                }
            let occupant = Occupant(id: state.nextID, task: task)
            if index == state.places.count { state.places.append(occupant) } else { state.places[index] = occupant }
            return (true, state.isCancelled ? task : nil)
        }
        late?.cancel()
        return isStarted
    }

    private func goOn(_ id: UInt64, _ work: @escaping @Sendable () async -> Void) -> Bool {
        let (isStarted, late) = state.withLock { state -> (Bool, Task<Void, Never>?) in
            guard state.later.count < Self.laterLimit else { return (false, nil) }
            // It ends under the lock too, and so after this.
            let task = Task(executorPreference: executor) {
                await work()
                self.end(id)
            }
            state.later[id] = task
            return (true, state.isCancelled ? task : nil)
        }
        late?.cancel()
        return isStarted
    }

    private func end(_ id: UInt64) {
        let idleWaiters = state.withLock { state in
            state.later[id] = nil
            return state.takeIdleWaiters()
        }
        for waiter in idleWaiters { waiter.resume() }
    }

    private func leave(_ index: Int) {
        onLeave()
        let (refused, idleWaiters) = state.withLock { state -> ([@Sendable () -> Void], _) in
            state.places[index] = nil
            state.freePlaces.append(index)
            return (state.refused.take(), state.takeIdleWaiters())
        }
        // All of them: the first may have nothing any more, and then nobody would end and call the next.
        for onRoom in refused { onRoom() }
        for waiter in idleWaiters { waiter.resume() }
    }

    /// Cancels what was started, and what will be.
    func cancelAll() {
        let tasks = state.withLock { state in
            state.isCancelled = true
            return state.places.compactMap { $0?.task } + state.later.values
        }
        for task in tasks { task.cancel() }
    }

    /// How many have been started so far.
    var startedCount: UInt64 { state.withLock { $0.nextID } }

    /// Whether as many are at work as may be.
    var isFull: Bool { state.withLock { $0.freePlaces.isEmpty && $0.places.count >= maximum } }

    /// Returns when none is at work.
    func waitUntilIdle() async {
        await withCheckedContinuation { waiter in
            let isIdle = state.withLock { state in
                if !state.isIdle { state.idleWaiters.append(waiter) }
                return state.isIdle
            }
            if isIdle { waiter.resume() }
        }
    }
}

extension Array {
    /// What was in it; nothing from now on.
    fileprivate mutating func take() -> [Element] {
        if isEmpty { return [] }
        defer { self = [] }
        return self
    }
}
