internal import Logging
internal import SwitchboardCore

/// The receiving side of a driver: its subscriptions, what they claimed, and what the kernel reports.
///
/// Runs on a thread of its own, which sleeps until there is something to do: calls on files block nobody else. Where
/// nothing is synced, messages are accepted by whoever has them.
actor Receiver {
    /// A subscription, and what it reads.
    struct Consumer {
        let subscription: Subscription
        let settler: ReceiverSettler
        /// `nil` while its queue is not there: see ``Receiver/checkPlaces()``.
        var reader: (any QueueReader)?
        var marker = ""
        /// Claims whose settlement failed on the disk: they go back as soon as it lets them.
        var strays: [Claim] = []
        var isFinished = false
        /// Whether the transport was told that it waits for its queue.
        var isRepairing = false

        var address: Address { subscription.address }
        var claims: HeldClaims { settler.claims }
    }

    /// What a watch of the kernel is for.
    struct Watch {
        var readers: Set<UInt64> = []
        /// Queues that publishes wait for room in.
        var full: Set<QueueName> = []
        /// Subscriptions whose queue's directory it is.
        var homes: Set<UInt64> = []
        var isEmpty: Bool { readers.isEmpty && full.isEmpty && homes.isEmpty }
    }

    nonisolated let thread: SpoolThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let store: SpoolStore
    let signals: ConnectionSignals
    /// Told once that the spool is lost, and when a queue may have got room.
    private(set) weak var connection: SpoolConnection?
    var isLost = false
    let inotify: Inotify?
    let logger: Logger

    var consumers: [UInt64: Consumer] = [:]
    var order: [UInt64] = []
    /// Those that publishes wait for room in.
    var fullQueues: Set<QueueName> = []
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
    var nextToken: UInt64 = 0
    var closure: TransportError?

    init(
        _ store: SpoolStore, thread: SpoolThread, inotify: Inotify?, signals: ConnectionSignals, logger: Logger
    ) {
        self.store = store
        self.thread = thread
        self.signals = signals
        self.logger = logger
        self.inotify = inotify
    }

    // MARK: Life

    /// Gives back what dead processes held, and begins to listen.
    func start(for connection: SpoolConnection) throws(FileError) {
        self.connection = connection
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
    private func listen() throws(FileError) {
        if let inotify {
            ownersWatch = try inotify.watch(store.owners.path, Inotify.writersGone)
            rootWatch = try inotify.watch(store.root.path, Inotify.removals | Inotify.moves)
        }
        try store.reap()
        nextRescan = .now + rescanInterval
    }

    /// Ends all subscriptions; what they hold goes back.
    func stop() {
        closure = TransportError(
            .closed, "The spool \(store.root.path) was closed; unsettled messages went back to their queues.")
        for id in order { end(id) }
        fullQueues = []
    }

    var rescanInterval: Duration {
        inotify == nil ? .milliseconds(100) : store.configuration.rescanInterval
    }

    // MARK: Subscriptions

    func subscribe(_ subscription: Subscription) {
        if isLost || closure != nil { return }
        let id = subscription.id
        consumers[id] = Consumer(subscription: subscription, settler: ReceiverSettler(self, id))
        order.append(id)
        do throws(FileError) {
            try attach(id)
            signals.send(.live(subscription))
        } catch {
            detach(id)
            if error.isNotFound || error.isOutOfPlace, store.defect != nil {
                // It begins when the spool is open again.
                return checkPlaces()
            }
            notAttached(id, error)
        }
        readReports()
        pump()
        schedule()
    }

    /// A subscription that has been live waits for its queue; a new one fails.
    func notAttached(_ id: UInt64, _ error: FileError) {
        guard let subscription = consumers[id]?.subscription else { return }
        let failure = error.transportError(
            "The subscription to \(subscription.address) in the spool \(store.root.path) failed", at: store.root.path)
        guard subscription.hasBeenLive else {
            end(id)
            return signals.send(.failed(subscription, failure))
        }
        nextRescan = min(nextRescan, .now + .seconds(1))
        logger.warning(
            "Queue not opened again; its subscription waits",
            metadata: ["spool.queue": "\(QueueName(subscription.address))", "error": "\(error)"])
        consumers[id]?.isRepairing = true
        signals.send(.repairing(subscription, reason: failure.message))
    }

    func unsubscribe(_ subscription: Subscription) {
        end(subscription.id)
        signals.send(.ended(subscription))
        pump()
        schedule()
    }

    /// Makes the queue of a subscription and begins to read it.
    func attach(_ id: UInt64) throws(FileError) {
        guard let address = consumers[id]?.address else { return }
        let marker = "\(store.owner.name)~\(id)"
        consumers[id]?.marker = marker
        let queue = try declare(address, marker)
        let reader: any QueueReader =
            switch store.layout {
            case .maildir: MaildirReader(queue, store)
            case .segment: SegmentReader(queue, store)
            }
        consumers[id]?.reader = reader
        // The watch comes first: what arrives during the scan is reported as well.
        try watch(queue.ready, readyEvents | Inotify.moves) { $0.readers.insert(id) }
        try watch(queue.directory, Inotify.removals | Inotify.moves) { $0.homes.insert(id) }
        try reader.rescan()
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
                let markers = try queue.directory.directory("consumers")
                try markers.file(marker, flags: CreateFlags.writing).close()
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
    private func end(_ id: UInt64) {
        detach(id)
        consumers[id] = nil
        order.removeAll { $0 == id }
    }

    /// Takes a subscription from its queue: what it holds goes back.
    func detach(_ id: UInt64) {
        guard let consumer = consumers[id] else { return }
        unwatch {
            $0.readers.remove(id)
            $0.homes.remove(id)
        }
        guard let reader = consumer.reader else { return }
        let rest =
            consumer.strays.map { ($0, Settlement.requeue) }
            + consumer.claims.takeAll().map { ($0, Settlement.release) }
        for (claim, settlement) in rest {
            do throws(FileError) {
                try giveBack(claim, to: consumer, reader, settlement)
            } catch {
                logger.warning(
                    "Message not given back", metadata: ["spool.message": "\(claim.name)", "error": "\(error)"])
            }
        }
        reader.close()
        consumers[id]?.reader = nil
        consumers[id]?.strays = []
        let queue = reader.queue
        guard let markers = try? queue.directory.directory("consumers") else { return }
        try? markers.unlink(consumer.marker)
        if queue.name.isEphemeral, (try? markers.names())?.isEmpty == true, queue.isCurrent(in: store.queues) {
            store.removeEphemeral(queue.name)
        }
    }

    // MARK: Room

    /// Publishes wait for room in a queue: from now on it is said when there may be some, and once at first.
    func reportRoom(of queue: Queue) {
        if isLost || closure != nil { return }
        fullQueues.insert(queue.name)
        let events = store.layout == .maildir ? Inotify.removals : Inotify.writes | Inotify.removals
        try? watch(queue.claimed, events) { $0.full.insert(queue.name) }
        noteRoom(in: queue.name)
    }

    func noteRoom(in queue: QueueName) {
        guard fullQueues.contains(queue), connection?.noteRoom(in: queue) != true else { return }
        fullQueues.remove(queue)
        unwatch { $0.full.remove(queue) }
    }
}
