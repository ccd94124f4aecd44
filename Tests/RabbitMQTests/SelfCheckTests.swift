#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Connected but deaf", .timeLimit(.minutes(3)))
struct SelfCheckTests {
    private let start = ContinuousClock.now
    private let interval = Duration.seconds(30)

    /// A check that has begun, with the answer to its first question.
    private func checkAsked() -> SelfCheck {
        var check = SelfCheck()
        check.begin(at: start)
        #expect(check.due(start, every: interval) == .ask)
        return check
    }

    @Test("Asks when it is time, and not before")
    func asks() {
        var check = SelfCheck()
        #expect(check.due(start, every: interval) == .nothing)
        check.begin(at: start + .seconds(1))
        #expect(check.due(start, every: interval) == .nothing)
        #expect(check.due(start + .seconds(1), every: interval) == .ask)
        #expect(check.nextAt == start + .seconds(31))
        #expect(answer(&check) == .fine)
        #expect(check.due(start + .seconds(31), every: interval) == .ask)
    }

    @Test("No answer until the next time is deaf")
    func noAnswer() {
        var check = checkAsked()
        guard case .deaf = check.due(start + interval, every: interval) else {
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
        #expect(check.due(start + interval, every: interval) == .ask)
        #expect(answer(&check, ready: 3, isStream: isStream, hasRoom: hasRoom).isDeaf == isDeaf)
    }

    @Test("When a consumer is missing and nothing has come since, it may be this one; what is at work goes first")
    func missingConsumer() {
        func fewer(delivered: Bool, isIdle: Bool, isStream: Bool = false) -> SelfCheck.Verdict {
            var check = checkAsked()
            #expect(answer(&check, consumers: 3) == .fine)
            #expect(check.due(start + interval, every: interval) == .ask)
            #expect(answer(&check, consumers: 2, isStream: isStream, isIdle: false) == .fine)
            if delivered { check.delivered() }
            #expect(check.due(start + interval * 2, every: interval) == .ask)
            return answer(&check, consumers: 2, isStream: isStream, isIdle: isIdle)
        }
        #expect(fewer(delivered: false, isIdle: true) == .doubtful)
        #expect(fewer(delivered: false, isIdle: false) == .fine)
        #expect(fewer(delivered: true, isIdle: true) == .fine)
        #expect(fewer(delivered: false, isIdle: true, isStream: true) == .fine)
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
        try await withDriver(configuration: configuration) { driver, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await broker.forgetConsumers(of: "t", in: name)
                try await driver.publish("x", to: .topic(topic))
                let text = try await withTimeLimit(.seconds(30)) {
                    for try await delivery in deliveries {
                        try await delivery.accept()
                        return delivery.text
                    }
                    return ""
                }
                #expect(text == "x")
            }
        }
    }

    @Test("Another process with the same reply queue is warned of, once")
    func strangers() async throws {
        var configuration = RabbitMQConfiguration.osloDefaults
        configuration.selfCheckInterval = .milliseconds(300)
        let log = LogCollector()
        let broker = try await TestBroker.shared()
        let mailbox = Address.mailbox(Mailbox(named: "reply_x"))
        try await broker.withVirtualHost { [configuration] name in
            let driver = try RabbitMQDriver(
                broker.url(virtualHost: name), configuration: configuration, logger: log.logger)
            let other = try RabbitMQDriver(broker.url(virtualHost: name), logger: quietLogger)
            @Sendable func warnings() -> [String] { log.lines.filter { $0.contains("Others take messages") } }
            try await withRunning(driver) {
                try await driver.withSubscription(to: mailbox, options: .soon) { _ in
                    // A check, which finds it alone.
                    try await Task.sleep(for: .milliseconds(500))
                    #expect(warnings().isEmpty)
                    try await withRunning(other) {
                        try await other.withSubscription(to: mailbox, options: .soon) { _ in
                            try await withTimeLimit(.seconds(20)) {
                                while warnings().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                            }
                            // Some checks more, which say nothing new.
                            try await Task.sleep(for: .seconds(1))
                        }
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
        try await withDriver(configuration: configuration) { driver, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in
                try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in
                    // Both have seen that there are two.
                    try await Task.sleep(for: .milliseconds(600))
                    try await broker.forgetConsumers(of: "t", in: name, "[hd(rabbit_amqqueue:consumers(Q))]")
                    #expect(try await broker.queue("t", in: name)?.consumers == 1)
                    try await withTimeLimit(.seconds(20)) {
                        while try await broker.queue("t", in: name)?.consumers != 2 {
                            try await Task.sleep(for: .milliseconds(50))
                        }
                    }
                    // It was one of the same subscription's, so nothing was restored.
                    #expect(driver.monitor.state == .ready)
                }
            }
        }
    }
}

extension SelfCheck.Verdict {
    fileprivate var isDeaf: Bool { if case .deaf = self { true } else { false } }
}

extension TestBroker {
    /// The queue's process drops consumers, all or those of an Erlang expression, and tells nobody.
    fileprivate func forgetConsumers(
        of queue: String, in virtualHost: String, _ which: String = "rabbit_amqqueue:consumers(Q)"
    ) async throws {
        _ = try await evaluate(
            """
            {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(queue)">>)),
            [gen_server2:call(amqqueue:get_pid(Q),
                {basic_cancel, element(1, C), element(2, C), undefined, <<"test">>}, infinity)
                || C <- \(which)], [].
            """)
    }
}
#endif
