import Distributed
import SwitchboardCore

/// The actors of this process, by their numbers. Keeps none of them alive.
final class LocalActors: Sendable {
    private struct State {
        var last: UInt64 = 0
        var actors: [UInt64: Entry] = [:]
    }

    private struct Entry {
        weak var actor: (any DistributedActor)?
    }

    private let state = Locked(State())

    func makeNumber() -> UInt64 {
        state.withLock { state in
            state.last += 1
            return state.last
        }
    }

    func add(_ actor: any DistributedActor, _ number: UInt64) {
        state.withLock { $0.actors[number] = Entry(actor: actor) }
    }

    func remove(_ number: UInt64) {
        state.withLock { $0.actors[number] = nil }
    }

    func actor(_ number: UInt64) -> (any DistributedActor)? {
        state.withLock { $0.actors[number]?.actor }
    }
}
