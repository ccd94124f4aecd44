/// Where a transport's connection stands, and since when.
public struct TransportStanding: Sendable, Hashable {
    public let state: TransportState

    /// When the connection came into a state of this kind. Further attempts to connect, and other reasons for the same
    /// trouble, don't change it.
    public let since: ContinuousClock.Instant

    public init(state: TransportState, since: ContinuousClock.Instant) {
        self.state = state
        self.since = since
    }
}

extension TransportState {
    /// Whether two states differ at most in their reason or the number of the attempt.
    func isSameKind(as other: TransportState) -> Bool {
        switch (self, other) {
        case (.idle, .idle), (.connecting, .connecting), (.ready, .ready), (.blocked, .blocked), (.closed, .closed):
            true
        default: false
        }
    }
}
