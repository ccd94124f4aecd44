#if RabbitMQ
import NIOCore
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Connected but deaf", .timeLimit(.minutes(3)))
struct SelfCheckTests {
    private let start = Moment.now
    private let interval = Duration.seconds(30)
    private let answerTime = Duration.seconds(30)

    /// A check that has begun, with the answer to its first question.
    private func checkAsked() -> SelfCheck {
        var check = SelfCheck()
        check.begin(at: start)
        #expect(due(&check, start) == .ask)
        return check
    }

    @Test("Asks when it is time, and not before")
    func asks() {
        var check = SelfCheck()
        #expect(due(&check, start) == .nothing)
        check.begin(at: start + .seconds(1))
        #expect(due(&check, start) == .nothing)
        #expect(due(&check, start + .seconds(1)) == .ask)
        #expect(check.nextAt == start + .seconds(31))
        #expect(answer(&check) == .fine)
        #expect(due(&check, start + .seconds(31)) == .ask)
    }

    @Test("No answer until the next time is deaf")
    func noAnswer() {
        var check = checkAsked()
        guard case .deaf = due(&check, start + interval) else {
            Issue.record("Nothing was found")
            return
        }
    }

    @Test("A broker that is asked often has as long to answer as one that is asked seldom")
    func lateAnswer() {
        let often = Duration.seconds(1)
        var check = SelfCheck()
        check.begin(at: start)
        var asked = 0
        for second in 0..<30 {
            let step = check.due(start + often * second, every: often, answeredWithin: answerTime)
            if step == .ask { asked += 1 } else { #expect(step == .nothing) }
        }
        #expect(asked == 1)
        #expect(check.nextAt == start + answerTime)
        var answered = check
        #expect(answer(&answered) == .fine)
        #expect(answered.due(start + answerTime, every: often, answeredWithin: answerTime) == .ask)
        guard case .deaf = check.due(start + answerTime, every: often, answeredWithin: answerTime) else {
            Issue.record("Nothing was found")
            return
        }
    }

    @Test("A queue without a consumer is deaf at once")
    func noConsumer() {
        var check = checkAsked()
        #expect(answer(&check, consumers: 0).isDeaf)
    }

    @Test(
        "Messages that are kept back twice in a row are deaf, unless one came, there is no room, or it is a stream",
        arguments: [
            (false, true, false, true), (true, true, false, false), (false, false, false, false),
            (false, true, true, false),
        ])
    func starving(delivered: Bool, hasRoom: Bool, isStream: Bool, isDeaf: Bool) {
        var check = checkAsked()
        #expect(answer(&check, ready: 3, isStream: isStream, hasRoom: hasRoom) == .fine)
        if delivered { check.delivered() }
        #expect(due(&check, start + interval) == .ask)
        #expect(answer(&check, ready: 3, isStream: isStream, hasRoom: hasRoom).isDeaf == isDeaf)
    }

    @Test("When a consumer is missing and nothing has come since, it may be this one; what is at work goes first")
    func missingConsumer() {
        func fewer(delivered: Bool, isIdle: Bool, isStream: Bool = false) -> SelfCheck.Verdict {
            var check = checkAsked()
            #expect(answer(&check, consumers: 3) == .fine)
            #expect(due(&check, start + interval) == .ask)
            #expect(answer(&check, consumers: 2, isStream: isStream, isIdle: false) == .fine)
            if delivered { check.delivered() }
            #expect(due(&check, start + interval * 2) == .ask)
            return answer(&check, consumers: 2, isStream: isStream, isIdle: isIdle)
        }
        #expect(fewer(delivered: false, isIdle: true) == .doubtful)
        #expect(fewer(delivered: false, isIdle: false) == .fine)
        #expect(fewer(delivered: true, isIdle: true) == .fine)
        #expect(fewer(delivered: false, isIdle: true, isStream: true) == .fine)
    }

    private func due(_ check: inout SelfCheck, _ now: Moment) -> SelfCheck.Step {
        check.due(now, every: interval, answeredWithin: answerTime)
    }

    private func answer(
        _ check: inout SelfCheck, ready: UInt32 = 0, consumers: UInt32 = 1, isStream: Bool = false,
        hasRoom: Bool = true, isIdle: Bool = true
    ) -> SelfCheck.Verdict {
        check.answered(ready: ready, consumers: consumers, isStream: isStream, hasRoom: hasRoom, isIdle: isIdle)
    }

    @Test("A consumer that the broker has forgotten without a word is back within two checks")
    func forgotten() async throws {
        var configuration = RabbitMQConfiguration.osloDefaults
        configuration.selfCheckInterval = .milliseconds(200)
        let topic = Topic("t", exchange: "e")
        try await withRelayedDriver(configuration: configuration) { driver, relay, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await relay.forgetFirstConsumer()
                try await driver.publish("x", to: .topic(topic))
                let text = try await withTimeLimit(.seconds(30)) {
                    for try await delivery in deliveries {
                        try await delivery.accept()
                        return delivery.text
                    }
                    return ""
                }
                #expect(text == "x")
                try await relay.waitForConsumers(2)
                try await broker.waitForConsumers(1, of: "t", in: name)
            }
        }
    }

    @Test("Another process with the same reply queue is warned of, once")
    func strangers() async throws {
        var configuration = RabbitMQConfiguration.osloDefaults
        configuration.selfCheckInterval = .milliseconds(300)
        let log = LogCollector()
        let mailbox = Address.mailbox(Mailbox(named: "reply_x"))
        @Sendable func warnings() -> [String] { log.lines.filter { $0.contains("Others take messages") } }
        try await withRelayedDriver(configuration: configuration, logger: log.logger) { driver, relay, broker, name in
            let other = try DriverUnderTest(broker.url(virtualHost: name), logger: quietLogger)
            try await driver.withSubscription(to: mailbox, options: .soon) { _ in
                try await relay.waitForConsumers(1)
                // A check, which finds it alone: the last but one of these questions is answered.
                try await relay.waitForQuestions(2, onChannels: [1])
                #expect(warnings().isEmpty)
                try await withRunning(other) {
                    try await other.withSubscription(to: mailbox, options: .soon) { _ in
                        try await withTimeLimit(.seconds(20)) {
                            while warnings().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                        }
                        // More checks, which say nothing new.
                        try await relay.waitForQuestions(4, onChannels: [1])
                    }
                }
            }
            #expect(warnings().count == 1)
            #expect(warnings().first?.contains("reply_x") == true)
            #expect(warnings().first?.contains("processname") == true)
        }
    }

    @Test("Of two consumers, one that the broker has forgotten without a word is back, and the other too")
    func oneOfTwoForgotten() async throws {
        var configuration = RabbitMQConfiguration.osloDefaults
        configuration.selfCheckInterval = .milliseconds(200)
        let topic = Topic("t", exchange: "e")
        try await withRelayedDriver(configuration: configuration) { driver, relay, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in
                try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in
                    try await relay.waitForConsumers(2)
                    try await broker.waitForConsumers(2, of: "t", in: name)
                    // Both have seen that there are two: the last but one of these questions is answered.
                    try await relay.waitForQuestions(2, onChannels: [1, 2])
                    try await relay.forgetFirstConsumer()
                    try await relay.waitForConsumers(3)
                    try await broker.waitForConsumers(2, of: "t", in: name)
                    // It was one of the same subscription's, so nothing was restored.
                    #expect(driver.state == .ready)
                }
            }
        }
    }
}

extension SelfCheck.Verdict {
    fileprivate var isDeaf: Bool { if case .deaf = self { true } else { false } }
}

extension Relay {
    /// The broker forgets the consumer of a driver's first subscription, and tells nobody: `basic.cancel`, as if the driver had
    /// sent it, and no answer is wanted.
    fileprivate func forgetFirstConsumer() async throws {
        let (channel, tag) = (UInt16(1), "1")
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(1))
        frame.writeInteger(channel)
        frame.writeInteger(UInt32(2 + 2 + 1 + tag.utf8.count + 1))
        frame.writeInteger(UInt16(60))
        frame.writeInteger(UInt16(30))
        frame.writeInteger(UInt8(tag.utf8.count))
        frame.writeString(tag)
        frame.writeInteger(UInt8(1))
        frame.writeInteger(UInt8(0xCE))
        try await inject(frame)
    }

    /// Waits until so many questions more were asked on each of the channels.
    fileprivate func waitForQuestions(_ count: Int, onChannels channels: [UInt16]) async throws {
        let before = channels.map { declarations(onChannel: $0) }
        try await withTimeLimit(.seconds(30)) {
            while zip(channels, before).contains(where: { self.declarations(onChannel: $0) < $1 + count }) {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    /// Waits until clients have begun to consume so often.
    fileprivate func waitForConsumers(_ count: Int) async throws {
        try await withTimeLimit(.seconds(30)) {
            while self.consumers < count { try await Task.sleep(for: .milliseconds(5)) }
        }
    }
}

extension TestBroker {
    fileprivate func waitForConsumers(_ count: Int, of queue: String, in virtualHost: String) async throws {
        try await withTimeLimit(.seconds(30)) {
            while try await self.queue(queue, in: virtualHost)?.consumers != count {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }
}
#endif
