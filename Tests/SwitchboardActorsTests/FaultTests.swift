import ActorSamples
import Distributed
import Logging
import ServiceLifecycle
import SwitchboardActors
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

/// What goes wrong with a call.
private enum Fault: String, CaseIterable, Sendable {
    case timeout, noTime, nobodyListens, lostConnection, closedConnection, noQueue, versionCap, badReply, invalidTarget
}

/// An actor whose method lasts until its caller has left.
distributed actor Hanging {
    typealias ActorSystem = SwitchboardActorSystem

    private let begun: Milestone
    private let cancelled: Milestone

    init(in system: SwitchboardActorSystem, begun: Milestone = Milestone(), cancelled: Milestone = Milestone()) {
        actorSystem = system
        self.begun = begun
        self.cancelled = cancelled
    }

    distributed func hang() async throws -> Int {
        begun.reach()
        let (never, source) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in never {}
            source.finish()
        } onCancel: {
            cancelled.reach()
        }
        throw CancellationError()
    }

    distributed func text() -> String { "text" }
}

@Resolvable
protocol Hang: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func hang() async throws -> Int
    distributed func text() async throws -> Int
}

/// Only what `body` throws counts.
private func running<Result: Sendable>(
    _ service: any Service, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try? await service.run() }
        defer { group.cancelAll() }
        return try await body()
    }
}

@Suite("Faults seen through actors", .timeLimit(.minutes(5)))
struct FaultTests {
    private static let hang = RPCMethod<NoArguments, Int>("hang")
    private static let text = RPCMethod<NoArguments, Int>("text")

    /// The error of one call, which meets a fault.
    private func error(
        of fault: Fault, _ call: @escaping @Sendable (RPCClient, RPCTarget, RequestContext) async throws -> Int
    ) async throws -> RPCError {
        let network = InProcessNetwork()
        func connect() throws -> MessageQueueConnection {
            try MessageQueueConnection(
                TransportURL("fake://faults"), drivers: DriverRegistry(.inProcess(network: network)),
                logger: quietLogger)
        }
        let begun = Milestone()
        let serving = try connect()
        var router = RPCRouter()
        var methods = ActorMethods<Hanging>()
        methods.register("hang") { try await $0.hang() }
        methods.register("text") { try await $0.text() }
        router.register(Hanging(in: SwitchboardActorSystem(serving), begun: begun), methods)
        let connection = try connect()
        var client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(60))
        var context = RequestContext()
        var target = RPCTarget(topic: "t")
        switch fault {
        case .timeout: client.timeout = .milliseconds(200)
        case .noTime: client.timeout = .zero
        case .nobodyListens: target = RPCTarget(topic: "nobody")
        case .noQueue: context.mqConnection = .none(cell: "cell0", reason: "it has no message queue")
        case .versionCap: client.versionCap = "0.9"
        case .invalidTarget: target = RPCTarget(topic: "")
        case .badReply, .lostConnection, .closedConnection: break
        }
        return try await withRunning([serving]) { [client, router, target, context] in
            try await withServer(on: serving, router: router) {
                let lose = Milestone()
                let over = Milestone()
                return try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try? await running(connection) { await lose.wait() }
                        over.reach()
                    }
                    defer { group.cancelAll() }
                    try await waitUntilServing(connection)
                    if fault == .closedConnection {
                        lose.reach()
                        await over.wait()
                    }
                    if fault == .lostConnection {
                        group.addTask {
                            await begun.wait()
                            lose.reach()
                        }
                    }
                    return try #require(
                        await #expect(throws: RPCError.self) { try await call(client, target, context) })
                }
            }
        }
    }

    @Test("Each is the error that RPCClient throws", arguments: Fault.allCases)
    private func same(_ fault: Fault) async throws {
        let plain = try await error(of: fault) { client, target, context in
            var client = client
            client.target = target
            return try await client.call(
                fault == .badReply ? Self.text : Self.hang, NoArguments(), context: context)
        }
        let seen = try await error(of: fault) { client, target, context in
            let actor = try $Hang.resolve(
                id: SwitchboardActorID(target), using: SwitchboardActorSystem(client))
            return try await withRequestContext(context) {
                try await fault == .badReply ? actor.text() : actor.hang()
            }
        }
        let expected: RPCError.Code =
            switch fault {
            case .timeout: .timeout
            case .noTime: .unavailable
            case .nobodyListens: .unroutable
            case .lostConnection, .closedConnection: .closed
            case .noQueue: .noQueue
            case .versionCap: .versionCapExceeded
            case .badReply: .invalidReply
            case .invalidTarget: .invalidTarget
            }
        #expect(plain.code == expected)
        #expect(seen.code == plain.code)
        #expect(seen.message.contains(fault == .badReply ? "text" : "hang"))
    }

    @Test("A cancelled caller gets a CancellationError, and the method is cancelled", arguments: [true, false])
    func cancelled(hasTable: Bool) async throws {
        let begun = Milestone()
        let cancelled = Milestone()
        var methods = ActorMethods<Hanging>()
        if hasTable { methods.register("hang") { try await $0.hang() } }
        try await withActor(
            methods: methods, make: { Hanging(in: $0, begun: begun, cancelled: cancelled) }
        ) { system, id, _ in
            let hanging = try Hanging.resolve(id: id, using: system)
            let call = Task { try await hanging.hang() }
            await begun.wait()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            await cancelled.wait()
        }
    }

    @Test("A server that shuts down lets a method finish and answer")
    func shutdown() async throws {
        try await Queue.inProcess.withConnections(2) { connections in
            let begun = Milestone()
            let finish = Milestone()
            var router = RPCRouter()
            router.registerPing()
            router.register(
                SwiftEndpoint(named: "one", in: SwitchboardActorSystem(connections[0])) { _ in
                    begun.reach()
                    await finish.wait()
                }, SwiftEndpoint.methods())
            let server = RPCServer(
                connections[0], topic: Topic("t"), name: "swift", router: router, logger: quietLogger)
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                    logger: quietLogger))
            async let served: Void = group.run()
            try await waitUntilServing(connections[0])
            let endpoint = try $Endpoint.resolve(
                id: SwitchboardActorID(topic: "t"), using: SwitchboardActorSystem(connections[1]))
            async let slow = endpoint.slow(seconds: 3)
            await begun.wait()
            await group.triggerGracefulShutdown()
            finish.reach()
            #expect(try await slow == 3)
            try await served
            #expect(server.drainReport?.requeued == 0)
        }
    }

    @Test("An actor runs one request at a time, and takes up another where it awaits")
    func oneAtATime() async throws {
        try await withActor(methods: Tally.methods(), make: { Tally(actorSystem: $0) }) { system, id, _ in
            let tally = try Tally.resolve(id: id, using: system)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for count in 0..<40 {
                    group.addTask { try await count % 2 == 0 ? tally.step() : tally.unlisted() }
                }
                try await group.waitForAll()
            }
            #expect(try await tally.state() == [40, 0])
        }
    }
}

/// Counts with a race in it, were it not for the actor.
distributed actor Tally {
    typealias ActorSystem = SwitchboardActorSystem

    private var count = 0
    private var isBusy = false
    private var overlaps = 0

    private func work() {
        if isBusy { overlaps += 1 }
        isBusy = true
        let before = count
        for _ in 0..<1000 { _ = Task.isCancelled }
        count = before + 1
        isBusy = false
    }

    distributed func step() async {
        work()
        await Task.yield()
    }

    distributed func unlisted() async { work() }

    distributed func state() -> [Int] { [count, overlaps] }

    static func methods() -> ActorMethods<Tally> {
        var methods = ActorMethods<Tally>()
        methods.register("step") { try await $0.step() }
        return methods
    }
}
