import Foundation
import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSpool
import Testing

@testable import SwitchboardCommand

@Suite("Replays", .timeLimit(.minutes(5)))
struct ReplayTests {
    private let program: Program
    private static let logger = Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() })

    init() throws {
        program = try Program()
    }

    /// A bus with a server of the topic `compute` in the exchange `nova`, and an outlet to it.
    private func bus<Result: Sendable>(
        _ handle: @escaping @Sendable (String, JSONObject) throws -> JSONValue,
        _ body: (MessageQueueConnection, Replay.Outlet) async throws -> Result
    ) async throws -> Result {
        let queue = try MessageQueueConnection(
            TransportURL("fake://replay-\(UniqueName.make())"), drivers: DriverRegistry(.inProcess()),
            logger: Self.logger)
        var router = RPCRouter()
        router.registerFallback { method, arguments, _ in try handle(method, arguments) }
        let server = RPCServer(
            queue, topic: Topic("compute", exchange: "nova"), name: "host1", router: router, logger: Self.logger)
        return try await withRunning(queue, server) {
            try await server.waitUntilServing(timeout: .seconds(120))
            return try await body(queue, .init(queue.transport))
        }
    }

    private func replay(
        _ path: String, through outlet: Replay.Outlet, _ answers: ReplayLedger.Answers = .compare,
        timeout: Duration = .seconds(60), _ change: (inout Replay) -> Void = { _ in }
    ) async throws -> ReplayReport {
        var replay = Replay(path: path)
        replay.speed = nil
        change(&replay)
        let ledger = ReplayLedger(answers: answers, timeout: timeout)
        try await replay.run(through: outlet, into: ledger)
        return ledger.report
    }

    @Test("1,000 messages are replayed to another bus, a spool, with their ids and in their order")
    func many() async throws {
        let path = program.folder + "/recording"
        let recorder = Recorder(to: path, redaction: nil)
        try await recorder.recording {
            for number in 0..<1_000 {
                let body = Array(#"{"method": "m", "args": {}, "_unique_id": "\#(number)"}"#.utf8)
                try await recorder.take(.message(Passing.tapped(Message(body: body), "nova", "compute")))
            }
        }
        var configuration = SpoolConfiguration(directory: program.folder + "/other")
        configuration.layout = .segment
        configuration.durability = .none
        let transport = Transport(
            driver: SpoolDriver(configuration: configuration, logger: Self.logger),
            url: TransportURL(scheme: "spool"), logger: Self.logger)
        try await withRunning(transport) {
            let address = Address.topic(Topic("compute", exchange: "nova"))
            let options = SubscriptionOptions(prefetch: 1000, deadline: .now + .seconds(60))
            try await transport.withSubscription(to: address, options: options) { deliveries in
                async let report = replay(path, through: .init(transport))
                var iterator = deliveries.makeAsyncIterator()
                for number in 0..<1_000 {
                    let delivery = try #require(try await iterator.next())
                    let isNext = delivery.message.body.suffix(12).contains(Array("\"\(number)\"}".utf8))
                    try #require(isNext, "\(number): \(String(decoding: delivery.message.body, as: UTF8.self))")
                    try await delivery.accept()
                }
                let end = try await report
                #expect(end.sent == 1_000 && end.isClean && end.position == 1_000, "\(end.lines(limit: 5))")
            }
        }
    }

    @Test("Requests and notifications keep all that they had but the reply queue")
    func contents() async throws {
        let messages = (0..<30).map { number in
            Passing.request("m\(number)", ["n": .integer(Int64(number))], unique: "unique-\(number)", key: "cells")
        }
        let path = try await Passing.record(messages, in: program)
        try await bus({ _, _ in .null }) { queue, outlet in
            let topic = Address.topic(Topic("cells", exchange: "nova"))
            let options = SubscriptionOptions(prefetch: 1000, deadline: .now + .seconds(30))
            try await queue.transport.withSubscription(to: topic, options: options) { deliveries in
                let report = try await replay(path, through: outlet)
                #expect(report.sent == 30 && report.isClean && report.position == 30, "\(report.lines(limit: 5))")
                var iterator = deliveries.makeAsyncIterator()
                for sent in messages {
                    let delivery = try #require(try await iterator.next())
                    #expect(PassingMessage(delivery.message) == PassingMessage(sent.message))
                    try await delivery.accept()
                }
            }
        }
    }

    @Test("Answers are compared with the recorded ones, secrets apart")
    func compares() async throws {
        let refusal =
            #"{"class": "InstanceNotFound", "module": "nova.exception", "message": "No", "args": [], "kwargs": {}, "tb": []}"#
        let messages = [
            Passing.request("same", ["password": "p"], id: "1"),
            Passing.request("other", id: "2", key: "compute.host1"),
            Passing.reply("2", ["host": "a", "n": 1]), Passing.reply("1", ["token": "old", "n": 1]),
            Passing.request("fails", id: "3"), Passing.reply("3", "fine"),
            Passing.request("unseen", id: "4"), Passing.request("refused", id: "5"),
            Passing.reply("5", .null, failure: .string(refusal)),
        ]
        let path = try await Passing.record(messages, in: program)
        let report = try await bus({ method, arguments in
            switch method {
            case "same":
                #expect(arguments["password"] == "***")
                return ["token": "new", "n": 1]
            case "other": return ["host": "b", "n": 1]
            case "fails": throw RemoteError(className: "NoValidHost", module: "nova.exception", message: "None.")
            case "refused": throw RemoteError(className: "InstanceNotFound", module: "nova.exception", message: "No.")
            default: return .null
            }
        }) { _, outlet in try await replay(path, through: outlet) }
        #expect(report.sent == 5 && report.answered == 5 && report.compared == 4 && report.withoutRecorded == 1)
        #expect(report.equal == 2 && report.differing == 2 && !report.isClean, "\(report.lines(limit: 9))")
        #expect(report.differences.map(\.method).sorted() == ["fails", "other"])
        let other = try #require(report.differences.first { $0.method == "other" })
        #expect(other.path == "$.host" && other.recorded == "\"a\"" && other.found == "\"b\"" && other.id == "2")
        let fails = try #require(report.differences.first { $0.method == "fails" })
        #expect(fails.path == nil && fails.found == "nova.exception.NoValidHost")
        #expect(report.lines(limit: 1).contains { $0.contains("1 more differences") })
    }

    @Test("Only what is allowed is sent")
    func allowed() async throws {
        let path = try await Passing.record(
            ["get_a", "reboot", "get_b"].enumerated().map { Passing.request($1, id: "\($0)") }, in: program)
        let seen = Locked<[String]>([])
        let report = try await bus({ method, _ in
            seen.withLock { $0.append(method) }
            return .null
        }) { _, outlet in
            try await replay(path, through: outlet) { $0.allowed = [GlobPattern("get_*")].compactMap(\.self) }
        }
        #expect(report.sent == 2 && report.passedOver == 1 && report.isClean)
        #expect(seen.withLock { $0.sorted() } == ["get_a", "get_b"])
    }

    @Test(
        "A message that no consumer takes is counted, with the reason; so is a call that gets no answer in time")
    func failures() async throws {
        let nobody = try await Passing.record([Passing.request("m", id: "1", key: "nobody")], in: program)
        let deaf = try await Passing.record(
            [Passing.request("m", id: "1", key: "deaf"), Passing.reply("1", 1)], in: program, name: "deaf")
        try await bus({ _, _ in .null }) { queue, outlet in
            let unroutable = try await replay(nobody, through: outlet)
            #expect(unroutable.failures == ["unroutable": 1] && unroutable.sent == 0 && !unroutable.isClean)
            let topic = Address.topic(Topic("deaf", exchange: "nova"))
            try await queue.transport.withSubscription(to: topic) { _ in
                let report = try await replay(deaf, through: outlet, timeout: .milliseconds(300))
                #expect(report.unanswered == 1 && report.differing == 1)
                #expect(report.differences.first?.found == "no answer")
                let ignoring = try await replay(deaf, through: outlet, .ignore)
                #expect(ignoring.sent == 1 && ignoring.unanswered == 0 && ignoring.isClean)
            }
        }
    }

    @Test("The pace is that of the recording, or a multiple of it")
    func pace() async throws {
        let path = try await Passing.record(
            [Passing.request("a", id: "1", time: 1000), Passing.request("b", id: "2", time: 1000.6)], in: program)
        let begin = ContinuousClock.now
        let report = try await bus({ _, _ in .null }) { _, outlet in
            try await replay(path, through: outlet) { $0.speed = 2 }
        }
        #expect(report.sent == 2 && begin.duration(to: .now) >= .milliseconds(300))
        #expect(ReplayCommand.speed("2x") == 2 && ReplayCommand.speed("0.5x") == 0.5)
        for text in ["", "x", "2", "0x", "-1x", "nanx", "1e9x"] { #expect(ReplayCommand.speed(text) == nil) }
    }

    @Test("An interrupted replay says where it goes on, and goes on there")
    func resumes() async throws {
        let path = try await Passing.record(
            [Passing.request("a", id: "1", time: 1000), Passing.request("b", id: "2", time: 9000)], in: program)
        let (seen, arrival) = AsyncStream.makeStream(of: String.self)
        try await bus({ method, _ in
            arrival.yield(method)
            return .null
        }) { _, outlet in
            let ledger = ReplayLedger()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Replay(path: path).run(through: outlet, into: ledger) }
                let method = await seen.first { _ in true }
                #expect(method == "a")
                group.cancelAll()
                try await group.waitForAll()
            }
            await ledger.waitForConfirmations(within: .seconds(30))
            let first = ledger.report
            #expect(first.isInterrupted && first.sent == 1 && first.position == 1 && first.unconfirmed == 0)
            #expect(!first.isClean && first.lines(limit: 1).contains { $0.contains("--skip 1") })
            let second = try await replay(path, through: outlet) { $0.skip = first.position }
            #expect(second.sent == 1 && second.isClean && !second.isInterrupted)
            let method = await seen.first { _ in true }
            #expect(method == "b")
        }
    }

    @Test("The command: wrong usage, nobody agreed, no recording, and what couldn't be sent")
    func usage() async throws {
        let path = try await Passing.record([Passing.request("m", id: "1")], in: program)
        for arguments in [["--pace", "fast"], ["--skip", "-1"], ["--timeout", "0"], ["--answers", "some"]] {
            let result = try program.start(["replay", path, "--yes", "--transport-url", "fake://x"] + arguments).wait()
            #expect(result.status == 64, "\(arguments)")
        }
        let alone = try program.run("replay", path, "--transport-url", "fake://x")
        #expect(alone.status == 2 && alone.errors.contains("--yes"), "\(alone.errors)")
        let none = try program.run("replay", program.folder, "--transport-url", "fake://x", "--yes")
        #expect(none.status == 74, "\(none.errors)")
        let sent = try program.run("replay", path, "--transport-url", "fake://x", "--yes", "--json")
        #expect(sent.status == 1, "\(sent.errors)")
        #expect(try sent.json()["failures"]?["unroutable"] == 1, "\(sent.output)")
        for (arguments, words) in [
            (["--skip", "9"], "--skip passes by all 1"), (["--allow", "x*"], "--allow names none"),
        ] {
            let result = try program.start(["replay", path, "--yes", "--transport-url", "fake://x"] + arguments).wait()
            #expect(result.status == 1 && result.errors.contains(words), "\(result.status) \(result.errors)")
        }
        for arguments in [["--all-cells"], ["--topic", "a*"], ["--keep-secrets", "--redact", "x"], ["--count", "0"]] {
            let result = try program.start(["record", "--to", "x", "--transport-url", "rabbit://x"] + arguments).wait()
            #expect(result.status == 64, "\(arguments)")
        }
        #if RabbitMQ
            let busy = try program.run(
                "record", "--to", program.folder + "/cells.sqlite", "--transport-url", "fake://x")
            #expect(busy.status == 5 && busy.errors.contains("RabbitMQ"), "\(busy.status) \(busy.errors)")
        #endif
    }
}
