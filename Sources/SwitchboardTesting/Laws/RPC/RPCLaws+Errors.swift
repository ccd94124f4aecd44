import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// What is thrown, and when.
    static let errors: [RPCLaw] = [
        RPCLaw(
            "A call that nobody takes fails at once when it may, and else at its deadline", needs: .detectsUnroutable
        ) {
            bench in
            try await bench.withServers([]) { connection in
                var client = bench.client(connection)
                try await bench.requireError(.unroutable, from: "a call to nobody") {
                    try await client.call("x", context: .admin())
                }
                client.detectsMissingListeners = false
                client.timeout = .seconds(2)
                try await bench.requireError(.timeout, from: "a call to nobody that may wait") {
                    try await client.call("x", context: .admin())
                }
            }
        },
        RPCLaw("An error of a handler reaches the caller with its class and message") { bench in
            try await bench.withServers([RPCBench.Server(name: "one")]) { connection in
                let error = try await bench.requireError(.remote, from: "a call that fails") {
                    try await bench.client(connection).call("fail", ["message": "grüße"], context: .admin())
                }
                try bench.require(
                    error.remote?.className == "ValueError" && error.remote?.module == "builtins"
                        && error.message == "grüße", "it came as \(error).")
            }
        },
        RPCLaw("A call times out though replies to others keep coming") { bench in
            let server = RPCBench.Server(name: "one")
            try await bench.withServers([server]) { _, router in
                router.register("hang") { _, _ in
                    try await Task.sleep(for: .seconds(3600))
                    return nil
                }
            } _: { connection in
                let client = bench.client(connection)
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask {
                        try await bench.requireError(.timeout, from: "the long call") {
                            try await client.call("hang", context: .admin(), timeout: .seconds(2))
                        }
                    }
                    for number in Int64(0)..<10 {
                        tasks.addTask {
                            try await Task.sleep(for: .milliseconds(number * 240))
                            _ = try await client.call("note", ["value": .integer(number)], context: .admin())
                        }
                    }
                    try await tasks.waitForAll()
                }
                try bench.require(bench.calls.count == 10, "of ten short calls came \(bench.calls.count).")
            }
        },
        RPCLaw("An interface serves its own versions and namespace, and no others") { bench in
            try await bench.withServers([RPCBench.Server(name: "one")]) { connection in
                let client = bench.client(connection)
                let pair: JSONObject = ["a": 2, "b": 40]
                let sum = try await client.call("add", pair, version: "1.2", context: .admin())
                try bench.require(sum == 42, "2 + 40 was \(sum).")
                let who = try await client.call("who", namespace: "extra", version: "2.0", context: .admin())
                try bench.require(who == "one", "\(who) answered.")
                for version: RPCVersion in ["1.4", "2.0", "0.9", "1.3.1"] {
                    try await bench.requireError(.unsupportedVersion, from: "version \(version)") {
                        try await client.call("add", pair, version: version, context: .admin())
                    }
                }
                try await bench.requireError(.unsupportedVersion, from: "another namespace") {
                    try await client.call("add", pair, namespace: "other", version: "1.0", context: .admin())
                }
                try await bench.requireError(.noSuchMethod, from: "another method") {
                    try await client.call("subtract", pair, version: "1.0", context: .admin())
                }
            }
        },
        RPCLaw("Bodies that are no requests are put aside, and hold nobody up") { bench in
            try await bench.withServers([RPCBench.Server(name: "one")]) { connection in
                let bodies = [
                    "", "no json", "[1]", "{}", #"{"oslo.version": "3.0", "oslo.message": "{}"}"#, "\u{FFFF}",
                ]
                for body in bodies {
                    for address in [
                        Address.topic(Topic("laws", exchange: "switchboard")),
                        .fanout(Topic("laws", exchange: "switchboard")),
                    ] {
                        try await connection.transport.publish(Message(body: Array(body.utf8)), to: address)
                    }
                }
                let who = try await bench.client(connection).call("note", context: .admin())
                try bench.require(who == "one", "\(who) answered.")
            }
        },
    ]

    /// How work ends.
    static let endings: [RPCLaw] = [
        RPCLaw("A handler is cancelled when its caller stops waiting, and at its caller's deadline") { bench in
            let (events, source) = AsyncStream.makeStream(of: String.self)
            try await bench.withServers([RPCBench.Server(name: "one")]) { _, router in
                router.register("hang") { _, _ in
                    source.yield("begun")
                    do {
                        try await Task.sleep(for: .seconds(3600))
                    } catch {
                        source.yield("cancelled")
                        throw error
                    }
                    return nil
                }
            } _: { connection in
                let client = bench.client(connection)
                var seen = events.makeAsyncIterator()
                try await bench.requireError(.timeout, from: "a short call") {
                    try await client.call("hang", context: .admin(), timeout: .seconds(2))
                }
                for expected in ["begun", "cancelled"] {
                    let event = await seen.next()
                    try bench.require(event == expected, "\(expected) was due, and there was \(event ?? "nothing").")
                }
                let call = Task { try await client.call("hang", context: .admin()) }
                let begun = await seen.next()
                try bench.require(begun == "begun", "there was \(begun ?? "nothing") instead of a call.")
                call.cancel()
                let cancelled = await seen.next()
                try bench.require(
                    cancelled == "cancelled", "there was \(cancelled ?? "nothing") instead of the cancellation.")
            }
        }
    ]
}
