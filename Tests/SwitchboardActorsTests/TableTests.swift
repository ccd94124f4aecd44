import ActorSamples
import SwitchboardActors
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

/// A client without Swift types sends what a Python client does.
@Suite("An actor behind a table of oslo.messaging's names", .timeLimit(.minutes(5)))
struct TableTests {
    private func withClient(
        _ body: @escaping @Sendable (RPCClient) async throws -> Void
    ) async throws {
        try await Queue.inProcess.withConnections { connections in
            let system = SwitchboardActorSystem(connections[0])
            var router = RPCRouter()
            router.register(SwiftEndpoint(named: "one", in: system), SwiftEndpoint.methods())
            router.register(
                SwiftEndpoint(named: "two", in: system), SwiftEndpoint.methods(namespace: "extra", version: "2.3"))
            router.register(SwiftEndpoint(named: "three", in: system), SwiftEndpoint.methods(version: "2.0"))
            router.register(SwiftCalculator(actorSystem: system), calculatorMethods(), onlyListed: true)
            try await withServer(on: connections[0], router: router) {
                try await body(RPCClient(connections[0], target: RPCTarget(topic: "t"), timeout: .seconds(60)))
            }
        }
    }

    private func calculatorMethods() -> ActorMethods<SwiftCalculator> {
        var methods = ActorMethods<SwiftCalculator>(namespace: "calculator", version: "1.1")
        methods.register("add", .init("a", Int.self), .init("b", default: 1)) { try await $0.add(a: $1, b: $2) }
        return methods
    }

    @Test("A request reaches the method, with defaults for what it leaves out")
    func requests() async throws {
        try await withClient { client in
            let context = RequestContext(userID: "bob")
            #expect(try await client.call("add", ["b": 40, "a": 2], version: "1.2", context: context) == 42)
            #expect(try await client.call("user_name", context: context) == "bob")
            #expect(try await client.call("echo", context: context) == .null)
            #expect(try await client.call("echo", ["value": ["x": [1, nil]]], context: context) == ["x": [1.0, nil]])
            #expect(try await client.call("nothing", context: context) == .null)
            let sum = try await client.call("add", ["a": 2], namespace: "calculator", context: context)
            #expect(sum == 3)
        }
    }

    @Test("Several actors of one server are told apart by namespace and major version")
    func several() async throws {
        try await withClient { client in
            let targets: [(namespace: String?, version: RPCVersion, name: JSONValue)] = [
                (nil, "1.0", "one"), ("extra", "2.1", "two"), (nil, "2.0", "three"),
            ]
            for (namespace, version, name) in targets {
                let who = try await client.call("who", namespace: namespace, version: version, context: .admin())
                #expect(who == name)
            }
        }
    }

    @Test(
        "A request that does not fit gets oslo.messaging's own error",
        arguments: [
            ("no_such", [:], nil, "1.0", "NoSuchMethod", "Endpoint does not support RPC method no_such"),
            ("user", [:], nil, "1.0", "NoSuchMethod", "Endpoint does not support RPC method user"),
            ("who", [:], nil, "1.10", "UnsupportedVersion", "Endpoint does not support RPC version 1.10"),
            ("who", [:], nil, "3.0", "UnsupportedVersion", "Endpoint does not support RPC version 3.0"),
            ("who", [:], "other", "1.0", "UnsupportedVersion", "Endpoint does not support RPC version 1.0"),
            ("add", ["a": 1], nil, "1.0", "TypeError", "add() missing 1 required positional argument: 'b'"),
            (
                "add", ["a": 1, "b": 2, "c": 3], nil, "1.0", "TypeError",
                "add() got an unexpected keyword argument 'c'"
            ),
            ("add", ["a": 1, "b": "2"], nil, "1.0", "TypeError", "add() got an argument 'b' that does not fit"),
            ("add", ["a": 1, "b": nil], nil, "1.0", "TypeError", "add() got an argument 'b' that does not fit"),
            ("fail", [:], nil, "1.0", "ValueError", "told to fail"),
        ] as [(String, JSONObject, String?, RPCVersion, String, String)])
    func refusals(
        _ method: String, _ arguments: JSONObject, _ namespace: String?, _ version: RPCVersion, _ className: String,
        _ message: String
    ) async throws {
        try await withClient { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.call(method, arguments, namespace: namespace, version: version, context: .admin())
            }
            #expect(error?.remote?.className == className)
            #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
        }
    }

    @Test("An actor that serves only what it lists is closed to Swift clients otherwise, too")
    func onlyListed() async throws {
        try await withClient { client in
            let id = SwitchboardActorID(
                client.target, interface: ActorInterface(namespace: "calculator", version: "1.1"))
            let calculator = try $Calculator.resolve(id: id, using: SwitchboardActorSystem(client))
            #expect(try await calculator.add(a: 2, b: 3) == 5)
            let error = await #expect(throws: RPCError.self) { try await calculator.forget(name: "x") }
            #expect(error?.code == .noSuchMethod)
        }
    }

    @Test("A registered error of the other side is thrown as the Swift error that it is")
    func registeredErrors() async throws {
        try await withClient { client in
            var client = client
            client.errors.register(InstanceNotFound.self)
            let endpoint = try $Endpoint.resolve(
                id: SwitchboardActorID(topic: "t"), using: SwitchboardActorSystem(client))
            let error = await #expect(throws: InstanceNotFound.self) {
                try await endpoint.fail(kind: "InstanceNotFound", message: "i-1")
            }
            #expect(error?.message == "i-1")
        }
    }

    @Test("Two actors with one namespace and major version are refused, with a sentence")
    func doubles() async throws {
        await #expect(processExitsWith: .failure) {
            let connection = try MessageQueueConnection(
                TransportURL("fake://never"), drivers: DriverRegistry(.inProcess()), logger: quietLogger)
            let system = SwitchboardActorSystem(connection)
            var router = RPCRouter()
            router.register(SwiftEndpoint(named: "one", in: system))
            router.register(SwiftEndpoint(named: "two", in: system))
        }
    }
}

private struct InstanceNotFound: RPCTransferableError {
    static let remoteClass = "InstanceNotFound"
    static let remoteModule = "peer_errors"

    let message: String

    init?(_ remote: RemoteError) { message = remote.message }

    var remoteError: RemoteError {
        RemoteError(className: Self.remoteClass, module: Self.remoteModule, message: message)
    }
}
