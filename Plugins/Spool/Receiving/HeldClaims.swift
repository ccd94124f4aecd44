internal import SwitchboardCore

/// What one subscription has claimed and not settled: whoever takes a claim out settles it, on whatever thread.
final class HeldClaims: Sendable {
    private struct State {
        var claims: [UInt64: Claim] = [:]
        var isStarved = false
    }

    private let state = Locked(State())

    var isEmpty: Bool { state.withLock { $0.claims.isEmpty } }

    func add(_ claim: Claim, as token: UInt64) {
        state.withLock { $0.claims[token] = claim }
    }

    /// `nil` when it was taken before, or went back with its subscription.
    func take(_ token: UInt64) -> Claim? {
        state.withLock { $0.claims.removeValue(forKey: token) }
    }

    /// All there are, in the order of their messages.
    func takeAll() -> [Claim] {
        state.withLock { state in
            defer { state.claims = [:] }
            return state.claims.values.sorted { $0.name < $1.name }
        }
    }

    /// Whether there are fewer than `limit`. When not, ``endStarving()`` says so to whoever settles next.
    func hasRoom(within limit: Int) -> Bool {
        state.withLock { state in
            state.isStarved = state.claims.count >= limit
            return !state.isStarved
        }
    }

    /// Whether the receiving side waits for room: to be asked after a claim was taken, and answered once.
    func endStarving() -> Bool {
        state.withLock { state in
            defer { state.isStarved = false }
            return state.isStarved
        }
    }
}
