import SwitchboardCore

/// The tasks of a server's handlers: at most so many at a time, each with a permit, and all of them can be cancelled together.
///
/// While ``keepWorkers()`` runs, tasks stay when their work is done, and wait for more: making a task, and the memory that its
/// functions need, costs more than most handlers do. Work that finds none waiting gets a task of its own.
final class HandlerTasks: Sendable {
    private struct Holder {
        let id: UInt64
        /// What is at work; `nil` when that is done, and the permit is with somebody else.
        var task: Task<Void, Never>?
        /// The worker whose task that is.
        var worker: Int?
    }

    /// What a worker is to do.
    private struct Assignment {
        let job: Job
        let work: @Sendable (consuming Permit) async -> Void
    }

    private typealias IdleWorker = (id: Int, waiter: UnsafeContinuation<Assignment?, Never>)

    private struct Workers {
        /// By their numbers.
        var tasks: [Int: Task<Void, Never>] = [:]
        /// Those that wait for work; the last one has worked last.
        var idle: [IdleWorker] = []
        /// Those whose tasks were cancelled, or are about to be: they work on nothing else.
        var cancelled: Set<Int> = []
        /// How many more are wanted.
        var wanted = 0
        var nextID = 0
        /// Whether ``HandlerTasks/keepWorkers()`` runs.
        var areKept = false
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
        var workers = Workers()

        var isIdle: Bool { freeSlots.count == slots.count && later.isEmpty }

        mutating func hold(_ slot: Int, _ holder: Holder) {
            if slot == slots.count { slots.append(holder) } else { slots[slot] = holder }
        }

        mutating func takeIdleWaiters() -> [CheckedContinuation<Void, Never>] {
            isIdle ? idleWaiters.take() : []
        }
    }

    /// One piece of work that was started, for those who may cancel it.
    struct Job: Sendable {
        fileprivate let tasks: HandlerTasks
        fileprivate let slot: Int
        fileprivate let id: UInt64

        /// Whether all tasks have been cancelled, and not this one alone.
        var areAllCancelled: Bool {
            tasks.state.withLock { $0.isCancelled }
        }

        /// Cancels what is at work; does nothing once its permit is released.
        func cancel() {
            let task = tasks.state.withLock { state -> Task<Void, Never>? in
                guard let holder = state.slots[slot], holder.id == id, let task = holder.task else { return nil }
                if let worker = holder.worker { state.workers.cancelled.insert(worker) }
                return task
            }
            task?.cancel()
        }
    }

    /// The right to be at work, from ``HandlerTasks/start(orLater:_:)`` until it is released. It has one owner, who releases
    /// it or hands it on; one that is dropped is released too. So it cannot be released twice, and none gets lost.
    struct Permit: ~Copyable, Sendable {
        /// What it is for.
        let job: Job
        private var isHeld = true

        fileprivate init(_ job: Job) {
            self.job = job
        }

        deinit {
            if isHeld { job.tasks.release(job) }
        }

        consuming func release() {}

        /// Does more in a task that needs no permit: what waits for others keeps no request from being handled. The tasks
        /// are idle when that is done too, and cancelling all of them cancels it.
        ///
        /// - Returns: whether it does; not when ``laterLimit`` do so already.
        func goOn(_ work: @escaping @Sendable () async -> Void) -> Bool {
            job.tasks.goOn(job.id, work)
        }

        /// Whether half of all permits or more are held.
        var isScarce: Bool { job.tasks.isHalfFull }

        /// Gives the permit to a callback, which cannot own one: the language does not know that it is called once.
        consuming func deposited() -> Deposit {
            isHeld = false
            return Deposit(job: job)
        }
    }

    /// A permit on its way to a callback that is called once. Should it be called again, what it takes is released already.
    struct Deposit: Sendable {
        fileprivate let job: Job

        func taken() -> Permit {
            Permit(job)
        }
    }

    /// How many may go on without a permit.
    static let laterLimit = 1000

    private let maximum: Int
    private let executor: (any TaskExecutor)?
    private let onRelease: @Sendable () -> Void
    private let state = Locked(State())
    private let demands: AsyncStream<Void>
    private let demand: AsyncStream<Void>.Continuation

    /// - Parameter onRelease: called whenever a permit is released, before it is free, under the lock of the tasks.
    init(_ maximum: Int, executor: (any TaskExecutor)? = nil, onRelease: @escaping @Sendable () -> Void) {
        self.maximum = maximum
        self.executor = executor
        self.onRelease = onRelease
        (demands, demand) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Does `work` in a task; or, when as many are at work as may be, does not, and calls `onRoom` as soon as
    /// one of them has released its permit.
    ///
    /// - Returns: whether it does.
    func start(
        orLater onRoom: @escaping @Sendable () -> Void, _ work: @escaping @Sendable (consuming Permit) async -> Void
    ) -> Bool {
        var late: Task<Void, Never>?
        var (isStarted, wantsWorker) = (true, false)
        var assigned: (waiter: UnsafeContinuation<Assignment?, Never>, job: Job)?
        state.withLock { state in
            guard let slot = state.freeSlots.popLast() ?? (state.slots.count < maximum ? state.slots.count : nil)
            else {
                state.refused.append(onRoom)
                isStarted = false
                return
            }
            state.nextID += 1
            let job = Job(tasks: self, slot: slot, id: state.nextID)
            if let (worker, waiter) = state.workers.idle.popLast(), let task = state.workers.tasks[worker] {
                state.hold(slot, Holder(id: job.id, task: task, worker: worker))
                assigned = (waiter, job)
                return
            }
            // It is released under the lock too, and so after this. A preference costs something also where it is `nil`.
            let task =
                if let executor {
                    Task(executorPreference: executor) { await work(Permit(job)) }
                } else {
                    Task { await work(Permit(job)) }
                }
            state.hold(slot, Holder(id: job.id, task: task))
            if state.isCancelled {
                late = task
            } else if state.workers.areKept, state.workers.tasks.count + state.workers.wanted < maximum {
                state.workers.wanted += 1
                wantsWorker = true
            }
        }
        if let (waiter, job) = assigned { waiter.resume(returning: Assignment(job: job, work: work)) }
        if wantsWorker { demand.yield() }
        late?.cancel()
        return isStarted
    }

    // MARK: Workers

    /// Keeps tasks that wait for work, as many as were needed at a time, until it is cancelled. Called once.
    func keepWorkers() async {
        state.withLock { $0.workers.areKept = true }
        for await _ in demands {
            state.withLock { state in
                guard !state.isCancelled else { return }
                for _ in 0..<state.workers.wanted { addWorker(to: &state) }
                state.workers.wanted = 0
            }
        }
        let (idle, tasks) = state.withLock { state in
            state.workers.areKept = false
            defer { state.workers.idle = [] }
            return (state.workers.idle, Array(state.workers.tasks.values))
        }
        for worker in idle { worker.waiter.resume(returning: nil) }
        for task in tasks { await task.value }
    }

    private func addWorker(to state: inout State) {
        let id = state.workers.nextID
        state.workers.nextID += 1
        // It looks for work under the lock, and so after this.
        state.workers.tasks[id] =
            if let executor {
                Task(executorPreference: executor) { await self.work(as: id) }
            } else {
                Task { await self.work(as: id) }
            }
    }

    private func work(as worker: Int) async {
        var done: Job?
        while let next = await nextAssignment(of: worker, after: done) {
            await next.work(Permit(next.job))
            done = next.job
        }
    }

    /// Waits for work; `nil` when the worker is to end.
    private func nextAssignment(of worker: Int, after done: Job?) async -> Assignment? {
        await withUnsafeContinuation { (waiter: UnsafeContinuation<Assignment?, Never>) in
            let stays = state.withLock { state in
                // Its permit may be held for longer. The task is not to be cancelled over it any more.
                if let done, state.slots[done.slot]?.id == done.id { state.slots[done.slot]?.task = nil }
                let wasCancelled = !state.workers.cancelled.isEmpty && state.workers.cancelled.remove(worker) != nil
                guard state.workers.areKept, !state.isCancelled, !wasCancelled else {
                    state.workers.tasks[worker] = nil
                    return false
                }
                state.workers.idle.append((worker, waiter))
                return true
            }
            if !stays { waiter.resume(returning: nil) }
        }
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

    private func release(_ job: Job) {
        let (refused, idleWaiters) = state.withLock {
            state -> ([@Sendable () -> Void], [CheckedContinuation<Void, Never>]) in
            guard state.slots[job.slot]?.id == job.id else { return ([], []) }
            onRelease()
            state.slots[job.slot] = nil
            state.freeSlots.append(job.slot)
            return (state.refused.take(), state.takeIdleWaiters())
        }
        // All of them: the first may have nothing any more, and then nobody would end and call the next.
        for onRoom in refused { onRoom() }
        for waiter in idleWaiters { waiter.resume() }
    }

    /// Cancels what was started, and what will be.
    func cancelAll() {
        let (tasks, idle) = state.withLock { state in
            state.isCancelled = true
            defer { state.workers.idle = [] }
            return (state.slots.compactMap { $0?.task } + state.later.values, state.workers.idle)
        }
        for task in tasks { task.cancel() }
        for worker in idle { worker.waiter.resume(returning: nil) }
    }

    /// How many have been started so far.
    var startedCount: UInt64 { state.withLock { $0.nextID } }

    /// Whether as many are at work as may be.
    var isFull: Bool { state.withLock { $0.freeSlots.isEmpty && $0.slots.count >= maximum } }

    private var isHalfFull: Bool { state.withLock { ($0.slots.count - $0.freeSlots.count) * 2 >= maximum } }

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
