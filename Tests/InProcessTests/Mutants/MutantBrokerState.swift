import DequeModule
import SwitchboardCore

/// What the lock of a broker guards: its queues, and what moves messages between them.
struct MutantBrokerState {
    let mutation: Mutation?
    var queues: [MutantQueueName: MutantQueue] = [:]
    var consumers: [UInt64: MutantQueue.Consumer] = [:]
    /// The queues that get a copy of what is published to a fanout.
    var fanouts: [Topic: [MutantQueue]] = [:]
    /// The queues of a topic's pools.
    var pools: [Topic: [MutantQueue]] = [:]
    /// The queue that each waiting publisher waits for.
    var waiting: [UInt64: MutantQueue] = [:]
    var ended: [UInt64: TransportError] = [:]
    var deadLetters: [[UInt8]] = []
    private var nextID: UInt64 = 0

    init(mutation: Mutation?) {
        self.mutation = mutation
    }

    mutating func makeID() -> UInt64 {
        nextID += 1
        return nextID
    }

    mutating func queue(_ name: MutantQueueName) -> MutantQueue {
        if let queue = queues[name] { return queue }
        let queue = MutantQueue(name: name, mutation: mutation)
        queues[name] = queue
        return queue
    }

    /// Puts a message into all queues of its address, or none.
    ///
    /// - Parameter next: the queue where the publication's turn has come, so that it may pass who waits there.
    mutating func place(
        _ publication: MutantQueue.Publication, next: MutantQueue? = nil, broker: MutantBroker
    ) -> Placement {
        let address = publication.address
        let only: MutantQueue?
        switch address {
        case .topic(let topic): only = queues[.topic(topic)]
        case .server(let topic, _) where mutation == .serverTakenForTopic: only = queues[.topic(topic)]
        case .server(let topic, let server): only = queues[.server(topic, server)]
        case .mailbox where mutation == .mailboxesShared: only = queues[.mailbox(Mailbox(named: "shared"))]
        case .mailbox(let mailbox): only = queues[.mailbox(mailbox)]
        case .fanout(let topic):
            return place(
                publication, into: mutation == .fanoutToOne ? (fanouts[topic] ?? []).suffix(1) : fanouts[topic] ?? [],
                next: next, broker)
        case .notifications(let topic):
            if mutation == .earlyNotificationsDropped && queues[.notifications(topic)] == nil {
                return place(publication, into: pools[topic] ?? [], next: next, broker)
            }
            let queue = queue(.notifications(topic))
            return place(
                publication, into: [queue] + (mutation == .poolsForgotten ? [] : pools[topic] ?? []), next: next, broker
            )
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

    private func place(
        _ publication: MutantQueue.Publication, into queues: [MutantQueue], next: MutantQueue?,
        _ broker: MutantBroker
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
        _ queue: MutantQueue, _ publication: MutantQueue.Publication, _ next: MutantQueue?
    ) -> Bool {
        (queue.waiters.isEmpty || queue === next) && queue.hasRoom(for: publication.message, publication.limits)
    }

    private func unroutable(_ publication: MutantQueue.Publication) -> Placement {
        guard publication.mandatory || mutation == .alwaysMandatory, mutation != .unroutableSwallowed else {
            return .taken
        }
        return .refused(
            TransportError(
                .unroutable,
                "Nobody takes messages at \(publication.address): it has no queue, as nobody has subscribed to it."))
    }

    mutating func placeOrWait(
        _ waiter: MutantQueue.Waiter, next: MutantQueue? = nil, broker: MutantBroker
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

    /// A bug: takes the first message of some queue.
    mutating func dropFirst() -> Bool {
        for queue in queues.values where !queue.ready.isEmpty {
            queue.removeFirst()
            return true
        }
        return false
    }

    /// Hands out what can be, and lets waiting publishers in.
    mutating func handOut(_ queue: MutantQueue, broker: MutantBroker) {
        dispatch(queue, broker)
        if !queue.waiters.isEmpty && mutation != .waitersForgotten { admit(queue, broker: broker) }
    }

    /// Lets publishers in that wait and now have room.
    mutating func admit(_ queue: MutantQueue, broker: MutantBroker) {
        while let first = queue.waiters.first,
            queue.hasRoom(for: first.publication.message, first.publication.limits)
        {
            placeOrWait(queue.waiters.removeFirst(), next: queue, broker: broker)
        }
    }

    /// Forgets a queue; who waited for room in it finds another or is done.
    mutating func delete(_ queue: MutantQueue, broker: MutantBroker) {
        queues[queue.name] = nil
        let waiters = queue.waiters
        queue.waiters = []
        for waiter in waiters { placeOrWait(waiter, broker: broker) }
    }

    private func dispatch(_ queue: MutantQueue, _ broker: MutantBroker) {
        while let (consumer, entry) = queue.next() {
            let (id, sequence) = (consumer.id, entry.sequence)
            let delivery = Delivery(
                message: entry.message, isRedelivered: entry.isRedelivered,
                attempt: mutation == .headersCounted
                    ? entry.message.headers["x-delivery-count"].flatMap { Int($0) } ?? 1 : Int(entry.attempts)
            ) { settlement throws(TransportError) in
                try broker.settle(settlement, sequence, of: id)
            }
            let isTaken =
                mutation == .handingOutForgotten
                ? consumer.source.append(delivery) : consumer.source.yield(delivery)
            if !isTaken && mutation != .subscriptionLeaked && mutation != .endedDeliveriesFed {
                queue.returned(entry, by: consumer)
            }
        }
    }
}

/// What a publication came to.
enum Placement {
    case taken
    /// Of the queues, the one to wait for.
    case full(MutantQueueName)
    case refused(TransportError)
}
