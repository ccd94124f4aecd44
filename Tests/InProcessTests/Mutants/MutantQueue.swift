import DequeModule
import SwitchboardCore

/// A copy of the in-process driver's queue, with bugs to choose from.
///
/// One queue: what is ready, who takes, what was taken and not settled, and which publishers wait for room.
///
/// Lives behind the lock of its broker and has no time of its own.
final class MutantQueue {
    /// A message in its place.
    struct Entry {
        /// The place in the queue; kept when the message comes back.
        let sequence: UInt64
        let message: Message
        var expiry: ContinuousClock.Instant?
        /// How many attempts at handling it there were, the present one included.
        var attempts: Int32 = 0
        /// Whether it came back unhandled, which was no attempt.
        var wasReleased = false

        var isRedelivered: Bool { attempts > 1 || wasReleased }
    }

    /// One subscription.
    final class Consumer {
        let id: UInt64
        let prefetch: Int
        let source: Deliveries.Source
        let queue: MutantQueue
        var unsettled: [UInt64: Entry] = [:]
        /// Its deliveries have ended, its subscription has not: it gets nothing more.
        var isFinished = false

        init(id: UInt64, prefetch: Int, source: Deliveries.Source, queue: MutantQueue) {
            self.id = id
            self.prefetch = prefetch
            self.source = source
            self.queue = queue
        }
    }

    /// A publisher that waits for room.
    struct Waiter {
        let id: UInt64
        /// The driver that waits.
        let owner: UInt64
        let publication: Publication
        /// Gets `nil` when the message was taken over.
        let continuation: CheckedContinuation<TransportError?, Never>
    }

    /// A message on its way, with the bounds of who publishes it.
    struct Publication {
        let message: Message
        let address: Address
        let mandatory: Bool
        let limits: Limits
    }

    struct Limits: Hashable {
        var messages: Int
        var bytes: Int
    }

    let name: MutantQueueName
    let mutation: Mutation?
    private var appended = 0
    var consumers: [Consumer] = []
    var waiters: Deque<Waiter> = []
    private(set) var ready: Deque<Entry> = []
    private var readyBytes = 0
    private var nextSequence: UInt64 = 0
    private var turn = 0
    /// No message expires before; `nil` when none does.
    private(set) var earliestExpiry: ContinuousClock.Instant?

    init(name: MutantQueueName, mutation: Mutation?) {
        self.name = name
        self.mutation = mutation
    }

    /// Whether the message may be appended. One larger than the limit of bytes fits into an empty queue. Drops what has
    /// expired before it says no.
    func hasRoom(for message: Message, _ limits: Limits) -> Bool {
        if mutation == .boundsIgnored || isWithin(limits, adding: message) { return true }
        guard let earliestExpiry, case let now = ContinuousClock.now, earliestExpiry <= now else { return false }
        dropExpired(now)
        return isWithin(limits, adding: message)
    }

    private func isWithin(_ limits: Limits, adding message: Message) -> Bool {
        ready.isEmpty || (ready.count < limits.messages && readyBytes + message.body.count <= limits.bytes)
    }

    private func dropExpired(_ now: ContinuousClock.Instant) {
        ready.removeAll { $0.expiry.map { $0 <= now } ?? false }
        readyBytes = ready.reduce(0) { $0 + $1.message.body.count }
        earliestExpiry = ready.lazy.compactMap(\.expiry).min()
    }

    func append(_ original: Message) {
        var message = original
        switch mutation {
        case .longBodiesCut: message.body = Array(message.body.prefix(1 << 20))
        case .bodiesTakenForText: message.body = Array(String(decoding: message.body, as: UTF8.self).utf8)
        case .contentTypeLost: message.contentType = "application/octet-stream"
        case .headersLost: message.headers = [:]
        default: break
        }
        appended += 1
        if mutation == .messageLost && appended % 7 == 0 { return }
        let copies = mutation == .messageDoubled && appended % 5 == 0 ? 2 : 1
        for _ in 0..<copies { appendOnce(message) }
    }

    private func appendOnce(_ message: Message) {
        var expiry: ContinuousClock.Instant?
        if let timeToLive = message.timeToLive, mutation != .timeToLiveIgnored {
            expiry = .now + timeToLive
            earliestExpiry = min(expiry!, earliestExpiry ?? expiry!)
        }
        ready.append(Entry(sequence: nextSequence, message: message, expiry: expiry))
        readyBytes += message.body.count
        nextSequence += 1
    }

    /// Puts a message back into its old place.
    func putBack(_ original: Entry) {
        var entry = original
        if mutation == .timeToLiveStartsAnew { entry.expiry = entry.message.timeToLive.map { .now + $0 } }
        if mutation == .redeliveryUnmarked {
            entry.attempts = 0
            entry.wasReleased = false
        }
        readyBytes += entry.message.body.count
        if let expiry = entry.expiry { earliestExpiry = min(expiry, earliestExpiry ?? expiry) }
        var (low, high) = (0, ready.count)
        while low < high {
            let middle = (low + high) / 2
            if ready[middle].sequence < entry.sequence { low = middle + 1 } else { high = middle }
        }
        ready.insert(entry, at: mutation == .requeuedToTheEnd ? ready.count : low)
    }

    /// Puts back what was not handled: that was no attempt.
    func release(_ entry: Entry) {
        var entry = entry
        if mutation == .releasesCounted { return putBack(entry) }
        entry.attempts -= 1
        entry.wasReleased = true
        putBack(entry)
    }

    /// Removes a consumer; what it had not settled goes back.
    func remove(_ consumer: Consumer) {
        consumers.removeAll { $0 === consumer }
        let entries = consumer.unsettled.values.sorted { $0.sequence > $1.sequence }
        consumer.unsettled = [:]
        if mutation == .unsettledLost { return }
        for entry in mutation == .unsettledReversed ? entries.reversed() : entries {
            if mutation == .unsettledReversed { ready.prepend(entry) } else { release(entry) }
        }
    }

    /// The next message and its taker, in turn among those that may take one more; `nil` when there is none.
    func next() -> (consumer: Consumer, entry: Entry)? {
        while let first = ready.first {
            if let expiry = first.expiry, expiry <= .now {
                removeFirst()
                continue
            }
            guard let consumer = nextTaker() else { return nil }
            var entry = removeFirst()
            entry.attempts += 1
            consumer.unsettled[entry.sequence] = entry
            return (consumer, entry)
        }
        return nil
    }

    /// Undoes `next()`: the consumer's deliveries have ended.
    func returned(_ entry: Entry, by consumer: Consumer) {
        consumer.isFinished = true
        consumer.unsettled[entry.sequence] = nil
        var entry = entry
        entry.attempts -= 1
        putBack(entry)
    }

    private func nextTaker() -> Consumer? {
        for offset in 0..<consumers.count {
            let index = (turn + offset) % consumers.count
            let consumer = consumers[index]
            if !consumer.isFinished && (consumer.unsettled.count < consumer.prefetch || mutation == .prefetchIgnored) {
                turn = (index + 1) % consumers.count
                return consumer
            }
        }
        return nil
    }

    @discardableResult
    func removeFirst() -> Entry {
        let entry = mutation == .newestFirst ? ready.removeLast() : ready.removeFirst()
        readyBytes -= entry.message.body.count
        if ready.isEmpty { earliestExpiry = nil }
        return entry
    }
}

/// A queue's name. Topics of different exchanges are kept apart, unlike on RabbitMQ.
enum MutantQueueName: Hashable, Sendable {
    case topic(Topic)
    case server(Topic, String)
    case notifications(Topic)
    case pool(String, member: UInt64 = 0, of: Topic? = nil)
    case mailbox(Mailbox)
    case fanoutCopy(Topic, subscription: UInt64)
}
