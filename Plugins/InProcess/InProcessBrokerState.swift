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
    /// The subscription that has something to take when the lock is free again.
    private var served: Subscription?
    /// What else is to be done then.
    private var work = Work()
    /// Whether there is such work.
    private(set) var hasWork = false
    /// Whether a task looks for room.
    private var isWatched = false
    private var nextID: UInt64 = 0

    struct Work: Sendable {
        /// Further subscriptions that have something to take.
        var served: [Subscription] = []
        /// The publishes that are over, but for one that was taken at once.
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
            return (end(waiter, .failed(error)), nil)
        }
        guard let only else { return (unroutable(waiter), nil) }
        guard hasRoom(only, waiter, next) else { return (.full, only) }
        guard waiter.publish.begin() else { return (.over, nil) }
        only.append(waiter.publish.message)
        dispatch(only, broker)
        return (.taken, nil)
    }

    private mutating func place(
        _ waiter: InProcessQueue.Waiter, into queues: [InProcessQueue], next: InProcessQueue?, _ broker: InProcessBroker
    ) -> (Placement, full: InProcessQueue?) {
        if queues.isEmpty { return (unroutable(waiter), nil) }
        if let full = queues.first(where: { !hasRoom($0, waiter, next) }) { return (.full, full) }
        guard waiter.publish.begin() else { return (.over, nil) }
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

    private mutating func unroutable(_ waiter: InProcessQueue.Waiter) -> Placement {
        guard waiter.publish.mandatory else { return .taken }
        return end(
            waiter,
            .failed(
                TransportError(
                    .unroutable,
                    "No consumer takes messages at \(waiter.publish.address): it has no queue, because nothing has subscribed to it."
                )
            ))
    }

    private mutating func end(_ waiter: InProcessQueue.Waiter, _ outcome: PublishOutcome) -> Placement {
        work.ended.append((waiter.publish, outcome))
        hasWork = true
        return .over
    }

    /// Publishes, or waits for room.
    mutating func place(_ publish: Publish, _ limits: InProcessQueue.Limits, broker: InProcessBroker) -> Placement {
        let waiter = InProcessQueue.Waiter(publish: publish, limits: limits)
        let (placement, full) = place(waiter, next: nil, broker: broker)
        guard let full else { return placement }
        if limits.areStrict { return end(waiter, .failed(.full(waiter))) }
        full.wait(waiter)
        defer { isWatched = true }
        return isWatched ? .full : .fullAndUnwatched
    }

    /// Publishes what has waited, or lets it wait elsewhere.
    private mutating func placeAgain(
        _ waiter: InProcessQueue.Waiter, next: InProcessQueue? = nil, broker: InProcessBroker
    ) {
        let (placement, full) = place(waiter, next: next, broker: broker)
        full?.wait(waiter)
        if placement == .taken { _ = end(waiter, .accepted) }
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

    /// Lets in what has room now.
    ///
    /// - Returns: when the next message expires in a queue that publishes wait for; `nil` if none waits any more.
    mutating func admitAll(broker: InProcessBroker) -> ContinuousClock.Instant? {
        var next: ContinuousClock.Instant?
        for queue in queues.values where !queue.waiters.isEmpty {
            admit(queue, broker: broker)
            guard !queue.waiters.isEmpty else { continue }
            let moment = queue.earliestExpiry?.instant ?? .now + .seconds(1)
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
            guard isTaken else {
                queue.returned(entry, by: consumer)
                continue
            }
            consumer.keep(entry)
            if served == nil {
                served = consumer.subscription
            } else {
                work.served.append(consumer.subscription)
                hasWork = true
            }
        }
    }

    /// The subscription that has something to take.
    mutating func takeServed() -> Subscription? { served.take() }

    /// What else is to be done.
    mutating func takeWork() -> Work {
        defer {
            work = Work()
            hasWork = false
        }
        return work
    }
}

/// What a publish came to.
enum Placement: Sendable {
    case taken
    /// It waits for room.
    case full
    /// It waits for room, and no task looks for that yet.
    case fullAndUnwatched
    /// It has ended, or its caller had given up.
    case over
}
