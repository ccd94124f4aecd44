import SwitchboardCore
import SwitchboardMessaging

/// The laws of RPC, which hold over every driver.
public enum RPCLaws {
    public static let all: [RPCLaw] = calls + casts + errors + endings

    private static let group = ["one", "two", "three"].map { RPCBench.Server(name: $0) }

    static let calls: [RPCLaw] = [
        RPCLaw("A call to one server of three is done by that one") { bench in
            try await bench.withServers(group) { connection in
                let client = bench.client(connection)
                for number in 0..<6 {
                    let who = try await client.call(
                        "note", ["value": .integer(Int64(number))], to: "two", context: .admin())
                    try bench.require(who == "two", "\(who) answered.")
                }
                let numbers = bench.calls.map(\.value)
                try bench.require(
                    numbers == (0..<6).map { .integer($0) }, "the calls came as \(numbers).")
                try bench.require(bench.calls.allSatisfy { $0.server == "two" }, "others got some: \(bench.calls).")
            }
        },
        RPCLaw("Calls to a group are spread over its servers; none is lost and none done twice") { bench in
            // Each takes one at a time, and the first three last until each server has one.
            var configuration = RPCServerConfiguration()
            configuration.maximumConcurrency = 1
            let servers = group.map { RPCBench.Server(name: $0.name, configuration: configuration) }
            let busy = Locked<Set<String>>([])
            try await bench.withServers(servers) { server, router in
                router.register("meet") { _, _ in
                    busy.withLock { _ = $0.insert(server.name) }
                    while busy.withLock({ $0.count }) < group.count { try await Task.sleep(for: .milliseconds(2)) }
                    return .string(server.name)
                }
            } _: { connection in
                let client = bench.client(connection)
                let names = try await withThrowingTaskGroup(of: JSONValue.self) { tasks in
                    for _ in group {
                        tasks.addTask { try await client.call("meet", context: .admin()) }
                    }
                    return try await tasks.reduce(into: Set<JSONValue>()) { $0.insert($1) }
                }
                try bench.require(names.count == group.count, "only \(names) got calls.")
                for number in 0..<11 {
                    _ = try await client.call("note", ["value": .integer(Int64(number))], context: .admin())
                }
                let numbers = bench.calls.map(\.value)
                try bench.require(numbers == (0..<11).map { .integer($0) }, "the calls came as \(numbers).")
            }
        },
        RPCLaw("Groups on different exchanges do not see each other's calls") { bench in
            let servers = ["red", "green", "blue"].map {
                RPCBench.Server(name: "server-\($0)", topic: Topic("topic-\($0)", exchange: "exchange-\($0)"))
            }
            try await bench.withServers(servers) { connection in
                for server in servers {
                    let who = try await bench.client(connection, server.topic).call(
                        "note", ["value": .string(server.name)], context: .admin())
                    try bench.require(who == .string(server.name), "\(who) answered for \(server.name).")
                }
                try bench.require(
                    bench.calls.allSatisfy { $0.value == .string($0.server) }, "they are mixed up: \(bench.calls).")
            }
        },
        RPCLaw("Many calls at once each get their own reply") { bench in
            try await bench.withServers(group) { connection in
                let client = bench.client(connection)
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for number in Int64(0)..<100 {
                        tasks.addTask {
                            let sum = try await client.call(
                                "add", ["a": .integer(number), "b": 1], version: "1.0", context: .admin())
                            try bench.require(sum == .integer(number + 1), "\(number) + 1 was \(sum).")
                        }
                    }
                    try await tasks.waitForAll()
                }
            }
        },
        RPCLaw("A call that takes long lasts as long as its server says that it is at work") { bench in
            try await bench.withServers([RPCBench.Server(name: "one")]) { _, router in
                router.register("work") { _, _ in
                    try await Task.sleep(for: .milliseconds(4600))
                    return "done"
                }
            } _: { connection in
                var client = bench.client(connection)
                client.keepaliveInterval = .seconds(4)
                let result = try await client.call("work", context: .admin())
                try bench.require(result == "done", "it returned \(result).")
                client.keepaliveInterval = nil
                client.timeout = .seconds(2)
                try await bench.requireError(.timeout, from: "the same without keepalives") {
                    try await client.call("work", context: .admin())
                }
            }
        },
    ]

    static let casts: [RPCLaw] = [
        RPCLaw("Casts to one server of three arrive there only") { bench in
            try await bench.withServers(group) { connection in
                let client = bench.client(connection)
                for number in Int64(0)..<6 {
                    try await client.cast("note", ["value": .integer(number)], to: "three", context: .admin())
                }
                try await bench.waitForCalls("six casts") { $0.count == 6 }
                try bench.require(bench.calls.allSatisfy { $0.server == "three" }, "others got some: \(bench.calls).")
                try bench.require(Set(bench.calls.map(\.value)).count == 6, "some came twice: \(bench.calls).")
            }
        },
        RPCLaw("Casts to a group are each done once") { bench in
            try await bench.withServers(group) { connection in
                let client = bench.client(connection)
                for number in Int64(0)..<20 {
                    try await client.cast("note", ["value": .integer(number)], context: .admin())
                }
                try await bench.waitForCalls("twenty casts") { $0.count >= 20 }
                // Behind them on the way to every server.
                for server in group { _ = try await client.call("note", to: server.name, context: .admin()) }
                let numbers = bench.calls.compactMap(\.value.integer)
                try bench.require(numbers.sorted() == Array(0..<20), "the casts came as \(numbers).")
            }
        },
        RPCLaw("A fanout is done by every server of the group") { bench in
            try await bench.withServers(group) { connection in
                let client = bench.client(connection)
                for number in Int64(0)..<3 {
                    try await client.fanout("note", ["value": .integer(number)], context: .admin())
                }
                try await bench.waitForCalls("three fanouts to three servers") { $0.count >= 9 }
                try bench.require(Set(bench.calls).count == 9, "some came twice: \(bench.calls).")
            }
        },
        RPCLaw("A request that is delivered twice is done once") { bench in
            try await bench.withServers([RPCBench.Server(name: "one")]) { connection in
                let body =
                    #"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"note\", \"args\": {\"value\": 1}, "#
                    + #"\"_unique_id\": \"0123456789abcdef0123456789abcdef\"}"}"#
                for _ in 0..<3 {
                    try await connection.transport.publish(
                        Message(body: Array(body.utf8)), to: .topic(Topic("laws", exchange: "switchboard")))
                }
                _ = try await bench.client(connection).call("note", ["value": 2], context: .admin())
                try await bench.waitForCalls("the two requests") { $0.count >= 2 }
                let numbers = bench.calls.compactMap(\.value.integer).sorted()
                try bench.require(numbers == [1, 2], "they came as \(numbers).")
            }
        },
    ]
}
