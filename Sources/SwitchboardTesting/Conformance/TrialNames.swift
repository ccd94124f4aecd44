import SwitchboardCore

/// The names of one trial on a server that others use too: none of them is anybody else's.
final class TrialNames: Sendable {
    private struct State {
        /// The mailboxes that drivers have made themselves: nobody else has them either.
        var mailboxes: Set<Mailbox> = []
        /// What was published to since its last subscription.
        var loose: Set<Address> = []
        /// How many subscriptions there are.
        var live: [Address: Int] = [:]
    }

    private let suffix = "trial-\(TestBroker.randomName(8))"
    private let state = Locked(State())

    /// What was published to, and not subscribed to since: a server drops such an exchange only after its next queue.
    var loose: Set<Address> {
        state.withLock(\.loose)
    }

    func made(_ mailbox: Mailbox) {
        state.withLock { _ = $0.mailboxes.insert(mailbox) }
    }

    func published(to address: Address) {
        state.withLock { state in
            if state.live[address] == nil { state.loose.insert(address) }
        }
    }

    func subscribed(to address: Address) {
        state.withLock { state in
            state.loose.remove(address)
            state.live[address, default: 0] += 1
        }
    }

    /// A subscription is about to end.
    func leaving(_ address: Address) {
        state.withLock { state in
            let others = state.live[address, default: 1] - 1
            state.live[address] = others == 0 ? nil : others
        }
    }

    /// The trial's address for one that a law names.
    func own(_ address: Address) -> Address {
        switch address {
        case .topic(let topic): .topic(own(topic))
        case .server(let topic, let server): .server(own(topic), server: server)
        case .fanout(let topic): .fanout(own(topic))
        case .notifications(let topic): .notifications(own(topic))
        case .pool(let pool, let topic): .pool(own(pool), of: own(topic))
        case .mailbox(let mailbox):
            state.withLock { $0.mailboxes.contains(mailbox) } ? address : .mailbox(Mailbox(named: own(mailbox.name)))
        }
    }

    private func own(_ topic: Topic) -> Topic {
        Topic(own(topic.name), exchange: own(topic.exchange))
    }

    /// A name that no queue has, as it is empty or too long, stays one.
    private func own(_ name: String) -> String {
        name.isEmpty ? name : "\(name)-\(suffix)"
    }
}
