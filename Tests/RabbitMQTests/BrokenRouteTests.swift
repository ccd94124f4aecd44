#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// Somebody deletes or changes what leads to subscriptions, and the broker says nothing of it.
@Suite("Connected, and bound to nothing", .serialized, .timeLimit(.minutes(15)))
struct BrokenRouteTests {
    enum Damage: String, CaseIterable, Sendable {
        case exchangeDeleted, unbound, queueDeclaredElsewhere, queueDeclaredOtherwise
    }

    enum Kind: String, CaseIterable, Sendable {
        case topic, server, fanout, notifications, pool, mailbox, quorum, stream, durable

        fileprivate var address: Address {
            let topic = Topic("t", exchange: "e")
            return switch self {
            case .topic, .quorum, .durable: .topic(topic)
            case .server: .server(topic, server: "s")
            case .fanout, .stream: .fanout(topic)
            case .notifications: .notifications(topic)
            case .pool: .pool("p", of: topic)
            case .mailbox: .mailbox(Mailbox(named: "reply_m"))
            }
        }

        /// How the name of its queue begins.
        fileprivate var queue: String {
            switch self {
            case .topic, .notifications, .quorum, .durable: "t"
            case .server: "t.s"
            case .fanout, .stream: "t_fanout"
            case .pool: "p"
            case .mailbox: "reply_m"
            }
        }

        fileprivate var publishing: Address {
            self == .pool ? .notifications(Topic("t", exchange: "e")) : address
        }

        fileprivate var configuration: RabbitMQConfiguration {
            var configuration = RabbitMQConfiguration()
            switch self {
            case .quorum: configuration.topology.quorumQueues = true
            case .durable: configuration = .durable
            case .stream:
                configuration.topology.transientQuorumQueues = true
                configuration.topology.streamFanout = true
                configuration.maximumPrefetch = 10
            default: break
            }
            configuration.selfCheckInterval = .milliseconds(300)
            return configuration
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var kind: Kind
        var damage: Damage
        var testDescription: String { "\(kind.rawValue), \(damage.rawValue)" }
    }

    private static let cases = Kind.allCases.flatMap { kind in
        Damage.allCases.map { Case(kind: kind, damage: $0) }
    }.filter { one in
        switch (one.kind, one.damage) {
        // Replies come through the default exchange, to which every queue is bound as long as it is there.
        case (.mailbox, .exchangeDeleted), (.mailbox, .unbound): false
        // A queue that is no stream any more cannot be read like one.
        case (.stream, .queueDeclaredOtherwise): false
        default: true
        }
    }

    @Test("Whatever leads to a subscription is mended, for publishers that had declared it too", arguments: cases)
    func mended(one: Case) async throws {
        let log = LogCollector()
        try await withDriver(configuration: one.kind.configuration, logger: log.logger) { driver, broker, name in
            let publisher = try DriverUnderTest(
                broker.url(virtualHost: name), configuration: one.kind.configuration, logger: quietLogger)
            try await withRunning(publisher) {
                try await driver.withSubscription(
                    to: one.kind.address, options: SubscriptionOptions(prefetch: 10, deadline: .now + .seconds(60))
                ) { deliveries in
                    let texts = Texts()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            for try await delivery in deliveries {
                                texts.insert(delivery.text)
                                try await delivery.accept()
                            }
                        }
                        group.addTask {
                            try await publisher.publishes("before", to: one.kind.publishing, until: texts)
                            let queue = try #require(
                                try await broker.queues(in: name).first { $0.name.hasPrefix(one.kind.queue) })
                            try await broker.damage(queue.name, one.damage, in: name)
                            try await publisher.publishes("after", to: one.kind.publishing, until: texts)
                        }
                        try await group.next()
                        group.cancelAll()
                    }
                    if one.damage == .queueDeclaredOtherwise {
                        #expect(
                            log.lines.contains { $0.contains("uses what is there") && $0.contains("inequivalent") },
                            "\(log.lines)")
                    }
                }
            }
        }
    }

    @Test("An exchange that is deleted again and again costs its publishers no message that was confirmed")
    func deletedOften() async throws {
        try await withDriver(configuration: Kind.topic.configuration) { driver, broker, name in
            let topic = Address.topic(Topic("t", exchange: "e"))
            try await driver.withSubscription(to: topic, options: .soon) { _ in
                for _ in 0..<10 {
                    try await broker.deleteExchange("e", in: name)
                    try await withTimeLimit(.seconds(120)) {
                        while true {
                            do throws(TransportError) {
                                return try await driver.publish("x", to: topic, mandatory: true)
                            } catch {
                                guard error.code == .unroutable else { throw error }
                            }
                        }
                    }
                }
                // A broker that fails over a deletion closes a connection.
                try await withTimeLimit(.seconds(60)) { await driver.waits { $0 == .ready } }
            }
        }
    }

    @Test("Many subscriptions of one exchange are bound again in one sweep, and sweeps leave no channel behind")
    func many() async throws {
        let count = 40
        try await withDriver(configuration: Kind.topic.configuration) { driver, broker, name in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let topic = Topic("t\(number)", exchange: "e")
                        try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                            for try await delivery in deliveries { try await delivery.accept() }
                        }
                    }
                }
                defer { group.cancelAll() }
                @Sendable func bound() async throws -> Int { try await broker.bindings(in: name).count }
                @Sendable func channels() async throws -> Int {
                    try await broker.connections(in: name).map(\.channels).max() ?? 0
                }
                try await withTimeLimit(.seconds(180)) {
                    while try await bound() < count { try await Task.sleep(for: .milliseconds(50)) }
                    for _ in 0..<3 {
                        try await broker.deleteExchange("e", in: name)
                        while try await bound() < count { try await Task.sleep(for: .milliseconds(50)) }
                    }
                    // Between two sweeps there is none of theirs.
                    while try await channels() != count { try await Task.sleep(for: .milliseconds(20)) }
                }
                try await withTimeLimit(.seconds(60)) { await driver.waits { $0 == .ready } }
            }
        }
    }

    @Test("Without the right to declare, a subscription that works stays live, is warned of, and survives a cut")
    func noRightToConfigure() async throws {
        let log = LogCollector()
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let user = "u-\(name)"
            try await broker.addUser(user, password: "pw")
            try await broker.setPermissions(of: user, in: name)
            let topic = Address.topic(Topic("t", exchange: "e"))
            let driver = try DriverUnderTest(
                broker.url(virtualHost: name, username: user, password: "pw"),
                configuration: Kind.topic.configuration, logger: log.logger)
            let other = try DriverUnderTest(broker.url(virtualHost: name), logger: quietLogger)
            try await withRunning(driver) {
                try await withRunning(other) {
                    try await driver.withSubscription(to: topic, options: .soon) { deliveries in
                        let texts = Texts()
                        let states = Locked<[TransportState]>([])
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask {
                                for try await delivery in deliveries {
                                    texts.insert(delivery.text)
                                    try await delivery.accept()
                                }
                            }
                            group.addTask {
                                // Its other connection may come up after the subscription.
                                await driver.waits { $0 == .ready }
                                for await state in driver.transport.states() { states.withLock { $0.append(state) } }
                            }
                            group.addTask {
                                await driver.waits { $0 == .ready }
                                try await broker.setPermissions(of: user, in: name, configure: "^$")
                                @Sendable func warnings() -> [String] {
                                    log.lines.filter { $0.contains("find their way") }
                                }
                                try await withTimeLimit(.seconds(20)) {
                                    while warnings().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                                }
                                try await other.publishes("one", to: topic, until: texts)
                                // Some sweeps more, which say nothing new.
                                try await Task.sleep(for: .seconds(1))
                                #expect(warnings().count == 1)
                                #expect(warnings().first?.contains("403") == true)
                                #expect(states.withLock { !$0.isEmpty && $0.allSatisfy { $0 == .ready } })
                                try await broker.cutConnections(in: name)
                                await driver.waits { $0 != .ready }
                                await driver.waits { $0 == .ready }
                                try await other.publishes("two", to: topic, until: texts)
                            }
                            // The last of the three; the others go on for ever.
                            try await group.next()
                            group.cancelAll()
                        }
                        #expect(log.lines.contains { $0.contains("uses what is there") && $0.contains("403") })
                    }
                }
            }
            try await broker.deleteUser(user)
        }
    }

    @Test("A publisher that may not declare its exchange again says that it is missing, and goes on when it may")
    func publisherWithoutRight() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let user = "u-\(name)"
            try await broker.addUser(user, password: "pw")
            try await broker.setPermissions(of: user, in: name)
            let topic = Address.topic(Topic("t", exchange: "e"))
            let driver = try DriverUnderTest(
                broker.url(virtualHost: name, username: user, password: "pw"), logger: quietLogger)
            try await withRunning(driver) {
                try await driver.publish("x", to: topic)
                try await broker.setPermissions(of: user, in: name, configure: "^$")
                // The broker remembers for each channel what it has permitted.
                try await broker.cutConnections(in: name)
                // It may leave before the driver has noticed that, and goes again.
                try await driver.publish(
                    Message(body: [1]), to: topic, options: .within(.seconds(20), allowsDuplicates: true))
                try await broker.deleteExchange("e", in: name)
                var error: TransportError?
                // An attempt that is under way when its time is up may have been accepted, for all that the driver knows.
                for _ in 0..<5 where error == nil || error?.code == .indeterminate {
                    let begin = ContinuousClock.now
                    error = await #expect(throws: TransportError.self) {
                        try await driver.publish(Message(body: [1]), to: topic, options: .within(.seconds(2)))
                    }
                    #expect(begin.duration(to: .now) < .seconds(10))
                }
                #expect(error?.code == .unroutable)
                #expect(error?.message.contains("404") == true)
                async let late: Void = driver.publish("late", to: topic)
                try await broker.setPermissions(of: user, in: name)
                try await late
                #expect(try await broker.exchanges(in: name).contains { $0.name == "e" })
            }
            try await broker.deleteUser(user)
        }
    }

    @Test("A stream in the place of a queue is not consumed from; the subscription says so, and is back without it")
    func streamInItsPlace() async throws {
        let log = LogCollector()
        try await withDriver(logger: log.logger) { driver, broker, name in
            let topic = Address.topic(Topic("t", exchange: "e"))
            try await driver.withSubscription(
                to: topic, options: SubscriptionOptions(prefetch: 10, deadline: .now + .seconds(20))
            ) { deliveries in
                try await broker.declareAgain(
                    "t", in: name, durable: true, arguments: #"[{<<"x-queue-type">>, longstr, <<"stream">>}]"#)
                try await withTimeLimit(.seconds(20)) {
                    await driver.waits {
                        if case .connecting(_, let reason?) = $0 { reason.contains("406") } else { false }
                    }
                }
                #expect(try await broker.queue("t", in: name)?.consumers == 0)
                try await broker.deleteQueue("t", in: name)
                try await withTimeLimit(.seconds(60)) { await driver.waits { $0 == .ready } }
                try await driver.publish("x", to: topic)
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.text == "x")
            }
            // Some attempts, one warning for each reason.
            #expect(log.lines.count { $0.hasPrefix("warning Subscription begins anew") } <= 2)
            #expect(log.lines.contains { $0.hasPrefix("info Subscription is live again") })
        }
    }
}

/// What has arrived.
private final class Texts: Sendable {
    private let texts = Locked<Set<String>>([])

    func insert(_ text: String) { texts.withLock { texts in _ = texts.insert(text) } }
    func contains(_ text: String) -> Bool { texts.withLock { $0.contains(text) } }
}

extension DriverUnderTest {
    /// Publishes until one has arrived. Meanwhile nobody may take it, and the broker may fail over a deletion, which costs the
    /// connection.
    fileprivate func publishes(_ text: String, to address: Address, until texts: Texts) async throws {
        try await withTimeLimit(.seconds(120)) {
            while !texts.contains(text) {
                do throws(TransportError) {
                    try await self.publish(text, to: address, mandatory: true)
                } catch {
                    let passes: [TransportError.Code] = [.unroutable, .conflict, .unavailable, .indeterminate]
                    guard passes.contains(error.code) else { throw error }
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

extension TestBroker {
    fileprivate func damage(_ queue: String, _ damage: BrokenRouteTests.Damage, in virtualHost: String) async throws {
        let exchanges = try await bindings(in: virtualHost).filter { $0.queue == queue }.map(\.exchange)
        switch damage {
        case .exchangeDeleted:
            for exchange in exchanges { try await deleteExchange(exchange, in: virtualHost) }
        case .unbound:
            _ = try await evaluate(
                """
                Q = rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(queue)">>),
                [rabbit_binding:remove(B, fun(_, _) -> ok end, <<"test">>)
                    || B <- rabbit_binding:list_for_destination(Q), element(4, element(2, B)) =/= <<>>], [].
                """)
        case .queueDeclaredElsewhere:
            try await declareAgain(queue, in: virtualHost)
        case .queueDeclaredOtherwise:
            // With a limit, as RabbitMQ 4.3 takes a transient declaration of a durable queue.
            try await declareAgain(
                queue, in: virtualHost, durable: true, arguments: "[{<<\"x-max-length\">>, long, 100000}]")
        }
        if damage == .exchangeDeleted || damage == .unbound {
            #expect(
                try await bindings(in: virtualHost).filter { $0.queue == queue }.count < max(1, exchanges.count + 1))
        }
    }

    /// Deletes a queue and declares it in one go, before its consumer can; without any binding but one to another exchange.
    fileprivate func declareAgain(
        _ queue: String, in virtualHost: String, durable: Bool? = nil, arguments: String? = nil
    ) async throws {
        _ = try await evaluate(
            """
            N = rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(queue)">>),
            {ok, Q} = rabbit_amqqueue:lookup(N),
            rabbit_amqqueue:delete(Q, false, false, <<"test">>),
            {new, _} = rabbit_amqqueue:declare(N, \(durable.map { "\($0)" } ?? "amqqueue:is_durable(Q)"), false,
                \(arguments ?? "amqqueue:get_arguments(Q)"), none, <<"test">>),
            ok = rabbit_binding:add({binding, rabbit_misc:r(<<"\(virtualHost)">>, exchange, <<"amq.direct">>),
                <<"elsewhere">>, N, []}, <<"test">>),
            [].
            """)
    }
}
#endif
