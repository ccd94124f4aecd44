package import SwitchboardCore

/// Any driver, whose connections do some things as a test says.
package final class InterceptedDriver: TransportDriver {
    /// What happens instead of what the connection below would do.
    package struct Hooks: Sendable {
        package var publish: @Sendable (Publish, any DriverConnection) -> Void = { $1.publish($0) }
        package var subscribe: @Sendable (Subscription, any DriverConnection) -> Void = { $1.subscribe($0) }
        package var close: @Sendable (any DriverConnection) async -> Void = { await $0.close() }

        package init() {}
    }

    package let capabilities: DriverCapabilities
    private let base: any TransportDriver
    private let hooks: Hooks

    /// - Parameters:
    ///   - base: the driver.
    ///   - capabilities: what it claims; `nil` stands for what `base` does.
    ///   - change: sets the hooks.
    package init(
        _ base: any TransportDriver, capabilities: DriverCapabilities? = nil, _ change: (inout Hooks) -> Void = { _ in }
    ) {
        self.base = base
        self.capabilities = capabilities ?? base.capabilities
        var hooks = Hooks()
        change(&hooks)
        self.hooks = hooks
    }

    package var roles: [ConnectionRole] { base.roles }
    package var backoff: ReconnectBackoff { base.backoff }
    package var messagingSystem: String? { base.messagingSystem }
    package var taskExecutor: (any TaskExecutor)? { base.taskExecutor }
    package func runInBackground() async { await base.runInBackground() }
    package func makeMailbox() -> Mailbox { base.makeMailbox() }

    package func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        InterceptedConnection(try await base.connect(role, signals: signals), hooks)
    }
}

private final class InterceptedConnection: DriverConnection {
    private let base: any DriverConnection
    private let hooks: InterceptedDriver.Hooks

    init(_ base: any DriverConnection, _ hooks: InterceptedDriver.Hooks) {
        self.base = base
        self.hooks = hooks
    }

    func publish(_ publish: Publish) { hooks.publish(publish, base) }
    func subscribe(_ subscription: Subscription) { hooks.subscribe(subscription, base) }
    func unsubscribe(_ subscription: Subscription) { base.unsubscribe(subscription) }
    func close() async { await hooks.close(base) }
}
