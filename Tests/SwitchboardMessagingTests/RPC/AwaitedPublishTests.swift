import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

/// Which publishes something waits for: a connection may learn the outcome of the others late.
@Suite("Publishes that are awaited, and those that are not", .timeLimit(.minutes(1)))
struct AwaitedPublishTests {
    @Test("Calls and their replies are not awaited; casts, notifications and what has a close deadline are")
    func kinds() async throws {
        let driver = NotingDriver(try InProcessDriver(TransportURL("fake://awaited"), network: InProcessNetwork()))
        let transport = Transport(driver: driver, url: try TransportURL("fake://awaited"), logger: quietLogger)
        let connection = MessageQueueConnection(transport, logger: quietLogger)
        var router = RPCRouter()
        router.register("echo") { arguments, _ in .object(arguments) }
        let server = RPCServer(connection, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        try await withHanging(connection, server) {
            try await server.waitUntilServing(timeout: .seconds(30))
            let client = RPCClient(connection, topic: Topic("t"), timeout: .seconds(30))
            _ = try await client.call("echo", [:])
            #expect(driver.takeNoted() == [false, false])
            try await client.cast("echo", [:])
            #expect(driver.takeNoted() == [true])
            _ = try? await client.call("echo", [:], timeout: .milliseconds(90))
            #expect(driver.takeNoted().first == true)
        }
    }

    @Test("A request that was answered is not sent again when the connection is lost before its confirm")
    func answered() async throws {
        let driver = NotingDriver(try InProcessDriver(TransportURL("fake://answered"), network: InProcessNetwork()))
        let transport = Transport(driver: driver, url: try TransportURL("fake://answered"), logger: quietLogger)
        let connection = MessageQueueConnection(transport, logger: quietLogger)
        var router = RPCRouter()
        router.register("echo") { arguments, _ in .object(arguments) }
        let server = RPCServer(connection, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        try await withHanging(connection, server) {
            try await server.waitUntilServing(timeout: .seconds(30))
            let client = RPCClient(connection, topic: Topic("t"), timeout: .seconds(30))
            driver.withholdsOutcomes(true)
            _ = try await client.call("echo", [:])
            driver.withholdsOutcomes(false)
            #expect(driver.takeNoted().count == 2)
            driver.drop()
            // What is to go out again goes before it.
            _ = try await client.call("echo", [:])
            #expect(driver.takeRequests() == 1)
        }
    }
}

/// Notes what is published; tells nobody what became of it, and drops its connections, when told to.
private final class NotingDriver: TransportDriver {
    private struct State {
        var noted: [Bool] = []
        var requests = 0
        var withholds = false
        var signals: ConnectionSignals?
    }

    let backoff = ReconnectBackoff(shortest: .zero, longest: .zero)
    private let base: any TransportDriver
    private let state = Locked(State())

    init(_ base: any TransportDriver) {
        self.base = base
    }

    var capabilities: DriverCapabilities { base.capabilities }

    /// Whether each publish since the last time was awaited.
    func takeNoted() -> [Bool] {
        state.withLock { state in
            defer { (state.noted, state.requests) = ([], 0) }
            return state.noted
        }
    }

    /// How many requests were published since the last time.
    func takeRequests() -> Int {
        state.withLock { state in
            defer { (state.noted, state.requests) = ([], 0) }
            return state.requests
        }
    }

    func withholdsOutcomes(_ withholds: Bool) { state.withLock { $0.withholds = withholds } }

    func drop() { state.withLock { $0.signals }?.lost("it was dropped") }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        let base = try await base.connect(role, signals: ConnectionSignals { signals.send($0) })
        state.withLock { $0.signals = signals }
        return Connection(base, self)
    }

    /// - Returns: whether its outcome is withheld.
    private func note(_ publish: Publish) -> Bool {
        state.withLock { state in
            state.noted.append(publish.isAwaited)
            if case .topic = publish.address { state.requests += 1 }
            return state.withholds
        }
    }

    private final class Connection: DriverConnection {
        private let base: any DriverConnection
        private let driver: NotingDriver

        init(_ base: any DriverConnection, _ driver: NotingDriver) {
            (self.base, self.driver) = (base, driver)
        }

        func publish(_ publish: Publish) {
            base.publish(driver.note(publish) ? publish.relayed { _ in } : publish)
        }

        func subscribe(_ subscription: Subscription) { base.subscribe(subscription) }
        func unsubscribe(_ subscription: Subscription) { base.unsubscribe(subscription) }
        func close() async { await base.close() }
    }
}
