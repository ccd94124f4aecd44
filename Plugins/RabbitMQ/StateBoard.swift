#if RabbitMQ
import SwitchboardCore

/// Makes the driver's one state out of those of its two connections.
final class StateBoard: Sendable {
    private struct Statuses {
        var publish = ConnectionStatus.idle
        var consume = ConnectionStatus.idle
        var hasBeenReady = false
    }

    private let statuses = Locked(Statuses())
    private let monitor: TransportMonitor

    init(_ monitor: TransportMonitor) {
        self.monitor = monitor
    }

    /// Whether one of the connections has been ready.
    var hasBeenReady: Bool { statuses.withLock { $0.hasBeenReady } }

    func report(_ status: ConnectionStatus, of role: ConnectionSettings.Role) {
        let state = statuses.withLock { statuses in
            switch role {
            case .publish: statuses.publish = status
            case .consume: statuses.consume = status
            case .inspect: break
            }
            switch status {
            case .ready, .blocked: statuses.hasBeenReady = true
            case .idle, .connecting, .closed: break
            }
            return Self.merge(statuses.publish, statuses.consume)
        }
        if let state { monitor.report(state) }
    }

    /// Ready when both are; `nil` when neither says anything, or when one has closed: what ends the driver reports that.
    static func merge(_ publish: ConnectionStatus, _ consume: ConnectionStatus) -> TransportState? {
        switch (publish, consume) {
        case (.closed, _), (_, .closed): nil
        case (.connecting(let attempt, let reason), .connecting(let other, let otherReason)):
            .connecting(attempt: max(attempt, other), reason: reason ?? otherReason)
        case (.connecting(let attempt, let reason), _), (_, .connecting(let attempt, let reason)):
            .connecting(attempt: attempt, reason: reason)
        case (.blocked(let reason), _), (_, .blocked(let reason)): .blocked(reason: reason)
        case (.ready, .ready): .ready
        case (.idle, _), (_, .idle): nil
        }
    }
}
#endif
