import SwitchboardCore

/// The tasks of a server's handlers: at most so many at a time, each with a permit, and all of them can be cancelled together.
final class HandlerTasks: Sendable {
    private struct Holder {
        let id: UInt64
        var task: Task<Void, Never>
    }

    private struct State {
        /// The holders of permits; a free slot is `nil`.
        var slots: [Holder?] = []
        var freeSlots: [Int] = []
        /// What is called when a permit is free again.
        var refused: [@Sendable () -> Void] = []
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
        /// What goes on without a permit.
        var later: [UInt64: Task<Void, Never>] = [:]
        var nextID: UInt64 = 0
        var isCancelled = false

        var isIdle: Bool { freeSlots.count == slots.count && later.isEmpty }

        mutating func takeIdleWaiters() -> [CheckedContinuation<Void, Never>] {
            isIdle ? idleWaiters.take() : []
        }
    }

    /// The right to be at work, from ``HandlerTasks/start(orLater:_:)`` until it is released. It can be released only once:
    /// anything later does nothing, and no other holder notices.
    struct Permit: Sendable {
        fileprivate let tasks: HandlerTasks
        fileprivate let slot: Int
        fileprivate let id: UInt64

        /// Whether all tasks have been cancelled, and not this one alone.
        var areAllCancelled: Bool {
            tasks.state.withLock { $0.isCancelled }
        }

        func release() {
            tasks.release(self)
        }

        /// Cancels what is at work; does nothing once the permit is released.
        func cancel() {
            let task = tasks.state.withLock { state in
                state.slots[slot].flatMap { $0.id == id ? $0.task : nil }
            }
            task?.cancel()
        }

        /// Releases the permit, and does more in a task that needs none: what waits for others keeps no request from being
        /// handled. The tasks are idle when that is done too, and cancelling all of them cancels it.
        ///
        /// - Returns: whether it does; not when ``laterLimit`` do so already, and then the permit is still held.
        func release(continuing work: @escaping @Sendable () async -> Void) -> Bool {
            guard tasks.goOn(id, work) else { return false }
            release()
            return true
        }
    }

    /// How many may go on without a permit.
    static let laterLimit = 1000

    private let maximum: Int
    private let executor: (any TaskExecutor)?
    private let onRelease: @Sendable () -> Void
    private let state = Locked(State())

    /// - Parameter onRelease: called whenever a permit is released, before it is free, under the lock of the tasks.
    init(_ maximum: Int, executor: (any TaskExecutor)? = nil, onRelease: @escaping @Sendable () -> Void) {
        self.maximum = maximum
        self.executor = executor
        self.onRelease = onRelease
    }

    /// Does `work` in a task of its own; or, when as many are at work as may be, does not, and calls `onRoom` as soon as
    /// one of them has released its permit.
    ///
    /// - Returns: whether it does.
    func start(
        orLater onRoom: @escaping @Sendable () -> Void, _ work: @escaping @Sendable (Permit) async -> Void
    ) -> Bool {
        let (isStarted, late) = state.withLock { state -> (Bool, Task<Void, Never>?) in
            guard let slot = state.freeSlots.popLast() ?? (state.slots.count < maximum ? state.slots.count : nil)
            else {
                state.refused.append(onRoom)
                return (false, nil)
            }
            state.nextID += 1
            let permit = Permit(tasks: self, slot: slot, id: state.nextID)
            // It is released under the lock too, and so after this. A preference costs something also where it is `nil`.
            let task =
                if let executor {
                    Task(executorPreference: executor) { await work(permit) }
                } else {
                    Task { await work(permit) }
                }
            let holder = Holder(id: state.nextID, task: task)
            if slot == state.slots.count { state.slots.append(holder) } else { state.slots[slot] = holder }
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

    private func release(_ permit: Permit) {
        let (refused, idleWaiters) = state.withLock {
            state -> ([@Sendable () -> Void], [CheckedContinuation<Void, Never>]) in
            guard state.slots[permit.slot]?.id == permit.id else { return ([], []) }
            onRelease()
            state.slots[permit.slot] = nil
            state.freeSlots.append(permit.slot)
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
            return state.slots.compactMap { $0?.task } + state.later.values
        }
        for task in tasks { task.cancel() }
    }

    /// How many have been started so far.
    var startedCount: UInt64 { state.withLock { $0.nextID } }

    /// Whether as many are at work as may be.
    var isFull: Bool { state.withLock { $0.freeSlots.isEmpty && $0.slots.count >= maximum } }

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
