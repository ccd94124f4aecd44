import SwitchboardCore

/// What a receiver knows of messages by their `_unique_id`: which are at work, with the copies of them that have come
/// meanwhile, and which are done. One without an id is always new, and has no copies.
///
/// A broker delivers again what was unsettled on a lost connection. Such a copy shares the fate of the first: the first
/// delivery may be of that connection, and its settlement come too late. oslo.messaging leaves a duplicate without
/// acknowledgement until its channel closes (oslo-wire.md §4.4).
///
///               begin                  finish
///     unknown ────────▶ at work ─────────────────▶ done ──▶ unknown, by age or number
///        ▲                │  ▲ next copy
///        │                │  │
///        └── forget ◀─────┴──┴── handOver: not done
final class DuplicateLedger<Copy: Sendable>: Sendable {
    enum Verdict {
        /// To be handled.
        case new
        /// It was handled.
        case duplicate
        /// It is at work; the copy is kept, perhaps in place of an older one.
        case held(instead: Copy?)
    }

    /// How many copies of one message are kept beside the one at work. With each reconnect one more comes, and the newest
    /// stand for the others.
    static var copyLimit: Int { 8 }

    private struct State {
        var atWork: [IDFingerprint: [Copy]] = [:]
        var done: RecentIDs
    }

    private let state: Locked<State>

    /// - Parameters:
    ///   - capacity: how many messages that are done are known.
    ///   - lifetime: for how long.
    init(capacity: Int, lifetime: Duration) {
        state = Locked(State(done: RecentIDs(capacity: capacity, lifetime: lifetime)))
    }

    /// Begins with a message, unless it is known.
    func begin(_ id: String?, _ copy: Copy) -> Verdict { begin(id.map { WireID($0) }, copy) }

    func begin(_ id: WireID?, _ copy: Copy) -> Verdict {
        guard let id = id.map({ IDFingerprint($0) }) else { return .new }
        return state.withLock { state in
            if var copies = state.atWork[id] {
                copies.append(copy)
                let oldest = copies.count > Self.copyLimit ? copies.removeFirst() : nil
                state.atWork[id] = copies
                return .held(instead: oldest)
            }
            if state.done.contains(id, at: .now) { return .duplicate }
            state.atWork[id] = []
            return .new
        }
    }

    /// Takes a message for done from the beginning. Returns whether it is new.
    func beginDone(_ id: WireID?) -> Bool {
        guard let id = id.map({ IDFingerprint($0) }) else { return true }
        return state.withLock { $0.done.insert(id, at: .now) }
    }

    /// The message is done. Returns its copies, which are to be accepted.
    func finish(_ id: String?) -> [Copy] { finish(id.map { WireID($0) }) }

    func finish(_ id: WireID?) -> [Copy] {
        guard let id = id.map({ IDFingerprint($0) }) else { return [] }
        return state.withLock { state in
            guard let copies = state.atWork.removeValue(forKey: id) else { return [] }
            _ = state.done.insert(id, at: .now)
            return copies
        }
    }

    /// Takes the message for one that has never come. Returns its copies, which are to be settled as it is.
    @discardableResult
    func forget(_ id: String?) -> [Copy] { forget(id.map { WireID($0) }) }

    @discardableResult
    func forget(_ id: WireID?) -> [Copy] {
        guard let id = id.map({ IDFingerprint($0) }) else { return [] }
        return state.withLock { state in
            state.done.remove(id)
            return state.atWork.removeValue(forKey: id) ?? []
        }
    }

    /// The message is not done. Returns the copy that is to be handled now, which is at work in its place; without one, the
    /// message is forgotten.
    func handOver(_ id: String?) -> Copy? {
        guard let id = id.map({ IDFingerprint($0) }) else { return nil }
        return state.withLock { state in
            guard var copies = state.atWork[id] else { return nil }
            guard !copies.isEmpty else {
                state.atWork[id] = nil
                return nil
            }
            let next = copies.removeFirst()
            state.atWork[id] = copies
            return next
        }
    }
}
