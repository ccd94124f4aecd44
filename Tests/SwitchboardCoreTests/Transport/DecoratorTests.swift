import SwitchboardTesting
import Testing

@testable import SwitchboardCore

@Suite("A decorator of a driver", .timeLimit(.minutes(1)))
struct DecoratorTests {
    @Test("It sees all that passes, and can end a connection of its own accord")
    func dropping() async throws {
        let driver = ScriptedDriver()
        let decorator = RelayingDriver(driver)
        let bed = TransportBed(driver, over: decorator)
        driver.onPublish { connection, publish in
            _ = publish.begin()
            if connection.number == 2 { publish.finish(.accepted) }
        }
        try await bed.run { _ in
            try await bed.transport.withSubscription(to: bed.address) { deliveries in
                let first = try await driver.connection(1)
                let sending = bed.publish(1, allowsDuplicates: true)
                check(first.publishes[0].memory == nil)
                let memory = NullSettler()
                first.publishes[0].memory = memory
                #expect(first.publishes[0].address == .topic(Topic("relayed")))
                decorator.drop()
                #expect(await sending.error == nil)
                let second = try await driver.connection(2)
                check(second.publishes[0].memory === memory)
                #expect(first.isClosed)
                // The one below is ignored from now on, though it doesn't know.
                first.publishes[0].finish(.failed(TransportError(.refused, "Late.")))
                first.signals.send(.blocked(reason: "late"))
                #expect(bed.transport.state == .ready)
                let subscription = second.subscribed[0]
                #expect(subscription.hasBeenLive && subscription.address == .topic(Topic("relayed")))
                #expect(subscription.append(Delivery(Message(body: [5]), token: 1, settler: NullSettler())))
                subscription.handOut()
                for try await delivery in deliveries {
                    #expect(delivery.message.body == [5])
                    break
                }
            }
            #expect(decorator.outcomes.withLock { $0 } == 2)
            let second = try await driver.connection(2)
            #expect(second.unsubscribed.count == 1)
        }
    }

    @Test("What it makes of an outcome is what counts, and a caller's end is seen below")
    func outcomes() async throws {
        let driver = ScriptedDriver()
        let decorator = RelayingDriver(driver)
        let bed = TransportBed(driver, over: decorator)
        try await bed.run { _ in
            await bed.until(.ready)
            let first = try await driver.connection(1)
            let refused = bed.publish(200)
            first.publishes[0].finish(.accepted)
            #expect(await refused.code == .refused)
            let held = bed.publish(2, within: .seconds(1))
            #expect(first.publishes[1].timeLeft == .seconds(1))
            first.publishes[1].hold(TransportError(.conflict, "It is kept."))
            bed.clock.turn(by: .seconds(1))
            #expect(await held.code == .conflict)
            #expect(first.publishes[1].isOver && !first.publishes[1].begin())
            #expect(first.publishes[1].timeLeft == .zero)
        }
    }
}

/// Passes everything on, to another address; refuses what has a first byte over 100; drops connections when told.
private final class RelayingDriver: TransportDriver {
    let capabilities: DriverCapabilities = []
    let backoff = ReconnectBackoff(shortest: .zero, longest: .zero)
    let outcomes = Locked(0)
    private let base: ScriptedDriver
    private let current = Locked<ConnectionSignals?>(nil)

    init(_ base: ScriptedDriver) {
        self.base = base
    }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        let below = try await base.connect(role, signals: ConnectionSignals { signals.send($0) })
        current.withLock { $0 = signals }
        return Relaying(below, self)
    }

    func drop() {
        current.withLock { $0 }?.lost("it was dropped")
    }

    private final class Relaying: DriverConnection {
        private let below: any DriverConnection
        private let driver: RelayingDriver
        private static let address = Address.topic(Topic("relayed"))

        init(_ below: any DriverConnection, _ driver: RelayingDriver) {
            self.below = below
            self.driver = driver
        }

        func publish(_ publish: Publish) {
            below.publish(
                publish.relayed(to: Self.address) { [outcomes = driver.outcomes] outcome in
                    outcomes.withLock { $0 += 1 }
                    publish.finish(
                        publish.message.body[0] > 100 ? .failed(TransportError(.refused, "Not this one.")) : outcome)
                })
        }

        func subscribe(_ subscription: Subscription) {
            below.subscribe(Subscription(relaying: subscription, to: Self.address))
        }

        func unsubscribe(_ subscription: Subscription) { below.unsubscribe(subscription) }

        func close() async { await below.close() }
    }
}
