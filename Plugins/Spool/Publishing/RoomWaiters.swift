internal import DequeModule
internal import Synchronization
internal import SwitchboardCore

/// The publishes that full queues keep waiting. Those to one address keep their order, also when others come.
///
///     (nothing) ──full──▶ waiting ──something left the queue──▶ trying ──none waits──▶ (nothing)
///                            ▲                                    │
///                            └───────────── full again ───────────┘
final class RoomWaiters: Sendable {
    private enum Phase {
        case waiting
        /// A thread publishes them. `again`: something has left the queue since.
        case trying(again: Bool)
    }

    private struct Waiting {
        var publishes: Deque<Publish>
        /// The one that was full last.
        var queue: Queue
        var phase = Phase.waiting
        /// The number from which on those that have given up are removed.
        var sweepsAt = 64

        mutating func append(_ publish: Publish) {
            if publishes.count >= sweepsAt {
                publishes.removeAll { $0.isOver }
                sweepsAt = max(64, publishes.count * 2)
            }
            publishes.append(publish)
        }
    }

    private let state = Locked<[Address: Waiting]>([:])
    /// How many addresses have publishes that wait: most of the time none, which needs no lock.
    private let count = Atomic<Int>(0)

    /// Lets a publish wait behind others to its address.
    ///
    /// - Returns: the queue that is full; `nil` if none wait.
    func join(_ publish: Publish) -> Queue? {
        guard count.load(ordering: .acquiring) > 0 else { return nil }
        return state.withLock { state in
            guard let queue = state[publish.address]?.queue else { return nil }
            state[publish.address]?.append(publish)
            return queue
        }
    }

    /// Lets a publish wait that has met a full queue.
    ///
    /// - Returns: whether it is the first one, so that the queue is to be watched.
    func add(_ publish: Publish, for queue: Queue) -> Bool {
        state.withLock { state in
            if state[publish.address] != nil {
                state[publish.address]?.append(publish)
                return false
            }
            state[publish.address] = Waiting(publishes: [publish], queue: queue)
            count.store(state.count, ordering: .releasing)
            return true
        }
    }

    /// Something may have left the queue.
    ///
    /// - Returns: the addresses whose publishes the caller has tried, and whether any wait for the queue at all.
    func beginTrying(_ queue: QueueName) -> (addresses: [Address], isAwaited: Bool) {
        state.withLock { state in
            var due: [Address] = []
            var isAwaited = false
            for (address, waiting) in state where waiting.queue.name == queue {
                isAwaited = true
                if case .waiting = waiting.phase {
                    state[address]?.phase = .trying(again: false)
                    due.append(address)
                } else {
                    state[address]?.phase = .trying(again: true)
                }
            }
            return (due, isAwaited)
        }
    }

    /// The next one whose caller still waits. `nil` if no caller waits; trying has ended then.
    func takeFirst(for address: Address) -> Publish? {
        state.withLock { state in
            while let first = state[address]?.publishes.popFirst() {
                if !first.isOver { return first }
            }
            state[address] = nil
            count.store(state.count, ordering: .releasing)
            return nil
        }
    }

    /// What follows when a queue is still full.
    enum Step {
        case wait
        /// It is another one than before, which is to be watched.
        case watch
        case tryAgain
    }

    /// The first one has met a full queue again.
    func putBack(_ publish: Publish, _ queue: Queue) -> Step {
        state.withLock { state in
            guard let waiting = state[publish.address] else { return .wait }
            state[publish.address]?.publishes.prepend(publish)
            let isSame = waiting.queue === queue
            if isSame, case .trying(again: true) = waiting.phase {
                state[publish.address]?.phase = .trying(again: false)
                return .tryAgain
            }
            state[publish.address]?.queue = queue
            state[publish.address]?.phase = .waiting
            return isSame ? .wait : .watch
        }
    }

    func removeAll() {
        state.withLock { state in
            state = [:]
            count.store(0, ordering: .releasing)
        }
    }
}
