#if RabbitMQ && TLS
import Foundation
import Switchboard
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

extension Taps {
    /// The built `switchboard tap` and a real broker.
    @Suite("switchboard tap", .timeLimit(.minutes(5)))
    struct TapCommandTests {
        private func arguments(_ bed: Bed, _ more: String...) -> [String] {
            ["tap", "--transport-url", bed.url().formatted(revealingSecrets: true), "--exchange", "nova"] + more
        }

        private func calling(_ bed: Bed, _ body: (RPCClient) async throws -> Void) async throws {
            try await withMessageQueue(bed.url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger) { queue in
                try await body(RPCClient(queue, target: RPCTarget(Examination.topic, server: "host1")))
            }
        }

        @Test("Lines of JSON with a count: calls with their answers, then it ends; without --values no value is shown")
        func json() async throws {
            try await Bed.with { bed in
                try await bed.trace(true)
                try await bed.serving {
                    let running = try RunningCommand(
                        arguments(bed, "--topic", "compute", "--method", "hel*", "--json", "--count", "5"))
                    try await running.waits(for: "tapping")
                    try await calling(bed) { client in
                        for _ in 0..<10 {
                            _ = try await client.call("hello", ["name": "canary-value"])
                            _ = try? await client.call("missing", [:])
                        }
                    }
                    #expect(await running.end() == .code(0))
                    #expect(running.objects.count == 5, "\(running.text)")
                    for object in running.objects {
                        #expect(
                            object["kind"] == "call" && object["outcome"] == "result" && object["server"] == "host1")
                        #expect(object["method"] == "hello" && object["arguments"] == ["name"])
                    }
                    #expect(!running.text.contains("canary-value"))
                }
                try await bed.trace(false)
            }
        }

        @Test("With --failures and --for only what went wrong is shown; fewer than --count is told by the exit code")
        func failures() async throws {
            try await Bed.with { bed in
                try await bed.trace(true)
                try await bed.serving {
                    let running = try RunningCommand(arguments(bed, "--failures", "--for", "5", "--count", "1000"))
                    try await running.waits(for: "tapping")
                    try await calling(bed) { client in
                        _ = try await client.call("hello", [:])
                        _ = try? await client.call("missing", [:])
                    }
                    #expect(await running.end() == .code(4))
                    #expect(
                        running.text.contains("missing") && running.text.contains("NoSuchMethod"), "\(running.text)")
                    #expect(!running.text.contains("hello") && running.text.contains("Only 1 of 1000"))
                }
                try await bed.trace(false)
            }
        }

        @Test(
            "The firehose is turned on for as long as the command runs, and off again by SIGTERM and Control-C",
            arguments: [SIGTERM, SIGINT])
        func firehose(signal: Int32) async throws {
            let port = try await Equipment.managementPort()
            try await Bed.with { bed in
                let management = ManagementAPI(
                    try #require(ManagementAddress("http://127.0.0.1:\(port)")), of: bed.url(), timeout: .seconds(20))
                func isOn() async throws -> Bool? {
                    try await management.get("/api/vhosts/\(ManagementAPI.escaped(bed.name))")?["tracing"]?.bool
                }
                let url = "http://127.0.0.1:\(port)"
                try await bed.serving {
                    let running = try RunningCommand(
                        arguments(bed, "--firehose", "on", "--management-url", url, "--yes", "--json"))
                    try await running.waits(for: "tapping")
                    #expect(try await isOn() == true)
                    try await calling(bed) { _ = try await $0.call("hello", [:]) }
                    try await running.waits(for: "\"outcome\": \"result\"")
                    running.process.signal(signal)
                    #expect(await running.end() == .code(0), "\(running.text)")
                    #expect(try await isOn() == false)
                    // One that was on stays on.
                    try await bed.trace(true)
                    let second = try RunningCommand(
                        arguments(bed, "--firehose", "on", "--management-url", url, "--yes", "--for", "1"))
                    #expect(await second.end() == .code(0), "\(second.text)")
                    #expect(try await isOn() == true)
                    try await bed.trace(false)
                }
            }
        }

        @Test("top counts calls and errors, times them, and tells what waits; nothing remains")
        func top() async throws {
            try await Bed.with { bed in
                try await bed.trace(true)
                try await bed.serving {
                    let url = bed.url().formatted(revealingSecrets: true)
                    let running = try RunningCommand([
                        "top", "--transport-url", url, "--exchange", "nova", "--interval", "0.5", "--json", "--window",
                        "60",
                    ])
                    try await running.waits(for: "\"total\"")
                    try await calling(bed) { client in
                        for _ in 0..<20 { _ = try await client.call("hello", [:]) }
                        _ = try? await client.call("missing", [:])
                        try await client.cast("hello", [:])
                    }
                    let deadline = ContinuousClock.now + .seconds(60)
                    func isComplete(_ object: JSONValue) -> Bool {
                        object["total"]?["calls"] == 21 && object["total"]?["others"] == 1
                            && object["queues"]?[0]?["waiting"] == 0
                    }
                    while !running.objects.contains(where: isComplete) {
                        try #require(
                            ContinuousClock.now < deadline && running.process.exit == nil,
                            "\(running.text.suffix(3000))")
                        try await Task.sleep(for: .milliseconds(50))
                    }
                    let object = try #require(running.objects.first(where: isComplete))
                    #expect(object["rows"]?[0]?["method"] == "hello" && object["rows"]?[0]?["calls"] == 20)
                    #expect(object["rows"]?[0]?["p99_milliseconds"] != nil && object["total"]?["in_flight"] == 0)
                    #expect(
                        object["queues"]?[0]?["queue"] == "compute.host1" && object["queues"]?[0]?["consumers"] == 1)
                    let errors = "\(object["rows"]?[1]?["errors"] ?? .null)"
                    #expect(errors.contains("NoSuchMethod"))
                    running.process.signal(SIGTERM)
                    #expect(await running.end() == .code(0), "\(running.text.suffix(3000))")
                    let once = try RunningCommand([
                        "top", "--transport-url", url, "--exchange", "nova", "--once", "--for", "2",
                    ])
                    try await Task.sleep(for: .seconds(1))
                    try await calling(bed) { _ = try await $0.call("hello", [:]) }
                    #expect(await once.end() == .code(0))
                    #expect(once.text.contains("calls/s"), "\(once.text)")
                }
                try await bed.waits {
                    try await bed.broker.queues(in: bed.name).allSatisfy { !$0.name.hasPrefix("switchboard") }
                }
                try await bed.trace(false)
            }
        }

        @Test("Where the firehose is off, the command says how to turn it on, and shows requests")
        func off() async throws {
            try await Bed.with { bed in
                try await bed.serving {
                    let running = try RunningCommand(arguments(bed, "--count", "1"))
                    try await running.waits(for: "rabbitmqctl trace_on")
                    try await calling(bed) { _ = try await $0.call("hello", [:]) }
                    #expect(await running.end() == .code(0))
                    #expect(running.text.contains("answer not seen"), "\(running.text)")
                    // No traffic, but the topic is named.
                    let once = try RunningCommand([
                        "top", "--transport-url", bed.url().formatted(revealingSecrets: true), "--exchange", "nova",
                        "--topic", "compute", "--once", "--for", "0.5", "--json",
                    ])
                    #expect(await once.end() == .code(0))
                    let object = try #require(once.objects.last, "\(once.text)")
                    #expect(object["total"]?["in_flight"] == .null && object["total"]?["errors"] == .null)
                    let queue = object["queues"]?[0]
                    #expect(queue?["queue"] == "compute" && queue?["waiting"] == 0 && queue?["consumers"] == 1)
                    let password = bed.url().hosts[0].password?.reveal() ?? ""
                    #expect(password.utf8.count < 6 || !running.text.contains(password))
                }
                let missing = try RunningCommand([
                    "tap", "--transport-url", bed.url().formatted(revealingSecrets: true), "--exchange", "none",
                ])
                #expect(await missing.end() == .code(2))
            }
        }
    }
}
#endif
