import Foundation
import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// Messages as they pass over a bus.
enum Passing {
    static func message(_ members: JSONValue) -> Message {
        let envelope: JSONValue = ["oslo.version": "2.0", "oslo.message": .string(members.description)]
        return Message(body: Array(envelope.description.utf8))
    }

    static func request(
        _ method: String, _ arguments: JSONValue = [:], id: String? = nil, unique: String = UniqueName.make(),
        key: String = "compute",
        exchange: String = "nova", time: Double = 1_700_000_000
    ) -> TappedMessage {
        var members: JSONObject = [
            "method": .string(method), "args": arguments, "version": "1.0", "_unique_id": .string(unique),
            "_context_request_id": "req-1",
        ]
        if let id {
            members["_msg_id"] = .string(id)
            members["_reply_q"] = "reply_of_caller"
        }
        return tapped(message(.object(members)), exchange, key, time)
    }

    static func reply(_ id: String, _ result: JSONValue, failure: JSONValue = .null, time: Double = 1_700_000_000)
        -> TappedMessage
    {
        tapped(
            message(["_msg_id": .string(id), "result": result, "failure": failure, "ending": true, "_unique_id": "r"]),
            "",
            "reply_of_caller", time)
    }

    private static func tapped(_ message: Message, _ exchange: String, _ key: String, _ time: Double) -> TappedMessage {
        TappedMessage(
            exchange: exchange, routingKey: key, message: message, instant: .now, time: time, showsReplies: true)
    }

    /// Records messages, and returns where.
    static func record(
        _ messages: [TappedMessage], in program: Program, name: String = "recording",
        redaction: TapRedaction? = TapRedaction()
    ) async throws -> String {
        let path = "\(program.folder)/\(name)"
        let recorder = Recorder(to: path, redaction: redaction)
        try await recorder.recording {
            for message in messages { try await recorder.take(.message(message)) }
        }
        #expect(recorder.progress.recorded == messages.count)
        return path
    }

    static func read(_ path: String) throws -> (messages: [RecordedMessage], damaged: Int) {
        var reader = try RecordingReader(path)
        defer { reader.close() }
        var messages: [RecordedMessage] = []
        while let message = try reader.next() { messages.append(message) }
        return (messages, reader.damaged)
    }
}

@Suite("Recordings", .timeLimit(.minutes(5)))
struct RecordingTests {
    private let program: Program

    init() throws {
        program = try Program()
    }

    private func segments(_ path: String) throws -> [String] {
        let folder = "\(path)/queues/\(Recording.queue)/segments"
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".seg") }.sorted()
            .map { "\(folder)/\($0)" }
    }

    @Test("Messages keep their order, ids, times and ways, also when recording goes on later")
    func order() async throws {
        let messages = (0..<1200).map { number in
            Passing.request(
                "m\(number)", ["n": .integer(Int64(number))], id: "id-\(number)", key: "compute.host\(number % 7)",
                time: 1_700_000_000.25 + Double(number))
        }
        let path = try await Passing.record(Array(messages[..<700]), in: program)
        _ = try await Passing.record(Array(messages[700...]), in: program)
        let read = try Passing.read(path)
        #expect(read.damaged == 0 && read.messages.count == 1200)
        for (recorded, sent) in zip(read.messages, messages) {
            #expect(recorded.exchange == "nova" && recorded.routingKey == sent.routingKey && recorded.time == sent.time)
            #expect(PassingMessage(recorded.message) == PassingMessage(sent.message))
        }
        let listed = try program.run("spool", "ls", path, "--json")
        #expect(listed.status == 0, "\(listed.errors)")
        #expect(try listed.json()[0]?["waiting"] == 1200)
        let first = try program.run("spool", "ls", path, "--queue", Recording.queue, "--limit", "1", "--json")
        let name = try #require(try first.json()[0]?["name"]?.string)
        let shown = try program.run("spool", "show", path, name)
        #expect(shown.output.contains("recording-routing-key") && shown.output.contains("compute.host0"))
    }

    @Test("No secret of a list of canaries is in any file of a recording")
    func canaries() async throws {
        let arguments: JSONValue = [
            "admin_password": "canary-1", "auth_token": "canary-2",
            "connection": "mysql://nova:canary-3@db/nova", "nested": [["x": ["secret_key": "canary-4"]]],
            "text": "{\"password\": \"canary-5\"}", "items": [["name": "password", "value": "canary-6"]],
            "user_data": "canary-7", "plain": "kept",
        ]
        var call = Passing.request("boot", arguments, id: "id-1")
        call.message.headers["x-authorization"] = "canary-8"
        let reply = Passing.reply("id-1", ["adminPass": "canary-9", "own_name": "canary-10", "host": "kept"])
        var broken = Passing.request("x")
        broken.message.body = Array("password=canary-11".utf8)
        let path = try await Passing.record(
            [call, reply, broken], in: program, redaction: TapRedaction(["own_name"]))
        var bytes = Data()
        for file in FileManager.default.enumerator(atPath: path)?.compactMap({ $0 as? String }) ?? [] {
            bytes += FileManager.default.contents(atPath: "\(path)/\(file)") ?? Data()
        }
        for number in 1...11 {
            let isThere = bytes.firstRange(of: Data("canary-\(number)".utf8)) != nil
            #expect(!isThere, "canary-\(number)")
        }
        #expect(bytes.firstRange(of: Data("kept".utf8)) != nil)
        let messages = try Passing.read(path).messages
        #expect(messages.count == 3 && messages.allSatisfy(\.isRedacted))
        guard case .request(let request) = PassingMessage(messages[0].message) else {
            throw Failure("No call.", exit: 1)
        }
        #expect(request.id == "id-1" && request.arguments["plain"] == "kept")
    }

    @Test("With secrets kept a recording has the bytes as they passed")
    func kept() async throws {
        let call = Passing.request("boot", ["password": "as-it-is"], id: "id-1")
        let path = try await Passing.record([call], in: program, redaction: nil)
        let recorded = try #require(try Passing.read(path).messages.first)
        #expect(!recorded.isRedacted && recorded.message.body == call.message.body)
    }

    @Test("A damaged message is counted, and the others are read")
    func damage() async throws {
        let path = try await Passing.record((0..<50).map { Passing.request("m\($0)", id: "id-\($0)") }, in: program)
        let segment = try #require(try segments(path).first)
        let file = try #require(FileHandle(forUpdatingAtPath: segment))
        let content = try #require(FileManager.default.contents(atPath: segment))
        let place = try #require(content.firstRange(of: Data("id-20".utf8)))
        try file.seek(toOffset: UInt64(place.lowerBound))
        try file.write(contentsOf: Data("XX".utf8))
        try file.close()
        let read = try Passing.read(path)
        #expect(read.damaged == 1 && read.messages.count == 49)
    }

    @Test("A spool in use isn't recorded to, and what isn't a recording isn't read")
    func otherSpools() async throws {
        let path = program.folder + "/spool"
        let cast = try program.run("cast", "m", "--topic", "t", "--transport-url", "spool://\(path)")
        #expect(cast.status == 0 || cast.status == 2, "\(cast.errors)")
        if cast.status == 0 {
            #expect(throws: Failure.self) { try Recorder.check(path) }
        }
        #expect(throws: Failure.self) { try RecordingReader(path).close() }
        #expect(throws: Failure.self) { try RecordingReader(program.folder + "/nothing").close() }
        #expect(throws: Never.self) { try Recorder.check(program.folder + "/nothing") }
    }
}

@Suite("Differences of JSON")
struct JSONDifferenceTests {
    @Test("Equal values, and those that were masked, agree")
    func equal() {
        let pairs: [(JSONValue, JSONValue)] = [
            (.null, .null), (["a": [1, 2]], ["a": [1, 2]]), (["a": 1, "b": 2], ["b": 2, "a": 1]), ("***", ["any": 1]),
            (["password": "***"], ["password": "x"]), ("mysql://u:***@h/d", "mysql://u:secret@h/d"), ("***b***", "abc"),
        ]
        for (recorded, found) in pairs {
            #expect(JSONDifference(recorded: recorded, found: found) == nil, "\(recorded)")
        }
    }

    @Test("The first place that differs is named")
    func different() {
        let rows: [(JSONValue, JSONValue, String)] = [
            (1, 2, "$"), (["a": 1], ["a": "1"], "$.a"), ([1, 2], [1], "$[1]"), ([1], [1, 2], "$[1]"),
            (["a": 1], [:], "$.a"),
            ([:], ["b": 1], "$.b"), (["a": [["x": 1], ["x": 2]]], ["a": [["x": 1], ["x": 3]]], "$.a[1].x"),
            (.null, [:], "$"),
            ("mysql://u:***@h/d", "mysql://u:secret@other/d", "$"), ("ab***ab", "ab", "$"), ("a***b***c", "axc", "$"),
        ]
        for (recorded, found, path) in rows {
            #expect(JSONDifference(recorded: recorded, found: found)?.path == path, "\(recorded) \(found)")
        }
    }
}

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
            return try await body(queue, .init(transport: queue.transport, mailbox: queue.transport.makeMailbox()))
        }
    }

    private func replay(_ path: String, _ change: (inout Replay) -> Void = { _ in }) -> Replay {
        var replay = Replay(path: path)
        replay.speed = nil
        replay.compares = true
        change(&replay)
        return replay
    }

    @Test("Requests are sent in their order, with their ids, as they were recorded")
    func idsAndOrder() async throws {
        let messages = (0..<300).map { number in
            Passing.request("m\(number)", ["n": .integer(Int64(number))], unique: "unique-\(number)", key: "cells")
        }
        let path = try await Passing.record(messages, in: program)
        try await bus({ _, _ in .null }) { queue, outlet in
            let topic = Address.topic(Topic("cells", exchange: "nova"))
            let options = SubscriptionOptions(prefetch: 1000, deadline: .now + .seconds(30))
            try await queue.transport.withSubscription(to: topic, options: options) { deliveries in
                let report = try await replay(path).run(through: outlet)
                #expect(report.sent == 300 && report.isClean && report.position == 300, "\(report.lines(limit: 5))")
                var iterator = deliveries.makeAsyncIterator()
                for sent in messages {
                    let delivery = try #require(try await iterator.next())
                    #expect(PassingMessage(delivery.message) == PassingMessage(sent.message))
                    try await delivery.accept()
                }
            }
        }
    }

    @Test("Answers are compared with the recorded ones, and each difference is told once")
    func compares() async throws {
        let messages = [
            Passing.request("same", ["password": "p"], id: "1"),
            Passing.request("other", id: "2", key: "compute.host1"),
            Passing.reply("2", ["host": "a", "n": 1]), Passing.reply("1", ["token": "old", "n": 1]),
            Passing.request("fails", id: "3"), Passing.reply("3", "fine"),
            Passing.request("unseen", id: "4"), Passing.request("refused", id: "5"),
            Passing.reply(
                "5", .null,
                failure: .string(
                    #"{"class": "InstanceNotFound", "module": "nova.exception", "message": "No", "args": [], "kwargs": {}, "tb": []}"#
                )),
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
        }) { _, outlet in try await replay(path).run(through: outlet) }
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
            try await replay(path) { $0.allowed = [GlobPattern("get_*")].compactMap(\.self) }.run(through: outlet)
        }
        #expect(report.sent == 2 && report.passedOver == 1 && report.isClean)
        #expect(seen.withLock { $0.sorted() } == ["get_a", "get_b"])
    }

    @Test("What nobody takes is counted, with the reason")
    func unroutable() async throws {
        let path = try await Passing.record([Passing.request("m", id: "1", key: "nobody")], in: program)
        let report = try await bus({ _, _ in .null }) { _, outlet in try await replay(path).run(through: outlet) }
        #expect(report.failures == ["unroutable": 1] && !report.isClean)
    }

    @Test("A call without an answer in time is told")
    func unanswered() async throws {
        let path = try await Passing.record(
            [Passing.request("m", id: "1", key: "deaf"), Passing.reply("1", 1)], in: program)
        try await bus({ _, _ in .null }) { queue, outlet in
            let deaf = Address.topic(Topic("deaf", exchange: "nova"))
            try await queue.transport.withSubscription(to: deaf) { _ in
                let report = try await replay(path) { $0.timeout = .milliseconds(300) }.run(through: outlet)
                #expect(report.unanswered == 1 && report.differing == 1)
                #expect(report.differences.first?.found == "no answer")
            }
        }
    }

    @Test("The pace is that of the recording, or a multiple of it")
    func pace() async throws {
        let path = try await Passing.record(
            [Passing.request("a", id: "1", time: 1000), Passing.request("b", id: "2", time: 1000.6)], in: program)
        let begin = ContinuousClock.now
        let report = try await bus({ _, _ in .null }) { _, outlet in
            try await replay(path) { $0.speed = 2 }.run(through: outlet)
        }
        #expect(report.sent == 2 && begin.duration(to: .now) >= .milliseconds(300))
        #expect(ReplayCommand.speed("2x") == 2 && ReplayCommand.speed("0.5x") == 0.5)
        for text in ["", "x", "2", "0x", "-1x", "nanx", "1e9x"] { #expect(ReplayCommand.speed(text) == nil) }
    }

    @Test("An interrupted replay says where it goes on, and goes on there")
    func resumes() async throws {
        let path = try await Passing.record(
            [Passing.request("a", id: "1", time: 1000), Passing.request("b", id: "2", time: 9000)], in: program)
        let seen = Locked<[String]>([])
        let (first, second) = try await bus({ method, _ in
            seen.withLock { $0.append(method) }
            return .null
        }) { _, outlet in
            let slow = replay(path) { $0.speed = 1 }
            let first = try await withThrowingTaskGroup(of: ReplayReport?.self) { group in
                group.addTask { try await slow.run(through: outlet) }
                while seen.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
                group.cancelAll()
                return try await group.next() ?? nil
            }
            return (first, try await replay(path) { $0.skip = first?.position ?? 0 }.run(through: outlet))
        }
        #expect(first?.isInterrupted == true && first?.sent == 1 && first?.position == 1)
        #expect(second.sent == 1 && second.isClean && !second.isInterrupted)
        #expect(seen.withLock { $0 } == ["a", "b"])
    }

    @Test("An answer is looked for so far ahead, and a partial answer counts with the ending one")
    func window() {
        func recorded(_ message: TappedMessage) -> RecordedMessage {
            RecordedMessage(
                exchange: message.exchange, routingKey: message.routingKey, time: 0, isRedacted: true,
                message: message.message)
        }
        var window = ReplayWindow(size: 2)
        for number in 1...2 { window.add(recorded(Passing.request("m", id: "\(number)")), number: number) }
        #expect(!window.wantsMore)
        window.add(recorded(Passing.reply("2", "two")), number: 3)
        let (first, second) = (window.next(), window.next())
        #expect(first?.number == 1 && first?.answer == nil && second?.answer == .result("two"))
        #expect(window.next() == nil && window.wantsMore)
        var odd = Passing.request("m")
        odd.message.body = [1, 2]
        window.add(recorded(odd), number: 4)
        #expect(window.others == 1 && window.next() == nil)
        for (exchange, key, address) in [
            ("nova", "compute", Address.topic(Topic("compute", exchange: "nova"))),
            ("nova", "compute.h1.example", .server(Topic("compute", exchange: "nova"), server: "h1.example")),
            ("compute_fanout", "", .fanout(Topic("compute"))),
        ] {
            window.add(recorded(Passing.request("m", key: key, exchange: exchange)), number: 5)
            #expect(window.next()?.address == address)
        }
    }

    @Test("The command: wrong usage, no recording, and agreement")
    func usage() async throws {
        let path = try await Passing.record([Passing.request("m", id: "1")], in: program)
        for arguments in [[], ["--yes", "--pace", "fast"], ["--yes", "--skip", "-1"], ["--yes", "--timeout", "0"]] {
            let result = try program.start(["replay", path, "--transport-url", "fake://x"] + arguments).wait()
            #expect(result.status == 64, "\(arguments)")
        }
        let none = try program.run("replay", program.folder, "--transport-url", "fake://x", "--yes")
        #expect(none.status == 74, "\(none.errors)")
        let sent = try program.run("replay", path, "--transport-url", "fake://x", "--yes", "--json")
        #expect(sent.status == 1, "\(sent.errors)")
        let report = try sent.json()
        #expect(report["failures"]?["unroutable"] == 1, "\(sent.output)")
    }
}
