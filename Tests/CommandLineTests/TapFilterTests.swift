import Foundation
import StandardStreams
import SwitchboardCore
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardMessaging

/// What a tap shows of what it sees.
@Suite("Tap, filters and redaction")
struct TapFilterTests {
    @Test(
        "A pattern has * for any text and ? for one character, and nothing else",
        arguments: [
            ("compute", "compute", true), ("compute", "computer", false), ("*", "", true), ("*", "x", true),
            ("c*e", "compute", true), ("c*e", "ce", true), ("c*e", "c", false), ("?", "é", true), ("?", "", false),
            ("??", "a", false), ("*a*b*", "xxaxxbxx", true), ("*a*b*", "xxbxxaxx", false), ("a.c", "abc", false),
            ("[ab]", "a", false), ("[ab]", "[ab]", true), ("host*.dc1", "host12.dc1", true), ("*aab", "aaaab", true),
            ("a**b", "ab", true), ("é*", "école", true), ("?*", "", false),
        ])
    func patterns(pattern: String, name: String, matches: Bool) throws {
        #expect(try #require(GlobPattern(pattern)).matches(name) == matches)
    }

    @Test("A pattern that tries again and again takes time in proportion to the text")
    func linear() throws {
        let pattern = try #require(GlobPattern(String(repeating: "*a", count: 60) + "*b"))
        /// Of this thread alone: other tests run beside it.
        func time(_ length: Int) -> UInt64 {
            let text = String(repeating: "a", count: length)
            let times = (0..<3).map { _ in
                let begin = threadTime()
                let isMatch = pattern.matches(text)
                #expect(!isMatch)
                return threadTime() - begin
            }
            return times.min() ?? 0
        }
        _ = time(10_000)
        let (short, long) = (time(50_000), time(500_000))
        // Ten times as long; in proportion to its square it would be a hundred times.
        #expect(long < short * 40, "\(short) \(long)")
        #expect(GlobPattern("") == nil && GlobPattern(String(repeating: "a", count: 256)) == nil)
    }

    /// The processor's time that this thread has used, in nanoseconds.
    private func threadTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static let record = TapRecord(
        kind: .call, time: 0, exchange: "nova", topic: "compute", server: "host1", method: "reboot_instance",
        requestID: "req-1", outcome: .result, duration: .milliseconds(20))

    @Test("Each filter has to let a record through")
    func filters() {
        func allows(_ change: (inout TapFilter) -> Void, _ record: TapRecord = Self.record) -> Bool {
            var filter = TapFilter()
            change(&filter)
            return filter.allows(record)
        }
        func one(_ text: String) -> [GlobPattern] { [GlobPattern(text)].compactMap(\.self) }
        #expect(allows { _ in })
        #expect(allows { $0.topics = one("comp*") } && !allows { $0.topics = one("conductor") })
        #expect(allows { $0.methods = one("reboot_*") } && !allows { $0.methods = one("start") })
        #expect(allows { $0.methods = one("start") + one("reboot*") })
        #expect(allows { $0.servers = one("host?") } && !allows { $0.servers = one("host2") })
        #expect(allows { $0.requestIDs = one("req-1") } && !allows { $0.requestIDs = one("req-2") })
        #expect(allows { $0.slowerThan = .milliseconds(10) } && !allows { $0.slowerThan = .milliseconds(20) })
        #expect(!allows { $0.failuresOnly = true })
        var failed = Self.record
        failed.outcome = .noAnswer
        failed.server = nil
        #expect(allows({ $0.failuresOnly = true }, failed) && !allows({ $0.servers = one("*") }, failed))
    }

    /// Where secrets are in what Nova's services send, and in what else might pass.
    private static let canary = "canary-5e1f0c"
    private static let hiding: [JSONValue] = [
        ["admin_password": "C"], ["adminPass": "C"], ["new_pass": "C"], ["auth_token": "C"], ["X-Auth-Token": "C"],
        ["user_data": "C"], ["injected_files": [["/root/.ssh/id", "C"]]], ["key_data": "C"], ["private_key": "C"],
        ["secret": ["deep": ["deeper": "C"]]], ["password": 5, "pass": "C"], ["options": [["password", "C"]]],
        ["metadata": [["name": "db_password", "value": "C"]]], ["metadata": [["key": "token", "value": ["a": "C"]]]],
        ["connection_info": ["data": ["auth_password": "C", "auth_username": "me"]]],
        ["url": "rabbit://u:C@host/v"], ["text": "failed: mysql+pymysql://nova:C@db/nova?x=1"],
        ["rabbit://u:C@host/v": 1], ["log": "Authorization: Bearer C"], ["nested": "{\"password\": \"C\"}"],
        ["nested": "[{\"name\": \"token\", \"value\": \"C\"}]"], ["text": "password=C and more"],
        ["nova_object.data": ["access_key": "C", "uuid": "x"]], ["credentials": ["C"]], ["console": ["C"]],
        ["key": "-----BEGIN RSA PRIVATE KEY-----\nC\n-----END RSA PRIVATE KEY-----"], ["custom_name": "C"],
        ["passwd": "C"], ["PASSWORD": "C"], ["encryption_key": "C"], ["service_catalog": [["x": "C"]]],
    ]

    private static func planted(_ value: JSONValue) throws -> JSONValue {
        try JSONValue(parsing: "\(value)".replacingOccurrences(of: "C\\b", with: canary, options: .regularExpression))
    }

    @Test("No secret of a list is shown, in any output, nor in a message that is kept", arguments: hiding)
    func canaries(value: JSONValue) throws {
        guard case .object(let arguments) = try Self.planted(value) else { return }
        try #require("\(JSONValue.object(arguments))".contains(Self.canary))
        let redaction = TapRedaction(["custom-Name"])
        var record = Self.record
        record.arguments = arguments
        record.result = .object(arguments)
        record.outcome = .failure(className: "E", message: "rabbit://u:\(Self.canary)@h/ refused")
        for showsValues in [true, false] {
            let text = TapText(showsValues: showsValues, redaction: redaction).line(record)
            let json = "\(TapJSON(showsValues: showsValues, redaction: redaction).object(record))"
            #expect(!text.contains(Self.canary), "\(text)")
            #expect(!json.contains(Self.canary), "\(json)")
        }
        let request = OsloRequest(
            method: "m", arguments: arguments, messageID: "id-1", replyQueue: "reply_1", uniqueID: "u-1",
            context: ["auth_token": .string(Self.canary), "request_id": "req-1"])
        let kept = redaction.redacted(request.message())
        #expect(!String(decoding: kept.body, as: UTF8.self).contains(Self.canary))
        guard case .request(let passing) = PassingMessage(kept) else {
            Issue.record("not a request any more: \(String(decoding: kept.body, as: UTF8.self))")
            return
        }
        #expect(passing.id == "id-1" && passing.replyQueue == "reply_1" && passing.uniqueID == "u-1")
        #expect(passing.method == "m" && passing.requestID == "req-1")
        let failure = OsloFailure(
            className: "E", module: "m", message: "rabbit://u:\(Self.canary)@h/",
            traceback: ["  token = \(Self.canary)\n"], keywordArguments: arguments)
        let reply = redaction.redacted(
            OsloReply(result: .null, failure: failure, ending: true, messageID: "id-1").message())
        #expect(!String(decoding: reply.body, as: UTF8.self).contains(Self.canary))
        guard case .reply(let answer) = PassingMessage(reply) else {
            Issue.record("not a reply any more")
            return
        }
        #expect(answer.id == "id-1" && answer.failure?.className == "m.E" && answer.isEnding)
    }

    @Test("What is no secret is shown with --values, and only its name without")
    func values() {
        var record = Self.record
        record.arguments = ["instance_uuid": "0d1f", "host": "h1", "reserved": true]
        record.result = ["power_state": 1]
        let shown = TapText(showsValues: true).line(record)
        #expect(shown.contains("0d1f") && shown.contains("power_state"))
        let named = TapText().line(record)
        #expect(named.contains("(instance_uuid, host, reserved)") && !named.contains("0d1f"))
        let object = TapJSON().object(record)
        #expect(object["arguments"] == ["instance_uuid", "host", "reserved"])
        #expect(object["outcome"] == "result" && object["milliseconds"] == .double(20))
        #expect(TapJSON(showsValues: true).object(record)["result"] == ["power_state": 1])
    }

    @Test("What a terminal could take for more than text is shown escaped, and times are of the day")
    func text() {
        var record = Self.record
        record.method = "rm\u{1b}[2J\n"
        let line = TapText().line(record).printable
        #expect(!line.contains("\u{1b}") && !line.contains("\n"))
        #expect(TapText.clock(86_400 + 3600 + 62.0075) == "01:01:02.007")
        #expect(KnownNames.split("compute.host.example.org") == ("compute", "host.example.org"))
        #expect(KnownNames.split("ironic.conductor_manager.h") == ("ironic.conductor_manager", "h"))
        #expect(KnownNames.split("a.b.c", ["a.b"]) == ("a.b", "c") && KnownNames.split("a") == ("a", nil))
    }
}
