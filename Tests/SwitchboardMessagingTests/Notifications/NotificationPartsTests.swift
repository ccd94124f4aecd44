import Logging
import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Parts of notifications")
struct NotificationPartsTests {
    // MARK: Filters

    @Test(
        "A pattern matches as Python's re.match: from the start, not to the end",
        arguments: [
            ("compute", "compute.host1", true), ("host1", "compute.host1", false), ("^compute", "compute.host1", true),
            ("^compute$", "compute.host1", false), ("^compute$", "compute", true), ("compute$", "compute\n", true),
            ("compute$", "compute\n\n", false), (#"^compute\.instance\..*"#, "compute.instance.create", true),
            (#"^compute\.instance\..*"#, "compute_instance.create", false), ("c.mpute", "compute", true),
            ("a|b", "b", true), ("a|b", "cb", false), ("(?i)COMP", "compute", true), ("", "anything", true),
            ("x*", "", true), ("ab+", "abbb", true), ("ab+", "a", false), (#"\d+"#, "12x", true),
            ("e", "e\u{301}", true), ("[a-c]{2}$", "ab", true), ("[a-c]{2}$", "abc", false), (".*x", "aax", true),
            ("ab?c", "ac", true), ("a.*b", "a--b", true), ("compute$|network", "network.x", true),
        ])
    func patterns(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try TextPattern(pattern).matches(text) == expected)
    }

    @Test("A filter's parts must all match; what is missing or no text does not")
    func filters() throws {
        var event = NotificationEvent(
            "compute.instance.update", priority: .info, publisherID: "compute.host1",
            payload: ["state": "active", "size": 3], context: ["tenant": "t1"])
        event.id = "4f0c"
        #expect(try NotificationFilter().matches(event))
        #expect(try NotificationFilter(publisherID: "compute", eventType: "compute").matches(event))
        #expect(try !NotificationFilter(publisherID: "compute", eventType: "network").matches(event))
        #expect(try NotificationFilter(payload: ["state": "^active$"]).matches(event))
        #expect(try !NotificationFilter(payload: ["state": "^active$", "size": "3"]).matches(event))
        #expect(try !NotificationFilter(payload: ["missing": ""]).matches(event))
        #expect(try NotificationFilter(context: ["tenant": "t"]).matches(event))
        #expect(try !NotificationFilter(context: ["user": "t"]).matches(event))
        #expect(try NotificationFilter(metadata: ["message_id": "4f", "timestamp": "20"]).matches(event))
        event.payload = "text"
        event.eventType = nil
        #expect(try !NotificationFilter(payload: ["state": "a"]).matches(event))
        #expect(try !NotificationFilter(eventType: "").matches(event))
    }

    @Test("A pattern that is no regular expression is an error that names it")
    func badFilter() {
        let error = #expect(throws: NotificationError.self) { try NotificationFilter(payload: ["state": "(a"]) }
        #expect(error?.code == .invalidFilter)
        #expect(error?.message.contains("payload state") == true && error?.message.contains("(a") == true)
        let metadata = #expect(throws: NotificationError.self) { try NotificationFilter(metadata: ["id": "a"]) }
        #expect(metadata?.code == .invalidFilter)
    }

    // MARK: Batches

    @Test("A batch goes out when it is full, or when its first element has waited long enough")
    func batches() {
        let start = Moment.now
        var batches = NotificationBatches<Int>(size: 3, timeout: .seconds(10))
        #expect(batches.add(1, priority: .info, now: start) == .first)
        #expect(batches.add(2, priority: .error, now: start + .seconds(1)) == .first)
        #expect(batches.add(3, priority: .info, now: start + .seconds(2)) == .further)
        #expect(batches.nextDeadline == start + .seconds(10))
        #expect(batches.add(4, priority: .info, now: start + .seconds(3)) == .full([1, 3, 4]))
        #expect(batches.nextDeadline == start + .seconds(11))
        #expect(batches.add(5, priority: .info, now: start + .seconds(4)) == .first)
        #expect(batches.takeDue(now: start + .seconds(10)).isEmpty)
        #expect(batches.takeDue(now: start + .seconds(11)) == [[2]])
        #expect(batches.add(6, priority: .warn, now: start + .seconds(12)) == .first)
        #expect(batches.takeAll() == [[5], [6]])
        #expect(batches.nextDeadline == nil)
        var single = NotificationBatches<Int>(size: 1, timeout: .seconds(10))
        #expect(single.add(7, priority: .info, now: start) == .full([7]))
        #expect(single.nextDeadline == nil)
    }

    // MARK: Retry

    @Test("Pauses between attempts double up to their maximum")
    func delays() {
        let retry = NotificationRetry()
        #expect(retry.delay(after: 1) == .milliseconds(100))
        #expect(retry.delay(after: 3) == .milliseconds(400))
        #expect(retry.delay(after: 1000) == .seconds(10))
        let configuration = NotificationListenerConfiguration()
        #expect(configuration.requeueDelay(failures: 1) == .milliseconds(10))
        #expect(configuration.requeueDelay(failures: 1_000_000) == .seconds(5))
    }

    // MARK: Routing

    @Test(
        "A shell pattern matches the whole text",
        arguments: [
            ("compute.*", "compute.instance", true), ("compute.*", "xcompute.instance", false), ("*", "", true),
            ("a?c", "abc", true), ("a?c", "ac", false), ("[ab]x", "bx", true), ("[!ab]x", "bx", false),
            ("[a-c]", "b", true), ("[]]", "]", true), ("[", "[", true), ("*.end", "a.end.b.end", true),
            ("*a*a*a*b", String(repeating: "a", count: 5000), false), ("", "", true), ("x", "", false),
        ])
    func shellPatterns(_ pattern: String, _ text: String, _ expected: Bool) {
        #expect(ShellPattern(pattern).matches(text) == expected)
    }

    private static let rules = """
        {"group_1": {"first": {"accepted_events": ["compute.*", "net"], "accepted_priorities": ["WARN", "err*"]},
                     "second": {"accepted_events": ["blah.zoo.*"]}},
         "group_2": {"first": {"accepted_priorities": ["audit"]}, "third": null}}
        """

    @Test("Rules choose drivers by event and priority, each once")
    func routing() async throws {
        let rules = try NotificationRoutingRules(parsing: Self.rules)
        #expect(rules.drivers(eventType: "compute.x", priority: .warn) == ["first", "third"])
        #expect(rules.drivers(eventType: "compute.x", priority: .info) == ["third"])
        #expect(rules.drivers(eventType: "net", priority: .error) == ["first", "third"])
        #expect(rules.drivers(eventType: "blah.zoo.y", priority: .audit) == ["second", "first", "third"])
        let sinks = [NotificationSink(), NotificationSink(), NotificationSink()]
        let notifier = Notifier(
            publisherID: "p",
            drivers: [
                try .routing(
                    rules,
                    drivers: zip(["first", "second", "third"], sinks).map { NotificationDriver.sink($1).named($0) })
            ], logger: quietLogger)
        await notifier.warn("compute.x")
        await notifier.audit("blah.zoo.y")
        #expect(sinks[0].events.map(\.priority) == [.warn, .audit])
        #expect(sinks[1].events.map(\.eventType) == ["blah.zoo.y"])
        #expect(sinks[2].events.count == 2)
    }

    @Test(
        "Rules that cannot be meant are errors that say where",
        arguments: [
            ("[1]", "object"), ("{", "byte 1"), (#"{"g": 1}"#, "group g"), (#"{"g": {"d": 1}}"#, "driver d"),
            (#"{"g": {"d": {"accepted_event": []}}}"#, "accepted_event;"),
            (#"{"g": {"d": {"accepted_events": "x"}}}"#, "accepted_events"),
            (#"{"g": {"d": {"accepted_events": [1]}}}"#, "no text"),
        ])
    func badRules(_ text: String, _ part: String) {
        let error = #expect(throws: NotificationError.self) { try NotificationRoutingRules(parsing: text) }
        #expect(error?.code == .invalidRules)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test("A rule for a driver that there is not is an error that lists those there are")
    func unknownDriver() throws {
        let rules = try NotificationRoutingRules(parsing: #"{"g": {"mesaging": {}}}"#)
        let error = #expect(throws: NotificationError.self) {
            try NotificationDriver.routing(rules, drivers: [.noop])
        }
        #expect(error?.message.contains("mesaging") == true && error?.message.contains("noop") == true)
        let twice = #expect(throws: NotificationError.self) {
            try NotificationDriver.routing(.init(groups: []), drivers: [.noop, .noop])
        }
        #expect(twice?.code == .invalidRules)
    }

    @Test("A file of rules that is not there is an error with its path")
    func missingFile() {
        let error = #expect(throws: NotificationError.self) { try NotificationRoutingRules(file: "/no/such/rules") }
        #expect(error?.message.contains("/no/such/rules") == true)
        let directory = #expect(throws: NotificationError.self) { try NotificationRoutingRules(file: "/") }
        #expect(directory?.code == .invalidRules)
    }

    // MARK: Masking

    @Test("What looks like a secret is masked, at any depth, in JSON within text too")
    func masking() {
        let masked = PasswordMask.masked([
            "admin_pass": "5ecret", "user": "u", "list": [["auth_token": "5ecret"]], "Password2": 7, "token": nil,
            "secrets": ["a": "kept"], "text": #"{"password": "5ecret"}"#, "private_key": ["5ecret"],
        ])
        #expect(!masked.description.contains("5ecret"))
        #expect(masked["user"] == "u" && masked["Password2"] == "***" && masked["token"] == .null)
        #expect(masked["secrets"] == ["a": "kept"])
        #expect(masked["text"] == #"{"password": "***"}"#)
    }
}
