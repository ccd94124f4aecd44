import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

/// Numbers at and beyond every bound, at every place of every body: none of them ends the process, and each request is
/// answered or rejected.
@Suite("Numbers that peers send", .timeLimit(.minutes(2)))
struct HostileNumberTests {
    /// As JSON text.
    static let numbers: [String] = {
        let bounds = [
            "127", "128", "255", "256", "32767", "32768", "65535", "65536", "2147483647", "2147483648", "4294967295",
            "4294967296", "9007199254740992", "9007199254740993", "9223372036854775806", "9223372036854775807",
            "9223372036854775808", "18446744073709551615", "18446744073709551616",
            "170141183460469231731687303715884105727", "170141183460469231731687303715884105728",
            "340282366920938463463374607431768211456", String(repeating: "9", count: 400),
        ]
        let doubles = [
            "0.5", "1.0", "2.9", "1e15", "1e16", "9.2233720368547758e18", "9.3e18", "1.8446744073709552e19", "1e38",
            "1e308", "1e309", "1e999999999", "1e-999999999", "5e-324", "NaN", "Infinity",
            "0." + String(repeating: "0", count: 400) + "1",
        ]
        let plain = ["0", "1", "2", "60"] + bounds + doubles
        return plain + plain.filter { $0 != "NaN" }.map { "-\($0)" }
    }()

    /// The same as text, and texts that numbers are read from.
    static let texts: [String] =
        numbers + [
            "", ".", "1.", ".1", "1.2.3.4", "1..2", "-1.0", "+1.0", "1.-1", "1e5.0", "99999999999999999999.1",
            "1.99999999999999999999", "1.0.99999999999999999999", "9223372036854775807.9223372036854775807",
            "0.9223372036854775807", "١.٢", "9999-99-99T99:99:99.999999", "9999-12-31T23:59:59.999999",
            "0000-01-01T00:00:00.0", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.9999999999999999999-23:59",
            "2026-02-30T00:00:00",
        ]

    static let values: [String] = numbers + texts.map { "\"\($0)\"" }

    private static let request: [(String, String)] = [
        ("method", "\"x\""), ("args", "{\"a\": 1}"), ("namespace", "null"), ("version", "\"1.0\""),
        ("_msg_id", "\"1\""), ("_reply_q", "\"reply_x\""), ("_timeout", "null"), ("_unique_id", "\"u\""),
        ("switchboard_never_twice", "false"), ("_context_user_id", "\"u\""), ("_context_is_admin", "true"),
        ("_context_timestamp", "\"2026-01-02T03:04:05.678901\""), ("_context_roles", "[]"),
        ("_context_read_deleted", "\"no\""), ("_context_request_id", "\"r\""), ("_context_service_catalog", "[]"),
        ("_context_switchboard_deadline_ms", "60000"), ("_context_client_timeout", "1"), ("_context_other", "1"),
    ]
    private static let reply: [(String, String)] = [
        ("result", "1"), ("failure", "null"), ("ending", "true"), ("_msg_id", "\"1\""), ("_unique_id", "\"u\""),
        ("switchboard_worker", "\"w\""), ("switchboard_cancel", "false"),
    ]
    private static let failure: [(String, String)] = [
        ("class", "\"C\""), ("module", "\"m\""), ("message", "\"text\""), ("tb", "[]"), ("args", "[]"),
        ("kwargs", "{}"),
    ]
    private static let notification: [(String, String)] = [
        ("message_id", "\"m\""), ("publisher_id", "\"p\""), ("event_type", "\"e\""), ("priority", "\"INFO\""),
        ("payload", "{}"), ("timestamp", "\"2026-01-02 03:04:05.678901\""), ("_unique_id", "\"u\""),
        ("_context_timestamp", "\"2026-01-02T03:04:05.678901\""), ("_context_user_id", "\"u\""),
    ]

    /// An object with a hostile value at one of its keys, alone, in an array and in an object.
    private func objects(_ members: [(String, String)], _ value: String) -> [String] {
        members.indices.flatMap { place in
            [value, "[\(value)]", "{\"\(members[place].0)\": \(value)}"].map { hostile in
                let texts = members.enumerated().map { index, member in
                    "\"\(member.0)\": \(index == place ? hostile : member.1)"
                }
                return "{\(texts.joined(separator: ", "))}"
            }
        }
    }

    /// The messages that hold such an object: as it is, and in an envelope.
    private func messages(_ object: String) -> [Message] {
        [
            Message(body: Array(object.utf8)),
            Message(
                body: JSONValue.object(["oslo.version": "2.0", "oslo.message": .string(object)]).serialized()),
        ]
    }

    @Test("Requests with any number anywhere are read or rejected, checked, and written again", arguments: values)
    func requests(_ value: String) throws {
        for message in objects(Self.request, value).flatMap(messages) {
            guard let request = try? OsloRequest(message) else { continue }
            _ = request.message()
            _ = try? RPCRequestChecks.version(of: request) { _ in true }
            _ = try? RPCRequestChecks.method(of: request)
            _ = try? RPCRequestChecks.arguments(of: request)
            if let interval = RPCKeepalive.interval(request.timeout) { #expect(interval >= .seconds(1)) }
            if let moment = RPCDeadline.moment(of: request.deadline, arrival: .now) {
                #expect(moment < .now + .seconds(2 * 31_536_000))
            }
            if let context = try? RequestContext(wireObject: request.context) {
                _ = context.wireObject()
                _ = "\(context.timestamp)"
                #expect(context.additional["client_timeout"] == nil)
            }
        }
    }

    @Test("Replies, failures and notifications with any number anywhere are read or rejected", arguments: values)
    func replies(_ value: String) throws {
        for message in objects(Self.reply, value).flatMap(messages) {
            guard let reply = try? OsloReply(message) else { continue }
            _ = reply.message()
            _ = reply.result.description
        }
        for text in objects(Self.failure, value) + [value] {
            let error = RPCError(OsloFailure(text: text))
            _ = "\(error)"
            _ = OsloFailure(try #require(error.remote))
        }
        for message in objects(Self.notification, value).flatMap(messages) {
            guard let event = try? OsloNotification(message).event() else { continue }
            _ = "\(event) \(event.timestampText ?? "")"
            _ = event.requestContext
        }
    }

    @Test("Whatever type a number is asked for as, it is read or refused", arguments: values)
    func decoding(_ text: String) throws {
        struct All: Decodable {
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                _ = try? container.decode(Int.self)
                _ = try? container.decode(Int8.self)
                _ = try? container.decode(Int16.self)
                _ = try? container.decode(Int32.self)
                _ = try? container.decode(Int64.self)
                _ = try? container.decode(Int128.self)
                _ = try? container.decode(UInt.self)
                _ = try? container.decode(UInt8.self)
                _ = try? container.decode(UInt16.self)
                _ = try? container.decode(UInt32.self)
                _ = try? container.decode(UInt64.self)
                _ = try? container.decode(UInt128.self)
                _ = try? container.decode(Float.self)
                _ = try? container.decode(Double.self)
                _ = try? container.decode(Duration.self)
                _ = try? container.decode(JSONValue.self)
            }
        }
        let value = try JSONValue(parsing: text)
        for value in [value, [value], ["a": value]] {
            _ = try value.decode(All.self)
            _ = try? value.decode([Int32].self)
            _ = try? value.decode([String: UInt16].self)
            _ = value.integer
            _ = value.description
            #expect(try JSONValue(encoding: value).serialized() == value.serialized())
        }
    }

    @Test("Versions and timestamps of any digits are read or refused, and compared", arguments: texts)
    func reading(_ text: String) {
        if let version = RPCVersion(text) {
            #expect(version.isCompatible(with: version))
            _ = version < "1.0"
            _ = "\(version)"
        }
        if let moment = WireTimestamp(text) { _ = "\(moment)" }
    }

    @Test("Moments at the ends of time are written", arguments: [Int64.min, .min + 1, -1, 0, .max - 1, .max])
    func moments(_ microseconds: Int64) {
        let text = "\(WireTimestamp(microseconds: microseconds))"
        #expect(text.contains("T") && text.contains("."))
    }

    @Test("A server that gets all of them answers what wants an answer, and goes on")
    func server() async throws {
        let network = InProcessNetwork()
        let (serving, calling) = (try makeConnection("x", network: network), try makeConnection("x", network: network))
        var router = RPCRouter()
        router.registerPing()
        router.register("x") { arguments, _ in .object(arguments) }
        let server = RPCServer(serving, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        let client = RPCClient(calling, target: RPCTarget(topic: "t"))
        try await withRunning(serving, calling, server) {
            try await server.waitUntilServing()
            var count = 0
            for value in Self.numbers {
                // Alone at each key; with an id of its own, so that none is a duplicate.
                for object in stride(from: 0, to: 3 * Self.request.count, by: 3).map({
                    objects(Self.request, value)[$0]
                }) {
                    count += 1
                    let own = object.replacing("\"_unique_id\": \"u\"", with: "\"_unique_id\": \"u\(count)\"")
                    try await calling.transport.publish(
                        Message(body: Array(own.utf8)), to: .topic(Topic("t")), deadline: .now + .seconds(60))
                }
            }
            #expect(count > 100)
            #expect(try await client.call("x", ["a": 1], context: .admin()) == ["a": 1])
        }
    }

    @Test("Durations that programs take for \"for ever\", or for nothing, are pauses and deadlines all the same")
    func durations() {
        let extremes: [Duration] = [
            .seconds(Int64.max), .seconds(Int64.min), .zero, .seconds(-1), .milliseconds(Int64.max), .nanoseconds(1),
        ]
        for first in extremes {
            for longest in extremes {
                let policy = RPCRetryPolicy(firstPause: first, longestPause: longest)
                var retry = NotificationRetry(timeout: first)
                (retry.initialDelay, retry.maximumDelay) = (first, longest)
                var listening = NotificationListenerConfiguration()
                (listening.requeueDelay, listening.maximumRequeueDelay) = (first, longest)
                for attempt in [1, 2, 20, 64, 1000, Int.max] {
                    #expect(policy.pause(after: attempt) >= .zero)
                    #expect(retry.delay(after: attempt) >= .zero)
                    #expect(listening.requeueDelay(failures: attempt) >= .zero)
                }
            }
            _ = RPCDeadline.value(until: .now + first)
        }
        var listening = NotificationListenerConfiguration()
        (listening.batchSize, listening.maximumConcurrency) = (.max, .max)
        #expect(listening.prefetch(inBatches: true) == .max)
    }
}
