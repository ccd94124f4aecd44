import DequeModule
import SwitchboardCore

/// What the lock of a broker guards: its queues, and what moves messages between them.
struct InProcessBrokerState {
    var queues: [InProcessQueueName: InProcessQueue] = [:]
    var consumers: [UInt64: InProcessQueue.Consumer] = [:]
    /// The queues that get a copy of what is published to a fanout.
    var fanouts: [Topic: [InProcessQueue]] = [:]
    /// The queues of a topic's pools.
    var pools: [Topic: [InProcessQueue]] = [:]
    var deadLetters = DeadLetterList()
    /// What is to be done when the lock is free again.
    private var work = Work()
    /// Whether a task looks for room.
    private var isWatched = false
    private var nextID: UInt64 = 0

    struct Work: Sendable {
        /// The subscriptions that have something to take.
        var served: Subscription?
        var alsoServed: [Subscription] = []
        /// The publishes that waited, and what has become of them.
        var ended: [(publish: Publish, outcome: PublishOutcome)] = []
    }

    mutating func makeID() -> UInt64 {
        nextID += 1
        return nextID
    }

    mutating func queue(_ name: InProcessQueueName) -> InProcessQueue {
        if let queue = queues[name] { return queue }
        let queue = InProcessQueue(name: name)
        queues[name] = queue
        return queue
    }

    // MARK: Publishing

    /// Puts a message into all queues of its address, or none.
    ///
    /// - Parameter next: the queue where the publish's turn has come, so that it may pass those that wait there.
    private mutating func place(
        _ waiter: InProcessQueue.Waiter, next: InProcessQueue?, broker: InProcessBroker
    ) -> (Placement, full: InProcessQueue?) {
        let address = waiter.publish.address
        let only: InProcessQueue?
        switch address {
        case .topic(let topic): only = queues[.topic(topic)]
        case .server(let topic, let server): only = queues[.server(topic, server)]
        case .mailbox(let mailbox): only = queues[.mailbox(mailbox)]
        case .fanout(let topic):
            return place(waiter, into: fanouts[topic] ?? [], next: next, broker)
        case .notifications(let topic):
            let queue = queue(.notifications(topic))
            return place(waiter, into: [queue] + (pools[topic] ?? []), next: next, broker)
        case .pool:
            let error = TransportError(
                .invalidAddress, "\(address) cannot be published to: publish to the notifications of its topic.")
            return (.refused(error), nil)
        }
        guard let only else { return (unroutable(waiter), nil) }
        guard hasRoom(only, waiter, next) else { return (.full, only) }
        guard waiter.publish.begin() else { return (.abandoned, nil) }
        only.append(waiter.publish.message)
        dispatch(only, broker)
        return (.taken, nil)
    }

    private mutating func place(
        _ waiter: InProcessQueue.Waiter, into queues: [InProcessQueue], next: InProcessQueue?, _ broker: InProcessBroker
    ) -> (Placement, full: InProcessQueue?) {
        if queues.isEmpty { return (unroutable(waiter), nil) }
        if let full = queues.first(where: { !hasRoom($0, waiter, next) }) { return (.full, full) }
        guard waiter.publish.begin() else { return (.abandoned, nil) }
        for queue in queues {
            queue.append(waiter.publish.message)
            dispatch(queue, broker)
        }
        return (.taken, nil)
    }

    private func hasRoom(
        _ queue: InProcessQueue, _ waiter: InProcessQueue.Waiter, _ next: InProcessQueue?
    ) -> Bool {
        (queue.waiters.isEmpty || queue === next) && queue.hasRoom(for: waiter.publish.message, waiter.limits)
    }

    private func unroutable(_ waiter: InProcessQueue.Waiter) -> Placement {
        guard waiter.publish.mandatory else { return .taken }
        return .refused(
            TransportError(
                .unroutable,
                "Nobody takes messages at \(waiter.publish.address): it has no queue, as nobody has subscribed to it."))
    }

    /// Publishes, or waits for room.
    mutating func placeOrWait(
        _ waiter: InProcessQueue.Waiter, next: InProcessQueue? = nil, broker: InProcessBroker
    ) -> Placement {
        let (placement, full) = place(waiter, next: next, broker: broker)
        guard let full else { return placement }
        if waiter.limits.areStrict { return .refused(.full(waiter)) }
        full.wait(waiter)
        return placement
    }

    /// Publishes what has waited, or lets it wait elsewhere.
    private mutating func placeAgain(
        _ waiter: InProcessQueue.Waiter, next: InProcessQueue? = nil, broker: InProcessBroker
    ) {
        switch placeOrWait(waiter, next: next, broker: broker) {
        case .taken: work.ended.append((waiter.publish, .accepted))
        case .refused(let error): work.ended.append((waiter.publish, .failed(error)))
        case .full, .abandoned: break
        }
    }

    // MARK: Moving

    /// Hands out what can be, and lets waiting publishes in.
    mutating func handOut(_ queue: InProcessQueue, broker: InProcessBroker) {
        dispatch(queue, broker)
        if !queue.waiters.isEmpty { admit(queue, broker: broker) }
    }

    /// Lets publishes in that wait and now have room.
    private mutating func admit(_ queue: InProcessQueue, broker: InProcessBroker) {
        while let first = queue.waiters.first {
            if first.publish.isOver {
                queue.waiters.removeFirst()
            } else if queue.hasRoom(for: first.publish.message, first.limits) {
                placeAgain(queue.waiters.removeFirst(), next: queue, broker: broker)
            } else {
                return
            }
        }
    }

    /// Forgets a queue; what waited for room in it finds another or is done.
    mutating func delete(_ queue: InProcessQueue, broker: InProcessBroker) {
        queues[queue.name] = nil
        let waiters = queue.waiters
        queue.waiters = []
        for waiter in waiters { placeAgain(waiter, broker: broker) }
    }

    /// Whether a task must be started that looks for room.
    mutating func startsWatch() -> Bool {
        defer { isWatched = true }
        return !isWatched
    }

    /// Lets in what has room now.
    ///
    /// - Returns: when the next message expires in a queue that publishes wait for; `nil` if none waits any more.
    mutating func admitAll(broker: InProcessBroker) -> ContinuousClock.Instant? {
        var next: ContinuousClock.Instant?
        for queue in queues.values where !queue.waiters.isEmpty {
            admit(queue, broker: broker)
            guard !queue.waiters.isEmpty else { continue }
            let moment = queue.earliestExpiry ?? .now + .seconds(1)
            next = min(next ?? moment, moment)
        }
        isWatched = next != nil
        return next
    }

    private mutating func dispatch(_ queue: InProcessQueue, _ broker: InProcessBroker) {
        while let (consumer, entry) = queue.next() {
            let isTaken = consumer.subscription.append(
                Delivery(
                    entry.message, isRedelivered: entry.isRedelivered, attempt: Int(entry.attempts),
                    token: entry.sequence, settler: consumer.settler))
            if !isTaken {
                queue.returned(entry, by: consumer)
            } else if work.served == nil {
                work.served = consumer.subscription
            } else {
                work.alsoServed.append(consumer.subscription)
            }
        }
    }

    /// What is to be done, and no longer here.
    mutating func takeWork() -> Work {
        guard work.served != nil || !work.ended.isEmpty else { return Work() }
        defer { work = Work() }
        return work
    }
}

/// What a publish came to.
enum Placement: Sendable {
    case taken
    case full
    case refused(TransportError)
    /// Its caller had given up.
    case abandoned

    var isFull: Bool { if case .full = self { true } else { false } }
}
