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
    /// The queue that each waiting publisher waits for.
    var waiting: [UInt64: InProcessQueue] = [:]
    /// Drivers whose `run()` has ended, and what their publishers get.
    var ended: [UInt64: TransportError] = [:]
    var deadLetters = DeadLetterList()
    /// The subscribers that have something to take when the lock is free again.
    private var served: Deliveries.Source?
    private var alsoServed: [Deliveries.Source] = []
    private var nextID: UInt64 = 0

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

    /// Puts a message into all queues of its address, or none.
    ///
    /// - Parameter next: the queue where the publication's turn has come, so that it may pass who waits there.
    mutating func place(
        _ publication: InProcessQueue.Publication, next: InProcessQueue? = nil, broker: InProcessBroker
    ) -> Placement {
        let address = publication.address
        let only: InProcessQueue?
        switch address {
        case .topic(let topic): only = queues[.topic(topic)]
        case .server(let topic, let server): only = queues[.server(topic, server)]
        case .mailbox(let mailbox): only = queues[.mailbox(mailbox)]
        case .fanout(let topic):
            return place(publication, into: fanouts[topic] ?? [], next: next, broker)
        case .notifications(let topic):
            let queue = queue(.notifications(topic))
            return place(publication, into: [queue] + (pools[topic] ?? []), next: next, broker)
        case .pool:
            return .refused(
                TransportError(
                    .invalidAddress, "\(address) cannot be published to: publish to the notifications of its topic."))
        }
        guard let only else { return unroutable(publication) }
        guard hasRoom(only, publication, next) else { return .full(only.name) }
        only.append(publication.message)
        dispatch(only, broker)
        return .taken
    }

    private mutating func place(
        _ publication: InProcessQueue.Publication, into queues: [InProcessQueue], next: InProcessQueue?,
        _ broker: InProcessBroker
    ) -> Placement {
        if queues.isEmpty { return unroutable(publication) }
        if let full = queues.first(where: { !hasRoom($0, publication, next) }) { return .full(full.name) }
        for queue in queues {
            queue.append(publication.message)
            dispatch(queue, broker)
        }
        return .taken
    }

    private func hasRoom(
        _ queue: InProcessQueue, _ publication: InProcessQueue.Publication, _ next: InProcessQueue?
    ) -> Bool {
        (queue.waiters.isEmpty || queue === next) && queue.hasRoom(for: publication.message, publication.limits)
    }

    private func unroutable(_ publication: InProcessQueue.Publication) -> Placement {
        guard publication.mandatory else { return .taken }
        return .refused(
            TransportError(
                .unroutable,
                "Nobody takes messages at \(publication.address): it has no queue, as nobody has subscribed to it."))
    }

    mutating func placeOrWait(
        _ waiter: InProcessQueue.Waiter, next: InProcessQueue? = nil, broker: InProcessBroker
    ) {
        waiting[waiter.id] = nil
        switch place(waiter.publication, next: next, broker: broker) {
        case .taken:
            waiter.continuation.resume(returning: nil)
        case .refused(let error):
            waiter.continuation.resume(returning: error)
        case .full(let name):
            let queue = queue(name)
            queue.waiters.append(waiter)
            waiting[waiter.id] = queue
        }
    }

    mutating func abandon(_ id: UInt64, _ error: TransportError) {
        guard let queue = waiting.removeValue(forKey: id),
            let index = queue.waiters.firstIndex(where: { $0.id == id })
        else { return }
        queue.waiters.remove(at: index).continuation.resume(returning: error)
    }

    /// Hands out what can be, and lets waiting publishers in.
    mutating func handOut(_ queue: InProcessQueue, broker: InProcessBroker) {
        dispatch(queue, broker)
        if !queue.waiters.isEmpty { admit(queue, broker: broker) }
    }

    /// Lets publishers in that wait and now have room.
    mutating func admit(_ queue: InProcessQueue, broker: InProcessBroker) {
        while let first = queue.waiters.first,
            queue.hasRoom(for: first.publication.message, first.publication.limits)
        {
            placeOrWait(queue.waiters.removeFirst(), next: queue, broker: broker)
        }
    }

    /// Forgets a queue; who waited for room in it finds another or is done.
    mutating func delete(_ queue: InProcessQueue, broker: InProcessBroker) {
        queues[queue.name] = nil
        let waiters = queue.waiters
        queue.waiters = []
        for waiter in waiters { placeOrWait(waiter, broker: broker) }
    }

    private mutating func dispatch(_ queue: InProcessQueue, _ broker: InProcessBroker) {
        while let (consumer, entry) = queue.next() {
            let (id, sequence) = (consumer.id, entry.sequence)
            let isTaken = consumer.source.append(
                Delivery(entry.message, isRedelivered: entry.isRedelivered, attempt: Int(entry.attempts)) {
                    settlement throws(TransportError) in
                    try broker.settle(settlement, sequence, of: id)
                })
            if !isTaken {
                queue.returned(entry, by: consumer)
            } else if served == nil {
                served = consumer.source
            } else {
                alsoServed.append(consumer.source)
            }
        }
    }

    /// The subscribers that have something to take, and no longer here.
    mutating func takeServed() -> (Deliveries.Source?, [Deliveries.Source]) {
        guard served != nil else { return (nil, []) }
        defer {
            served = nil
            if !alsoServed.isEmpty { alsoServed = [] }
        }
        return (served, alsoServed)
    }
}

/// What a publication came to.
enum Placement {
    case taken
    /// Of the queues, the one to wait for.
    case full(InProcessQueueName)
    case refused(TransportError)
}
