import SwitchboardCore

/// Whether a ``FaultyConnection`` is up.
///
///     up ──stall──▶ halfOpen ──lose──▶ lost
///      └───────────────lose─────────────▲
final class FaultyLife: Sendable {
    enum Phase {
        case up
        /// Nothing moves, and neither side has noticed.
        case halfOpen
        case lost
    }

    private let signals: ConnectionSignals
    private let state = Locked(Phase.up)

    init(_ signals: ConnectionSignals) {
        self.signals = signals
    }

    var phase: Phase { state.withLock { $0 } }

    /// Whether it was up.
    func stall() -> Bool {
        state.withLock { phase in
            guard phase == .up else { return false }
            phase = .halfOpen
            return true
        }
    }

    func end() {
        state.withLock { $0 = .lost }
    }

    /// What is done in `body` is done before the connection is lost, or not at all.
    func whileInPhase<Result: Sendable>(_ body: (Phase) -> Result) -> Result {
        state.withLock { body($0) }
    }

    func lose(_ failure: ConnectionFailure) {
        let isNews = state.withLock { phase in
            defer { phase = .lost }
            return phase != .lost
        }
        if isNews { signals.send(.lost(failure)) }
    }

    /// The connection below has sent a signal.
    func passed(_ signal: ConnectionSignal) {
        if case .lost(let failure) = signal { return lose(failure) }
        if phase == .up { signals.send(signal) }
    }
}
