/// What becomes of requests that are delivered to a server that shuts down. No I/O.
///
///     open ──begin──▶ draining ──close──▶ closed
///                      │    ▲
///                      └────┘ end: one of the subscriptions delivers nothing more
struct RPCServerDrain: Sendable {
    /// What to do with a delivery.
    enum Verdict: Sendable {
        /// Have it handled.
        case handle
        /// Leave it for now: given back, it might come again. It is offered once more when its subscription has ended.
        case wait
        /// Give it back to its queue.
        case giveBack
    }

    private enum Stage {
        case open
        /// With the subscriptions, by their number, that deliver nothing more.
        case draining(ended: Set<Int>)
        case closed
    }

    private var stage = Stage.open
    private var count = RPCDrainReport()

    /// Whether the shutdown has begun.
    var hasBegun: Bool {
        if case .open = stage { false } else { true }
    }

    /// What happened since the shutdown began; `nil` until it is over.
    var report: RPCDrainReport? {
        if case .closed = stage { count } else { nil }
    }

    mutating func begin() {
        if case .open = stage { stage = .draining(ended: []) }
    }

    /// A subscription delivers nothing more, which begins the shutdown.
    mutating func end(_ subscription: Int) {
        begin()
        guard case .draining(var ended) = stage else { return }
        ended.insert(subscription)
        stage = .draining(ended: ended)
    }

    /// Says what to do with a delivery of a subscription, and counts those that go back.
    mutating func verdict(on subscription: Int) -> Verdict {
        switch stage {
        case .open: return .handle
        case .draining(let ended) where !ended.contains(subscription): return .wait
        case .draining, .closed:
            count.requeued += 1
            return .giveBack
        }
    }

    /// A handler has finished.
    mutating func handlerFinished() {
        if hasBegun { count.finished += 1 }
    }

    mutating func close() -> RPCDrainReport {
        stage = .closed
        return count
    }
}
