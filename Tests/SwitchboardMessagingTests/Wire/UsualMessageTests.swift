import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Messages as they usually come are read in one pass, with the same result")
struct UsualMessageTests {
    /// Numbers that are the same in each run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9 ^ state >> 32
        }
    }

    private static let members: [(String, JSONValue)] = [
        ("method", "echo"), ("args", ["body": "a \"quoted\" grüße\n", "n": 1]), ("namespace", "baseapi"),
        ("version", "1.12"), ("_msg_id", "0123456789abcdef0123456789abcdef"),
        ("_reply_q", "reply_0123456789abcdef0123456789abcdef"), ("_timeout", 60),
        ("_unique_id", "fedcba9876543210fedcba9876543210"), ("switchboard_never_twice", true),
    ]

    private static let context: [(String, JSONValue)] = {
        var context = RequestContext(
            userID: "u-1", projectID: "p-1", roles: ["admin", "reader"], requestID: "req-0123456789-0123456789")
        context.authToken = Secret("token")
        context.serviceCatalog = [["type": "volume", "endpoints": []]]
        context.additional = ["traceparent": "00-1", "custom": [1, 2]]
        let wire = context.wireObject().map { ("_context_" + $0.key, $0.value) }
        return wire + [("_context_switchboard_deadline_ms", 60_000), ("_context_msg_id", "foreign")]
    }()

    private static let odd: [JSONValue] = [
        nil, true, false, 0, 1.5, "", "x", "grüße", "2026-01-02 03:04:05", "only", ["x"], [1], [:], ["a": nil],
        "a text that is longer than fifteen bytes, with a \\ and a \u{1}",
    ]

    private static func message(_ members: [(String, JSONValue)]) -> Message {
        OsloEnvelope.seal { writer in
            var isFirst = true
            for (key, value) in members {
                writer.key(key, isFirst: &isFirst)
                writer.write(value)
            }
        }
    }

    /// Some members, changed: others twice, missing, in another place, or of another value or name.
    private static func changed(
        _ all: [(String, JSONValue)], by generator: inout Generator
    ) -> [(String, JSONValue)] {
        var members = all
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !members.isEmpty {
            let (place, other) = (
                members.indices.randomElement(using: &generator)!, members.indices.randomElement(using: &generator)!
            )
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: members.swapAt(place, other)
            case 1: members.remove(at: place)
            case 2: members.insert(members[place], at: other)
            case 3: members[place].1 = odd.randomElement(using: &generator)!
            case 4: members[place].0 += "x"
            default: members.insert(("_context_new\(other)", odd.randomElement(using: &generator)!), at: place)
            }
        }
        return members
    }

    private static func compare(_ message: Message) -> Bool {
        let general: OsloRequest
        do {
            general = try OsloRequest(message)
        } catch {
            #expect(throws: WireError.self) { try OsloRequest(receiving: message) }
            return false
        }
        guard let received = try? OsloRequest(receiving: message) else {
            Issue.record("It is not read any more: \(String(decoding: message.body, as: UTF8.self))")
            return false
        }
        guard let context = received.receivedContext else {
            #expect(received == general)
            return false
        }
        var (one, other) = (received.fields, general.fields)
        let object = other.context
        (one.context, other.context) = ([:], [:])
        #expect(one == other)
        guard var expected = try? RequestContext(wireObject: object) else {
            Issue.record("A wrong context was taken: \(object)")
            return true
        }
        // What is missing is made anew each time.
        if object["request_id"]?.string == nil { expected.requestID = context.requestID }
        if object["timestamp"]?.string == nil { expected.timestamp = context.timestamp }
        #expect(context.wireObject() == expected.wireObject())
        #expect(context.wireObject().keys == expected.wireObject().keys)
        #expect(context.additional.keys == expected.additional.keys)
        return true
    }

    @Test("A request and its context: members missing, twice, in another order, of other types and names")
    func requests() {
        var generator = Generator(state: 1)
        #expect(Self.compare(Self.message(Self.members + Self.context)))
        // As Nova's own messages are, the context first or between the others.
        #expect(Self.compare(Self.message(Self.context + Self.members)))
        #expect(Self.compare(Self.message(Array(Self.members[..<4]) + Self.context + Self.members[4...])))
        var usual = 0
        for _ in 0..<4000 {
            let members =
                Bool.random(using: &generator) ? Self.members + Self.context : Self.context + Self.members
            if Self.compare(Self.message(Self.changed(members, by: &generator))) { usual += 1 }
        }
        #expect(usual > 1000 && usual < 3900)
    }

    /// The same message, with a blank less: what isn't in the usual form is read by the general way.
    private static func unusual(_ message: Message) -> Message {
        let opening = Array("\(OsloEnvelope.opening)".utf8)
        var other = message
        other.body = opening.filter { $0 != UInt8(ascii: " ") } + message.body.dropFirst(opening.count)
        return other
    }

    private static func compareNotification(_ message: Message) {
        let (quick, slow) = (try? OsloNotification(message), try? OsloNotification(unusual(message)))
        #expect(quick == slow)
        #expect(quick?.context.keys == slow?.context.keys)
    }

    @Test("A notification and its context: members missing, twice, in another order, of other names, and changed bytes")
    func notifications() throws {
        var generator = Generator(state: 5)
        let members: [(String, JSONValue)] = [
            ("message_id", "0123"), ("publisher_id", "compute.host1"), ("event_type", "instance.create.end"),
            ("priority", "INFO"), ("payload", ["a": [1, nil, "grüße \"\n"]]),
            ("timestamp", "2026-01-02 03:04:05.000001"),
            ("_unique_id", "fedcba9876543210fedcba9876543210"),
        ]
        let read = try OsloNotification(Self.message(members + Self.context))
        #expect(read.context.count == Self.context.count - 1 && read.payload == members[4].1 && read.format == .v2)
        for _ in 0..<4000 {
            let all = Bool.random(using: &generator) ? members + Self.context : Self.context + members
            var message = Self.message(Self.changed(all, by: &generator))
            Self.compareNotification(message)
            let opening = "\(OsloEnvelope.opening)".utf8.count
            let place = Int.random(in: opening..<message.body.count, using: &generator)
            message.body[place] = UInt8.random(in: 0...255, using: &generator)
            Self.compareNotification(message)
        }
    }

    @Test("A request whose bytes were changed")
    func changedBytes() {
        var generator = Generator(state: 2)
        let original = Self.message(Self.members + Self.context)
        for _ in 0..<4000 {
            var message = original
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                let place = message.body.indices.randomElement(using: &generator)!
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: message.body[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: message.body.remove(at: place)
                default: message.body.insert(Array(#"\"{}[],:nu0"#.utf8).randomElement(using: &generator)!, at: place)
                }
            }
            _ = Self.compare(message)
        }
    }

    @Test("What a message takes beyond the room that it was expected to need is written too")
    func growing() throws {
        for length in [0, 1, 63, 64, 65, 1000, 100_000] {
            let value = JSONValue.array([.string(String(repeating: "\"ü", count: length)), .integer(Int64(length))])
            let bytes = JSONWriter.bytes { $0.write(value) }
            #expect(bytes == value.serialized())
        }
    }
}
