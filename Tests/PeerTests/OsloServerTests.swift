#if RabbitMQ
    import Logging
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    @Suite("A Swift client and an unmodified oslo.messaging server", .timeLimit(.minutes(3)))
    struct OsloServerTests {
        /// An oslo server named `python` on topic `t`, and a client of it.
        private func withServer(_ body: @escaping @Sendable (RPCClient, PythonPeer) async throws -> Void) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                let arguments = [
                    "--url", url.formatted(revealingSecrets: true), "--topic", "t", "--server", "python",
                ]
                try await PythonPeer.withPeer("oslo_server.py", arguments) { peer async throws in
                    let connection = try MessageQueueConnection(
                        url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                    try await withRunning(connection) {
                        try await body(
                            RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(20)), peer)
                    }
                }
            }
        }

        @Test("A call, to the topic and to the server by name, returns what Python returns")
        func call() async throws {
            try await withServer { client, _ in
                let sum = try await client.call("add", ["a": 2, "b": 40], context: .admin())
                #expect(sum == 42)
                let value: JSONValue = [
                    "text": "grüße\u{1F600}\u{0}", "list": [1, 2.5, nil, true], "deep": ["a": [:]],
                ]
                let echoed = try await client.call("echo", ["value": value], to: "python", context: .admin())
                #expect(echoed == value)
                #expect(try await client.call("nothing", context: .admin()) == .null)
                let extra = try await client.call("who", namespace: "extra", version: "2.1", context: .admin())
                #expect(extra == "extra")
            }
        }

        @Test("A cast and a fanout arrive with their arguments and their context")
        func castAndFanout() async throws {
            try await withServer { client, peer in
                var context = RequestContext.admin()
                context.userID = "alice"
                try await client.cast("echo", ["value": 1], context: context)
                let cast = try await peer.called("echo")
                #expect(cast["arguments"]?["value"] == 1)
                #expect(cast["context"]?["user_id"] == "alice")
                #expect(cast["context"]?["request_id"] == .string(context.requestID))
                try await client.fanout("echo", ["value": 2], context: context)
                #expect(try await peer.called("echo")["arguments"]?["value"] == 2)
            }
        }

        @Test(
            "A Python exception arrives as an error with its class, module and message",
            arguments: [
                ("ValueError", "builtins", "bad value ü"), ("OSError", "builtins", "no file"),
                ("InstanceNotFound", "peer_errors", "i-1"), ("Awkward", "peer_errors", "one"),
            ])
        func exceptions(_ kind: String, _ module: String, _ message: String) async throws {
            try await withServer { client, _ in
                let error = await #expect(throws: RPCError.self) {
                    try await client.call(
                        "fail", ["kind": .string(kind), "message": .string(message)], context: .admin())
                }
                #expect(error?.code == .remote)
                // FileNotFoundError is what Python makes of an OSError with errno 2.
                #expect(error?.remote?.className == (kind == "OSError" ? "FileNotFoundError" : kind))
                #expect(error?.remote?.module == module)
                #expect(error?.remote?.message.contains(message) == true)
            }
        }

        @Test("A method and a version that the server does not have are told apart")
        func unknown() async throws {
            try await withServer { client, _ in
                let method = await #expect(throws: RPCError.self) {
                    try await client.call("no_such_method", context: .admin())
                }
                #expect(method?.code == .noSuchMethod)
                let version = await #expect(throws: RPCError.self) {
                    try await client.call("who", version: "9.0", context: .admin())
                }
                #expect(version?.code == .unsupportedVersion)
            }
        }
    }
#endif
