import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

/// A code that says "certainly not executed" is a promise. Each failure, for a call that was not sent and for one whose
/// handler is at work.
@Suite("Codes that promise that nothing was executed are true", .timeLimit(.minutes(2)))
struct OutcomeCodeTests {
    enum Failure: String, CaseIterable, Sendable {
        case passwordChanged, passwordChangedWhileSilent, virtualHostGone, shutDown, brokerStopped, cancelled, deadline

        /// Whether a call that was sent waits until its deadline: what refuses a connection that was good may let it in again.
        var leavesTheCallToItsDeadline: Bool { self != .shutDown && self != .cancelled }
    }

    /// What says that a request was certainly not executed (<doc:Errors>).
    private static let promises: Set<RPCError.Code> = [
        .unavailable, .exhausted, .unroutable, .refused, .messageTooLarge, .noQueue, .versionCapExceeded,
        .invalidArguments, .invalidTarget,
    ]

    private final class Bench: Sendable {
        let broker = FakeBroker()
        let caller: MessageQueueConnection
        let serving: MessageQueueConnection
        let server: RPCServer
        /// How often the handler was begun.
        let begun = Locked(0)
        private let (beginnings, beginningSource) = AsyncStream.makeStream(of: Void.self)
        let mayEnd = Latch()

        init() throws {
            let drivers = broker.drivers
            func connect(_ user: String) throws -> MessageQueueConnection {
                try MessageQueueConnection(
                    TransportURL("rabbit://\(user):pw@mq1/x"), drivers: drivers, logger: quietLogger)
            }
            broker.setPassword("pw", of: "alice")
            broker.setPassword("pw", of: "bob")
            (caller, serving) = (try connect("alice"), try connect("bob"))
            var router = RPCRouter()
            router.registerPing()
            router.register("work") { [begun, mayEnd, beginningSource] _, _ in
                begun.withLock { $0 += 1 }
                beginningSource.yield()
                try await mayEnd.wait()
                return "done"
            }
            server = RPCServer(serving, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        }

        /// Returns when a handler has begun.
        func waitForHandler() async {
            for await _ in beginnings { return }
        }

        /// Returns when the caller's connection, which was good, is refused.
        func waitForRefusal() async {
            for await state in caller.transport.states() {
                if case .connecting(_, let reason?) = state, reason.contains("refuses") { return }
            }
        }

        /// Has the caller's connection fail. Returns when it has.
        func fail(_ failure: Failure, _ call: Task<JSONValue, any Error>, _ running: Task<Void, any Error>) async {
            switch failure {
            case .passwordChanged:
                broker.setPassword("other", of: "alice")
                broker.closeConnections()
                await waitForRefusal()
            case .passwordChangedWhileSilent:
                broker.setPassword("other", of: "alice")
                broker.stall(for: .milliseconds(200))
                await waitForRefusal()
            case .virtualHostGone:
                broker.setVirtualHosts(["y"])
                broker.closeConnections()
                await waitForRefusal()
            case .shutDown:
                running.cancel()
                _ = await running.result
            case .brokerStopped: broker.stop()
            case .cancelled: call.cancel()
            case .deadline: break
            }
        }
    }

    private func code(of call: Task<JSONValue, any Error>) async -> RPCError.Code? {
        do {
            _ = try await call.value
            return nil
        } catch let error as RPCError {
            return error.code
        } catch is CancellationError {
            // Says nothing of what was done.
            return RPCError.Code("cancelled")
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    @Test("A call whose handler is at work when its connection fails", arguments: Failure.allCases)
    func after(_ failure: Failure) async throws {
        let bench = try Bench()
        try await withHanging(bench.serving, bench.server) {
            let running = Task { try await bench.caller.run() }
            let client = RPCClient(
                bench.caller, target: RPCTarget(topic: "t"),
                timeout: failure.leavesTheCallToItsDeadline ? .seconds(3) : .seconds(60))
            var patient = client
            patient.timeout = .seconds(60)
            try await bench.server.waitUntilServing()
            _ = try await patient.call("oslo_rpc_server_ping")
            let call = Task { try await client.call("work", context: .admin()) }
            await bench.waitForHandler()
            await bench.fail(failure, call, running)
            let code = await code(of: call)
            #expect(code.map { !Self.promises.contains($0) } == true, "\(failure): \(code?.description ?? "answered")")
            switch failure {
            case .shutDown: #expect(code == .closed)
            case .passwordChanged, .passwordChangedWhileSilent, .virtualHostGone, .brokerStopped, .deadline:
                #expect(code == .timeout)
            case .cancelled: #expect(code?.description == "cancelled")
            }
            bench.mayEnd.open()
            running.cancel()
        }
    }

    @Test("A call that was sent into silence when its connection fails", arguments: Failure.allCases)
    func during(_ failure: Failure) async throws {
        let bench = try Bench()
        bench.mayEnd.open()
        try await withHanging(bench.serving, bench.server) {
            let running = Task { try await bench.caller.run() }
            var client = RPCClient(bench.caller, target: RPCTarget(topic: "t"), timeout: .seconds(30))
            try await bench.server.waitUntilServing()
            _ = try await client.call("oslo_rpc_server_ping")
            // Then the connection is found to be lost, and the call would be sent again.
            bench.broker.stall(for: failure == .deadline ? .seconds(60) : .milliseconds(500))
            if failure.leavesTheCallToItsDeadline { client.timeout = .seconds(2) }
            client.retry = .never
            let call = Task { [client] in try await client.call("work", context: .admin()) }
            try await yieldsWhile { bench.caller.callsInFlight == 0 }
            try await Task.sleep(for: .milliseconds(20))
            switch failure {
            case .passwordChanged, .passwordChangedWhileSilent:
                bench.broker.setPassword("other", of: "alice")
                await bench.waitForRefusal()
            case .virtualHostGone:
                bench.broker.setVirtualHosts(["y"])
                await bench.waitForRefusal()
            case .shutDown, .brokerStopped, .cancelled, .deadline: await bench.fail(failure, call, running)
            }
            let code = await code(of: call)
            #expect(code.map { !Self.promises.contains($0) } == true, "\(failure): \(code?.description ?? "answered")")
            running.cancel()
        }
    }

    @Test("A call that was not sent when its connection fails: its handler never ran", arguments: Failure.allCases)
    func before(_ failure: Failure) async throws {
        let bench = try Bench()
        bench.mayEnd.open()
        bench.broker.stop()
        let running = Task { try await bench.caller.run() }
        var client = RPCClient(bench.caller, target: RPCTarget(topic: "t"), timeout: .seconds(30))
        if failure == .deadline || failure == .brokerStopped { client.timeout = .milliseconds(200) }
        let call = Task { [client] in try await client.call("work", context: .admin()) }
        switch failure {
        case .passwordChanged, .passwordChangedWhileSilent:
            bench.broker.setPassword("other", of: "alice")
            bench.broker.start()
            _ = await running.result
        case .virtualHostGone:
            bench.broker.setVirtualHosts(["y"])
            bench.broker.start()
            _ = await running.result
        default: await bench.fail(failure, call, running)
        }
        let code = await code(of: call)
        switch failure {
        case .passwordChanged, .passwordChangedWhileSilent, .virtualHostGone: #expect(code == .refused)
        case .shutDown: #expect(code == .closed)
        case .brokerStopped, .deadline: #expect(code == .unavailable)
        case .cancelled: #expect(code?.description == "cancelled")
        }
        #expect(bench.begun.withLock { $0 } == 0)
        running.cancel()
    }

    @Test("A call on a connection that was refused before is refused")
    func refusedBefore() async throws {
        let bench = try Bench()
        bench.broker.setPassword("other", of: "alice")
        await #expect(throws: TransportError.self) { try await bench.caller.run() }
        let client = RPCClient(bench.caller, target: RPCTarget(topic: "t"))
        let error = await #expect(throws: RPCError.self) { try await client.call("work", context: .admin()) }
        #expect(error?.code == .refused)
    }

    @Test("A call with no time to be sent is not sent", arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min)])
    func noTime(_ timeout: Duration) async throws {
        let bench = try Bench()
        bench.mayEnd.open()
        try await withHanging(bench.caller, bench.serving, bench.server) {
            let client = RPCClient(bench.caller, target: RPCTarget(topic: "t"))
            try await bench.server.waitUntilServing()
            _ = try await client.call("oslo_rpc_server_ping")
            let error = await #expect(throws: RPCError.self) {
                try await client.call("work", context: .admin(), timeout: timeout)
            }
            #expect(error?.code == .unavailable)
            _ = try await client.call("work", context: .admin(), timeout: .seconds(Int64.max))
            #expect(bench.begun.withLock { $0 } == 1)
        }
    }

    @Test(
        "No keepalive interval, or none of any length, asks for no keepalives",
        arguments: [Duration.zero, .seconds(-5), .seconds(Int64.min), nil])
    func keepalives(_ interval: Duration?) async throws {
        let bench = try Bench()
        try await withHanging(bench.caller, bench.serving, bench.server) {
            var client = RPCClient(bench.caller, target: RPCTarget(topic: "t"), keepaliveInterval: interval)
            try await bench.server.waitUntilServing()
            _ = try await client.call("oslo_rpc_server_ping")
            let call = Task { [client] in try await client.call("work", context: .admin()) }
            await bench.waitForHandler()
            bench.mayEnd.open()
            #expect(try await call.value == "done")
            client.keepaliveInterval = .seconds(Int64.max)
            #expect(try await client.call("work", context: .admin()) == "done")
        }
    }
}
