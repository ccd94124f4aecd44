import SwitchboardCore

/// A copy of the in-process driver's broker, with bugs to choose from.
///
/// A message broker in memory: the world that every driver of one name shares.
///
/// One lock, held for short; whoever publishes or settles hands out deliveries on the way. No task and no timer, except
/// while a publisher waits for room.
final class MutantBroker: Sendable {
    typealias Publication = MutantQueue.Publication

    private let mutation: Mutation?
    private let state: Locked<MutantBrokerState>

    init(mutation: Mutation?) {
        self.mutation = mutation
        state = Locked(MutantBrokerState(mutation: mutation))
    }

    // MARK: Publishing

    /// Publishes to every queue of an address, or to none. When one is full, waits for room until the deadline.
    ///
    /// - Parameter owner: whose waiting ``abandonPublishers(of:_:)`` ends.
    func publish(
        _ publication: Publication, deadline: ContinuousClock.Instant, owner: UInt64
    ) async throws(TransportError) {
        switch state.withLock({ $0.place(publication, broker: self) }) {
        case .taken: return
        case .full where mutation == .exhaustedAtOnce: throw TransportError(.exhausted, "Full.")
        case .full: break
        case .refused(let error): throw error
        }
        let error = await waitForRoom(publication, deadline, owner)
        if let error { throw error }
    }

    private func waitForRoom(
        _ publication: Publication, _ deadline: ContinuousClock.Instant, _ owner: UInt64
    ) async -> TransportError? {
        let id = makeID()
        let address = publication.address
        let deadline = mutation == .deadlineOfWaitersIgnored ? .now + .seconds(30) : deadline
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
                if Task.isCancelled { return }
                self.abandon(id, exhausted)
            }
            let cancelled = TransportError(
                .cancelled, "The task was cancelled while the queue of \(address) was full.")
            let error = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    self.enqueue(
                        .init(id: id, owner: owner, publication: publication, continuation: continuation))
                    if Task.isCancelled && self.mutation != .cancellationOfWaitersSwallowed {
                        self.abandon(id, cancelled)
                    }
                    if ContinuousClock.now >= deadline { self.abandon(id, exhausted) }
                    begun.finish()
                }
            } onCancel: {
                if self.mutation != .cancellationOfWaitersSwallowed { Task { self.abandon(id, cancelled) } }
            }
            group.cancelAll()
            return error
        }
    }

    /// Sleeps until the deadline; looks for room on the way when messages expire.
    private func watch(_ id: UInt64, until deadline: ContinuousClock.Instant) async {
        while !Task.isCancelled, ContinuousClock.now < deadline {
            let expiry = state.withLock { $0.waiting[id]?.earliestExpiry }
            try? await Task.sleep(until: min(deadline, expiry ?? deadline), clock: .continuous)
            state.withLock { state in
                if let queue = state.waiting[id] { state.admit(queue, broker: self) }
            }
        }
    }

    private func enqueue(_ waiter: MutantQueue.Waiter) {
        state.withLock { state in
            if let error = state.ended[waiter.owner] { return waiter.continuation.resume(returning: error) }
            state.placeOrWait(waiter, broker: self)
        }
    }

    private func abandon(_ id: UInt64, _ error: TransportError) {
        state.withLock { $0.abandon(id, error) }
    }

    /// Ends the waiting of a driver's publishers.
    func abandonPublishers(of owner: UInt64, _ error: TransportError) {
        if mutation == .waitersOutliveRun { return }
        state.withLock { state in
            state.ended[owner] = error
            let ids = state.waiting.flatMap { id, queue in
                queue.waiters.contains { $0.id == id && $0.owner == owner } ? [id] : []
            }
            for id in ids { state.abandon(id, error) }
        }
    }

    // MARK: Subscribing

    /// Makes a subscription; the result names it.
    func subscribe(to address: Address, prefetch: Int, source: Deliveries.Source) -> UInt64 {
        state.withLock { state in
            let id = state.makeID()
            let queue: MutantQueue
            switch address {
            case .topic(let topic): queue = state.queue(.topic(topic))
            case .server(let topic, let server): queue = state.queue(.server(topic, server))
            case .mailbox where mutation == .mailboxesShared: queue = state.queue(.mailbox(Mailbox(named: "shared")))
            case .mailbox(let mailbox): queue = state.queue(.mailbox(mailbox))
            case .notifications(let topic): queue = state.queue(.notifications(topic))
            case .fanout(let topic):
                queue = state.queue(.fanoutCopy(topic, subscription: id))
                state.fanouts[topic, default: []].append(queue)
            case .pool(let pool, let topic):
                switch mutation {
                case .poolMembersGetCopies: queue = state.queue(.pool(pool, member: id))
                case .poolQueuePerTopic: queue = state.queue(.pool(pool, of: topic))
                default: queue = state.queue(.pool(pool))
                }
                if state.pools[topic]?.contains(where: { $0 === queue }) != true {
                    state.pools[topic, default: []].append(queue)
                }
            }
            let consumer = MutantQueue.Consumer(id: id, prefetch: prefetch, source: source, queue: queue)
            queue.consumers.append(consumer)
            state.consumers[id] = consumer
            state.handOut(queue, broker: self)
            return id
        }
    }

    /// Ends a subscription: what it had not settled goes back. A fanout's copy and a mailbox end with their last one.
    func unsubscribe(_ id: UInt64) {
        if mutation == .subscriptionLeaked { return }
        state.withLock { state in
            guard let consumer = state.consumers.removeValue(forKey: id) else { return }
            let queue = consumer.queue
            queue.remove(consumer)
            switch queue.name {
            case .fanoutCopy where mutation == .fanoutCopiesStay: break
            case .topic where mutation == .topicDiesWithConsumers && queue.consumers.isEmpty:
                state.delete(queue, broker: self)
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
        let isSettled = state.withLock { state in
            guard let consumer = state.consumers[consumer],
                let entry = consumer.unsettled[sequence]
            else { return mutation == .lateSettlementTakesNext && state.dropFirst() }
            if settlement == .accept && mutation == .acceptForgotten { return true }
            consumer.unsettled[sequence] = nil
            switch settlement {
            case .accept: break
            case .requeue where mutation == .requeueLost: break
            case .requeue where mutation == .failuresUncounted: consumer.queue.release(entry)
            case .requeue: consumer.queue.putBack(entry)
            case .release: consumer.queue.release(entry)
            case .discard where mutation == .discardRequeues: consumer.queue.putBack(entry)
            case .discard where mutation == .deadLettersLost: break
            case .discard: state.deadLetters.append(entry.message.body)
            }
            if mutation != .settlementMakesNoRoom { state.handOut(consumer.queue, broker: self) }
            return true
        }
        guard isSettled else {
            throw TransportError(
                .closed, "The delivery's subscription has ended; the message went back to its queue before.")
        }
    }

    /// The messages that were discarded, the oldest first.
    var deadLetters: [[UInt8]] {
        state.withLock { $0.deadLetters }
    }

    func makeID() -> UInt64 {
        state.withLock { $0.makeID() }
    }
}
