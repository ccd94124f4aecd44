/// A change in the life of a transport, for programs that watch it.
public enum TransportEvent: Sendable, Hashable {
    /// The first connection is up, with all of the program's subscriptions.
    case connected
    /// The connection was lost, or an attempt to connect failed. Another attempt follows.
    case disconnected(reason: String)
    /// The broker accepts no messages for now.
    case blocked(reason: String)
    /// The broker accepts messages again.
    case unblocked
    /// A connection is up again, with all of the program's subscriptions.
    case recovered
    /// The transport has ended. `reason` says why, if it wasn't asked to.
    case closed(reason: String?)
}

/// The events of a transport as they happen. Ends after `closed`.
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
    /// The events of the connection from now on, starting with its current state.
    public func events() -> TransportEvents {
        TransportEvents(states())
    }
}
