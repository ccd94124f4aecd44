import SwitchboardCore
import Testing

/// A driver whose connections do what a test says, and write down what they are asked for.
final class ScriptedDriver: TransportDriver {
    typealias Connect = @Sendable (ScriptedConnection) async throws(ConnectionFailure) -> Void

    let capabilities: DriverCapabilities = []
    let roles: [ConnectionRole]
    let backoff: ReconnectBackoff
    let changes = Changes()

    private struct State: Sendable {
        var connections: [ScriptedConnection] = []
        var attempts = 0
        var connect: Connect = { _ in }
        var publish: @Sendable (ScriptedConnection, Publish) -> Void = { _, _ in }
        var subscribe: @Sendable (ScriptedConnection, Subscription) -> Void = { $0.signals.send(.live($1)) }
        var unsubscribe: @Sendable (ScriptedConnection, Subscription) -> Void = { $0.signals.send(.ended($1)) }
        var close: @Sendable (ScriptedConnection) async -> Void = { _ in }
    }

    private let state = Locked(State())

    init(roles: [ConnectionRole] = [.both], pause: Duration = .zero) {
        self.roles = roles
        backoff = ReconnectBackoff(shortest: pause, longest: pause * 100)
    }

    // MARK: The script

    func onConnect(_ body: @escaping Connect) { state.withLock { $0.connect = body } }

    /// What a connection does with a publish; by default it keeps it.
    func onPublish(_ body: @escaping @Sendable (ScriptedConnection, Publish) -> Void) {
        state.withLock { $0.publish = body }
    }

    /// What a connection does with a subscription; by default it is live at once.
    func onSubscribe(_ body: @escaping @Sendable (ScriptedConnection, Subscription) -> Void) {
        state.withLock { $0.subscribe = body }
    }

    func onUnsubscribe(_ body: @escaping @Sendable (ScriptedConnection, Subscription) -> Void) {
        state.withLock { $0.unsubscribe = body }
    }

    /// What a connection does while it closes.
    func onClose(_ body: @escaping @Sendable (ScriptedConnection) async -> Void) {
        state.withLock { $0.close = body }
    }

    // MARK: What has happened

    var attempts: Int { state.withLock { $0.attempts } }
    var connections: [ScriptedConnection] { state.withLock { $0.connections } }
    var last: ScriptedConnection? { state.withLock { $0.connections.last } }

    /// The connection with this number, once there is one.
    func connection(_ number: Int) async throws -> ScriptedConnection {
        await changes.until { self.connections.count >= number }
        return try #require(connections.count >= number ? connections[number - 1] : nil)
    }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        let (connection, connect) = state.withLock { state in
            state.attempts += 1
            return (ScriptedConnection(state.attempts, role, signals, self), state.connect)
        }
        changes.notify()
        try await connect(connection)
        state.withLock { $0.connections.append(connection) }
        changes.notify()
        return connection
    }

    fileprivate func published(_ connection: ScriptedConnection, _ publish: Publish) {
        state.withLock { $0.publish }(connection, publish)
    }

    fileprivate func subscribed(_ connection: ScriptedConnection, _ subscription: Subscription) {
        state.withLock { $0.subscribe }(connection, subscription)
    }

    fileprivate func closed(_ connection: ScriptedConnection) async {
        await state.withLock { $0.close }(connection)
    }

    fileprivate func unsubscribed(_ connection: ScriptedConnection, _ subscription: Subscription) {
        state.withLock { $0.unsubscribe }(connection, subscription)
    }
}

final class ScriptedConnection: DriverConnection {
    let number: Int
    let role: ConnectionRole
    let signals: ConnectionSignals
    /// Which has its connections, and outlives them with its transport.
    private unowned let driver: ScriptedDriver

    private struct State: Sendable {
        var publishes: [Publish] = []
        var subscribed: [Subscription] = []
        var unsubscribed: [Subscription] = []
        var isClosed = false
    }

    private let state = Locked(State())

    init(_ number: Int, _ role: ConnectionRole, _ signals: ConnectionSignals, _ driver: ScriptedDriver) {
        self.number = number
        self.role = role
        self.signals = signals
        self.driver = driver
    }

    var publishes: [Publish] { state.withLock { $0.publishes } }
    /// The first bytes of what was published, in order.
    var bodies: [UInt8] { publishes.compactMap(\.message.body.first) }
    var subscribed: [Subscription] { state.withLock { $0.subscribed } }
    var unsubscribed: [Subscription] { state.withLock { $0.unsubscribed } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Waits until so many have been published here.
    func publishes(_ count: Int) async throws -> [Publish] {
        await driver.changes.until { self.publishes.count >= count }
        try #require(publishes.count == count)
        return publishes
    }

    func publish(_ publish: Publish) {
        state.withLock { $0.publishes.append(publish) }
        driver.changes.notify()
        driver.published(self, publish)
    }

    func subscribe(_ subscription: Subscription) {
        state.withLock { $0.subscribed.append(subscription) }
        driver.changes.notify()
        driver.subscribed(self, subscription)
    }

    func unsubscribe(_ subscription: Subscription) {
        state.withLock { $0.unsubscribed.append(subscription) }
        driver.changes.notify()
        driver.unsubscribed(self, subscription)
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        driver.changes.notify()
        await driver.closed(self)
    }
}

/// Lets a test wait for what another task brings about.
final class Changes: Sendable {
    private struct State {
        var version = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    func notify() {
        let waiters = state.withLock { state in
            state.version += 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the condition holds, or fails the test when its task is cancelled, as its time limit does.
    func until(_ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async {
        while true {
            let seen = state.withLock { $0.version }
            if condition() { return }
            if Task.isCancelled {
                Issue.record("The test's time was over.", sourceLocation: sourceLocation)
                return
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isLate = state.withLock { state in
                        if state.version != seen || Task.isCancelled { return true }
                        state.waiters.append(continuation)
                        return false
                    }
                    if isLate { continuation.resume() }
                }
            } onCancel: {
                notify()
            }
        }
    }
}
