import Foundation
import Logging
import MetricsTestKit
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("Health checks", .timeLimit(.minutes(2)))
struct HealthTests {
    private func connection(_ telemetry: Telemetry = Telemetry()) throws -> (Deafness, MessageQueueConnection) {
        let deafness = Deafness()
        let base = try InProcessDriver(TransportURL("fake://health"), network: InProcessNetwork())
        return (deafness, try connection(deafness.driver(over: base), telemetry))
    }

    private func connection(
        _ driver: any TransportDriver, _ telemetry: Telemetry = Telemetry()
    ) throws -> MessageQueueConnection {
        MessageQueueConnection(
            Transport(driver: driver, url: try TransportURL("fake://health"), logger: quietLogger),
            telemetry: telemetry, logger: quietLogger)
    }

    private func becomesReady(_ connection: MessageQueueConnection) async {
        for await state in connection.transport.states() where state == .ready { return }
    }

    @Test("A connection stands as its transport does, and since when it came there")
    func states() async throws {
        let driver = StandInDriver(isScripted: true)
        let connection = try connection(driver)
        #expect(connection.health.status == .starting)
        let refused = TransportError(.refused, "Refused.")
        let cases: [(change: @Sendable () -> Void, TransportState, HealthCheck.Status, String?)] = [
            ({}, .connecting(attempt: 1, reason: nil), .connecting, nil),
            (
                { driver.fail(ConnectionFailure("no route")) }, .connecting(attempt: 2, reason: "no route"),
                .connecting, "no route"
            ),
            ({ driver.connect() }, .ready, .ready, nil),
            (
                { driver.send(.blocked(reason: "low on memory")) }, .blocked(reason: "low on memory"), .blocked,
                "low on memory"
            ),
            (
                { driver.send(.blocked(reason: "low on disk")) }, .blocked(reason: "low on disk"), .blocked,
                "low on disk"
            ),
            ({ driver.send(.blocked(reason: nil)) }, .ready, .ready, nil),
            (
                { driver.send(.lost(ConnectionFailure(refused, retry: .never))) }, .closed(reason: "\(refused)"),
                .closed, "\(refused)"
            ),
        ]
        var before = (status: HealthCheck.Status.starting, since: connection.transport.standing.since)
        let run = Task { try await connection.run() }
        for (change, state, status, reason) in cases {
            change()
            for await seen in connection.transport.states() where seen == state { break }
            let health = connection.health
            #expect(health.status == status && health.reason == reason && health.name == "own")
            #expect(health.isReady == (state == .ready))
            let since = connection.transport.standing.since
            // Another attempt or another reason doesn't make a new state.
            #expect((since == before.since) == (status == before.status), "\(state)")
            before = (status, since)
        }
        let error = await #expect(throws: TransportError.self) { try await run.value }
        #expect(error?.code == .refused)
    }

    @Test("A connection that takes messages and doesn't deliver them is deaf, until they arrive again")
    func deaf() async throws {
        let (deafness, connection) = try connection()
        try await withRunning(connection) {
            await becomesReady(connection)
            let ready = await connection.checkHealth(timeout: .seconds(60))
            #expect(ready.status == .ready)
            deafness.begin { if case .mailbox = $0 { true } else { false } }
            let first = await connection.checkHealth(timeout: .milliseconds(50))
            #expect(first.status == .deaf && !first.isReady)
            #expect(first.reason?.contains("did not deliver it") == true)
            #expect(connection.health.status == .deaf)
            let second = await connection.checkHealth(timeout: .milliseconds(50))
            #expect(second.status == .deaf)
            #expect(abs(second.since.microseconds - first.since.microseconds) <= 20_000)
            deafness.end()
            let again = await connection.checkHealth(timeout: .seconds(60))
            #expect(again.status == .ready && again.reason == nil)
        }
        #expect(connection.health.status == .closed)
    }

    @Test("What a connection missed says nothing of the next connection")
    func reconnected() async throws {
        let (deafness, clock) = (Deafness(), ManualClock())
        let base = try InProcessDriver(TransportURL("fake://health"), network: InProcessNetwork())
        let faulty = FaultyDriver(base, clock: clock)
        let connection = try connection(deafness.driver(over: faulty))
        try await withRunning(connection) {
            await becomesReady(connection)
            deafness.begin { _ in true }
            let deaf = await connection.checkHealth(timeout: .milliseconds(50))
            #expect(deaf.status == .deaf)
            faulty.dropConnection(outage: .seconds(60))
            #expect(connection.health.status == .connecting)
            await clock.waitForSleepers()
            clock.advance(by: .seconds(60))
            await becomesReady(connection)
            #expect(connection.health.status == .ready)
        }
    }

    @Test("A server starts, is ready, is deaf when requests don't reach it, stops and has ended")
    func server() async throws {
        let (deafness, connection) = try connection()
        let calls = Recorder<CheckedContinuation<Void, Never>>()
        var router = RPCRouter()
        router.register("hold") { _, _ in
            await withCheckedContinuation { calls.record($0) }
            return .null
        }
        let server = RPCServer(
            connection, topic: Topic("t"), name: "host1", router: router, logger: quietLogger)
        #expect(server.health.status == .starting)
        #expect(server.health.reason == "it waits for its subscriptions")
        let shutdown = GracefulShutdownTrigger()
        try await withRunning(connection) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await shutdown.run(server) }
                try await yieldsWhile { server.health.status == .starting }
                let ready = await server.checkHealth(timeout: .seconds(60))
                #expect(ready.status == .ready && ready.name == "host1 of openstack/t")
                #expect(ready.components.map(\.name) == ["own"])
                deafness.begin { if case .server = $0 { true } else { false } }
                let deaf = await server.checkHealth(timeout: .milliseconds(50))
                #expect(deaf.status == .deaf && deaf.components.allSatisfy(\.isReady))
                deafness.end()
                let again = await server.checkHealth(timeout: .seconds(60))
                #expect(again.status == .ready)
                let client = RPCClient(connection, target: RPCTarget(topic: "t"))
                try await client.cast("hold", context: .admin())
                let held = try await calls.next()
                shutdown.trigger()
                try await yieldsWhile { server.health.status == .ready }
                #expect(server.health.status == .stopping)
                held.resume()
                try await group.waitForAll()
                #expect(server.health.status == .closed)
            }
        }
    }

    @Test("A server whose handlers are all at work is busy, and not deaf")
    func busy() async throws {
        let (_, connection) = try connection()
        let calls = Recorder<CheckedContinuation<Void, Never>>()
        var router = RPCRouter()
        router.register("hold") { _, _ in
            await withCheckedContinuation { calls.record($0) }
            return .null
        }
        var configuration = RPCServerConfiguration()
        configuration.maximumConcurrency = 1
        let server = RPCServer(
            connection, topic: Topic("t"), name: "host1", router: router, configuration: configuration,
            logger: quietLogger)
        try await withRunning(connection, server) {
            try await yieldsWhile { server.health.status == .starting }
            try await RPCClient(connection, target: RPCTarget(topic: "t")).cast("hold", context: .admin())
            let held = try await calls.next()
            let health = await server.checkHealth(timeout: .milliseconds(50))
            held.resume()
            #expect(health.status == .ready)
        }
    }

    @Test("A server's check of itself passes neither middleware nor handlers, and isn't counted")
    func probe() async throws {
        struct Refusing: RPCServerMiddleware {
            func handle(
                _ request: RPCServerRequest,
                next: nonisolated(nonsending) @Sendable (RPCServerRequest) async throws -> JSONValue
            ) async throws -> JSONValue {
                Issue.record("\(request.method) came to the middleware")
                throw CancellationError()
            }
        }
        let metrics = TestMetrics()
        let (_, connection) = try connection(Telemetry(metrics: metrics))
        var configuration = RPCServerConfiguration()
        configuration.middleware = [Refusing()]
        let server = RPCServer(
            connection, topic: Topic("t"), name: "host1", router: RPCRouter(), configuration: configuration,
            logger: quietLogger)
        try await withRunning(connection, server) {
            try await yieldsWhile { server.health.status == .starting }
            let health = await server.checkHealth(timeout: .seconds(60))
            #expect(health.status == .ready)
        }
        #expect(metrics.timers.isEmpty && metrics.counters.allSatisfy { $0.totalValue == 0 })
    }

    @Test("A listener starts, is ready and has ended")
    func listener() async throws {
        let world = try NotificationWorld()
        let listener = world.listener(.recording(Recorder(), [.info]))
        #expect(listener.health.status == .starting)
        try await world.run(listener) {
            #expect(listener.health.status == .ready)
            #expect(listener.health.name == "listener of openstack/notifications")
        }
        #expect(listener.health.status == .closed)
    }

    @Test("JSON has the same on both sides, with words and times that people read")
    func json() throws {
        let since = try #require(WireTimestamp("2026-01-02T03:04:05.678000"))
        let check = HealthCheck(
            "all", .degraded, since: since, reason: "b: gone",
            components: [
                HealthCheck("a", .ready, since: since), HealthCheck("b", .closed, since: since, reason: "gone"),
            ])
        let data = try JSONEncoder().encode(check)
        #expect(try JSONDecoder().decode(HealthCheck.self, from: data) == check)
        let object = try JSONValue(parsing: String(decoding: data, as: UTF8.self))
        #expect(
            object == [
                "name": "all", "status": "degraded", "ready": true, "since": "2026-01-02T03:04:05.678000Z",
                "reason": "b: gone",
                "components": [
                    ["name": "a", "status": "ready", "ready": true, "since": "2026-01-02T03:04:05.678000Z"],
                    [
                        "name": "b", "status": "closed", "ready": false, "since": "2026-01-02T03:04:05.678000Z",
                        "reason": "gone",
                    ],
                ],
            ])
        #expect(
            check.description == """
                all: degraded since 2026-01-02T03:04:05.678000Z (b: gone)
                  a: ready since 2026-01-02T03:04:05.678000Z
                  b: closed since 2026-01-02T03:04:05.678000Z (gone)
                """)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                HealthCheck.self, from: Data(#"{"name": "a", "status": "ready", "since": "yesterday"}"#.utf8))
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                HealthCheck.self, from: Data(#"{"name": "a", "status": "fine", "since": "2026-01-02T03:04:05"}"#.utf8))
        }
    }

    @Test("The whole is as bad as its worst part, and degraded where it works without")
    func combined() {
        func part(_ name: String, _ status: HealthCheck.Status, _ microseconds: Int64) -> HealthCheck {
            HealthCheck(name, status, since: WireTimestamp(microseconds: microseconds), reason: "r")
        }
        for worst in HealthCheck.Status.allCases {
            for other in HealthCheck.Status.allCases.prefix(while: { $0 != worst }) {
                let whole = HealthCheck("w", of: [part("a", other, 1), part("b", worst, 2)])
                #expect(whole.status == worst && whole.since == WireTimestamp(microseconds: 2))
                #expect(whole.reason == "b: r")
                let tolerant = HealthCheck(
                    "w", of: [part("a", other, 1), part("b", worst, 2)], toleratesFailures: true)
                let works = other == .ready || other == .degraded
                #expect(tolerant.status == (works ? .degraded : worst), "\(other) \(worst)")
            }
        }
        #expect(HealthCheck("w", of: [part("a", .ready, 1), part("b", .ready, 2)]).since.microseconds == 2)
        #expect(HealthCheck("w", of: [part("a", .deaf, 2), part("b", .deaf, 1)]).since.microseconds == 1)
        #expect(HealthCheck("w", of: []).status == .ready)
    }
}
