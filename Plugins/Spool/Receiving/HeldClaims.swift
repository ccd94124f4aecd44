internal import SwitchboardCore

/// What one subscription has claimed and not settled: whoever takes a claim out settles it, on whatever thread.
final class HeldClaims: Sendable {
    private struct Held {
        let claim: Claim
        /// What accepts it on whatever thread; `nil` if that is for the receiving side.
        let acceptance: Acceptance?
    }

    private struct State {
        var claims: [UInt64: Held] = [:]
        var isStarved = false
    }

    private let state = Locked(State())

    var isEmpty: Bool { state.withLock { $0.claims.isEmpty } }

    func add(_ claim: Claim, as token: UInt64, acceptance: Acceptance?) {
        state.withLock { $0.claims[token] = Held(claim: claim, acceptance: acceptance) }
    }

    /// `nil` when it was taken before, or went back with its subscription.
    func take(_ token: UInt64) -> Claim? {
        state.withLock { $0.claims.removeValue(forKey: token)?.claim }
    }

    /// As ``take(_:)``, if it can be accepted on any thread.
    func takeAcceptable(_ token: UInt64) -> (claim: Claim, accept: Acceptance)? {
        state.withLock { state in
            guard let held = state.claims[token], let acceptance = held.acceptance else { return nil }
            state.claims[token] = nil
            return (held.claim, acceptance)
        }
    }

    /// All there are, in the order of their messages.
    func takeAll() -> [Claim] {
        state.withLock { state in
            defer { state.claims = [:] }
            return state.claims.values.map(\.claim).sorted { $0.name < $1.name }
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
