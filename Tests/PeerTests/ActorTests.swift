#if RabbitMQ
    import ActorSamples
    import Distributed
    import Logging
    import SwitchboardActors
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    @Suite("Distributed actors and unmodified oslo.messaging programs", .timeLimit(.minutes(5)))
    struct ActorTests {
        private func withConnection(
            _ body: @escaping @Sendable (MessageQueueConnection, _ url: String) async throws -> Void
        ) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                let connection = try MessageQueueConnection(
                    url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                try await withRunning(connection) {
                    try await body(connection, url.formatted(revealingSecrets: true))
                }
            }
        }

        /// Swift servers of the endpoint on topic `t`, with tables of names or without.
        private func withSwiftServer(
            methods: ActorMethods<SwiftEndpoint> = SwiftEndpoint.methods(),
            _ body: @escaping @Sendable (MessageQueueConnection, _ url: String) async throws -> Void
        ) async throws {
            try await withConnection { connection, url in
                let system = SwitchboardActorSystem(connection)
                var router = RPCRouter()
                router.registerPing()
                router.register(SwiftEndpoint(named: "swift", in: system), methods)
                router.register(
                    SwiftEndpoint(named: "extra swift", in: system),
                    SwiftEndpoint.methods(namespace: "extra", version: "2.3"))
                let server = RPCServer(
                    connection, topic: Topic("t"), name: "swift", router: router, logger: quietLogger)
                try await withRunning(server) {
                    try await server.waitUntilServing()
                    try await body(connection, url)
                }
            }
        }

        /// What every server of the endpoint answers, in whatever language it is.
        private func check(_ endpoint: some Endpoint, name: String) async throws {
            #expect(try await endpoint.add(a: 2, b: 40) == 42)
            #expect(try await endpoint.who() == name)
            let value: [String: [Double?]] = ["grüße\u{1F600}\u{0}": [1, 2.5, nil], "": []]
            #expect(try await endpoint.echo(value: value) == value)
            #expect(try await endpoint.echo(value: nil) == nil)
            try await endpoint.nothing()
            for (kind, module) in [("ValueError", "builtins"), ("InstanceNotFound", "peer_errors")] {
                let error = await #expect(throws: RPCError.self) {
                    try await endpoint.fail(kind: kind, message: "grüße")
                }
                #expect(error?.code == .remote)
                #expect(error?.remote?.className == kind)
                #expect(error?.remote?.module == module)
                #expect(error?.message.contains("grüße") == true)
            }
        }

        @Test("A Swift protocol is a client of a Python server")
        func pythonServer() async throws {
            try await withConnection { connection, url in
                try await PythonPeer.withPeer(
                    "oslo_server.py", ["--url", url, "--topic", "t", "--server", "python"]
                ) { peer async throws in
                    let system = SwitchboardActorSystem(connection, timeout: .seconds(20))
                    for server in [nil, "python"] {
                        let id = SwitchboardActorID(topic: "t", server: server, version: "1.9")
                        try await check(try $Endpoint.resolve(id: id, using: system), name: "python")
                    }
                    // Another namespace, a renamed method, and one that is cast.
                    let extra = ActorInterface(
                        namespace: "extra", version: "2.1", methods: ["nothing": .init("who", sending: .cast)])
                    let other = try $Endpoint.resolve(
                        id: SwitchboardActorID(RPCTarget(topic: "t"), interface: extra), using: system)
                    #expect(try await other.who() == "extra")
                    try await withRequestContext(RequestContext(userID: "alice")) { try await other.nothing() }
                    var call = try await peer.called("who")
                    while call["context"]?["user_id"] != "alice" { call = try await peer.called("who") }
                    #expect(call["namespace"] == "extra")
                    #expect(call["arguments"] == [:])
                    // What the server hasn't got.
                    let missing = await #expect(throws: RPCError.self) { try await other.add(a: 1, b: 2) }
                    #expect(missing?.code == .noSuchMethod)
                    let newer = try $Endpoint.resolve(
                        id: SwitchboardActorID(topic: "t", version: "1.10"), using: system)
                    let unsupported = await #expect(throws: RPCError.self) { try await newer.add(a: 1, b: 2) }
                    #expect(unsupported?.code == .unsupportedVersion)
                }
            }
        }

        @Test("A Swift protocol is a client of a Swift actor, with a table and without", arguments: [true, false])
        func swiftServer(hasTable: Bool) async throws {
            let methods = hasTable ? SwiftEndpoint.methods() : ActorMethods<SwiftEndpoint>(version: "1.9")
            try await withSwiftServer(methods: methods) { connection, _ in
                let system = SwitchboardActorSystem(connection, timeout: .seconds(20))
                let id = SwitchboardActorID(topic: "t", version: "1.9")
                try await check(try $Endpoint.resolve(id: id, using: system), name: "swift")
                let actor = try SwiftEndpoint.resolve(id: id, using: system)
                #expect(try await withRequestContext(RequestContext(userID: "bob")) { try await actor.user() } == "bob")
            }
        }

        @Test("A Python client calls a Swift actor, and gets oslo.messaging's own errors")
        func pythonClient() async throws {
            try await withSwiftServer { _, url in
                try await PythonPeer.withPeer(
                    "oslo_client.py", ["--url", url, "--allow", "peer_errors"]
                ) { peer async throws in
                    @Sendable func call(_ method: String, _ more: JSONObject = [:]) -> JSONObject {
                        var command: JSONObject = ["do": "call", "topic": "t", "method": .string(method)]
                        for (key, value) in more { command[key] = value }
                        return command
                    }
                    let sum = try await peer.result(
                        call("add", ["version": "1.8", "arguments": ["b": 40, "a": 2], "server": "swift"]))
                    #expect(sum == 42)
                    #expect(try await peer.result(call("user_name", ["context": ["user_id": "bob"]])) == "bob")
                    #expect(try await peer.result(call("echo")) == .null)
                    #expect(try await peer.result(call("nothing")) == .null)
                    let extra = try await peer.result(call("who", ["namespace": "extra", "version": "2.0"]))
                    #expect(extra == "extra swift")

                    let raised = try await peer.error(
                        call("fail", ["arguments": ["kind": "InstanceNotFound", "message": "i-1"]]))
                    #expect(raised.message.contains("i-1"))
                    #expect(raised.className.hasPrefix("InstanceNotFound"))
                    let refusals: [(JSONObject, String)] = [
                        (call("user"), "NoSuchMethod"), (call("no_such"), "NoSuchMethod"),
                        (call("who", ["version": "1.10"]), "UnsupportedVersion"),
                        (call("who", ["namespace": "other"]), "UnsupportedVersion"),
                        (call("add", ["arguments": ["a": 1]]), "missing 1 required positional argument: 'b'"),
                        (
                            call("add", ["arguments": ["a": 1, "b": 2, "c": 3]]),
                            "got an unexpected keyword argument 'c'"
                        ),
                        (call("add", ["arguments": ["a": 1, "b": "x"]]), "does not fit"),
                    ]
                    for (command, expected) in refusals {
                        let error = try await peer.error(command)
                        #expect("\(error.className): \(error.message)".contains(expected), "\(command)")
                    }
                }
            }
        }
    }
#endif
