#if RabbitMQ
    import Logging
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    @Suite("A Swift client and an unmodified oslo.messaging server", .timeLimit(.minutes(3)))
    struct OsloServerTests {
        /// Oslo servers on topic `t`, one named `python` unless others are asked for, and a client of them.
        ///
        /// - Parameter options: of the client's URL.
        private func withServer(
            _ names: [String] = ["python"], options: [TransportURL.Option] = [],
            _ body: @escaping @Sendable (RPCClient, PythonPeer) async throws -> Void
        ) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                let arguments =
                    ["--url", url.formatted(revealingSecrets: true), "--topic", "t"]
                    + names.flatMap { ["--server", $0] }
                try await PythonPeer.withPeer("oslo_server.py", arguments) { peer async throws in
                    var url = url
                    url.options += options
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

        @Test("Of three servers one gets what is for it, a group shares, and every one gets a fanout")
        func group() async throws {
            let names = ["one", "two", "three"]
            try await withServer(names) { client, peer in
                for _ in 0..<5 {
                    let who = try await client.call("who", to: "two", context: .admin())
                    #expect(who == "two")
                }
                var counts: [JSONValue: Int] = [:]
                for _ in 0..<14 { counts[try await client.call("who", context: .admin()), default: 0] += 1 }
                #expect(counts.values.reduce(0, +) == 14)
                #expect(Set(counts.keys) == Set(names.map(JSONValue.string)))

                for number in Int64(0)..<20 {
                    try await client.cast("echo", ["value": .integer(number)], context: .admin())
                }
                var casts: [JSONValue: [JSONValue]] = [:]
                for _ in 0..<20 {
                    let call = try await peer.called("echo")
                    casts[call["server"] ?? nil, default: []].append(call["arguments"]?["value"] ?? nil)
                }
                #expect(Set(casts.values.joined()) == Set((0..<20).map { JSONValue.integer($0) }))
                #expect(casts.values.allSatisfy { $0.count < 20 })

                try await client.fanout("nothing", context: .admin())
                var servers: Set<JSONValue> = []
                for _ in names { servers.insert(try await peer.called("nothing")["server"] ?? nil) }
                #expect(servers == Set(names.map(JSONValue.string)))
            }
        }

        @Test("Timeouts, keepalives and versions are as with an oslo client")
        func times() async throws {
            try await withServer { client, peer in
                // A long call times out though other replies keep coming.
                let late = Task {
                    try await client.call("slow", ["seconds": 5], context: .admin(), timeout: .seconds(2))
                }
                for number in Int64(0)..<10 {
                    let sum = try await client.call("add", ["a": .integer(number), "b": 1], context: .admin())
                    #expect(sum == .integer(number + 1))
                }
                let timeout = await #expect(throws: RPCError.self) { try await late.value }
                #expect(timeout?.code == .timeout)

                // Its keepalives come every second, and it lasts longer than the caller would be silent for.
                var monitored = client
                monitored.keepaliveInterval = .seconds(2)
                let slow = try await monitored.call("slow", ["seconds": 3], context: .admin(), timeout: .seconds(60))
                #expect(slow == 3)

                var nobody = client
                nobody.target = RPCTarget(topic: "nobody")
                let unroutable = await #expect(throws: RPCError.self) {
                    _ = try await nobody.call("who", context: .admin())
                }
                #expect(unroutable?.code == .unroutable)
                nobody.detectsMissingListeners = false
                let unheard = await #expect(throws: RPCError.self) {
                    _ = try await nobody.call("who", context: .admin(), timeout: .seconds(1))
                }
                #expect(unheard?.code == .timeout)

                let versions: [(version: RPCVersion, namespace: String?)] = [
                    ("1.10", nil), ("2.4", "extra"), ("1.0", "other"),
                ]
                for (version, namespace) in versions {
                    let error = await #expect(throws: RPCError.self) {
                        _ = try await client.call("who", namespace: namespace, version: version, context: .admin())
                    }
                    #expect(error?.code == .unsupportedVersion)
                }
                // The caller of `slow` above gave up; the server's late reply disturbs nobody.
                #expect(client.callsInFlight == 0)
            }
        }

        @Test("A trace is where oslo.messaging 18.3 looks for it, and our own keys disturb no handler")
        func contextKeys() async throws {
            try await withServer { client, _ in
                var context = RequestContext.admin()
                context.additional["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                let received = try await client.call("context", context: context)
                #expect(received["traceparent"] == context.additional["traceparent"])
                #expect(received["request_id"] == .string(context.requestID))
                #expect(received["switchboard_deadline_ms"] != nil)
            }
        }

        @Test("Of a peer's context its handlers see no msg_id, reply_q and client_timeout, as ours do not")
        func foreignKeys() async throws {
            try await withServer { client, _ in
                let context: JSONObject = ["tenant": "t", "msg_id": "x", "reply_q": "y", "client_timeout": 5]
                let received = try await client.call("context", context: .plain(context))
                guard case .object(var seen) = received else { throw RPCError(.invalidReply, "\(received)") }
                #expect(seen.removeValue(forKey: "switchboard_deadline_ms") != nil)
                #expect(seen == ["tenant": "t", "client_timeout": nil])
            }
        }

        @Test("Calls that must never be executed twice and say nothing of their deadline reach it as others do")
        func markedRequests() async throws {
            try await withServer { client, peer in
                var client = client
                client.neverTwice = true
                client.sendsDeadline = false
                let received = try await client.call("context", context: .plain(["tenant": "t"]))
                #expect(received == ["tenant": "t", "client_timeout": nil])
                try await client.cast("echo", ["value": 1], context: .plain(["tenant": "t"]))
                let cast = try await peer.called("echo")
                #expect(cast["arguments"] == ["value": 1])
                #expect(cast["context"] == ["tenant": "t", "client_timeout": nil])
            }
        }

        @Test("Direct requests with a plain context reach it, and of the context it gets what was given")
        func directAndPlain() async throws {
            try await withServer(options: [.init("rabbit_direct_requests", "true")]) { client, peer in
                // `client_timeout` is what oslo.messaging's dispatcher adds to each context.
                for server in [nil, "python"] {
                    let received = try await client.call(
                        "context", to: server, context: .plain(["tenant": "t", "is_admin": true]))
                    guard case .object(var context) = received else { throw RPCError(.invalidReply, "\(received)") }
                    #expect(context.removeValue(forKey: "switchboard_deadline_ms") != nil)
                    #expect(context == ["tenant": "t", "is_admin": true, "client_timeout": nil])
                }
                try await client.cast("echo", ["value": 1], context: .plain())
                let cast = try await peer.called("echo")
                #expect(cast["arguments"]?["value"] == 1)
                #expect(cast["context"] == ["client_timeout": nil])
            }
        }
    }
#endif
