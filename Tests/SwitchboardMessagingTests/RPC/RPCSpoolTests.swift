import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool
import SwitchboardTesting
import Testing

@Suite("RPC over the file spool", .timeLimit(.minutes(2)))
struct RPCSpoolTests {
    static let layouts = ["maildir", "segment"]

    /// A connection of its own to the spool, as another process would have it.
    private func connection(_ directory: ScratchDirectory, _ layout: String) throws -> MessageQueueConnection {
        try MessageQueueConnection(
            TransportURL("spool://\(directory.path)/spool?layout=\(layout)&durability=none"),
            drivers: DriverRegistry(.spool()), logger: quietLogger)
    }

    private func server(
        _ name: String, _ directory: ScratchDirectory, _ layout: String, seen: Locked<[String]>
    ) throws -> RPCServer {
        var router = RPCRouter()
        router.registerPing()
        router.register("echo") { arguments, _ in arguments["value"] ?? .null }
        router.register("note") { _, context in
            seen.withLock { $0.append("\(name) \(context.userID ?? "")") }
            return .null
        }
        router.register("fail") { _, _ in
            throw RemoteError(className: "InstanceNotFound", module: "nova.exception", message: "no such instance")
        }
        router.register("hang") { _, _ in
            try await Task.sleep(for: .seconds(3600))
            return .null
        }
        return RPCServer(
            try connection(directory, layout), topic: Topic("t"), name: name, router: router, logger: quietLogger)
    }

    @Test("Calls, errors, fanouts and timeouts are as over any other queue", arguments: layouts)
    func rpc(layout: String) async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-rpc")
        defer { directory.remove() }
        let seen = Locked<[String]>([])
        let (one, two) = (
            try server("one", directory, layout, seen: seen), try server("two", directory, layout, seen: seen)
        )
        let own = try connection(directory, layout)
        let client = RPCClient(own, target: RPCTarget(topic: "t"), timeout: .seconds(30))
        try await withRunning(own, one.connection, two.connection, one, two) {
            for server in [one, two] { try await server.waitUntilServing() }
            for name in ["one", "two"] {
                while true {
                    do {
                        _ = try await client.call("oslo_rpc_server_ping", to: name, context: RequestContext())
                        break
                    } catch let error as RPCError where error.code == .unroutable {
                        await Task.yield()
                    }
                }
            }
            let replies = try await withThrowingTaskGroup(of: (Int, JSONValue).self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let value = JSONValue.integer(Int64(number))
                        return (number, try await client.call("echo", ["value": value], context: RequestContext()))
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(replies.count == 100)
            #expect(replies.allSatisfy { $1 == .integer(Int64($0)) })
            let error = await #expect(throws: RPCError.self) {
                _ = try await client.call("fail", context: RequestContext())
            }
            #expect(error?.remote?.className == "InstanceNotFound")
            let context = RequestContext(userID: "u", projectID: "p")
            try await client.cast("note", to: "one", context: context)
            try await client.fanout("note", context: context)
            while seen.withLock({ $0.count }) < 3 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(seen.withLock { $0.sorted() } == ["one u", "one u", "two u"])
            let late = await #expect(throws: RPCError.self) {
                _ = try await client.call("hang", context: RequestContext(), timeout: .seconds(1))
            }
            #expect(late?.code == .timeout)
        }
    }

    @Test("What was cast while no server ran is served by the next", arguments: layouts)
    func storeAndForward(layout: String) async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-rpc")
        defer { directory.remove() }
        let seen = Locked<[String]>([])
        let own = try connection(directory, layout)
        let client = RPCClient(own, target: RPCTarget(topic: "t"), timeout: .seconds(30))
        try await withRunning(own) {
            let first = try server("one", directory, layout, seen: seen)
            try await withRunning(first.connection, first) { try await first.waitUntilServing() }
            try await client.cast("note", context: RequestContext(userID: "early"))
            #expect(seen.withLock { $0.isEmpty })
            let second = try server("two", directory, layout, seen: seen)
            try await withRunning(second.connection, second) {
                while seen.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
            }
            #expect(seen.withLock { $0 } == ["two early"])
        }
    }
}
