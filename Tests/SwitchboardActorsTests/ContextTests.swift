import ActorSamples
import Distributed
import InMemoryTracing
import MetricsTestKit
import SwitchboardActors
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing
import Tracing

/// Says where it is, and calls on.
distributed actor Guide: Where {
    typealias ActorSystem = SwitchboardActorSystem

    private let place: String

    init(in system: SwitchboardActorSystem, at place: String) {
        actorSystem = system
        self.place = place
    }

    distributed func whereabouts() -> String { place }
    distributed func user() -> String { RequestContext.current?.userID ?? "nobody" }
    distributed func userFurtherOn() async throws -> String {
        try await Guide.resolve(id: SwitchboardActorID(topic: "t"), using: actorSystem).user()
    }
}

@Resolvable
protocol Where: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func whereabouts() async throws -> String
}

@Suite("The context of a call of an actor", .timeLimit(.minutes(5)))
struct ContextTests {
    @Test("A method sees the caller's context, and what it calls does too", arguments: Queue.allCases)
    func chain(_ queue: Queue) async throws {
        try await withActor(on: queue, methods: ActorMethods(), make: { Guide(in: $0, at: "here") }) { system, id, _ in
            let guide = try Guide.resolve(id: id, using: system)
            try await withRequestContext(RequestContext(userID: "alice")) {
                let user = try await guide.user()
                #expect(user == "alice")
                async let child = guide.userFurtherOn()
                #expect(try await child == "alice")
                #expect(RequestContext.current?.userID == "alice")
            }
            #expect(RequestContext.current == nil)
            #expect(try await guide.user() == "nobody")
        }
    }

    @Test("Without a context of the task, the system makes one")
    func made() async throws {
        try await withActor(methods: ActorMethods(), make: { Guide(in: $0, at: "here") }) { _, id, connection in
            let system = SwitchboardActorSystem(RPCClient(connection, target: RPCTarget(topic: ""))) {
                RequestContext(userID: "daemon")
            }
            let user = try await Guide.resolve(id: id, using: system).user()
            #expect(user == "daemon")
        }
    }

    @Test("Within withTargetCell a call goes to the cell, in every form of it, and outside to the process's own queue")
    func cells() async throws {
        try await withCells { cells, directory, system in
            let guide = try $Where.resolve(id: SwitchboardActorID(topic: "t"), using: system)
            let context = RequestContext(userID: "alice")
            #expect(try await guide.whereabouts() == "own")
            for name in ["one", "two"] {
                let cell = try #require(try await directory.cells().cells.first { $0.name == name })
                let answers = [
                    try await cells.withTargetCell(cell, context) { _ in try await guide.whereabouts() },
                    try await cells.withTargetCell(forHost: "host-\(name)", context) { _ in
                        try await guide.whereabouts()
                    },
                    try await cells.withTargetCell(cell) { try await guide.whereabouts() },
                    try await cells.withTargetCell(forHost: "host-\(name)") { try await guide.whereabouts() },
                    try await cells.withTargetCell(forInstance: Self.instance(in: name), context) { _ in
                        try await guide.whereabouts()
                    },
                    try await cells.withTargetCell(forInstance: Self.instance(in: name)) {
                        try await guide.whereabouts()
                    },
                    try await withRequestContext(cells.targeted(context, at: cell)) { try await guide.whereabouts() },
                ]
                #expect(answers == Array(repeating: name, count: 7))
                try await cells.withTargetCell(cell, context) { _ in
                    #expect(RequestContext.current?.userID == "alice")
                    // Nested, the inner one counts; untargeted is the process's own.
                    let own = try await withRequestContext(cells.untargeted(context)) { try await guide.whereabouts() }
                    #expect(own == "own")
                    #expect(try await guide.whereabouts() == name)
                }
            }
            let everywhere = try await cells.scatterGather(context) { _, _ in try await guide.whereabouts() }
            #expect(Set(everywhere.answers.map(\.value)) == ["one", "two"])
            #expect(try await guide.whereabouts() == "own")
        }
    }

    @Test("A context that is aimed at a cell without a queue never reaches another one")
    func noQueue() async throws {
        try await withCells { cells, directory, system in
            let guide = try $Where.resolve(id: SwitchboardActorID(topic: "t"), using: system)
            let cell0 = try #require(try await directory.cells().cells.first { $0.name == "cell0" })
            let error = await #expect(throws: RPCError.self) {
                try await cells.withTargetCell(cell0) { try await guide.whereabouts() }
            }
            #expect(error?.code == .noQueue)
        }
    }

    private static func instance(in cell: String) -> String {
        "10000000-0000-4000-8000-00000000000\(cell == "one" ? 1 : 2)"
    }

    private func withCells(
        _ body:
            @escaping @Sendable (CellContextManager, InMemoryCellDirectory, SwitchboardActorSystem) async throws -> Void
    ) async throws {
        let drivers = DriverRegistry(.inProcess(network: InProcessNetwork()))
        let directory = InMemoryCellDirectory()
        for (name, url) in [("cell0", "none:///"), ("one", "fake://one"), ("two", "fake://two")] {
            let cell = try await directory.createCell(
                CellMapping(
                    id: name == "cell0" ? .cell0 : .random(), name: name, transportURL: URLTemplate(url),
                    databaseConnection: URLTemplate("sqlite:///\(name)")))
            guard name != "cell0" else { continue }
            _ = try await directory.mapHosts(["host-\(name)"], to: cell.id)
            _ = try await directory.mapInstances([
                InstanceMapping(instanceUUID: Self.instance(in: name), cell: cell.id, projectID: "p")
            ])
        }
        let manager = CellContextManager(directory: directory, drivers: drivers, logger: quietLogger)
        let connections = try ["own", "one", "two"].map {
            try MessageQueueConnection(TransportURL("fake://\($0)"), drivers: drivers, name: $0, logger: quietLogger)
        }
        try await withRunning(connections + [manager]) {
            let servers = connections.map { connection in
                var router = RPCRouter()
                router.registerPing()
                router.register(Guide(in: SwitchboardActorSystem(connection), at: connection.name))
                return RPCServer(connection, topic: Topic("t"), name: "swift", router: router, logger: quietLogger)
            }
            try await withRunning(servers) {
                for connection in connections { try await waitUntilServing(connection) }
                try await body(manager, directory, SwitchboardActorSystem(connections[0]))
            }
        }
    }

    @Test("Calls are counted and traced as RPCClient's are")
    func telemetry() async throws {
        let metrics = TestMetrics()
        let tracer = InMemoryTracer()
        try await Queue.inProcess.withConnections(telemetry: Telemetry(tracer: tracer, metrics: metrics)) {
            connections in
            var router = RPCRouter()
            router.register(
                SwiftEndpoint(named: "one", in: SwitchboardActorSystem(connections[0])), SwiftEndpoint.methods())
            try await withServer(on: connections[0], router: router) {
                tracer.clearAll()
                let endpoint = try $Endpoint.resolve(
                    id: SwitchboardActorID(topic: "t"), using: SwitchboardActorSystem(connections[0]))
                #expect(try await endpoint.add(a: 1, b: 2) == 3)
                _ = await #expect(throws: RPCError.self) { try await endpoint.fail(kind: "KeyError", message: "x") }
            }
        }
        /// How many calls of a method were measured that ended in this way.
        func calls(_ method: String, error: String?) -> Int {
            metrics.timers(label: "rpc.client.call.duration").filter { timer in
                timer.dimensions.contains { $0 == ("rpc.method", "t/\(method)") }
                    && timer.dimensions.first { $0.0 == "error.type" }?.1 == error
            }.reduce(0) { $0 + $1.values.count }
        }
        #expect(calls("add", error: nil) == 1)
        #expect(calls("fail", error: "remote") == 1)
        #expect(tracer.finishedSpans.filter { $0.operationName == "t/add" }.map(\.kind).count == 2)
    }
}
