#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// A broker that closes the whole connection over what one address declares, each time (541, INTERNAL_ERROR).
@Suite("A broker that fails over one address", .serialized, .timeLimit(.minutes(10)))
struct FailingBrokerTests {
    private static let good = Address.notifications(Topic("good", exchange: "good"))
    private static let bad = Address.notifications(Topic("bad", exchange: "bad"))
    private static let rounds = 100

    @Test("costs publishes to other addresses their connection ever less often, and delivers when it is well again")
    func publisher() async throws {
        let log = LogCollector()
        try await withDriver(configuration: .takenEverywhere, logger: log.logger) { driver, broker, name in
            try await driver.publish("1", to: Self.good)
            try await driver.publish("1", to: Self.bad)
            try await broker.breakExchange("bad", in: name)
            try await broker.cutConnections(in: name)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await driver.publish(
                        Message(body: [2]), to: Self.bad, options: .within(.seconds(300), allowsDuplicates: true))
                }
                try await log.waits { $0.contains("fails to declare") && $0.contains("541") }
                try await broker.keepsConnection("publish", in: name) {
                    for _ in 0..<Self.rounds {
                        try await driver.publish(
                            Message(body: [3]), to: Self.good, options: .within(.seconds(60), allowsDuplicates: true))
                    }
                }
                let error = await #expect(throws: TransportError.self) {
                    try await driver.publish(Message(body: [4]), to: Self.bad, options: .within(.seconds(1)))
                }
                #expect(error?.code == .unavailable)
                try await broker.mendExchange("bad", in: name)
                try await group.waitForAll()
            }
            #expect(try await broker.queue("bad", in: name)?.ready == 2)
        }
    }

    @Test("costs other subscriptions their connection ever less often, and serves the one again when it is well again")
    func subscriptions() async throws {
        let log = LogCollector()
        try await withDriver(configuration: .takenEverywhere, logger: log.logger) { driver, broker, name in
            var configuration = RabbitMQConfiguration.takenEverywhere
            configuration.connectionName = "other"
            let publisher = try DriverUnderTest(
                broker.url(virtualHost: name), configuration: configuration, logger: quietLogger)
            try await withRunning(publisher) {
                try await driver.withSubscription(to: Self.good, options: .soon) { good in
                    try await driver.withSubscription(to: Self.bad, options: .soon) { bad in
                        try await broker.breakExchange("bad", in: name)
                        try await broker.cutConnections(in: name)
                        try await log.waits { $0.contains("Subscription begins anew") && $0.contains("541") }
                        try await broker.keepsConnection("consume", in: name) {
                            var iterator = good.makeAsyncIterator()
                            for round in 0..<Self.rounds {
                                try await publisher.publish(
                                    Message(body: Array("\(round)".utf8)), to: Self.good,
                                    options: .within(.seconds(60), allowsDuplicates: true))
                                let delivery = try #require(try await iterator.next())
                                // The connection may be lost before: then it comes again.
                                try? await delivery.accept()
                            }
                        }
                        try await broker.mendExchange("bad", in: name)
                        try await withTimeLimit(.seconds(300)) { await driver.waits { $0 == .ready } }
                        try await publisher.publish("x", to: Self.bad)
                        var iterator = bad.makeAsyncIterator()
                        #expect(try await iterator.next()?.text == "x")
                    }
                }
            }
        }
    }

    @Test("tells a new subscription what it says, at the subscription's deadline")
    func newSubscription() async throws {
        try await withDriver(configuration: .takenEverywhere) { driver, broker, name in
            try await driver.publish("1", to: Self.bad)
            try await broker.breakExchange("bad", in: name)
            let error = await #expect(throws: TransportError.self) {
                try await driver.withSubscription(
                    to: Self.bad, options: SubscriptionOptions(deadline: .now + .seconds(2))
                ) { _ in }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("541") == true)
            try await broker.mendExchange("bad", in: name)
            try await driver.withSubscription(
                to: Self.bad, options: SubscriptionOptions(deadline: .now + .seconds(120))
            ) { _ in }
        }
    }

    @Test("Pauses between declarations that fail grow up to five minutes, for each address alone, until one succeeds")
    func pauses() {
        var generator = SeededGenerator(7)
        var failing = FailingDeclarations(limit: 10)
        let start = Moment.now
        #expect(failing.failure(of: Self.bad, at: start) == nil)
        var now = start
        var longest = Duration.zero
        for _ in 0..<20 {
            failing.failed(Self.bad, "541", at: now, using: &generator)
            guard let failure = failing.failure(of: Self.bad, at: now) else {
                Issue.record("It may be declared at once.")
                return
            }
            #expect(failure.reason == "541")
            let pause = now.duration(to: failure.until)
            #expect(pause >= .milliseconds(250) && pause <= .seconds(300))
            longest = max(longest, pause)
            #expect(failing.failure(of: Self.good, at: now) == nil)
            #expect(failing.failure(of: Self.bad, at: failure.until) == nil)
            now = failure.until
        }
        #expect(longest >= .seconds(150))
        failing.declared(Self.bad)
        failing.failed(Self.bad, "541", at: now, using: &generator)
        #expect(failing.failure(of: Self.bad, at: now + .milliseconds(500)) == nil)
        for number in 0..<1000 {
            failing.failed(.topic(Topic("t\(number)")), "541", at: now, using: &generator)
        }
        #expect(failing.count <= 10)
    }
}

extension LogCollector {
    /// Waits until a line fits.
    fileprivate func waits(for fits: @escaping @Sendable (String) -> Bool) async throws {
        try await withTimeLimit(.seconds(60)) {
            while !self.lines.contains(where: fits) { try await Task.sleep(for: .milliseconds(20)) }
        }
    }
}

extension TestBroker {
    /// The broker fails over each declaration of an exchange that is there: its record is none that it can read.
    fileprivate func breakExchange(_ name: String, in virtualHost: String) async throws {
        try await setArguments(of: name, to: "broken", in: virtualHost)
    }

    fileprivate func mendExchange(_ name: String, in virtualHost: String) async throws {
        try await setArguments(of: name, to: "[]", in: virtualHost)
    }

    private func setArguments(of exchange: String, to arguments: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            {ok, X} = rabbit_exchange:lookup(rabbit_misc:r(<<"\(virtualHost)">>, exchange, <<"\(exchange)">>)),
            Y = setelement(7, X, \(arguments)),
            case catch rabbit_khepri:is_enabled() of
                true -> ok = rabbit_db_exchange:set([Y]);
                _ -> {atomic, _} = mnesia:transaction(fun() ->
                    [ok = mnesia:write(T, Y, write) || T <- [rabbit_exchange, rabbit_durable_exchange]] end)
            end,
            [].
            """)
    }

    /// Does something again and again until one connection has lasted from its beginning to its end.
    fileprivate func keepsConnection(
        _ role: String, in virtualHost: String, for body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withTimeLimit(.seconds(120)) {
            while true {
                let before = try await self.name(of: role, in: virtualHost)
                try await body()
                if before != nil, try await self.name(of: role, in: virtualHost) == before { return }
            }
        }
    }

    private func name(of role: String, in virtualHost: String) async throws -> String? {
        try await connections(in: virtualHost).first { connection in
            guard connection.state == "running", let name = connection.clientProperties["connection_name"]
            else { return false }
            return name.hasSuffix(":\(role)") && !name.hasPrefix("other:")
        }?.name
    }
}
#endif
