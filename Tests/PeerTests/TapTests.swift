#if RabbitMQ
    import Foundation
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    /// The built `switchboard tap` between a real oslo.messaging client and server. `SWITCHBOARD_TAP_CALLS` makes more calls.
    @Suite("switchboard tap and oslo.messaging", .timeLimit(.minutes(30)))
    struct TapTests {
        private static let count =
            ProcessInfo.processInfo.environment["SWITCHBOARD_TAP_CALLS"].flatMap { Int($0) } ?? 1000

        @Test("Calls between real peers are joined with their answers, 999 of 1,000 at least, and no call is lost")
        func joined() async throws {
            let count = Self.count
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                _ = try await broker.evaluate("rabbit_trace:start(<<\"\(name)\">>), <<\"done\">>.")
                let directory = try ScratchDirectory(prefix: "switchboard-tap")
                defer { directory.remove() }
                let url = broker.url(virtualHost: name).formatted(revealingSecrets: true)
                // Where the server needs durable exchanges, the client has to declare them alike: both are oslo.messaging's.
                let clientURL = try await broker.refusesTransientQueues() ? url + "?amqp_durable_queues=true" : url
                let server = ["--url", url, "--topic", "compute", "--server", "host1", "--exchange", "nova"]
                try await PythonPeer.withPeer("oslo_server.py", server) { _ async throws in
                    try await PythonPeer.withPeer("oslo_client.py", ["--url", clientURL]) { client async throws in
                        let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
                        let program = tests.deletingLastPathComponent().appendingPathComponent("switchboard").path
                        let log = "\(directory.path)/log"
                        let tap = try GuardedProcess(
                            [
                                program, "tap", "--transport-url", url, "--exchange", "nova", "--topic", "compute",
                                "--json",
                            ],
                            environment: ["HOME": directory.path], streams: .log(log))
                        try await waits(for: "tapping", in: log)
                        let calls: JSONObject = [
                            "do": "calls", "topic": "compute", "server": "host1", "exchange": "nova", "method": "echo",
                            "count": JSONValue.integer(Int64(count)), "threads": 8, "timeout": 60,
                            "context": ["request_id": "req-1"],
                        ]
                        let done = try await client.result(calls, within: .seconds(180 + count / 50))
                        #expect(done["answered"]?.integer == Int64(count) && done["failed"] == 0, "\(done)")
                        let failed = try await client.error(
                            ["do": "call", "topic": "compute", "server": "host1", "exchange": "nova", "method": "fail"])
                        #expect(failed.className.hasPrefix("ValueError") || failed.message.contains("ValueError"))
                        try await waits(for: "ValueError", in: log)
                        tap.signal(SIGTERM)
                        #expect(await tap.waitForExit(within: .seconds(30)) == .code(0))
                        let records = try lines(of: log)
                        let echoes = records.filter { $0["method"] == "echo" && $0["kind"] == "call" }
                        let joined = echoes.count { $0["outcome"] == "result" && $0["request_id"] == "req-1" }
                        #expect(Double(joined) >= 0.999 * Double(count), "\(joined) of \(count), \(echoes.count) seen")
                        let failure = records.first { $0["method"] == "fail" }
                        #expect(
                            failure?["outcome"] == "failure"
                                && failure?["error"]?.string?.hasSuffix("ValueError") == true)
                    }
                }
                let queues = try await broker.queues(in: name).filter { $0.name.hasPrefix("switchboard") }
                #expect(queues.isEmpty)
            }
        }

        private func text(of log: String) -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

        private func lines(of log: String) throws -> [JSONValue] {
            try text(of: log).split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                try JSONValue(parsing: String($0))
            }
        }

        private func waits(for words: String, in log: String) async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while !text(of: log).contains(words) {
                try #require(ContinuousClock.now < deadline, "\(text(of: log).suffix(2000))")
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
#endif
