/// A change in a transport's life, for programs that watch it.
public enum TransportEvent: Sendable, Hashable {
    /// The first connection is up, with everything that the program subscribed to.
    case connected
    /// The connection was lost, or an attempt to make it failed; another one follows.
    case disconnected(reason: String)
    /// The queue's owner takes no messages for now.
    case blocked(reason: String)
    /// The queue's owner takes messages again.
    case unblocked
    /// A connection is up again, with everything that the program subscribed to.
    case recovered
    /// It is over. `reason`: why, when it was not asked to.
    case closed(reason: String?)
}

/// The events of a transport as they come. Ends after `closed`.
public struct TransportEvents: AsyncSequence, Sendable {
    public typealias Element = TransportEvent

    private let states: AsyncStream<TransportState>

    init(_ states: AsyncStream<TransportState>) {
        self.states = states
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(states: states.makeAsyncIterator())
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var states: AsyncStream<TransportState>.Iterator
        fileprivate var history = History()

        public mutating func next() async -> TransportEvent? {
            await next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> TransportEvent? {
            while let state = await states.next(isolation: actor) {
                if let event = history.event(of: state) { return event }
            }
            return nil
        }
    }

    /// What states mean after those before them.
    struct History {
        private var hasConnected = false
        private var isUp = false
        private var isBlocked = false

        /// `nil` for a state that tells nothing new.
        mutating func event(of state: TransportState) -> TransportEvent? {
            switch state {
            case .idle, .connecting(_, nil): return nil
            case .connecting(_, let reason?):
                isUp = false
                isBlocked = false
                return .disconnected(reason: reason)
            case .blocked(let reason):
                // A watcher that was too slow may have missed that it came up before.
                hasConnected = true
                isUp = true
                isBlocked = true
                return .blocked(reason: reason)
            case .ready:
                defer {
                    hasConnected = true
                    isUp = true
                    isBlocked = false
                }
                if isBlocked { return .unblocked }
                if isUp { return nil }
                return hasConnected ? .recovered : .connected
            case .closed(let reason): return .closed(reason: reason)
            }
        }
    }
}

extension Transport {
    /// What happens to the connection from now on, beginning with how it stands.
    public func events() -> TransportEvents {
        TransportEvents(states())
    }
}

extension TransportMonitor {
    /// What happens to the driver from now on, beginning with how it stands.
    public func events() -> TransportEvents {
        TransportEvents(states())
    }
}
