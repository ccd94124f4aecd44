#if RabbitMQ
    import Foundation
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    @Suite("switchboard doctor and oslo.messaging's servers", .timeLimit(.minutes(5)))
    struct DoctorTests {
        /// The exit code, and the steps of the report.
        private func doctor(_ url: TransportURL) async throws -> (code: GuardedProcess.Exit?, steps: [JSONValue]) {
            let directory = try ScratchDirectory(prefix: "switchboard-doctor")
            defer { directory.remove() }
            // SwiftPM puts the program beside the tests.
            let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
            let report = "\(directory.path)/report"
            let process = try GuardedProcess(
                [
                    tests.deletingLastPathComponent().appendingPathComponent("switchboard").path, "doctor",
                    "--transport-url", url.formatted(revealingSecrets: true), "--topic", "compute", "--exchange",
                    "nova",
                    "--server", "host1", "--json", "--outfile", report,
                ],
                environment: ["HOME": directory.path],
                streams: .log("\(directory.path)/log"))
            let code = await process.waitForExit(within: .seconds(120))
            let value = try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: report))))
            guard case .array(let steps)? = value["subjects"]?[0]?["steps"] else { return (code, []) }
            return (code, steps)
        }

        @Test("What they declare by default is as the doctor expects it, and it names a server that has ended")
        func servers() async throws {
            let broker = try await TestBroker.shared()
            let isStrict = try await broker.refusesTransientQueues()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                var own = url
                if isStrict {
                    own.options = [
                        .init("amqp_durable_queues", "true"), .init("rabbit_transient_quorum_queue", "true"),
                    ]
                }
                let arguments = [
                    "--url", url.formatted(revealingSecrets: true), "--topic", "compute", "--server", "host1",
                    "--exchange", "nova",
                ]
                for hasPing in [false, true] {
                    let options = hasPing ? ["--option", "rpc_ping_enabled=true"] : []
                    try await PythonPeer.withPeer("oslo_server.py", arguments + options) { [own] _ async throws in
                        let (code, steps) = try await doctor(own)
                        #expect(code == .code(0), "\(steps)")
                        let ping = try #require(steps.first { $0["step"] == "ping" })
                        #expect(ping["status"] == "ok")
                        #expect(ping["detail"]?.string?.contains("rpc_ping_enabled") == !hasPing)
                    }
                }
                let (code, steps) = try await doctor(own)
                #expect(code == .code(2))
                let failure = try #require(steps.first { $0["status"] == "failed" })
                #expect(failure["step"] == "consumers", "\(steps)")
            }
        }
    }
#endif
