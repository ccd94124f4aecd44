import ActorSamples
import Distributed
import SwitchboardActors
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

@Resolvable
protocol Named: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func move(_ instance: String, to host: String, after seconds: Int?) async throws -> String
    distributed func `default`() async throws -> String
    distributed func twice(_ a: Int, a b: Int) async throws -> Int
    distributed func drop(_ name: String) async throws
}

/// What arrived at a server: method, namespace, version and arguments.
private struct Arrival: Sendable, Equatable {
    var method: String
    var arguments: JSONObject
    var namespace: String?
    var version: String
    var user: String?
    var wantsReply: Bool
}

/// Takes down each request, and answers with the method's name.
private struct Recorder: RPCServerMiddleware {
    let arrivals: AsyncStream<Arrival>.Continuation

    func handle(
        _ request: RPCServerRequest,
        next: nonisolated(nonsending) @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        if request.method == "oslo_rpc_server_ping" { return "pong" }
        arrivals.yield(
            Arrival(
                method: request.method, arguments: request.arguments, namespace: request.namespace,
                version: "\(request.version)", user: request.context.userID, wantsReply: request.wantsReply))
        return .string(request.method)
    }
}

@Suite("What a call of an actor sends", .timeLimit(.minutes(5)))
struct CallTests {
    /// What one call sends to a server that takes anything.
    private func sent(
        by interface: ActorInterface = ActorInterface(), to server: String? = nil,
        _ call: @escaping @Sendable ($Named) async throws -> Void
    ) async throws -> Arrival {
        let (arrivals, source) = AsyncStream.makeStream(of: Arrival.self)
        var configuration = RPCServerConfiguration()
        configuration.middleware = [Recorder(arrivals: source)]
        return try await Queue.inProcess.withConnections { [configuration] connections in
            try await withServer(on: connections[0], router: RPCRouter(), configuration: configuration) {
                let named = try $Named.resolve(
                    id: SwitchboardActorID(RPCTarget(topic: "t", server: server), interface: interface),
                    using: SwitchboardActorSystem(connections[0]))
                try await withRequestContext(RequestContext(userID: "alice")) { try await call(named) }
                var iterator = arrivals.makeAsyncIterator()
                return try #require(await iterator.next())
            }
        }
    }

    @Test("The method is the base name, and arguments have their labels, or their names where there is no label")
    func names() async throws {
        let arrival = try await sent {
            let reply = try await $0.move("i", to: "h", after: 3)
            #expect(reply == "move")
        }
        #expect(
            arrival
                == Arrival(
                    method: "move", arguments: ["instance": "i", "to": "h", "after": 3], namespace: nil, version: "1.0",
                    user: "alice", wantsReply: true))
        #expect(arrival.arguments.keys == ["instance", "to", "after"])
    }

    @Test("A nil argument is null, as None is in Python, and a keyword in backquotes is a plain name")
    func corners() async throws {
        let arrival = try await sent(to: "swift") { _ = try await $0.move("i", to: "h", after: nil) }
        #expect(arrival.arguments == ["instance": "i", "to": "h", "after": nil])
        let keyword = try await sent {
            let reply = try await $0.default()
            #expect(reply == "default")
        }
        #expect(keyword.method == "default")
        #expect(keyword.arguments == [:])
    }

    @Test("An interface renames methods and arguments, and gives versions and a namespace")
    func interface() async throws {
        let interface = ActorInterface(
            namespace: "extra", version: "2.1",
            methods: [
                "move": .init("move_instance", version: "2.0", arguments: ["to": "to_host"]),
                "drop": .init(sending: .cast),
            ])
        let moved = try await sent(by: interface) {
            let reply = try await $0.move("i", to: "h", after: 3)
            #expect(reply == "move_instance")
        }
        #expect(
            moved
                == Arrival(
                    method: "move_instance", arguments: ["instance": "i", "to_host": "h", "after": 3],
                    namespace: "extra",
                    version: "2.0", user: "alice", wantsReply: true))
        let dropped = try await sent(by: interface) { try await $0.drop("x") }
        #expect(dropped.method == "drop")
        #expect(dropped.version == "2.1")
        #expect(!dropped.wantsReply)
        var fanout = interface
        fanout.methods["drop"] = .init(sending: .fanout)
        let everywhere = try await sent(by: fanout) { try await $0.drop("x") }
        #expect(!everywhere.wantsReply)
    }

    @Test("What cannot be sent is an error of the first call, and says why")
    func refusals() async throws {
        try await Queue.inProcess.withConnections { connections in
            let system = SwitchboardActorSystem(connections[0])
            func error(
                _ interface: ActorInterface = ActorInterface(),
                _ call: @escaping @Sendable ($Named) async throws -> Void
            ) async throws -> RPCError {
                let id = SwitchboardActorID(RPCTarget(topic: "t"), interface: interface)
                let named = try $Named.resolve(id: id, using: system)
                return try #require(await #expect(throws: RPCError.self) { try await call(named) })
            }
            let double = try await error { _ = try await $0.twice(1, a: 2) }
            #expect(double.code == .invalidArguments)
            #expect(double.message.contains("Two arguments are called a"))
            let renamed = try await error(ActorInterface(methods: ["move": .init(arguments: ["to": "instance"])])) {
                _ = try await $0.move("i", to: "h", after: 3)
            }
            #expect(renamed.message.contains("Two arguments are called instance"))
            let cast = try await error(ActorInterface(methods: ["move": .init(sending: .cast)])) {
                _ = try await $0.move("i", to: "h", after: 3)
            }
            #expect(cast.code == .invalidArguments)
            #expect(cast.message.contains("returns a String"))
        }
    }

    @Test("Resolving an address connects to nothing, and an id of this process resolves to its actor")
    func resolving() async throws {
        let connection = try MessageQueueConnection(
            TransportURL("fake://never"), drivers: DriverRegistry(.inProcess()), logger: quietLogger)
        let system = SwitchboardActorSystem(connection)
        let id = SwitchboardActorID(topic: "t", exchange: "e", server: "s", namespace: "n", version: "1.2")
        #expect(try $Named.resolve(id: id, using: system).id == id)
        #expect(connection.transport.state == .idle)
        #expect("\(id)" == "s of e/t (namespace n, version 1.2)" || "\(id)".contains("namespace n, version 1.2"))

        var endpoint: SwiftEndpoint? = SwiftEndpoint(named: "one", in: system)
        let number = try #require(endpoint?.id)
        #expect(try SwiftEndpoint.resolve(id: number, using: system) === endpoint)
        #expect(try await endpoint?.who() == "one")
        let wrong = #expect(throws: RPCError.self) { try SwiftCalculator.resolve(id: number, using: system) }
        #expect(wrong?.code == .invalidTarget)
        endpoint = nil
        let gone = #expect(throws: RPCError.self) { try SwiftEndpoint.resolve(id: number, using: system) }
        #expect(gone?.message.contains("isn't alive") == true)
    }

    @Test("The same protocol serves every queue, with and without a table", arguments: Queue.allCases, [true, false])
    func everyQueue(_ queue: Queue, _ hasTable: Bool) async throws {
        let methods = hasTable ? SwiftEndpoint.methods() : ActorMethods<SwiftEndpoint>(version: "1.9")
        try await withActor(on: queue, methods: methods, make: { SwiftEndpoint(named: "one", in: $0) }) {
            system, id, _ in
            let endpoint = try $Endpoint.resolve(id: id, using: system)
            #expect(try await endpoint.add(a: 2, b: 40) == 42)
            #expect(try await endpoint.who() == "one")
            let value: [String: [Double?]] = ["grüße\u{1F600}\u{0}": [1, 2.5, nil], "": []]
            #expect(try await endpoint.echo(value: value) == value)
            #expect(try await endpoint.echo(value: nil) == nil)
            try await endpoint.nothing()
            let error = await #expect(throws: RPCError.self) {
                try await endpoint.fail(kind: "InstanceNotFound", message: "i-1")
            }
            #expect(error?.code == .remote)
            #expect(error?.remote?.className == "InstanceNotFound")
            #expect(error?.remote?.module == "peer_errors")
            #expect(error?.message == "i-1")
            // The actor's own type, as well as the protocol.
            let actor = try SwiftEndpoint.resolve(id: id, using: system)
            #expect(try await actor.add(a: 1, b: 2) == 3)
            #expect(try await withRequestContext(RequestContext(userID: "bob")) { try await actor.user() } == "bob")
        }
    }
}
