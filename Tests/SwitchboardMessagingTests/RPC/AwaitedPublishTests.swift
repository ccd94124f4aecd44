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
}

/// Notes of each publish whether it is awaited.
private final class NotingDriver: TransportDriver {
    private let base: any TransportDriver
    private let noted = Locked<[Bool]>([])

    init(_ base: any TransportDriver) {
        self.base = base
    }

    var capabilities: DriverCapabilities { base.capabilities }

    func takeNoted() -> [Bool] {
        noted.withLock { noted in
            defer { noted = [] }
            return noted
        }
    }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        Connection(try await base.connect(role, signals: signals), self)
    }

    private final class Connection: DriverConnection {
        private let base: any DriverConnection
        private let driver: NotingDriver

        init(_ base: any DriverConnection, _ driver: NotingDriver) {
            (self.base, self.driver) = (base, driver)
        }

        func publish(_ publish: Publish) {
            driver.noted.withLock { $0.append(publish.isAwaited) }
            base.publish(publish)
        }

        func subscribe(_ subscription: Subscription) { base.subscribe(subscription) }
        func unsubscribe(_ subscription: Subscription) { base.unsubscribe(subscription) }
        func close() async { await base.close() }
    }
}
