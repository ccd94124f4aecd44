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
        #expect(check.answered(ready: 0, consumers: 1, isStream: false, hasRoom: true) == nil)
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
        #expect(check.answered(ready: 0, consumers: 0, isStream: false, hasRoom: true) != nil)
    }

    @Test(
        "Messages that are kept back twice in a row are deaf, unless one came, there is no room, or it is a stream",
        arguments: [
            (false, true, false, true), (true, true, false, false), (false, false, false, false),
            (false, true, true, false),
        ])
    func starving(delivered: Bool, hasRoom: Bool, isStream: Bool, isDeaf: Bool) {
        var check = checkAsked()
        #expect(check.answered(ready: 3, consumers: 1, isStream: isStream, hasRoom: hasRoom) == nil)
        if delivered { check.delivered() }
        #expect(check.due(start + interval, every: interval) == .ask)
        let reason = check.answered(ready: 3, consumers: 1, isStream: isStream, hasRoom: hasRoom)
        #expect((reason != nil) == isDeaf)
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
}

extension TestBroker {
    /// The queue's process drops its consumers and tells nobody.
    fileprivate func forgetConsumers(of queue: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(queue)">>)),
            [gen_server2:call(amqqueue:get_pid(Q),
                {basic_cancel, element(1, C), element(2, C), undefined, <<"test">>}, infinity)
                || C <- rabbit_amqqueue:consumers(Q)], [].
            """)
    }
}
#endif
