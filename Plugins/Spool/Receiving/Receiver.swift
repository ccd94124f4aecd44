package import Logging
package import SwitchboardCore

/// The receiving side of a driver: its subscriptions, what they claimed, and what the kernel reports.
///
/// Runs on a thread of its own, which sleeps until there is something to do: calls on files block nobody else. Where
/// nothing is synced, messages are accepted by whoever has them.
package actor Receiver {
    struct Subscription {
        let address: Address
        let source: Deliveries.Source
        let prefetch: Int
        /// Whether it ends when there is nothing more to deliver.
        let isDrain: Bool
        /// `nil` while its queue is not there: see ``Receiver/checkPlaces()``.
        var reader: (any QueueReader)?
        var marker = ""
        var claims = HeldClaims()
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
        /// Subscriptions whose queue's directory it is.
        var homes: Set<Int> = []
        var isEmpty: Bool { readers.isEmpty && waiters.isEmpty && homes.isEmpty }
    }

    nonisolated let thread: SpoolThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// The spool, until it is opened again because its directory was removed or replaced.
    var store: SpoolStore
    /// Called once when that was found.
    let onLoss: @Sendable (SpoolStore, FileError) -> Void
    var isLost = false
    let inotify: Inotify?
    let logger: Logger
    /// Gives up publishes whose deadline has passed; returns the next deadline.
    let expirePublishes: @Sendable () -> ContinuousClock.Instant?

    var subscriptions: [Int: Subscription] = [:]
    var order: [Int] = []
    var spaceWaiters: [Int: SpaceWaiter] = [:]
    var watches: [CInt: Watch] = [:]
    var ownersWatch: CInt = -1
    var rootWatch: CInt = -1
    /// When the directories that are held are looked at, because something happened to one: a moment later, so that whoever
    /// removes a tree is done with it.
    var nextPlaceCheck: ContinuousClock.Instant?
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
        onLoss: @escaping @Sendable (SpoolStore, FileError) -> Void = { _, _ in },
        expirePublishes: @escaping @Sendable () -> ContinuousClock.Instant?
    ) {
        self.store = store
        self.onLoss = onLoss
        self.thread = thread
        self.logger = logger
        self.expirePublishes = expirePublishes
        self.inotify = inotify
    }

    // MARK: Life

    /// Gives back what dead processes held, and begins to listen.
    package func start() throws(FileError) {
        if inotify == nil {
            logger.warning(
                "The system grants no inotify instance; the spool is looked at every 100 ms",
                metadata: ["spool.hint": "raise fs.inotify.max_user_instances"])
        }
        try listen()
        thread.onWake { [weak self] in
            guard let self else { return }
            self.assumeIsolated { $0.wake() }
        }
        schedule()
    }

    /// Gives back what dead processes held, and has the kernel report what happens to the spool.
    func listen() throws(FileError) {
        if let inotify {
            ownersWatch = try inotify.watch(store.owners.path, Inotify.writersGone)
            rootWatch = try inotify.watch(store.root.path, Inotify.removals | Inotify.moves)
        }
        try store.reap()
        nextRescan = .now + rescanInterval
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
        let (deliveries, source) = Deliveries.makeSequence()
        subscriptions[id] = Subscription(
            address: address, source: source, prefetch: options.prefetch, isDrain: isDrain)
        order.append(id)
        do throws(FileError) {
            if !isLost {
                do throws(FileError) {
                    try attach(id)
                } catch  where (error.isNotFound || error.isOutOfPlace) && store.defect != nil {
                    // It begins when the spool is open again.
                    detach(id)
                    checkPlaces()
                }
            }
            readReports()
            pump()
            schedule()
            return (id, deliveries)
        } catch {
            end(id)
            throw error.transportError(
                "The subscription to \(address) in the spool \(store.root.path) failed", at: store.root.path)
        }
    }

    /// Makes the queue of a subscription and begins to read it.
    func attach(_ id: Int) throws(FileError) {
        guard let address = subscriptions[id]?.address else { return }
        let marker = "\(store.owner.name)~\(id)"
        subscriptions[id]?.marker = marker
        let queue = try declare(address, marker)
        let reader: any QueueReader =
            switch store.layout {
            case .maildir: MaildirReader(queue, store)
            case .segment: SegmentReader(queue, store)
            }
        subscriptions[id]?.reader = reader
        // The watch comes first: what arrives during the scan is reported as well.
        try watch(queue.ready, readyEvents | Inotify.moves) { $0.readers.insert(id) }
        try watch(queue.directory, Inotify.removals | Inotify.moves) { $0.homes.insert(id) }
        try reader.rescan()
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
        var tries = 0
        while true {
            tries += 1
            let queue = try store.queue(name)
            do throws(FileError) {
                let consumers = try queue.directory.directory("consumers")
                try consumers.file(marker, flags: CreateFlags.writing).close()
                if !name.isEphemeral, !queue.isDeclared {
                    try queue.directory.file("declared", flags: CreateFlags.writing).close()
                    if store.isDurable { try queue.directory.synchronize() }
                }
            } catch  where error.isNotFound && tries < 8 {
                store.forget(queue)
                if tries > 1 { try store.complete(name) }
                continue
            }
            // The last consumer of a mailbox may have removed it between our two steps.
            if let defect = queue.defect {
                store.forget(queue)
                guard tries < 8 else { throw defect }
                continue
            }
            if let source = source(of: address) { try store.bind(name, to: source) }
            return queue
        }
    }

    /// What a subscriber's queue gets copies of.
    func source(of address: Address) -> QueueName? {
        switch address {
        case .fanout: QueueName(address)
        case .pool(_, let topic): QueueName(.notifications, topic.exchange, topic.name)
        default: nil
        }
    }

    /// Takes a subscription down: what it holds goes back, and a queue that lives by its subscribers goes with the last.
    func end(_ id: Int) {
        guard let subscription = subscriptions[id] else { return }
        subscription.source.finish()
        detach(id)
        subscriptions[id] = nil
        order.removeAll { $0 == id }
    }

    /// Takes a subscription from its queue: what it holds goes back.
    func detach(_ id: Int) {
        guard let subscription = subscriptions[id] else { return }
        unwatch {
            $0.readers.remove(id)
            $0.homes.remove(id)
        }
        guard let reader = subscription.reader else { return }
        let rest =
            subscription.strays.map { ($0, Settlement.requeue) }
            + subscription.claims.takeAll().map { ($0, Settlement.release) }
        for (claim, settlement) in rest {
            do throws(FileError) {
                try giveBack(claim, to: subscription, reader, settlement)
            } catch {
                logger.warning(
                    "Message not given back", metadata: ["spool.message": "\(claim.name)", "error": "\(error)"])
            }
        }
        reader.close()
        subscriptions[id]?.reader = nil
        subscriptions[id]?.claims = HeldClaims()
        subscriptions[id]?.strays = []
        let queue = reader.queue
        guard let consumers = try? queue.directory.directory("consumers") else { return }
        try? consumers.unlink(subscription.marker)
        if queue.name.isEphemeral, (try? consumers.names())?.isEmpty == true, queue.isCurrent(in: store.queues) {
            store.removeEphemeral(queue.name)
        }
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
