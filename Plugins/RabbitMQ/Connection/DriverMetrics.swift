#if RabbitMQ
import CoreMetrics
import Metrics
import SwitchboardCore

/// What a driver counts and measures, in the process's metrics system. Every label has few values.
final class DriverMetrics: Sendable {
    private let connectionsOpened: [ConnectionSettings.Role: Counter]
    private let blockedDuration: Timer
    /// Publishes that the broker hasn't confirmed.
    private let unconfirmed: Gauge
    private let redeliveryCounter: Counter
    private let returnCounter: Counter
    private let declarationCounter: Counter
    private let untakeableCounter: Counter

    private let factory: any MetricsFactory

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
        var opened: [ConnectionSettings.Role: Counter] = [:]
        for role in [ConnectionSettings.Role.publish, .consume] {
            opened[role] = Counter(
                label: "switchboard.rabbitmq.connections.opened", dimensions: [("role", role.rawValue)],
                factory: factory)
        }
        connectionsOpened = opened
        blockedDuration = Timer(
            label: "switchboard.rabbitmq.blocked.duration", dimensions: [], preferredDisplayUnit: .seconds,
            factory: factory)
        unconfirmed = Gauge(label: "switchboard.rabbitmq.publishes.unconfirmed", factory: factory)
        redeliveryCounter = Counter(label: "switchboard.rabbitmq.redeliveries", factory: factory)
        returnCounter = Counter(label: "switchboard.rabbitmq.returns", factory: factory)
        untakeableCounter = Counter(label: "switchboard.rabbitmq.untakeable", factory: factory)
        declarationCounter = Counter(label: "switchboard.rabbitmq.declarations", factory: factory)
    }

    func opened(_ role: ConnectionSettings.Role) { connectionsOpened[role]?.increment() }

    /// A connection that was open is lost, or one could not be made.
    func lost(_ role: ConnectionSettings.Role, _ loss: ConnectionLoss) {
        Counter(
            label: "switchboard.rabbitmq.connections.lost",
            dimensions: [("role", role.rawValue), ("error.type", loss.kind)],
            factory: factory
        ).increment()
    }

    func wasBlocked(for duration: Duration) { blockedDuration.record(duration: duration) }
    func unconfirmed(_ count: Int) { unconfirmed.record(count) }
    func redelivered() { redeliveryCounter.increment() }
    func returned() { returnCounter.increment() }
    func untakeable() { untakeableCounter.increment() }
    func declared(_ count: Int) { if count > 0 { declarationCounter.increment(by: count) } }
}
#endif
