#if RabbitMQ
    import Logging
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    @Suite("An unmodified oslo.messaging client and a Swift server", .timeLimit(.minutes(3)))
    struct OsloClientTests {
        private let casts = Locked<[JSONValue]>([])

        private func makeRouter() -> RPCRouter {
            var router = RPCRouter()
            router.registerPing()
            router.register("add", version: "1.2") { arguments, _ in
                .integer((arguments["a"]?.integer ?? 0) + (arguments["b"]?.integer ?? 0))
            }
            router.register("who") { _, context in .string(context.userID ?? "nobody") }
            router.register("note") { [casts] arguments, _ in
                casts.withLock { $0.append(arguments["value"] ?? .null) }
                return nil
            }
            router.register("fail") { arguments, _ in
                throw RemoteError(
                    className: arguments["class"]?.string ?? "", module: arguments["module"]?.string ?? "",
                    message: "from Swift ü")
            }
            return router
        }

        /// A Swift server named `swift` on topic `t`, and an oslo client.
        private func withClient(_ body: @escaping @Sendable (PythonPeer) async throws -> Void) async throws {
            let broker = try await TestBroker.shared()
            let router = makeRouter()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                let connection = try MessageQueueConnection(
                    url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                let server = RPCServer(
                    connection, topic: Topic("t"), name: "swift", router: router, logger: quietLogger)
                try await withRunning(connection, server) {
                    let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(10))
                    try await waitForServer(client)
                    let arguments = ["--url", url.formatted(revealingSecrets: true), "--allow", "peer_errors"]
                    try await PythonPeer.withPeer("oslo_client.py", arguments) { peer async throws in
                        try await body(peer)
                    }
                }
            }
        }

        @Test("A call returns what Swift returns, to the topic and to the server by name")
        func call() async throws {
            try await withClient { peer in
                let sum = try await peer.result([
                    "do": "call", "topic": "t", "method": "add", "version": "1.1", "arguments": ["a": 2, "b": 40],
                ])
                #expect(sum == 42)
                let who = try await peer.result([
                    "do": "call", "topic": "t", "server": "swift", "method": "who", "context": ["user_id": "bob"],
                ])
                #expect(who == "bob")
            }
        }

        @Test("A cast and a fanout are handled")
        func castAndFanout() async throws {
            try await withClient { peer in
                for (number, fanout) in [(Int64(1), false), (2, true)] {
                    let command: JSONObject = [
                        "do": "cast", "topic": "t", "fanout": .bool(fanout), "method": "note",
                        "arguments": ["value": .integer(number)],
                    ]
                    #expect(try await peer.result(command) == .null)
                }
                // A call goes the way of the cast, behind it.
                let deadline = ContinuousClock.now + .seconds(10)
                while casts.withLock({ $0.count }) < 2, ContinuousClock.now < deadline {
                    _ = try await peer.result(["do": "call", "topic": "t", "method": "who"])
                }
                #expect(Set(casts.withLock { $0 }) == [1, 2])
            }
        }

        @Test("A Swift error is raised in Python: as itself where the class is allowed, else as a RemoteError")
        func errors() async throws {
            try await withClient { peer in
                let builtin = try await peer.error([
                    "do": "call", "topic": "t", "method": "fail",
                    "arguments": ["class": "ValueError", "module": "builtins"],
                ])
                #expect(builtin.message.contains("from Swift ü"))
                #expect(builtin.bases.contains("ValueError") || builtin.className == "ValueError")
                let unknown = try await peer.error([
                    "do": "call", "topic": "t", "method": "fail",
                    "arguments": ["class": "Odd", "module": "swift.module"],
                ])
                #expect(unknown.className == "RemoteError")
                #expect(unknown.message.contains("from Swift ü"))
                let method = try await peer.error(["do": "call", "topic": "t", "method": "no_such"])
                #expect(method.className == "RemoteError" || method.className.hasPrefix("NoSuchMethod"))
            }
        }
    }
#endif
