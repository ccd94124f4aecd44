import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

/// A connection may report the outcome of a publish late if no caller awaits it.
@Suite("Publishes that are awaited, and those that are not", .timeLimit(.minutes(1)))
struct AwaitedPublishTests {
    @Test("Calls and their replies are not awaited; casts and whatever has a close deadline are")
    func kinds() async throws {
        try await withEcho { driver, client in
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
        try await withEcho { driver, client in
            driver.withholdsOutcomes(true)
            _ = try await client.call("echo", [:])
            driver.withholdsOutcomes(false)
            #expect(driver.takeNoted().count == 2)
            driver.drop()
            // What is to be sent again goes before it.
            _ = try await client.call("echo", [:])
            #expect(driver.takeRequests() == 1)
        }
    }

    /// Serves `echo` while `body` runs, over a driver that notes what is published.
    private func withEcho(_ body: @escaping @Sendable (NotingDriver, RPCClient) async throws -> Void) async throws {
        let url = try TransportURL("fake://awaited")
        let driver = NotingDriver(try InProcessDriver(url, network: InProcessNetwork()))
        let connection = MessageQueueConnection(
            Transport(driver: driver, url: url, logger: quietLogger), logger: quietLogger)
        var router = RPCRouter()
        router.register("echo") { arguments, _ in .object(arguments) }
        let server = RPCServer(connection, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        try await withHanging(connection, server) {
            try await server.waitUntilServing(timeout: .seconds(30))
            try await body(driver, RPCClient(connection, topic: Topic("t"), timeout: .seconds(30)))
        }
    }
}

/// Notes what is published. On demand, it withholds outcomes and drops its connection.
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
