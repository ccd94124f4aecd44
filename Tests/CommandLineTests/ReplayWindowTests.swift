import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

@Suite("What a replay sends")
struct ReplayWindowTests {
    private func recorded(_ message: TappedMessage) -> RecordedMessage { RecordedMessage(message, redaction: nil) }

    @Test("An answer is looked for so far ahead, and what can't be read is counted")
    func window() {
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
    }

    @Test("A message that was sent twice has its answer once, and a second answer isn't the one that counts")
    func repeated() {
        var window = ReplayWindow()
        for number in 1...2 { window.add(recorded(Passing.request("m", id: "1", unique: "u")), number: number) }
        window.add(recorded(Passing.reply("1", "one")), number: 3)
        window.add(recorded(Passing.reply("1", "late")), number: 4)
        let (first, second) = (window.next(), window.next())
        #expect(first?.answer == .result("one") && first?.isRepeated == false)
        #expect(second?.answer == nil && second?.isRepeated == true && second?.id == "1")
    }

    @Test("Messages go where they went when they were recorded")
    func addresses() {
        var window = ReplayWindow()
        for (exchange, key, address) in [
            ("nova", "compute", Address.topic(Topic("compute", exchange: "nova"))),
            ("nova", "compute.h1.example", .server(Topic("compute", exchange: "nova"), server: "h1.example")),
            ("compute_fanout", "", .fanout(Topic("compute"))),
        ] {
            window.add(recorded(Passing.request("m", key: key, exchange: exchange)), number: 5)
            let item = window.next()
            #expect(item?.address == address && item?.isMandatory == (exchange == "nova"))
        }
        let notification = Passing.message(["event_type": "e", "publisher_id": "p", "payload": 1])
        window.add(recorded(Passing.tapped(notification, "nova", "notifications.info")), number: 6)
        #expect(window.next()?.address == .notifications(Topic("notifications.info", exchange: "nova")))
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
            (["a": 1], [:], "$.a"), ([:], ["b": 1], "$.b"), (.null, [:], "$"),
            (["a": [["x": 1], ["x": 2]]], ["a": [["x": 1], ["x": 3]]], "$.a[1].x"),
            ("mysql://u:***@h/d", "mysql://u:secret@other/d", "$"), ("ab***ab", "ab", "$"), ("a***b***c", "axc", "$"),
        ]
        for (recorded, found, path) in rows {
            #expect(JSONDifference(recorded: recorded, found: found)?.path == path, "\(recorded) \(found)")
        }
    }
}
