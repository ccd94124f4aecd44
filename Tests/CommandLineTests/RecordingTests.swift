import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool
import Testing

@testable import SwitchboardCommand

@Suite("Recordings", .timeLimit(.minutes(5)))
struct RecordingTests {
    private let program: Program

    init() throws {
        program = try Program()
    }

    @Test("Messages keep their order, ids, times and ways, also when recording goes on later")
    func order() async throws {
        let messages = (0..<300).map { number in
            Passing.request(
                "m\(number)", ["n": .integer(Int64(number))], id: "id-\(number)", key: "compute.host\(number % 7)",
                time: 1_700_000_000.25 + Double(number))
        }
        let path = try await Passing.record(Array(messages[..<200]), in: program)
        _ = try await Passing.record(Array(messages[200...]), in: program)
        let read = try Passing.read(path)
        #expect(read.damaged == 0 && read.messages.count == 300)
        for (recorded, sent) in zip(read.messages, messages) {
            #expect(recorded.exchange == "nova" && recorded.routingKey == sent.routingKey && recorded.time == sent.time)
            #expect(PassingMessage(recorded.message) == PassingMessage(sent.message))
        }
        let listed = try program.run("spool", "ls", path, "--json")
        #expect(listed.status == 0, "\(listed.errors)")
        #expect(try listed.json()[0]?["waiting"] == 300)
        let first = try program.run("spool", "ls", path, "--queue", Recording.queue, "--limit", "1", "--json")
        let name = try #require(try first.json()[0]?["name"]?.string)
        let shown = try program.run("spool", "show", path, name)
        #expect(shown.output.contains("recording-routing-key") && shown.output.contains("compute.host0"))
    }

    @Test(
        "Stopped at any moment under load, everything that was taken is there, whole and in its order",
        arguments: 0..<10)
    func stopped(round: Int) async throws {
        let path = program.folder + "/recording"
        var first = 0
        // The second goes on with what the first has recorded.
        for part in 0..<2 {
            let recorder = Recorder(to: path, redaction: round % 2 == 0 ? TapRedaction() : nil)
            let taken = Locked(first)
            let start = first
            let outcome: (any Error)? = await withTaskGroup(of: (any Error)?.self) { group in
                group.addTask {
                    do {
                        try await recorder.recording {
                            // As a signal does it: what is inside is cancelled. In some rounds the recorder is, too.
                            try await withThrowingTaskGroup(of: Void.self) { inner in
                                inner.addTask {
                                    var number = start
                                    while number < start + 100 {
                                        let message = Passing.request("m", ["token": "x"], unique: "\(number)")
                                        try await recorder.take(.message(message))
                                        number += 1
                                        taken.withLock { [number] in $0 = number }
                                    }
                                    // There is enough to read: until it is cancelled.
                                    try await Task.sleep(for: .seconds(120))
                                }
                                inner.addTask {
                                    if round % 3 == 0 { try await Task.sleep(for: .seconds(120)) }
                                    try await Task.sleep(for: .microseconds(Int.random(in: 0...15_000)))
                                }
                                defer { inner.cancelAll() }
                                try await inner.next()
                            }
                        }
                        return nil
                    } catch {
                        return error
                    }
                }
                if round % 3 == 0 {
                    try? await Task.sleep(for: .microseconds(Int.random(in: 0...15_000)))
                    group.cancelAll()
                }
                return await group.next() ?? nil
            }
            #expect(outcome == nil || outcome is CancellationError, "\(part): \(String(describing: outcome))")
            first = taken.withLock { $0 }
            #expect(recorder.progress.recorded == first - start)
        }
        guard first > 0 else { return }
        let read = try Passing.read(path)
        #expect(read.damaged == 0 && read.messages.count == first)
        let ids = read.messages.map { message in
            guard case .request(let request) = PassingMessage(message.message) else { return "none" }
            return request.uniqueID ?? "none"
        }
        #expect(ids == (0..<first).map { "\($0)" })
    }

    @Test("No secret of a list of canaries is in any file of a recording")
    func canaries() async throws {
        let arguments: JSONValue = [
            "admin_password": "canary-01", "auth_token": "canary-02",
            "connection": "mysql://nova:canary-03@db/nova", "nested": [["x": ["secret_key": "canary-04"]]],
            "text": "{\"password\": \"canary-05\"}", "items": [["name": "password", "value": "canary-06"]],
            "user_data": "canary-07", "plain": "kept", "headers": [["X-Auth-Token", "canary-12"]],
            "note": "see rabbit://nova:canary-13@host:5672/ there", "pem": "-----BEGIN PRIVATE KEY-----canary-14",
            "rabbit://u:canary-15@h/": 1,
        ]
        var members: JSONObject = [
            "method": "boot", "args": arguments, "version": "1.0", "_unique_id": "u", "_msg_id": "id-1",
            "_reply_q": "reply_of_caller", "_context_auth_token": "canary-16", "_context_password": "canary-17",
            "_context_service_catalog": ["canary-18"], "_context_user_id": "user",
        ]
        members["namespace"] = .null
        var call = Passing.tapped(Passing.message(.object(members)), "nova", "compute")
        call.message.headers["x-authorization"] = "canary-08"
        call.message.headers["properties.headers.token"] = "canary-19"
        call.message.headers["properties.expiration"] = "canary-20"
        var odd = Passing.request("odd")
        odd.message.contentType = "amqp://u:canary-21@h/"
        let reply = Passing.reply("id-1", ["adminPass": "canary-09", "own_name": "canary-10", "host": "kept"])
        let failed = Passing.reply(
            "id-2", .null,
            failure: .string(
                #"{"class": "E", "module": "m", "message": "no amqp://u:canary-22@h/", "args": [], "kwargs": {"password": "canary-23"}, "tb": []}"#
            ))
        var broken = Passing.request("x")
        broken.message.body = Array("password=canary-11".utf8)
        let notification = Passing.tapped(
            Passing.message([
                "event_type": "compute.instance.create.end", "publisher_id": "p", "priority": "INFO", "message_id": "i",
                "payload": ["admin_pass": "canary-24", "token": "canary-25"], "_context_auth_token": "canary-26",
            ]), "nova", "notifications.info")
        let path = try await Passing.record(
            [call, reply, failed, broken, notification, odd], in: program, redaction: TapRedaction(["own_name"]))
        let bytes = Passing.bytes(in: path)
        let shown = (1...26).map { $0 < 10 ? "canary-0\($0)" : "canary-\($0)" }
            .filter { bytes.firstRange(of: Data($0.utf8)) != nil }
        #expect(shown.isEmpty)
        #expect(bytes.firstRange(of: Data("canary".utf8)) == nil)
        #expect(bytes.firstRange(of: Data("kept".utf8)) != nil)
        let messages = try Passing.read(path).messages
        #expect(messages.count == 6 && messages.allSatisfy(\.isRedacted))
        guard case .request(let request) = PassingMessage(messages[0].message) else {
            throw Failure("No call.", exit: 1)
        }
        #expect(request.id == "id-1" && request.arguments["plain"] == "kept" && request.userID == "user")
    }

    @Test("With secrets kept a recording has the bytes as they passed, and their time to live")
    func kept() async throws {
        var call = Passing.request("boot", ["password": "as-it-is"], id: "id-1")
        call.message.headers["properties.expiration"] = "60000"
        let path = try await Passing.record([call], in: program, redaction: nil)
        let recorded = try #require(try Passing.read(path).messages.first)
        #expect(!recorded.isRedacted && recorded.message.body == call.message.body)
        #expect(recorded.sendable.timeToLive == .seconds(60) && recorded.sendable.headers.isEmpty)
    }

    @Test("What the tap missed is told")
    func missing() async throws {
        let recorder = Recorder(to: program.folder + "/recording", redaction: TapRedaction())
        var unreadable = Passing.request("m")
        unreadable.defect = "too large"
        try await recorder.recording { [unreadable] in
            for event in [
                TapEvent.missed(3), .message(unreadable), .missed(4), .lost("gone"), .message(Passing.request("m")),
            ] {
                try await recorder.take(event)
            }
        }
        let progress = recorder.progress
        #expect(progress.missed == 7 && progress.unreadable == 1 && progress.gaps == 1 && progress.recorded == 1)
        #expect(!progress.isWhole && progress.lacks.count == 3 && progress.lacks[0].contains("7 messages"))
        #expect(progress.json["missed"] == 7)
    }

    @Test("It ends after as many messages as were asked for")
    func count() async throws {
        let recorder = Recorder(to: program.folder + "/recording", redaction: TapRedaction(), count: 5)
        await #expect(throws: Recorder.Enough.self) {
            try await recorder.recording {
                for _ in 0..<20 { try await recorder.take(.message(Passing.request("m"))) }
            }
        }
        #expect(recorder.progress.recorded == 5)
    }

    @Test("When it can't be written any more, what is recorded is cancelled, and the reason told")
    func unwritable() async throws {
        let path = program.folder + "/recording"
        let recorder = Recorder(to: path, redaction: nil)
        let failure = await #expect(throws: Failure.self) {
            try await recorder.recording {
                try await recorder.take(.message(Passing.request("m")))
                while recorder.progress.recorded < 1 { try await Task.sleep(for: .milliseconds(1)) }
                try FileManager.default.removeItem(atPath: path)
                try await recorder.take(.message(Passing.request("m")))
                // Until it is cancelled.
                try await Task.sleep(for: .seconds(120))
            }
        }
        #expect(
            failure?.exit == Recording.unusable && recorder.progress.recorded == 1, "\(String(describing: failure))")
    }

    @Test("A damaged message is counted, and the others are read")
    func damage() async throws {
        let path = try await Passing.record((0..<50).map { Passing.request("m\($0)", id: "id-\($0)") }, in: program)
        let folder = "\(path)/queues/\(Recording.queue)/segments"
        let segment = try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".seg") })
        let content = try #require(FileManager.default.contents(atPath: "\(folder)/\(segment)"))
        let place = try #require(content.firstRange(of: Data("id-20".utf8)))
        let file = try #require(FileHandle(forUpdatingAtPath: "\(folder)/\(segment)"))
        try file.seek(toOffset: UInt64(place.lowerBound))
        try file.write(contentsOf: Data("XX".utf8))
        try file.close()
        let read = try Passing.read(path)
        #expect(read.damaged == 1 && read.messages.count == 49)
    }

    @Test(
        "A spool in use isn't recorded to, nor a recording that another process writes, and what isn't one isn't read")
    func otherSpools() async throws {
        let path = program.folder + "/spool"
        let transport = Transport(
            driver: SpoolDriver(configuration: SpoolConfiguration(directory: path), logger: Doctor.silent),
            url: TransportURL(scheme: "spool"), logger: Doctor.silent)
        try await withRunning(transport) {
            try await transport.publish(Message(body: []), to: .topic(Topic("t")), deadline: .now + .seconds(60))
        }
        #expect(throws: Failure.self) { try Recording.check(path) }
        #expect(throws: Failure.self) { try RecordingReader(path).close() }
        #expect(throws: Failure.self) { try RecordingReader(program.folder + "/nothing").close() }
        #expect(throws: Never.self) { try Recording.check(program.folder + "/nothing") }
        let recording = program.folder + "/recording"
        try await Recorder(to: recording, redaction: nil).recording {
            let second = Recorder(to: recording, redaction: nil)
            let failure = await #expect(throws: Failure.self) { try await second.recording {} }
            #expect(failure?.message.contains("uses the spool") == true && failure?.exit == Recording.unusable)
        }
    }
}
