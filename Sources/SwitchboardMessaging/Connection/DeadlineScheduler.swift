import SwitchboardCore

/// Runs actions at their deadlines: one timer for all the waits of a connection, not a task for each.
///
/// Nearly every wait ends long before its deadline. So the deadlines are not kept in order; the scheduler keeps a lower
/// bound of them, looks through all entries when that moment has come, and finds the next bound on the way. That makes
/// adding and removing an entry O(1), and the look-throughs as rare as the deadlines are far.
final class DeadlineScheduler: Sendable {
    struct Token: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let generation: UInt64
    }

    fileprivate struct Entry {
        var generation: UInt64
        var deadline: Moment
        var action: @Sendable () -> Void
    }

    fileprivate struct State {
        /// An entry stays in its slot; a slot is used again by later ones.
        var slots: [Entry?] = []
        var freeSlots: [Int] = []
        var nextGeneration: UInt64 = 0
        /// No entry's deadline is before this.
        var bound: Moment?
        /// The moments at which a sleeper will look, the soonest first.
        var armed: [Moment] = []
        var isOver = false
    }

    private let state = Locked(State())
    private let alarms: AsyncStream<Moment>
    private let alarmSource: AsyncStream<Moment>.Continuation

    init() {
        (alarms, alarmSource) = AsyncStream.makeStream(of: Moment.self)
    }

    /// Calls `action` once at `deadline`, unless cancelled before, or ``run()`` has ended by then. `action` must not wait.
    func schedule(at deadline: Moment, _ action: @escaping @Sendable () -> Void) -> Token {
        var alarm: Moment?
        let token = state.withLock { state in
            alarm = state.lowerBound(to: deadline)
            return state.add(deadline, action)
        }
        if let alarm { alarmSource.yield(alarm) }
        return token
    }

    /// Forgets the action. `false` when it has run, or is about to.
    @discardableResult
    func cancel(_ token: Token) -> Bool {
        state.withLock { state in
            guard state.has(token) else { return false }
            state.remove(token.slot)
            return true
        }
    }

    /// Sleeps and acts until its task is cancelled. Called once.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await alarm in alarms {
                group.addTask {
                    try? await Task.sleep(until: alarm.instant, clock: .continuous)
                    if !Task.isCancelled { self.fire(alarm) }
                }
            }
            group.cancelAll()
        }
        // Nobody acts any more, and an action may hold on to whoever holds on to this.
        _ = state.withLock { $0.end() }
    }

    private func fire(_ alarm: Moment) {
        let (due, next): ([@Sendable () -> Void], Moment?) = state.withLock { state in
            state.armed.removeAll { $0 == alarm }
            let now = Moment.now
            var due: [@Sendable () -> Void] = []
            var bound: Moment?
            for slot in state.slots.indices {
                guard let entry = state.slots[slot] else { continue }
                if entry.deadline <= now {
                    due.append(entry.action)
                    state.remove(slot)
                } else {
                    bound = bound.map { min($0, entry.deadline) } ?? entry.deadline
                }
            }
            state.trim()
            state.bound = nil
            return (due, bound.flatMap { state.lowerBound(to: $0) })
        }
        if let next { alarmSource.yield(next) }
        for action in due { action() }
    }
}

extension DeadlineScheduler.State {
    fileprivate mutating func add(
        _ deadline: Moment, _ action: @escaping @Sendable () -> Void
    ) -> DeadlineScheduler.Token {
        nextGeneration += 1
        if isOver { return DeadlineScheduler.Token(slot: .max, generation: nextGeneration) }
        let entry = DeadlineScheduler.Entry(generation: nextGeneration, deadline: deadline, action: action)
        guard let slot = freeSlots.popLast() else {
            slots.append(entry)
            return DeadlineScheduler.Token(slot: slots.count - 1, generation: nextGeneration)
        }
        slots[slot] = entry
        return DeadlineScheduler.Token(slot: slot, generation: nextGeneration)
    }

    fileprivate func has(_ token: DeadlineScheduler.Token) -> Bool {
        token.slot < slots.count && slots[token.slot]?.generation == token.generation
    }

    fileprivate mutating func remove(_ slot: Int) {
        slots[slot] = nil
        freeSlots.append(slot)
    }

    /// Forgets all entries, and takes no more. Returns them, to be let go of without the lock.
    fileprivate mutating func end() -> [DeadlineScheduler.Entry?] {
        defer { (slots, freeSlots, isOver) = ([], [], true) }
        return slots
    }

    /// Gives up the slots at the end, so that what one rush took is not looked through for ever.
    fileprivate mutating func trim() {
        while let last = slots.last, last == nil { slots.removeLast() }
        freeSlots.removeAll { $0 >= slots.count }
    }

    /// Takes a deadline into the bound. Returns the moment to arm a sleeper for, when none looks early enough.
    fileprivate mutating func lowerBound(to deadline: Moment) -> Moment? {
        if isOver { return nil }
        if let bound, bound <= deadline { return nil }
        bound = deadline
        if let soonest = armed.first, soonest <= deadline { return nil }
        armed.insert(deadline, at: 0)
        return deadline
    }
}
