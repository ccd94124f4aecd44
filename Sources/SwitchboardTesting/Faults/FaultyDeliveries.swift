import SwitchboardCore

/// What comes to one subscription by a ``FaultyConnection``.
final class FaultyDeliveries: Sendable {
    private struct State {
        /// What waits until a delay is over, in order; `nil` if nothing is delayed.
        var delayed: [Delivery]?
        /// Waits for the next one to pass it.
        var overtaken: (number: UInt64, delivery: Delivery)?
        var overtakings: UInt64 = 0
        /// What the subscriber didn't take any more.
        var refused: [Delivery] = []
    }

    private let subscription: Subscription
    private let life: FaultyLife
    private let driver: FaultyDriver
    private let state = Locked(State())

    init(_ subscription: Subscription, _ life: FaultyLife, _ driver: FaultyDriver) {
        self.subscription = subscription
        self.life = life
        self.driver = driver
    }

    /// Whether the subscriber takes more. The driver below may hold a lock.
    func take(_ delivery: Delivery) -> Bool {
        life.whileInPhase { phase in
            switch phase {
            case .up: state.withLock { arrived(delivery, &$0) }
            // What a half-open connection holds is lost with it, and comes again.
            case .halfOpen: true
            case .lost: false
            }
        }
    }

    private func arrived(_ delivery: Delivery, _ state: inout State) -> Bool {
        if state.delayed != nil {
            state.delayed?.append(delivery)
            return true
        }
        switch driver.nextDeliveryFault() {
        case nil: return pass(delivery, &state)
        case .delay(let duration):
            state.delayed = [delivery]
            driver.later(after: duration) { self.moveOn { self.endDelay(&$0) } }
            return true
        case .dropConnection(let outage):
            let isTaken = pass(delivery, &state)
            driver.later { [driver] in driver.dropConnection(outage: outage) }
            return isTaken
        case .reorder(let duration):
            letThrough(&state)
            state.overtakings += 1
            let number = state.overtakings
            state.overtaken = (number, delivery)
            driver.later(after: duration) {
                self.moveOn { if $0.overtaken?.number == number { self.letThrough(&$0) } }
            }
            return true
        }
    }

    private func pass(_ delivery: Delivery, _ state: inout State) -> Bool {
        let isTaken = subscription.append(delivery)
        letThrough(&state)
        return isTaken
    }

    private func letThrough(_ state: inout State) {
        guard let delivery = state.overtaken?.delivery else { return }
        state.overtaken = nil
        if !subscription.append(delivery) { state.refused.append(delivery) }
    }

    /// The first one has had its delay; the others have faults of their own.
    private func endDelay(_ state: inout State) {
        let delayed = state.delayed ?? []
        state.delayed = nil
        for (index, delivery) in delayed.enumerated() {
            let isTaken = index == 0 ? pass(delivery, &state) : arrived(delivery, &state)
            if !isTaken { state.refused.append(delivery) }
        }
    }

    /// Hands out what was kept, while the connection is up.
    private func moveOn(_ body: (inout State) -> Void) {
        let refused = life.whileInPhase { phase -> [Delivery] in
            guard phase == .up else { return [] }
            return state.withLock { state in
                body(&state)
                defer { state.refused = [] }
                return state.refused
            }
        }
        for delivery in refused { delivery.settleInBackground(.release) }
        subscription.handOut()
    }
}
