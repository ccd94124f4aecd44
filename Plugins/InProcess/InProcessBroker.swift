import SwitchboardCore

/// A message broker in memory: the world that every driver of one name shares.
///
/// One lock, held for short; whoever publishes or settles hands out deliveries on the way. No task and no timer, except
/// while a publisher waits for room.
final class InProcessBroker: Sendable {
    typealias Publication = InProcessQueue.Publication

    private let state = Locked(InProcessBrokerState())

    /// Moves messages under the lock, and then has those taken that subscribers got.
    private func move<Result: Sendable>(_ body: (inout sending InProcessBrokerState) -> Result) -> Result {
        let (result, (served, alsoServed)) = state.withLock { state in (body(&state), state.takeServed()) }
        served?.handOut()
        for source in alsoServed { source.handOut() }
        return result
    }

    // MARK: Publishing

    /// Publishes to every queue of an address, or to none: `false` when one is full.
    func publish(_ publication: Publication) throws(TransportError) -> Bool {
        switch move({ $0.place(publication, broker: self) }) {
        case .taken: return true
        case .full: return false
        case .refused(let error): throw error
        }
    }

    /// Publishes when there is room, which there was not; waits for it until the deadline.
    ///
    /// - Parameter owner: whose waiting ``abandonPublishers(of:_:)`` ends.
    func publishWhenRoom(
        _ publication: Publication, deadline: ContinuousClock.Instant, owner: UInt64
    ) async throws(TransportError) {
        if let error = await waitForRoom(publication, deadline, owner) { throw error }
    }

    private func waitForRoom(
        _ publication: Publication, _ deadline: ContinuousClock.Instant, _ owner: UInt64
    ) async -> TransportError? {
        let id = makeID()
        let address = publication.address
        let exhausted = TransportError(
            .exhausted,
            "The queue of \(address) was full until the deadline (limits: \(publication.limits.messages) messages, "
                + "\(publication.limits.bytes) bytes); try later, or raise queue_limit or byte_limit in the URL.")
        // What resumes the continuation decides, under the lock: "exhausted" means that the message was not taken.
        let (beginning, begun) = AsyncStream.makeStream(of: Never.self)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in beginning {}
                await self.watch(id, until: deadline)
                // Then the handler below says why.
                if Task.isCancelled { return }
                self.abandon(id, exhausted)
            }
            let cancelled = TransportError(
                .cancelled, "The task was cancelled while the queue of \(address) was full.")
            let error = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    self.enqueue(
                        .init(id: id, owner: owner, publication: publication, continuation: continuation))
                    // Either may have come when nobody waited yet.
                    if Task.isCancelled { self.abandon(id, cancelled) }
                    if ContinuousClock.now >= deadline { self.abandon(id, exhausted) }
                    begun.finish()
                }
            } onCancel: {
                // In a task of its own, as it takes the lock: who holds that may be resuming a task, which waits until nobody
                // cancels it any more.
                Task { self.abandon(id, cancelled) }
            }
            group.cancelAll()
            return error
        }
    }

    /// Sleeps until the deadline; looks for room on the way when messages expire. Which one does next may change, as messages
    /// come back to a queue, and a fanout's publisher waits for one queue after another: so it looks now and then too.
    private func watch(_ id: UInt64, until deadline: ContinuousClock.Instant) async {
        while !Task.isCancelled, ContinuousClock.now < deadline {
            let expiry = state.withLock { $0.waiting[id]?.earliestExpiry } ?? deadline
            try? await Task.sleep(until: min(deadline, expiry, .now + .seconds(1)), clock: .continuous)
            move { state in
                if let queue = state.waiting[id] { state.admit(queue, broker: self) }
            }
        }
    }

    private func enqueue(_ waiter: InProcessQueue.Waiter) {
        move { state in
            // Its driver may have ended since it found the queue full.
            if let error = state.ended[waiter.owner] { return waiter.continuation.resume(returning: error) }
            state.placeOrWait(waiter, broker: self)
        }
    }

    private func abandon(_ id: UInt64, _ error: TransportError) {
        state.withLock { $0.abandon(id, error) }
    }

    /// Ends the waiting of a driver's publishers.
    func abandonPublishers(of owner: UInt64, _ error: TransportError) {
        state.withLock { state in
            state.ended[owner] = error
            let ids = state.waiting.flatMap { id, queue in
                queue.waiters.contains { $0.id == id && $0.owner == owner } ? [id] : []
            }
            for id in ids { state.abandon(id, error) }
        }
    }

    /// The driver is gone, and with it all who could publish.
    func forget(_ owner: UInt64) {
        state.withLock { $0.ended[owner] = nil }
    }

    // MARK: Subscribing

    /// Makes a subscription; the result names it.
    func subscribe(to address: Address, prefetch: Int, source: Deliveries.Source) -> UInt64 {
        move { state in
            let id = state.makeID()
            let queue: InProcessQueue
            switch address {
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
            let consumer = InProcessQueue.Consumer(id: id, prefetch: prefetch, source: source, queue: queue)
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

    func settle(
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

    func makeID() -> UInt64 {
        state.withLock { $0.makeID() }
    }
}
