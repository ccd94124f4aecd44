import Logging
import Metrics
import SwitchboardCore

/// Tells of what happens to connections: to those who watch, to the log, and to the metrics.
final class CellConnectionEvents: Sendable {
    private struct Watchers {
        var nextID: UInt64 = 0
        var continuations: [UInt64: AsyncStream<CellConnectionEvent>.Continuation] = [:]
        var isOver = false
    }

    private let metrics: any MetricsFactory
    private let logger: Logger
    private let watchers = Locked(Watchers())
    /// Held while watchers are told, so that each sees the events in one order. Not ``watchers``, for the reason that
    /// `TransportMonitor` has.
    private let telling = Locked(())

    init(metrics: any MetricsFactory, logger: Logger) {
        self.metrics = metrics
        self.logger = logger
    }

    /// What happens from now on; a slow watcher keeps the newest 1000. Ends with the manager.
    func stream() -> AsyncStream<CellConnectionEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: CellConnectionEvent.self, bufferingPolicy: .bufferingNewest(1000))
        let isOver = watchers.withLock { watchers in
            if watchers.isOver { return true }
            let id = watchers.nextID
            watchers.nextID += 1
            watchers.continuations[id] = continuation
            continuation.onTermination = { [weak self] _ in
                self?.watchers.withLock { $0.continuations[id] = nil }
            }
            return false
        }
        if isOver { continuation.finish() }
        return stream
    }

    func finish() {
        let ended = watchers.withLock { watchers in
            watchers.isOver = true
            return Array(watchers.continuations.values)
        }
        for continuation in ended { continuation.finish() }
    }

    func report(_ event: CellConnectionEvent) {
        log(event)
        Counter(
            label: "switchboard.cells.line.events",
            dimensions: [("event", event.kind.name), ("switchboard.cell", event.cell)], factory: metrics
        ).increment()
        telling.withLock { _ in
            for continuation in watchers.withLock({ Array($0.continuations.values) }) { continuation.yield(event) }
        }
    }

    private func log(_ event: CellConnectionEvent) {
        var metadata: Logger.Metadata = ["line.digest": "\(event.digest)", "cell": "\(event.cell)"]
        switch event.kind {
        case .opened: logger.info("Cell connection opened", metadata: metadata)
        case .connected: logger.info("Cell connection connected", metadata: metadata)
        case .interrupted(let reason):
            metadata["reason"] = "\(reason)"
            logger.warning("Cell connection interrupted", metadata: metadata)
        case .silent(let reason):
            metadata["reason"] = "\(reason)"
            logger.warning("Cell does not answer", metadata: metadata)
        case .answering: logger.info("Cell answers again", metadata: metadata)
        case .draining: logger.info("Cell connection drains", metadata: metadata)
        case .closed(.lost): break
        case .closed(let reason):
            metadata["reason"] = "\(reason.rawValue)"
            logger.info("Cell connection closed", metadata: metadata)
        }
    }
}
