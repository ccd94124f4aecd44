/// Where a transport's connection stands.
public enum TransportState: Sendable, Hashable {
    /// `run()` has not been called.
    case idle
    /// On the way to the first connection, or to the next one. `reason`: why the last attempt failed or the last
    /// connection was lost.
    case connecting(attempt: Int, reason: String?)
    /// Messages flow.
    case ready
    /// Connected, but the queue's owner takes no messages for now (a broker's memory or disk alarm).
    case blocked(reason: String)
    /// `run()` has ended. `reason`: why, when it was not asked to.
    case closed(reason: String?)
}

extension TransportState: CustomStringConvertible {
    public var description: String {
        switch self {
        case .idle: "not running yet"
        case .connecting(let attempt, nil): "connecting (attempt \(attempt))"
        case .connecting(let attempt, let reason?): "connecting (attempt \(attempt); last reason: \(reason))"
        case .ready: "ready"
        case .blocked(let reason): "blocked by the broker (\(reason))"
        case .closed(nil): "closed"
        case .closed(let reason?): "closed (\(reason))"
        }
    }
}

/// The state of one driver, and the changes of it as they come.
///
/// A driver owns one and reports to it; programs watch through ``Transport``.
public final class TransportMonitor: Sendable {
    private struct Watchers {
        var state: TransportState = .idle
        var nextID: UInt64 = 0
        var continuations: [UInt64: AsyncStream<TransportState>.Continuation] = [:]
    }

    private let watchers = Locked(Watchers())

    public init() {}

    /// The state now.
    public var state: TransportState {
        watchers.withLock { $0.state }
    }

    /// For drivers: reports the state. Reporting the state that is already known does nothing.
    public func report(_ state: TransportState) {
        let ended: [AsyncStream<TransportState>.Continuation] = watchers.withLock { watchers in
            guard watchers.state != state else { return [] }
            watchers.state = state
            // Under the lock, so that every watcher sees the states in the order in which they were.
            for continuation in watchers.continuations.values {
                continuation.yield(state)
            }
            guard case .closed = state else { return [] }
            return Array(watchers.continuations.values)
        }
        // Not under the lock: it runs `onTermination`, which takes it.
        for continuation in ended {
            continuation.finish()
        }
    }

    /// The state now and every later one; a slow watcher keeps the newest 64. Ends after `closed`.
    public func states() -> AsyncStream<TransportState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: TransportState.self, bufferingPolicy: .bufferingNewest(64))
        watchers.withLock { watchers in
            continuation.yield(watchers.state)
            if case .closed = watchers.state {
                continuation.finish()
                return
            }
            let id = watchers.nextID
            watchers.nextID += 1
            watchers.continuations[id] = continuation
            continuation.onTermination = { [weak self] _ in
                self?.watchers.withLock { watchers in
                    watchers.continuations[id] = nil
                }
            }
        }
        return stream
    }
}
