import SwitchboardCore

/// Whether what was sent to ourselves came back, the last time that it was tried.
final class Hearing: Sendable {
    struct Deafness: Sendable {
        /// When it was first missed.
        var since: ContinuousClock.Instant
        /// When it was last missed.
        var last: ContinuousClock.Instant
        var reason: String
    }

    private let state = Locked<Deafness?>(nil)

    /// `nil` while the last one came back, or none was sent.
    var deafness: Deafness? { state.withLock { $0 } }

    func heard() {
        state.withLock { $0 = nil }
    }

    func missed(_ reason: String) {
        let now = ContinuousClock.now
        state.withLock { $0 = Deafness(since: $0?.since ?? now, last: now, reason: reason) }
    }
}
