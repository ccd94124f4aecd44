package import Logging
package import SwitchboardCore

/// The receiving side of a driver: its subscriptions, what they claimed, and what the kernel reports.
///
/// Runs on a thread of its own, which sleeps until there is something to do: calls on files block nobody else. Where
/// nothing is synced, messages are accepted by whoever has them.
package actor Receiver {
    struct Subscription {
        let reader: any QueueReader
        let source: Deliveries.Source
        let prefetch: Int
        let marker: String
        /// Whether it ends when there is nothing more to deliver.
        let isDrain: Bool
        let claims = HeldClaims()
        /// Claims whose settlement failed on the disk: they go back as soon as it lets them.
        var strays: [Claim] = []
        var isFinished = false
    }

    struct SpaceWaiter {
        let continuation: AsyncStream<Void>.Continuation
        let queue: Queue
        let deadline: ContinuousClock.Instant
    }

    /// What a watch of the kernel is for.
    struct Watch {
        var readers: Set<Int> = []
        var waiters: Set<Int> = []
        var isEmpty: Bool { readers.isEmpty && waiters.isEmpty }
    }

    nonisolated let thread: SpoolThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let store: SpoolStore
    let inotify: Inotify?
    let logger: Logger
    /// Gives up publishes whose deadline has passed; returns the next deadline.
    let expirePublishes: @Sendable () -> ContinuousClock.Instant?

    var subscriptions: [Int: Subscription] = [:]
    var order: [Int] = []
    var spaceWaiters: [Int: SpaceWaiter] = [:]
    var watches: [CInt: Watch] = [:]
    var ownersWatch: CInt = -1
    /// Owners that closed their file and whose lock was still held a moment later, and how often we looked.
    var suspects: [String: Int] = [:]
    /// How often what others held is still to be tried after a death.
    var echoes = 0
    var nextSuspectCheck: ContinuousClock.Instant?
    var nextRescan = ContinuousClock.Instant.now
    var nextID = 0
    var nextToken: UInt64 = 0
    var closure: TransportError?

    package init(
        _ store: SpoolStore, thread: SpoolThread, inotify: Inotify?, logger: Logger,
        expirePublishes: @escaping @Sendable () -> ContinuousClock.Instant?
    ) {
        self.store = store
        self.thread = thread
        self.logger = logger
        self.expirePublishes = expirePublishes
        self.inotify = inotify
    }

    // MARK: Life

    /// Gives back what dead processes held, and begins to listen.
    package func start() throws(FileError) {
        if let inotify {
            ownersWatch = try inotify.watch(store.owners.path, Inotify.writersGone)
        } else {
            logger.warning(
                "The system grants no inotify instance; the spool is looked at every 100 ms",
                metadata: ["spool.hint": "raise fs.inotify.max_user_instances"])
        }
        try store.reap()
        nextRescan = .now + rescanInterval
        thread.onWake { [weak self] in
            guard let self else { return }
            self.assumeIsolated { $0.wake() }
        }
        schedule()
    }

    /// Ends all subscriptions; what they hold goes back.
    package func stop(_ error: TransportError) {
        closure = error
        for id in order { end(id) }
        for waiter in spaceWaiters.values { waiter.continuation.finish() }
        spaceWaiters = [:]
    }

    var rescanInterval: Duration {
        inotify == nil ? .milliseconds(100) : store.configuration.rescanInterval
    }

    // MARK: Subscriptions

    /// - Parameter isDrain: whether the deliveries end when nothing is left that could be claimed.
    package func open(
        _ address: Address, _ options: SubscriptionOptions, isDrain: Bool = false
    ) throws(TransportError) -> (id: Int, deliveries: Deliveries) {
        if let closure { throw closure }
        nextID += 1
        let id = nextID
        let marker = "\(store.owner.name)~\(id)"
        do throws(FileError) {
            let queue = try declare(address, marker)
            let reader: any QueueReader =
                switch store.layout {
                case .maildir: MaildirReader(queue, store)
                case .segment: SegmentReader(queue, store)
                }
            let (deliveries, source) = Deliveries.makeSequence()
            subscriptions[id] = Subscription(
                reader: reader, source: source, prefetch: options.prefetch, marker: marker, isDrain: isDrain)
            order.append(id)
            // The watch comes first: what arrives during the scan is reported as well.
            try watch(queue.ready, readyEvents) { $0.readers.insert(id) }
            try reader.rescan()
            readReports()
            pump()
            schedule()
            return (id, deliveries)
        } catch {
            end(id)
            throw error.transportError("The subscription to \(address) in the spool \(store.root.path) failed")
        }
    }

    package func close(_ id: Int) {
        end(id)
        pump()
        schedule()
    }

    var readyEvents: UInt32 {
        store.layout == .maildir ? Inotify.arrivals : Inotify.arrivals | Inotify.writes
    }

    /// Makes the queue of a consumer and says that there is one.
    func declare(_ address: Address, _ marker: String) throws(FileError) -> Queue {
        var name = QueueName(address)
        if case .fanout = address { name = name.subscriber(marker) }
        while true {
            let queue = try store.queue(name)
            do throws(FileError) {
                let consumers = try queue.directory.directory("consumers")
                try consumers.file(marker, flags: CreateFlags.writing).close()
                if !name.isEphemeral, !queue.isDeclared {
                    try queue.directory.file("declared", flags: CreateFlags.writing).close()
                    if store.isDurable { try queue.directory.synchronize() }
                }
            } catch  where error.isNotFound {
                store.forget(queue)
                continue
            }
            // The last consumer of a mailbox may have removed it between our two steps.
            guard queue.isCurrent(in: store.queues) else {
                store.forget(queue)
                continue
            }
            switch address {
            case .fanout: try store.bind(name, to: QueueName(address))
            case .pool(_, let topic): try store.bind(name, to: QueueName(.notifications, topic.exchange, topic.name))
            default: break
            }
            return queue
        }
    }

    /// Takes a subscription down: what it holds goes back, and a queue that lives by its subscribers goes with the last.
    func end(_ id: Int) {
        guard let subscription = subscriptions.removeValue(forKey: id) else { return }
        order.removeAll { $0 == id }
        unwatch { $0.readers.remove(id) }
        subscription.source.finish()
        for claim in subscription.strays + subscription.claims.takeAll() {
            do throws(FileError) {
                try subscription.reader.settle(claim, .requeue)
            } catch {
                logger.warning(
                    "Message not given back", metadata: ["spool.message": "\(claim.name)", "error": "\(error)"])
            }
        }
        subscription.reader.close()
        let queue = subscription.reader.queue
        guard let consumers = try? queue.directory.directory("consumers") else { return }
        try? consumers.unlink(subscription.marker)
        if queue.name.isEphemeral, (try? consumers.names())?.isEmpty == true, queue.isCurrent(in: store.queues) {
            store.removeEphemeral(queue.name)
        }
    }

    // MARK: Deliveries

    /// Hands out what there is: one message to each subscription in turn, so that those of one queue share it.
    func pump() {
        var isMoving = true
        while isMoving {
            isMoving = false
            for id in order where deliver(id) { isMoving = true }
        }
    }

    /// Whether a message was handed to the subscription.
    func deliver(_ id: Int) -> Bool {
        guard let subscription = subscriptions[id], !subscription.isFinished,
            subscription.claims.hasRoom(within: subscription.prefetch)
        else { return false }
        var claim: Claim
        do throws(FileError) {
            guard let next = try subscription.reader.claim() else {
                if subscription.isDrain, subscription.claims.isEmpty, subscription.strays.isEmpty {
                    subscriptions[id]?.isFinished = true
                    subscription.source.finish()
                }
                return false
            }
            claim = next
        } catch {
            store.health.failed(error)
            logger.warning(
                "Message not claimed",
                metadata: ["spool.queue": "\(subscription.reader.queue.name)", "error": "\(error)"])
            // Nothing may ever report this message again: look once more soon.
            nextRescan = min(nextRescan, .now + .milliseconds(200))
            return false
        }
        if subscription.isDrain, let expires = claim.name.expires {
            // It goes on elsewhere, with what is left of its time.
            let now = Timestamp.now.milliseconds
            claim.message.timeToLive = .milliseconds(Int64(clamping: expires > now ? expires - now : 0))
        }
        nextToken += 1
        let token = nextToken
        let delivery = delivery(of: claim, as: token, to: id, subscription)
        subscription.claims.add(claim, as: token)
        guard subscription.source.append(delivery) else {
            // The subscriber takes nothing any more; its body will end.
            subscriptions[id]?.isFinished = true
            _ = subscription.claims.take(token)
            try? subscription.reader.settle(claim, .requeue)
            return false
        }
        // On this thread: whoever takes it as it comes need not be woken.
        subscription.source.handOut()
        return true
    }

    private func delivery(of claim: Claim, as token: UInt64, to id: Int, _ subscription: Subscription) -> Delivery {
        let (held, thread) = (subscription.claims, thread)
        // Where settling never meets a sync, whoever has the delivery accepts it, which spares two changes of threads; now
        // and then not, so that a task with a long queue before it waits.
        let isOurs = store.isDurable || subscription.isDrain || token.isMultiple(of: UInt64(WorkerThreads.turns))
        let acceptance = isOurs ? nil : subscription.reader.acceptance(of: claim)
        return Delivery(
            message: claim.message, isRedelivered: claim.name.attempt > 1, attempt: claim.name.attempt
        ) { (settlement) async throws(TransportError) in
            guard case .accept = settlement, let acceptance, let claim = held.take(token) else {
                return try await self.settle(id, token, settlement)
            }
            do throws(FileError) {
                try acceptance()
            } catch {
                throw await self.notSettled(claim, of: id, error)
            }
            if held.endStarving() { thread.wake(at: .now) }
        }
    }

    func settle(_ id: Int, _ token: UInt64, _ settlement: Settlement) throws(TransportError) {
        guard let claim = subscriptions[id]?.claims.take(token), let reader = subscriptions[id]?.reader else {
            throw closure
                ?? TransportError(
                    .closed, "The subscription has ended; its unsettled message went back to the queue.")
        }
        do throws(FileError) {
            try reader.settle(claim, settlement)
        } catch {
            throw notSettled(claim, of: id, error)
        }
        for waiter in spaceWaiters.values where waiter.queue === reader.queue { waiter.continuation.yield() }
        pump()
        schedule()
    }

    /// Keeps a claim whose settlement failed on the disk, until that lets it go back. The error for whoever settled.
    private func notSettled(_ claim: Claim, of id: Int, _ error: FileError) -> TransportError {
        let queue = subscriptions[id].map { " from \($0.reader.queue.name)" } ?? ""
        if error.isNotFound {
            return TransportError(
                .conflict, "The delivery \(claim.name)\(queue) was taken out by somebody else.", cause: error)
        }
        store.health.failed(error)
        subscriptions[id]?.strays.append(claim)
        nextRescan = min(nextRescan, .now + .milliseconds(200))
        schedule()
        return error.transportError("The delivery \(claim.name)\(queue) was not settled")
    }

    // MARK: Room

    /// A sequence with an element whenever the queue may have got room, and for the deadline.
    package func spaceReports(
        of queue: Queue, until deadline: ContinuousClock.Instant
    ) -> (id: Int, reports: AsyncStream<Void>) {
        let (reports, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        nextID += 1
        let id = nextID
        if closure != nil {
            continuation.finish()
            return (id, reports)
        }
        spaceWaiters[id] = SpaceWaiter(continuation: continuation, queue: queue, deadline: deadline)
        let events = store.layout == .maildir ? Inotify.removals : Inotify.writes | Inotify.removals
        try? watch(queue.claimed, events) { $0.waiters.insert(id) }
        // Whatever left between the attempt and the watch must not be waited for.
        continuation.yield()
        schedule()
        return (id, reports)
    }

    package func endSpaceReports(_ id: Int) {
        spaceWaiters.removeValue(forKey: id)?.continuation.finish()
        unwatch { $0.waiters.remove(id) }
    }
}
