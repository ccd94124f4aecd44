import SwitchboardCore

/// A message broker in memory: the world that every driver of one name shares.
///
/// One lock, held for short; whoever publishes or settles hands out deliveries on the way. No task and no timer, except
/// while a publisher waits for room.
final class InProcessBroker: Sendable {
    private let state = Locked(InProcessBrokerState())

    /// Moves messages under the lock. Afterwards subscribers take what they got, and publishes end that are done.
    ///
    /// - Parameter first: what is done before subscribers take anything, as their code may take its time.
    private func move<Result: Sendable>(
        first: (Result) -> Void = { _ in }, _ body: (inout sending InProcessBrokerState) -> Result
    ) -> Result {
        var served: Subscription?
        var hasMore = false
        let result = state.withLock { state in
            let result = body(&state)
            served = state.takeServed()
            hasMore = state.hasWork
            return result
        }
        first(result)
        if hasMore {
            let work = state.withLock { $0.takeWork() }
            for (publish, outcome) in work.ended { publish.finish(outcome) }
            served?.handOut()
            for subscription in work.served { subscription.handOut() }
        } else {
            served?.handOut()
        }
        return result
    }

    // MARK: Publishing

    /// Publishes to every queue of an address, or to none. When one is full, the publish waits until there is room or its
    /// caller gives it up.
    func publish(_ publish: Publish, _ limits: InProcessQueue.Limits) {
        let placement = move(first: { if $0 == .taken { publish.finish(.accepted) } }) { state in
            state.place(publish, limits, broker: self)
        }
        switch placement {
        case .taken, .over: break
        case .full, .fullAndUnwatched:
            publish.hold(.full(InProcessQueue.Waiter(publish: publish, limits: limits)))
            if placement == .fullAndUnwatched { Task { await watch() } }
        }
    }

    /// Looks for room while publishers wait for it: when a message expires, and now and then, as messages come back to a
    /// queue and publishers give up.
    private func watch() async {
        while let next = move({ $0.admitAll(broker: self) }) {
            try? await Task.sleep(until: min(next, .now + .seconds(1)), clock: .continuous)
        }
    }

    // MARK: Subscribing

    /// Makes a subscription; the result names it.
    func subscribe(_ subscription: Subscription) -> UInt64 {
        move { state in
            let id = state.makeID()
            let queue: InProcessQueue
            switch subscription.address {
            case .topic(let topic): queue = state.queue(.topic(topic))
            case .server(let topic, let server): queue = state.queue(.server(topic, server))
            case .mailbox(let mailbox): queue = state.queue(.mailbox(mailbox))
            case .notifications(let topic): queue = state.queue(.notifications(topic))
            case .fanout(let topic):
                queue = state.queue(.fanoutCopy(topic, subscription: id))
                state.fanouts[topic, default: []].append(queue)
            case .pool(let pool, let topic):
                queue = state.queue(.pool(pool))
                if state.pools[topic]?.contains(where: { $0 === queue }) != true {
                    state.pools[topic, default: []].append(queue)
                }
            }
            let consumer = InProcessQueue.Consumer(
                id: id, subscription: subscription, settler: InProcessSettler(self, consumer: id), queue: queue)
            queue.consumers.append(consumer)
            state.consumers[id] = consumer
            state.handOut(queue, broker: self)
            return id
        }
    }

    /// Ends a subscription: what it had not settled goes back. A fanout's copy and a mailbox end with their last one.
    func unsubscribe(_ id: UInt64) {
        move { state in
            guard let consumer = state.consumers.removeValue(forKey: id) else { return }
            let queue = consumer.queue
            queue.remove(consumer)
            switch queue.name {
            case .fanoutCopy(let topic, _):
                state.fanouts[topic]?.removeAll { $0 === queue }
                if state.fanouts[topic]?.isEmpty == true { state.fanouts[topic] = nil }
                state.delete(queue, broker: self)
            case .mailbox where queue.consumers.isEmpty:
                state.delete(queue, broker: self)
            default:
                state.handOut(queue, broker: self)
            }
        }
    }

    // MARK: Settling

    fileprivate func settle(
        _ settlement: Settlement, _ sequence: UInt64, of consumer: UInt64
    ) throws(TransportError) {
        let isSettled = move { state in
            guard let consumer = state.consumers[consumer],
                let entry = consumer.unsettled.removeValue(forKey: sequence)
            else { return false }
            switch settlement {
            case .accept: break
            case .requeue: consumer.queue.putBack(entry)
            case .release: consumer.queue.release(entry)
            case .discard(let reason):
                state.deadLetters.append(
                    DeadLetter(message: entry.message, reason: reason, attempts: Int(entry.attempts)))
            }
            state.handOut(consumer.queue, broker: self)
            return true
        }
        guard isSettled else {
            throw TransportError(
                .closed, "The delivery's subscription has ended; the message went back to its queue before.")
        }
    }

    /// The messages that were discarded, the oldest first.
    var deadLetters: [DeadLetter] {
        state.withLock { Array($0.deadLetters.letters) }
    }
}

/// Settles the deliveries of one consumer, by their places in the queue.
final class InProcessSettler: DeliverySettler {
    private let broker: InProcessBroker
    private let consumer: UInt64

    init(_ broker: InProcessBroker, consumer: UInt64) {
        self.broker = broker
        self.consumer = consumer
    }

    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        try broker.settle(settlement, token, of: consumer)
        completion?(nil)
    }
}
