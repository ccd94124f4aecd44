import SwitchboardCore

/// A connection that can be lost, stall and do damage, over one of any driver.
final class FaultyConnection: DriverConnection {
    private let base: any DriverConnection
    private let life: FaultyLife
    private let driver: FaultyDriver

    init(_ base: any DriverConnection, _ life: FaultyLife, _ driver: FaultyDriver) {
        self.base = base
        self.life = life
        self.driver = driver
    }

    /// The next one may be opened at once; how long it stays away is the driver's to say.
    func lose(_ reason: String) {
        life.lose(ConnectionFailure(reason, retry: .atOnce))
    }

    /// Whether it was up.
    func stall() -> Bool { life.stall() }

    func close() async {
        life.end()
        driver.left(self)
        await base.close()
    }

    // MARK: Publishing

    func publish(_ publish: Publish) {
        let address = publish.address
        // What comes again after a lost connection was counted before.
        switch publish.attempt == 1 ? driver.nextPublishFault() : nil {
        case nil: send(publish)
        case .refuse(let code):
            publish.finish(.failed(TransportError(code, "The publish to \(address) was refused by plan.")))
        case .lose:
            publish.finish(.failed(TransportError(.indeterminate, "The publish to \(address) was lost by plan.")))
        case .loseConfirmation:
            let lost = TransportError(
                .indeterminate, "The confirmation of a publish to \(address) was lost by plan.")
            send(publish.relayed { publish.finish($0.isAccepted ? .failed(lost) : $0) })
        case .duplicate:
            send(
                publish.relayed { outcome in
                    guard outcome.isAccepted else { return publish.finish(outcome) }
                    // The first one was taken, whatever becomes of the second.
                    self.send(publish.relayed { _ in publish.finish(.accepted) })
                })
        case .delay(let duration):
            publish.hold(
                TransportError(.unavailable, "A publish to \(address) was delayed beyond its deadline by plan."))
            driver.later(after: duration) { self.send(publish) }
        case .dropConnection(let outage): driver.dropConnection(outage: outage)
        case .halfOpen(let duration):
            driver.halfOpen(for: duration)
            send(publish)
        }
    }

    private func send(_ publish: Publish) {
        switch life.phase {
        case .up: base.publish(publish)
        // It is sent, and what became of it stays unknown.
        case .halfOpen: _ = publish.begin()
        // The transport has taken it back.
        case .lost: break
        }
    }

    // MARK: Subscribing

    func subscribe(_ subscription: Subscription) {
        guard life.phase == .up else { return }
        let deliveries = FaultyDeliveries(subscription, life, driver)
        base.subscribe(Subscription(relaying: subscription) { deliveries.take($0) })
    }

    func unsubscribe(_ subscription: Subscription) {
        if life.phase == .up { base.unsubscribe(subscription) }
    }
}

extension PublishOutcome {
    var isAccepted: Bool { if case .accepted = self { true } else { false } }
}
