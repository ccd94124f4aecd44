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

        private func makeRouter(_ server: String) -> RPCRouter {
            var router = RPCRouter()
            router.registerPing()
            router.register("add", version: "1.2") { arguments, _ in
                .integer((arguments["a"]?.integer ?? 0) + (arguments["b"]?.integer ?? 0))
            }
            router.register("who") { _, context in .string(context.userID ?? "nobody") }
            router.register("server") { _, _ in .string(server) }
            router.register("server", namespace: "extra", version: "2.1") { _, _ in .string("extra " + server) }
            router.register("note") { [casts] arguments, _ in
                casts.withLock { $0.append([.string(server), arguments["value"] ?? nil]) }
                return nil
            }
            router.register("slow") { arguments, _ in
                try await Task.sleep(for: .seconds(Int64(arguments["seconds"]?.integer ?? 0)))
                return arguments["seconds"] ?? nil
            }
            router.register("fail") { arguments, _ in
                throw RemoteError(
                    className: arguments["class"]?.string ?? "", module: arguments["module"]?.string ?? "",
                    message: "from Swift ü")
            }
            return router
        }

        /// Swift servers on topic `t`, one named `swift` unless others are asked for, and an oslo client.
        private func withClient(
            _ names: [String] = ["swift"], _ body: @escaping @Sendable (PythonPeer) async throws -> Void
        ) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                let connection = try MessageQueueConnection(
                    url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await connection.run() }
                    let servers = names.map { name in
                        RPCServer(connection, topic: "t", name: name, router: makeRouter(name), logger: quietLogger)
                    }
                    for server in servers { group.addTask { try await server.run() } }
                    defer { group.cancelAll() }
                    for server in servers { try await server.waitUntilServing() }
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
                let deadline = ContinuousClock.now + .seconds(60)
                while casts.withLock({ $0.count }) < 2, ContinuousClock.now < deadline {
                    _ = try await peer.result(["do": "call", "topic": "t", "method": "who"])
                }
                #expect(Set(casts.withLock { $0 }) == [["swift", 1], ["swift", 2]])
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

        @Test("Of three servers one gets what is for it, a group shares, and every one gets a fanout")
        func group() async throws {
            let names = ["one", "two", "three"]
            try await withClient(names) { peer in
                for _ in 0..<5 {
                    let who = try await peer.result(["do": "call", "topic": "t", "server": "two", "method": "server"])
                    #expect(who == "two")
                }
                var counts: [JSONValue: Int] = [:]
                for _ in 0..<14 {
                    counts[try await peer.result(["do": "call", "topic": "t", "method": "server"]), default: 0] += 1
                }
                #expect(counts.values.reduce(0, +) == 14)
                #expect(Set(counts.keys) == Set(names.map(JSONValue.string)))

                for number in Int64(0)..<20 {
                    let cast: JSONObject = [
                        "do": "cast", "topic": "t", "method": "note", "arguments": ["value": .integer(number)],
                    ]
                    #expect(try await peer.result(cast) == .null)
                }
                let fanout: JSONObject = [
                    "do": "cast", "topic": "t", "fanout": true, "method": "note", "arguments": ["value": "all"],
                ]
                #expect(try await peer.result(fanout) == .null)
                let deadline = ContinuousClock.now + .seconds(20)
                while casts.withLock({ $0.count }) < 23, ContinuousClock.now < deadline {
                    _ = try await peer.result(["do": "call", "topic": "t", "method": "server"])
                }
                let notes = casts.withLock { $0 }
                #expect(notes.count == 23)
                #expect(
                    Set(notes.compactMap { $0[1] }) == Set((0..<20).map { JSONValue.integer($0) } + ["all"]))
                let everybody = notes.filter { $0[1] == "all" }.compactMap { $0[0] }
                #expect(Set(everybody) == Set(names.map(JSONValue.string)))
            }
        }

        @Test("Timeouts, keepalives, mandatory calls and versions are as with an oslo server")
        func times() async throws {
            try await withClient { peer in
                async let late = peer.error([
                    "do": "call", "topic": "t", "method": "slow", "arguments": ["seconds": 5], "timeout": 2,
                ])
                for number in Int64(0)..<10 {
                    let sum = try await peer.result([
                        "do": "call", "topic": "t", "method": "add", "version": "1.2",
                        "arguments": ["a": .integer(number), "b": 1],
                    ])
                    #expect(sum == .integer(number + 1))
                }
                let lateError = try await late
                #expect(lateError.className == "MessagingTimeout")

                // Longer than the caller would be silent for: keepalives come every second.
                let slow = try await peer.result([
                    "do": "call", "topic": "t", "method": "slow", "arguments": ["seconds": 3], "timeout": 60,
                    "monitor": 2,
                ])
                #expect(slow == 3)

                let unroutable = try await peer.error([
                    "do": "call", "topic": "nobody", "method": "x", "timeout": 5, "mandatory": true,
                ])
                #expect(unroutable.className == "MessageUndeliverable")
                let unheard = try await peer.error(["do": "call", "topic": "nobody", "method": "x", "timeout": 1])
                #expect(unheard.className == "MessagingTimeout")

                let extra = try await peer.result([
                    "do": "call", "topic": "t", "method": "server", "namespace": "extra", "version": "2.0",
                ])
                #expect(extra == "extra swift")
                for more: JSONObject in [
                    ["version": "1.3"], ["version": "2.0"], ["namespace": "extra", "version": "2.2"],
                    ["namespace": "other"],
                ] {
                    var command: JSONObject = ["do": "call", "topic": "t", "method": "server"]
                    for (key, value) in more { command[key] = value }
                    let error = try await peer.error(command)
                    #expect(error.className == "RemoteError")
                    #expect(error.message.contains("UnsupportedVersion"))
                }
            }
        }
    }
#endif
