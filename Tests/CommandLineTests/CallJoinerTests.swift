import SwitchboardCore
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardMessaging

/// The laws of joining requests with their replies.
@Suite("Tap, joining")
struct CallJoinerTests {
    private static let start = ContinuousClock.now

    private func request(
        _ id: String?, at milliseconds: Int = 0, queue: String = "reply_q", method: String = "work", life: Int? = nil,
        key: String = "compute.host1", exchange: String = "nova", showsReplies: Bool = true
    ) -> TappedMessage {
        let wire = OsloRequest(
            method: method, arguments: ["a": 1], messageID: id.map { .string($0) }, replyQueue: queue,
            uniqueID: "u", context: ["request_id": "req-1", "user_id": "u1"])
        var message = wire.message()
        if let life { message.headers["properties.expiration"] = "\(life)" }
        return tapped(message, exchange, key, milliseconds, showsReplies)
    }

    private func reply(
        _ id: String, at milliseconds: Int, queue: String = "reply_q", result: JSONValue = 1, error: String? = nil,
        ending: Bool = true
    ) -> TappedMessage {
        let failure = error.map { OsloFailure(className: $0, module: "nova.exception", message: "secret") }
        let wire = OsloReply(
            result: failure == nil ? result : .null, failure: failure, ending: ending, messageID: .string(id))
        return tapped(wire.message(), "", queue, milliseconds, true)
    }

    private func tapped(
        _ message: Message, _ exchange: String, _ key: String, _ milliseconds: Int, _ showsReplies: Bool
    ) -> TappedMessage {
        TappedMessage(
            exchange: exchange, routingKey: key, message: message,
            instant: Self.start + .milliseconds(milliseconds), time: 1000 + Double(milliseconds) / 1000,
            showsReplies: showsReplies)
    }

    private func joined(_ messages: [TappedMessage], limits: CallJoiner.Limits = .init()) -> [TapRecord] {
        var joiner = CallJoiner(limits: limits)
        return messages.flatMap { joiner.add($0) } + joiner.end()
    }

    @Test("A call and its answer are one record, with time, method, caller, server, sizes and request id")
    func call() throws {
        let records = joined([request("1"), reply("1", at: 12)])
        let record = try #require(records.first)
        #expect(records.count == 1)
        #expect(record.kind == .call && record.outcome == .result && record.duration == .milliseconds(12))
        #expect(record.topic == "compute" && record.server == "host1" && record.method == "work")
        #expect(record.caller == "reply_q" && record.requestID == "req-1" && record.userID == "u1")
        #expect(record.requestBytes == request("1").message.body.count)
        #expect(record.replyBytes == reply("1", at: 12).message.body.count)
        #expect(record.arguments == ["a": .null], "names only")
    }

    @Test("An error is told by its class; casts, fanouts and notifications need no answer")
    func kinds() throws {
        let failed = joined([request("1"), reply("1", at: 5, error: "InstanceNotFound")])
        #expect(failed.first?.outcome.failureClass == "nova.exception.InstanceNotFound")
        #expect(failed.first?.outcome.isFailure == true)
        let cast = joined([request(nil, key: "compute")])
        #expect(cast.map(\.kind) == [.cast] && cast.first?.server == nil && cast.first?.outcome == .sent)
        let fanout = joined([request(nil, key: "", exchange: "compute_fanout")])
        #expect(fanout.map(\.kind) == [.fanout] && fanout.first?.topic == "compute")
        let event = NotificationEvent(
            "instance.create", priority: .info, publisherID: "compute.host1", payload: ["a": 1])
        let notification = joined([
            tapped(OsloNotification(event, format: .v2).message(), "nova", "notifications.info", 0, true)
        ])
        #expect(notification.map(\.method) == ["instance.create"] && notification.first?.kind == .notification)
        let other = joined([tapped(Message(body: [1, 2, 3]), "nova", "compute", 0, true)])
        #expect(other.map(\.kind) == [.other] && other.first?.outcome.isFailure == true)
    }

    @Test("Answers that aren't the last keep a call waiting, and a result before the end counts")
    func keepalives() throws {
        var limits = CallJoiner.Limits()
        limits.grace = .zero
        let messages = [
            request("1", life: 1000), reply("1", at: 900, result: .null, ending: false),
            reply("1", at: 1800, result: 7, ending: false), reply("1", at: 2700, result: .null),
        ]
        var joiner = CallJoiner(limits: limits, keepsValues: true)
        let records = messages.flatMap { joiner.add($0) }
        #expect(records.map(\.outcome) == [.result])
        #expect(records.first?.result == 7 && records.first?.duration == .milliseconds(2700))
    }

    @Test("A call has no answer once its own time is over; one that comes later is late, a second one a duplicate")
    func times() throws {
        var joiner = CallJoiner()
        #expect(joiner.add(request("1", life: 1000)).isEmpty)
        #expect(joiner.expire(Self.start + .milliseconds(1400)).isEmpty)
        let gone = joiner.expire(Self.start + .milliseconds(1500))
        #expect(gone.map(\.outcome) == [.noAnswer] && joiner.inFlight == 0)
        let late = joiner.add(reply("1", at: 3000, error: "Busy"))
        #expect(late.map(\.outcome) == [.late(failure: "nova.exception.Busy")])
        #expect(late.first?.duration == .milliseconds(3000) && late.first?.method == "work")
        #expect(joiner.add(reply("1", at: 3001)).map(\.outcome) == [.duplicate])
        // Without a time of its own it has the default one; one that waits longer holds back no other.
        var limits = CallJoiner.Limits()
        limits.answerTime = .seconds(60)
        var other = CallJoiner(limits: limits)
        _ = other.add(request("a"))
        _ = other.add(request("b", life: 100))
        #expect(other.expire(Self.start + .seconds(2)).count == 1)
        #expect(other.expire(Self.start + .seconds(61)).count == 1)
    }

    @Test("An answer that comes before its call waits for it, and is a record of its own when it waits in vain")
    func early() throws {
        #expect(joined([reply("1", at: 0), request("1", at: 3)]).map(\.kind) == [.call])
        var joiner = CallJoiner()
        #expect(joiner.add(reply("1", at: 0)).isEmpty)
        let alone = joiner.expire(Self.start + .seconds(3))
        #expect(alone.map(\.kind) == [.reply])
    }

    @Test(
        "The same request sent twice is one call; callers with the same id are two; requests whose answers aren't seen say so"
    )
    func identities() throws {
        let twice = joined([request("1"), request("1", at: 1), reply("1", at: 5)])
        #expect(twice.count == 1 && twice.first?.repeats == 1)
        let two = joined([
            request("1", queue: "a"), request("1", queue: "b"), reply("1", at: 1, queue: "b"),
            reply("1", at: 9, queue: "a"),
        ])
        #expect(two.map(\.duration) == [.milliseconds(1), .milliseconds(9)])
        #expect(joined([request("1", showsReplies: false)]).map(\.outcome) == [.unseen])
    }

    @Test(
        "In any order, each call comes out once and answered, however the messages of different calls are mixed",
        arguments: 0..<50)
    func anyOrder(seed: UInt64) {
        var generator = Generator(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1)
        let count = 60
        var messages: [TappedMessage] = []
        for number in 0..<count {
            messages.append(request("\(number)", queue: "reply_\(number % 3)"))
            messages.append(reply("\(number)", at: 0, queue: "reply_\(number % 3)", error: number % 5 == 0 ? "E" : nil))
            if number % 4 == 0 {
                messages.append(reply("\(number)", at: 0, queue: "reply_\(number % 3)", result: .null, ending: false))
            }
            if number % 7 == 0 { messages.append(request("\(number)", queue: "reply_\(number % 3)")) }
        }
        messages.shuffle(using: &generator)
        let records = joined(messages)
        let calls = records.filter { $0.kind == .call }
        #expect(calls.count == count && records.count == count)
        #expect(calls.count { $0.outcome == .result } == count - count / 5)
        #expect(calls.count { $0.outcome.failureClass == "nova.exception.E" } == count / 5)
    }

    @Test("Memory is bounded: the oldest calls and answers make room, and are counted")
    func bounds() {
        var limits = CallJoiner.Limits()
        limits.pending = 100
        limits.remembered = 50
        var joiner = CallJoiner(limits: limits)
        for number in 0..<1000 { _ = joiner.add(request("\(number)")) }
        #expect(joiner.inFlight == 100 && joiner.dropped == 900)
        // Those that are left are the newest.
        for number in 900..<1000 { #expect(joiner.add(reply("\(number)", at: 1)).count == 1) }
        for number in 2000..<3000 { _ = joiner.add(reply("\(number)", at: 1)) }
        #expect(joiner.dropped == 1800)
        #expect(joiner.end().count == 100)
    }

    @Test("A dictionary with a bound keeps its order, whatever is added and removed", arguments: 0..<20)
    func bounded(seed: UInt64) {
        var generator = Generator(state: seed &+ 7)
        var bounded = Bounded<Int, Int>(16)
        var model: [(key: Int, value: Int)] = []
        for step in 0..<2000 {
            let key = Int.random(in: 0..<24, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let expected = model.firstIndex { $0.key == key }.map { model.remove(at: $0).value }
                #expect(bounded.remove(key) == expected)
            case 1:
                if let index = model.firstIndex(where: { $0.key == key }) { model[index].value = step }
                bounded.replace(key, step)
            default:
                var removed: Int?
                if let index = model.firstIndex(where: { $0.key == key }) {
                    model.remove(at: index)
                } else if model.count == 16 {
                    removed = model.removeFirst().value
                }
                model.append((key, step))
                #expect(bounded.set(key, step) == removed)
            }
            #expect(bounded.count == model.count && bounded.oldest?.key == model.first?.key)
        }
        #expect(bounded.all { _ in true }.map(\.key) == model.map(\.key))
    }

    /// The same numbers each time.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var value = state
            value ^= value >> 33
            value = value &* 0xff51_afd7_ed55_8ccd
            return value ^ (value >> 33)
        }
    }
}
