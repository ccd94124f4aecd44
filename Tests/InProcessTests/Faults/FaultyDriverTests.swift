import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@Suite("Faults by plan", .timeLimit(.minutes(5)))
struct FaultyDriverTests {
    private let topic = Address.topic(Topic("faults"))

    /// Runs a transport with a plan, subscribed to the topic.
    private func withFaults(
        _ plan: FaultPlan, clock: any Clock<Duration> = ContinuousClock(), prefetch: Int = 100,
        _ body: (Transport, FaultyDriver, inout Deliveries.AsyncIterator) async throws -> Void
    ) async throws {
        let url = try TransportURL("fake://faults")
        let driver = FaultyDriver(try InProcessDriver(url, network: InProcessNetwork()), plan: plan, clock: clock)
        let transport = Transport(driver: driver, url: url, logger: quietLogger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            defer { group.cancelAll() }
            try await transport.withSubscription(to: topic, options: .init(prefetch: prefetch)) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                try await body(transport, driver, &iterator)
            }
        }
    }

    private func publish(_ number: UInt8, _ transport: Transport, within: Duration = .seconds(30)) async throws {
        try await transport.publish(Message(body: [number]), to: topic, deadline: .now + within)
    }

    private func accept(_ iterator: inout Deliveries.AsyncIterator) async throws -> UInt8? {
        let delivery = try await iterator.next()
        try await delivery?.accept()
        return delivery?.message.body.first
    }

    private func expect(_ number: UInt8, _ iterator: inout Deliveries.AsyncIterator) async throws {
        let found = try await accept(&iterator)
        #expect(found == number)
    }

    @Test("A refused or lost publish is not sent; one whose confirmation is lost is")
    func publishErrors() async throws {
        let plan = FaultPlan().onPublish(.number(1), .refuse(.exhausted)).onPublish(.number(2), .lose)
            .onPublish(.number(3), .loseConfirmation)
        try await withFaults(plan) { transport, driver, iterator in
            for (number, code): (UInt8, TransportError.Code) in [
                (1, .exhausted), (2, .indeterminate), (3, .indeterminate),
            ] {
                let error = await #expect(throws: TransportError.self) { try await publish(number, transport) }
                #expect(error?.code == code)
            }
            try await expect(3, &iterator)
            #expect(
                driver.events == [
                    .publish(number: 1, .refuse(.exhausted)), .publish(number: 2, .lose),
                    .publish(number: 3, .loseConfirmation),
                ])
        }
    }

    @Test("A duplicate comes twice")
    func duplicate() async throws {
        try await withFaults(FaultPlan().onPublish(.every(2), .duplicate)) { transport, _, iterator in
            for number: UInt8 in 1...4 { try await publish(number, transport) }
            var found: [UInt8?] = []
            for _ in 0..<6 { found.append(try await accept(&iterator)) }
            #expect(found == [1, 2, 2, 3, 4, 4])
        }
    }

    @Test("A delay lasts as long as its clock says, and ends at the publish's deadline")
    func delay() async throws {
        let clock = ManualClock()
        let plan = FaultPlan().onPublish(.every(1), .delay(.seconds(60)))
        try await withFaults(plan, clock: clock) { transport, driver, iterator in
            #expect(!driver.capabilities.contains(.ordered))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await publish(1, transport) }
                await clock.waitForSleepers()
                clock.advance(by: .seconds(60))
                try await group.waitForAll()
            }
            try await expect(1, &iterator)
            let error = await #expect(throws: TransportError.self) {
                try await publish(2, transport, within: .milliseconds(20))
            }
            #expect(error?.code == .unavailable)
        }
    }

    @Test("A delayed delivery comes when its clock says")
    func delayedDelivery() async throws {
        let clock = ManualClock()
        let plan = FaultPlan().onDelivery(.number(1), .delay(.seconds(60)))
        try await withFaults(plan, clock: clock) { transport, _, iterator in
            for number: UInt8 in 1...2 { try await publish(number, transport) }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(60))
            for number: UInt8 in 1...2 { try await expect(number, &iterator) }
        }
    }

    @Test("A reordered delivery comes after the next one, or alone after its time")
    func reorder() async throws {
        let clock = ManualClock()
        let plan = FaultPlan().onDelivery(.every(3), .reorder(within: .seconds(60)))
        try await withFaults(plan, clock: clock) { transport, driver, iterator in
            #expect(!driver.capabilities.contains(.ordered))
            for number: UInt8 in 1...4 { try await publish(number, transport) }
            for number: UInt8 in [1, 2, 4, 3] { try await expect(number, &iterator) }
            for number: UInt8 in 5...6 { try await publish(number, transport) }
            try await expect(5, &iterator)
            await clock.waitForSleepers(2)
            clock.advance(by: .seconds(60))
            try await expect(6, &iterator)
        }
    }

    @Test("A publish waits for the next connection, and what was unsettled comes again")
    func dropConnection() async throws {
        let clock = ManualClock()
        let plan = FaultPlan().onPublish(.number(2), .dropConnection(outage: .seconds(60)))
        try await withFaults(plan, clock: clock) { transport, driver, iterator in
            try await publish(1, transport)
            let lost = try #require(try await iterator.next())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await publish(2, transport) }
                await clock.waitForSleepers()
                #expect(transport.state == .connecting(attempt: 1, reason: "the connection was cut by plan"))
                let error = await #expect(throws: TransportError.self) {
                    try await publish(3, transport, within: .milliseconds(20))
                }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("cut by plan") == true)
                clock.advance(by: .seconds(60))
                try await group.waitForAll()
            }
            let error = await #expect(throws: TransportError.self) { try await lost.accept() }
            #expect(error?.code == .closed)
            let again = try #require(try await iterator.next())
            #expect(again.isRedelivered && again.message.body == [1])
            try await again.accept()
            try await expect(2, &iterator)
            #expect(transport.state == .ready)
        }
    }

    @Test("A publish that comes again after a lost connection is counted once")
    func countedOnce() async throws {
        let plan = FaultPlan().onPublish(.number(1), .dropConnection(outage: .zero)).onPublish(.number(2), .lose)
        try await withFaults(plan) { transport, driver, iterator in
            try await publish(1, transport)
            try await expect(1, &iterator)
            let error = await #expect(throws: TransportError.self) { try await publish(2, transport) }
            #expect(error?.code == .indeterminate)
            try await publish(3, transport)
            try await expect(3, &iterator)
            #expect(
                driver.events == [.publish(number: 1, .dropConnection(outage: .zero)), .publish(number: 2, .lose)])
        }
    }

    @Test("A delivery that cuts the connection comes again")
    func deliveryDrops() async throws {
        let plan = FaultPlan().onDelivery(.number(1), .dropConnection(outage: .zero))
        try await withFaults(plan, prefetch: 1) { transport, driver, iterator in
            try await publish(7, transport)
            // Deliveries that weren't taken when the connection was lost are taken back, and come again too.
            var delivery = try #require(try await iterator.next())
            if !delivery.isRedelivered { delivery = try #require(try await iterator.next()) }
            #expect(delivery.isRedelivered && delivery.message.body == [7])
            try await delivery.accept()
            #expect(driver.events == [.delivery(number: 1, .dropConnection(outage: .zero))])
        }
    }

    @Test("On a half-open connection nothing moves, and a publish does not know what became of it")
    func halfOpen() async throws {
        let clock = ManualClock()
        let plan = FaultPlan().onPublish(.number(1), .halfOpen(.seconds(60)))
        try await withFaults(plan, clock: clock) { transport, driver, iterator in
            let error = await #expect(throws: TransportError.self) {
                try await publish(1, transport, within: .milliseconds(20))
            }
            #expect(error?.code == .indeterminate)
            #expect(transport.state == .ready, "Nobody has noticed.")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let error = await #expect(throws: TransportError.self) { try await publish(2, transport) }
                    #expect(error?.code == .indeterminate)
                }
                await clock.waitForSleepers()
                await Task.yield()
                clock.advance(by: .seconds(60))
                // The next connection comes at once.
                for await state in transport.states() where state == .ready { break }
                clock.advance(by: .zero)
                try await group.waitForAll()
            }
            try await publish(3, transport)
            try await expect(3, &iterator)
        }
    }

    @Test("The same plan brings the same faults, another seed others")
    func replay() async throws {
        func events(_ seed: UInt64) async throws -> [FaultEvent] {
            let plan = FaultPlan(seed: seed).onPublish(.chance(0.3), .lose).onDelivery(.chance(0.3), .delay(.zero))
            let events = Locked<[FaultEvent]>([])
            try await withFaults(plan) { transport, driver, iterator in
                // Many tasks: the numbers decide, not who has them.
                await withTaskGroup(of: Void.self) { group in
                    for number: UInt8 in 0..<100 { group.addTask { try? await publish(number, transport) } }
                }
                let lost = driver.events.count { if case .publish = $0 { true } else { false } }
                for _ in 0..<(100 - lost) { _ = try await accept(&iterator) }
                let found = driver.events
                events.withLock { $0 = found }
            }
            return events.withLock { $0 }
        }
        let first = try await events(1)
        #expect(try await events(1) == first)
        #expect(try await events(2) != first)
        let (publishes, all) = (first.count { if case .publish = $0 { true } else { false } }, first.count)
        #expect((10...60).contains(publishes))
        #expect(all > publishes)
    }
}
