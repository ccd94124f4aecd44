import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// What a service meets when its broker fails.
@Suite("The fake broker fails as a real one", .timeLimit(.minutes(5)))
struct FakeBrokerTests {
    private let topic = Address.topic(Topic("orders"))

    private func transport(
        _ broker: FakeBroker, _ url: String = "rabbit://alice:pw1@mq1/cell1"
    ) throws -> Transport {
        try Transport(TransportURL(url), drivers: broker.drivers, logger: quietLogger)
    }

    private func code(_ body: () async throws -> Void) async -> TransportError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? TransportError)?.code
        }
    }

    private func wait(for transport: Transport, _ isWanted: (TransportState) -> Bool) async {
        for await state in transport.states() where isWanted(state) { return }
    }

    @Test("A wrong password is refused: run() ends, and what waits gets the same")
    func wrongPassword() async throws {
        let broker = FakeBroker()
        broker.setPassword("pw2", of: "alice")
        let transport = try transport(broker)
        let waiting = Task { await code { try await transport.publish(Message(body: []), to: topic) } }
        let error = await #expect(throws: TransportError.self) { try await transport.run() }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("403 ACCESS_REFUSED") == true)
        #expect("\(error!)".contains("pw") == false)
        #expect(await waiting.value == .refused)
        #expect(await code { try await transport.withSubscription(to: topic) { _ in } } == .refused)
    }

    /// What a broker refuses that it took before.
    enum Change: String, CaseIterable, Sendable {
        case password, virtualHost

        fileprivate var text: String { self == .password ? "403 ACCESS_REFUSED" : "530 NOT_ALLOWED" }

        fileprivate func make(_ broker: FakeBroker) {
            switch self {
            case .password: broker.setPassword("pw2", of: "alice")
            case .virtualHost: broker.setVirtualHosts(["cell2"])
            }
        }

        fileprivate func undo(_ broker: FakeBroker) {
            switch self {
            case .password: broker.setPassword("pw1", of: "alice")
            case .virtualHost: broker.setVirtualHosts(["cell1", "cell2"])
            }
        }
    }

    @Test(
        "A password or a virtual host counts from the next connection on, and may be right again",
        arguments: Change.allCases)
    func change(_ change: Change) async throws {
        let broker = FakeBroker()
        let transport = try transport(broker)
        try await withRunning(transport) {
            try await transport.withSubscription(to: topic) { deliveries in
                for round in UInt8(1)...3 {
                    try await transport.publish(Message(body: [round]), to: topic)
                    change.make(broker)
                    // It counts from the next connection on.
                    try await transport.publish(Message(body: [round + 100]), to: topic)
                    broker.closeConnections()
                    await wait(for: transport) {
                        if case .connecting(_, let reason?) = $0 { reason.contains(change.text) } else { false }
                    }
                    #expect(broker.connections() == 0)
                    let error = await #expect(throws: TransportError.self) {
                        try await transport.publish(Message(body: []), to: topic, deadline: .now + .milliseconds(20))
                    }
                    #expect(error?.code == .unavailable)
                    #expect(error?.message.contains(change.text) == true)
                    #expect(error.map { "\($0)".contains("pw") } == false)
                    change.undo(broker)
                    await wait(for: transport) { $0 == .ready }
                }
                var bodies: Set<[UInt8]> = []
                var iterator = deliveries.makeAsyncIterator()
                while bodies.count < 6, let delivery = try await iterator.next() {
                    bodies.insert(delivery.message.body)
                    try? await delivery.accept()
                }
                #expect(bodies == [[1], [2], [3], [101], [102], [103]])
            }
        }
    }

    @Test("What is refused while a first login waits its turn is refused for good")
    func refusedAfterWaiting() async throws {
        let broker = FakeBroker()
        broker.stop()
        let transport = try transport(broker)
        let run = Task { await code { try await transport.run() } }
        await wait(for: transport) {
            if case .connecting(_, let reason?) = $0 { reason.contains("stopped") } else { false }
        }
        broker.setPassword("pw2", of: "alice")
        broker.start()
        #expect(await run.value == .refused)
        #expect(await code { try await transport.publish(Message(body: []), to: topic) } == .refused)
    }

    @Test("Whatever makes a login possible is noticed at once, without a pause")
    func noticed() async throws {
        var configuration = FakeBrokerConfiguration()
        configuration.connectionLimit = 1
        let broker = FakeBroker(configuration)
        let transport = try transport(broker)
        try await withRunning(transport) {
            await wait(for: transport) { $0 == .ready }
            let begin = ContinuousClock.now
            // Pauses after refusals are of half a second and more.
            for _ in 0..<20 {
                broker.setPassword("pw2", of: "alice")
                broker.closeConnections()
                await wait(for: transport) {
                    if case .connecting(_, let reason?) = $0 { reason.contains("403") } else { false }
                }
                broker.setPassword("pw1", of: "alice")
                await wait(for: transport) { $0 == .ready }
            }
            #expect(begin.duration(to: .now) < .seconds(5))
        }
    }

    @Test("A virtual host that is not there is refused with its name")
    func virtualHosts() async throws {
        let broker = FakeBroker()
        broker.setVirtualHosts(["cell2"])
        let error = await #expect(throws: TransportError.self) { try await transport(broker).run() }
        #expect(error?.message.contains("530 NOT_ALLOWED - vhost cell1 not found") == true)
        let other = try transport(broker, "amqp://alice:pw1@mq1/cell2")
        try await withRunning(other) { try await other.publish(Message(body: []), to: topic) }
    }

    @Test("Virtual hosts are apart; schemes and host names are not")
    func worlds() async throws {
        let broker = FakeBroker()
        let (one, same) = (try transport(broker), try transport(broker, "amqps://bob:x@mq9:5671/cell1"))
        let other = try transport(broker, "rabbit://alice:pw1@mq1/cell2")
        try await withRunning(one, same, other) {
            try await one.withSubscription(to: topic) { deliveries in
                #expect(
                    await code { try await other.publish(Message(body: []), to: topic, mandatory: true) } == .unroutable
                )
                try await same.publish(Message(body: [7]), to: topic, mandatory: true)
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.message.body == [7])
            }
            #expect(broker.connections(in: "cell1") == 2)
            #expect(broker.connections() == 3)
        }
    }

    @Test(
        "An alarm blocks publishers until it is cleared or their deadline, and no consumer",
        arguments: [
            FakeBroker.Alarm.memory, .disk,
        ])
    func alarm(_ alarm: FakeBroker.Alarm) async throws {
        let broker = FakeBroker()
        let transport = try transport(broker)
        try await withRunning(transport) {
            try await transport.withSubscription(to: topic) { deliveries in
                try await transport.publish(Message(body: [1]), to: topic)
                broker.raise(alarm)
                await wait(for: transport) { $0 == .blocked(reason: alarm.rawValue) }
                let error = await #expect(throws: TransportError.self) {
                    try await transport.publish(Message(body: [2]), to: topic, deadline: .now + .milliseconds(20))
                }
                #expect(error?.code == .exhausted)
                #expect(error?.message.contains(alarm.rawValue) == true)
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.message.body == [1])
                let waiting = Task { try await transport.publish(Message(body: [3]), to: topic) }
                broker.clear(alarm)
                try await waiting.value
                #expect(try await iterator.next()?.message.body == [3])
                await wait(for: transport) { $0 == .ready }
            }
        }
    }

    @Test("A full queue and a message that is too large are refused at once, each by its code")
    func limits() async throws {
        var configuration = FakeBrokerConfiguration()
        configuration.queueLimit = 2
        configuration.maximumMessageSize = 10
        let transport = try transport(FakeBroker(configuration))
        try await withRunning(transport) {
            try await transport.withSubscription(to: topic) { _ in }
            for _ in 0..<2 { try await transport.publish(Message(body: []), to: topic) }
            let full = await #expect(throws: TransportError.self) {
                try await transport.publish(Message(body: []), to: topic, deadline: .now + .seconds(3600))
            }
            #expect(full?.code == .exhausted)
            #expect(full?.message.contains("basic.nack") == true)
            let large = await #expect(throws: TransportError.self) {
                try await transport.publish(Message(body: Array(repeating: 0, count: 11)), to: topic)
            }
            #expect(large?.code == .messageTooLarge)
            #expect(large?.message.contains("406 PRECONDITION_FAILED") == true)
        }
    }

    @Test("Over the limit of connections a transport waits for its turn, and says why")
    func connectionLimit() async throws {
        var configuration = FakeBrokerConfiguration()
        configuration.connectionLimit = 1
        let broker = FakeBroker(configuration)
        let (first, second) = (try transport(broker), try transport(broker))
        try await withRunning(second) {
            await wait(for: second) { $0 == .ready }
            let run = Task { try await first.run() }
            await wait(for: first) {
                if case .connecting(_, let reason?) = $0 { reason.contains("530") } else { false }
            }
            let error = await #expect(throws: TransportError.self) {
                try await first.publish(Message(body: []), to: topic, deadline: .now + .milliseconds(20))
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("connection limit") == true)
            run.cancel()
            try await run.value
        }
        for _ in 0..<2 {
            let later = try transport(broker)
            try await withRunning(later) { await wait(for: later) { $0 == .ready } }
        }
    }

    @Test("A stopped broker says so, and everything comes back with it")
    func stopped() async throws {
        let broker = FakeBroker()
        let transport = try transport(broker)
        try await withRunning(transport) {
            try await transport.withSubscription(to: topic) { deliveries in
                await wait(for: transport) { $0 == .ready }
                broker.stop()
                await wait(for: transport) {
                    if case .connecting(_, let reason?) = $0 { reason.contains("stopped") } else { false }
                }
                #expect(broker.connections() == 0)
                let error = await #expect(throws: TransportError.self) {
                    try await transport.publish(Message(body: []), to: topic, deadline: .now + .milliseconds(20))
                }
                #expect(error?.code == .unavailable)
                broker.start()
                try await transport.publish(Message(body: [4]), to: topic)
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.message.body == [4])
            }
        }
    }

    @Test("A refused address has the code that the RabbitMQ driver gives")
    func refusals() async throws {
        let broker = FakeBroker()
        let transport = try transport(broker)
        try await withRunning(transport) {
            for (closure, code) in [
                (BrokerClosure.accessRefused, TransportError.Code.refused), (.notFound, .unroutable),
                (.preconditionFailed, .conflict), (.internalError, .internalError),
            ] {
                broker.refuse(publishingTo: topic, closure)
                #expect(await self.code { try await transport.publish(Message(body: []), to: topic) } == code)
            }
            for (closure, code) in [
                (BrokerClosure.accessRefused, TransportError.Code.refused), (.resourceLocked, .conflict),
                (.preconditionFailed, .conflict),
            ] {
                broker.refuse(subscribingTo: topic, closure)
                #expect(await self.code { try await transport.withSubscription(to: topic) { _ in } } == code)
            }
            broker.allow(topic)
            try await transport.withSubscription(to: topic) { _ in
                try await transport.publish(Message(body: []), to: topic)
            }
        }
    }

    @Test("A connection that stalls keeps a publish for its deadline, and nobody knows whether it was sent")
    func stalled() async throws {
        let broker = FakeBroker()
        let transport = try transport(broker)
        try await withRunning(transport) {
            await wait(for: transport) { $0 == .ready }
            broker.stall(for: .milliseconds(100))
            #expect(await code { try await transport.publish(Message(body: []), to: topic) } == .indeterminate)
            try await transport.publish(Message(body: []), to: topic)
        }
    }

    @Test("A service under test keeps its calls through a closed connection")
    func service() async throws {
        let broker = FakeBroker()
        func connection() throws -> MessageQueueConnection {
            try MessageQueueConnection(
                TransportURL("rabbit://alice:pw1@mq1/cell1"), drivers: broker.drivers, logger: quietLogger)
        }
        let (serving, calling) = (try connection(), try connection())
        var router = RPCRouter()
        router.registerPing()
        let server = RPCServer(
            serving, topic: Topic("orders"), name: "one", router: router, logger: quietLogger)
        let client = RPCClient(calling, target: RPCTarget(topic: "orders"), timeout: .seconds(20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await serving.run() }
            group.addTask { try await calling.run() }
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await server.waitUntilServing()
            for _ in 0..<5 {
                let reply = try await client.call("oslo_rpc_server_ping", context: RequestContext())
                #expect(reply == "pong")
                broker.closeConnections(.connectionForced)
            }
        }
    }
}
