import DequeModule
import SwitchboardCore

/// One queue: what is ready, who takes, what was taken and not settled, and which publishers wait for room.
///
/// Lives behind the lock of its broker and has no time of its own. As no two accesses can overlap there, what each message
/// changes is not looked at for that at run time.
final class InProcessQueue {
    /// A message in its place.
    struct Entry {
        /// The place in the queue; kept when the message comes back.
        let sequence: UInt64
        let message: Message
        let expiry: Moment?
        /// How many attempts at handling it there were, the present one included.
        var attempts: Int32 = 0
        /// Whether it came back unhandled, which was no attempt.
        var wasReleased = false

        var isRedelivered: Bool { attempts > 1 || wasReleased }
    }

    /// One subscription.
    final class Consumer {
        let id: UInt64
        let subscription: Subscription
        let settler: InProcessSettler
        let queue: InProcessQueue
        @exclusivity(unchecked) var unsettled: [UInt64: Entry] = [:]
        /// Its deliveries have ended, its subscription has not: it gets nothing more.
        @exclusivity(unchecked) var isFinished = false

        init(id: UInt64, subscription: Subscription, settler: InProcessSettler, queue: InProcessQueue) {
            self.id = id
            self.subscription = subscription
            self.settler = settler
            self.queue = queue
        }

        /// It has the message, unsettled.
        func keep(_ entry: consuming Entry) {
            let sequence = entry.sequence
            unsettled[sequence] = entry
        }
    }

    /// A publish that waits for room, with the bounds of its driver.
    struct Waiter {
        let publish: Publish
        let limits: Limits
    }

    struct Limits: Hashable, Sendable {
        var messages: Int
        var bytes: Int
        /// Whether a publish that meets them fails at once, instead of waiting for room.
        var areStrict = false
    }

    let name: InProcessQueueName
    @exclusivity(unchecked) var consumers: [Consumer] = []
    @exclusivity(unchecked) var waiters: Deque<Waiter> = []
    @exclusivity(unchecked) private(set) var ready: Deque<Entry> = []
    @exclusivity(unchecked) private var readyBytes = 0
    @exclusivity(unchecked) private var nextSequence: UInt64 = 0
    @exclusivity(unchecked) private var turn = 0
    /// The number of waiters from which on those that have given up are removed.
    @exclusivity(unchecked) private var sweepsAt = 64
    /// No message expires before; `nil` when none does.
    @exclusivity(unchecked) private(set) var earliestExpiry: Moment?

    init(name: InProcessQueueName) {
        self.name = name
    }

    /// Whether the message may be appended. One larger than the limit of bytes fits into an empty queue. Drops what has
    /// expired before it says no.
    func hasRoom(for message: Message, _ limits: Limits) -> Bool {
        if isWithin(limits, adding: message) { return true }
        guard let earliestExpiry, case let now = Moment.now, earliestExpiry <= now else { return false }
        dropExpired(now)
        return isWithin(limits, adding: message)
    }

    private func isWithin(_ limits: Limits, adding message: Message) -> Bool {
        ready.isEmpty || (ready.count < limits.messages && readyBytes + message.body.count <= limits.bytes)
    }

    /// Lets a publish wait for room. Those that have given up don't pile up.
    func wait(_ waiter: Waiter) {
        if waiters.count >= sweepsAt {
            waiters.removeAll { $0.publish.isOver }
            sweepsAt = max(64, waiters.count * 2)
        }
        waiters.append(waiter)
    }

    private func dropExpired(_ now: Moment) {
        ready.removeAll { $0.expiry.map { $0 <= now } ?? false }
        readyBytes = ready.reduce(0) { $0 + $1.message.body.count }
        earliestExpiry = ready.lazy.compactMap(\.expiry).min()
    }

    func append(_ message: Message) {
        var expiry: Moment?
        if let timeToLive = message.timeToLive {
            expiry = Moment(.now + timeToLive)
            earliestExpiry = min(expiry!, earliestExpiry ?? expiry!)
        }
        ready.append(Entry(sequence: nextSequence, message: message, expiry: expiry))
        readyBytes += message.body.count
        nextSequence += 1
    }

    /// Puts a message back into its old place.
    func putBack(_ entry: Entry) {
        readyBytes += entry.message.body.count
        if let expiry = entry.expiry { earliestExpiry = min(expiry, earliestExpiry ?? expiry) }
        var (low, high) = (0, ready.count)
        while low < high {
            let middle = (low + high) / 2
            if ready[middle].sequence < entry.sequence { low = middle + 1 } else { high = middle }
        }
        ready.insert(entry, at: low)
    }

    /// Puts back what was not handled: that was no attempt.
    func release(_ entry: Entry) {
        var entry = entry
        entry.attempts -= 1
        entry.wasReleased = true
        putBack(entry)
    }

    /// Removes a consumer; what it had not settled goes back.
    func remove(_ consumer: Consumer) {
        consumers.removeAll { $0 === consumer }
        let entries = consumer.unsettled.values.sorted { $0.sequence > $1.sequence }
        consumer.unsettled = [:]
        for entry in entries { release(entry) }
    }

    /// Takes the next message, for a consumer that may take one more. Consumers take turns. The consumer keeps the message
    /// with ``Consumer/keep(_:)``, or it goes back with ``returned(_:by:)``. `nil` if there is no message or no consumer.
    func next() -> (consumer: Consumer, entry: Entry)? {
        while !ready.isEmpty {
            guard let (index, consumer) = nextTaker() else { return nil }
            var entry = removeFirst()
            if let expiry = entry.expiry, expiry <= .now { continue }
            turn = (index + 1) % consumers.count
            entry.attempts &+= 1
            return (consumer, entry)
        }
        return nil
    }

    /// Undoes `next()`: the consumer's deliveries have ended.
    func returned(_ entry: Entry, by consumer: Consumer) {
        consumer.isFinished = true
        var entry = entry
        entry.attempts -= 1
        putBack(entry)
    }

    private func nextTaker() -> (index: Int, consumer: Consumer)? {
        for offset in 0..<consumers.count {
            let index = (turn + offset) % consumers.count
            let consumer = consumers[index]
            if !consumer.isFinished && consumer.unsettled.count < consumer.subscription.prefetch {
                return (index, consumer)
            }
        }
        return nil
    }

    private func removeFirst() -> Entry {
        let entry = ready.removeFirst()
        readyBytes -= entry.message.body.count
        if ready.isEmpty { earliestExpiry = nil }
        return entry
    }
}

extension TransportError {
    /// What a publisher gets that has waited for room in vain, or may not wait.
    static func full(_ waiter: InProcessQueue.Waiter) -> TransportError {
        let when = waiter.limits.areStrict ? "is full" : "was full until the deadline"
        return TransportError(
            .exhausted,
            "The queue of \(waiter.publish.address) \(when) (limits: \(waiter.limits.messages) messages, "
                + "\(waiter.limits.bytes) bytes); try later, or raise queue_limit or byte_limit in the URL")
    }
}

/// A queue's name. Topics of different exchanges are kept apart, unlike on RabbitMQ.
enum InProcessQueueName: Hashable, Sendable {
    case topic(Topic)
    case server(Topic, String)
    case notifications(Topic)
    case pool(String)
    case mailbox(Mailbox)
    case fanoutCopy(Topic, subscription: UInt64)
}
