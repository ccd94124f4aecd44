/// The subscriptions of a transport, and where each stands. No I/O, no clock.
///
///     waiting ──connection──▶ asked ──live──▶ live ◀──▶ repairing
///        ▲                      │              │
///        └────── lost ──────────┴──────────────┤
///     any ──failed──▶ (gone)                   │
///     any ──body returned──▶ ending ──ended, lost──▶ (gone)
struct SubscriptionTable {
    typealias Instant = Moment
    /// Told when the subscription is live (`nil`), or why it won't be; or when it has ended.
    typealias Waiter = UnsafeContinuation<TransportError?, Never>

    enum Phase {
        case waiting, asked, live, ending
        case repairing(reason: String)
    }

    struct Entry {
        let subscription: Subscription
        let started: Instant
        fileprivate(set) var phase = Phase.waiting
        fileprivate(set) var hasBeenLive = false
        fileprivate(set) var waiter: Waiter?
        /// When the waiter waits no longer.
        fileprivate(set) var deadline: Instant?
        /// Until when the connection may leave it unanswered, if publishers wait for that.
        fileprivate var restoreDeadline: Instant?

        init(_ subscription: Subscription, _ waiter: Waiter, started: Instant, deadline: Instant?) {
            self.subscription = subscription
            self.waiter = waiter
            self.started = started
            self.deadline = deadline
        }

        /// Why it isn't live, if the connection has said.
        var reason: String? { if case .repairing(let reason) = phase { reason } else { nil } }

        fileprivate var isAnswered: Bool {
            switch phase {
            case .waiting, .asked: false
            case .live, .ending, .repairing: true
            }
        }

        /// Whether the connection knows of it.
        fileprivate var isKnown: Bool { if case .waiting = phase { false } else { true } }
    }

    /// What the connection is to be told.
    enum Command {
        case subscribe(Subscription)
        case unsubscribe(Subscription)
    }

    /// How long publishers wait for a subscription to be restored.
    static let restoreTime = Duration.seconds(10)

    private var entries: [UInt64: Entry] = [:]
    private var commands: [Command] = []
    /// How many have been live and are unanswered by the present connection.
    private var unrestored = 0
    /// Whether a thread tells the connection what is to be told.
    var isCommanding = false

    /// Whether publishers have to wait.
    var isRestoring: Bool { unrestored > 0 }

    /// Why one that has been live isn't.
    var repairing: String? {
        for entry in entries.values where entry.hasBeenLive {
            if case .repairing(let reason) = entry.phase {
                return "the subscription to \(entry.subscription.address): \(reason)"
            }
        }
        return nil
    }

    private mutating func change(_ id: UInt64, _ body: (inout Entry) -> Void) {
        guard var entry = entries[id] else { return }
        let wasUnrestored = entry.hasBeenLive && !entry.isAnswered
        body(&entry)
        let isUnrestored = entry.hasBeenLive && !entry.isAnswered
        if wasUnrestored != isUnrestored { unrestored += isUnrestored ? 1 : -1 }
        entries[id] = entry
    }

    private mutating func remove(_ id: UInt64) -> Entry? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if entry.hasBeenLive, !entry.isAnswered { unrestored -= 1 }
        return entry
    }

    // MARK: Commands

    mutating func add(_ entry: Entry) {
        entries[entry.subscription.id] = entry
    }

    /// There is a connection, and it is to have all that wait, the oldest first.
    mutating func ask(_ now: Instant) {
        for id in entries.keys.sorted() {
            guard let entry = entries[id], !entry.isKnown else { continue }
            change(id) { entry in
                entry.phase = .asked
                entry.restoreDeadline = entry.hasBeenLive ? now + Self.restoreTime : nil
            }
            commands.append(.subscribe(entry.subscription))
        }
    }

    mutating func nextCommand() -> Command? {
        commands.isEmpty ? nil : commands.removeFirst()
    }

    // MARK: Answers

    /// - Returns: the task that waited for it.
    mutating func live(_ id: UInt64) -> Waiter? {
        switch entries[id]?.phase {
        case .asked?, .repairing?: break
        case .waiting?, .live?, .ending?, nil: return nil
        }
        var waiter: Waiter?
        change(id) { entry in
            entry.phase = .live
            entry.hasBeenLive = true
            entry.deadline = nil
            entry.restoreDeadline = nil
            waiter = entry.waiter.take()
        }
        return waiter
    }

    mutating func repairing(_ id: UInt64, _ reason: String) {
        switch entries[id]?.phase {
        case .asked?, .live?, .repairing?: change(id) { $0.phase = .repairing(reason: reason) }
        case .waiting?, .ending?, nil: break
        }
    }

    mutating func failed(_ id: UInt64) -> Entry? {
        remove(id)
    }

    /// - Returns: the task that waited for the end.
    mutating func ended(_ id: UInt64) -> Waiter? {
        guard case .ending? = entries[id]?.phase else { return nil }
        return remove(id)?.waiter
    }

    // MARK: The subscriber

    /// The subscriber waits no longer for it to be live.
    ///
    /// - Returns: `nil` if it doesn't wait.
    mutating func cancel(_ id: UInt64) -> Waiter? {
        guard let entry = entries[id], let waiter = entry.waiter, !entry.isEnding else { return nil }
        _ = remove(id)
        if entry.isKnown { commands.append(.unsubscribe(entry.subscription)) }
        return waiter
    }

    /// The subscriber is done with it.
    ///
    /// - Returns: `false` if no answer of the connection is to be waited for.
    mutating func end(_ id: UInt64, _ waiter: Waiter, until deadline: Instant) -> Bool {
        guard let entry = entries[id] else { return false }
        guard entry.isKnown else {
            _ = remove(id)
            return false
        }
        change(id) { entry in
            entry.phase = .ending
            entry.waiter = waiter
            entry.deadline = deadline
        }
        commands.append(.unsubscribe(entry.subscription))
        return true
    }

    // MARK: The connection and time

    /// The connection is gone: what was ending has ended, the others wait for the next one.
    ///
    /// - Returns: who waited for an end, and the subscriptions whose deliveries are to be taken back.
    mutating func lost() -> (ended: [Waiter], withdrawn: [Subscription]) {
        commands = []
        var ended: [Waiter] = []
        var withdrawn: [Subscription] = []
        for (id, entry) in entries {
            switch entry.phase {
            case .ending:
                if let waiter = remove(id)?.waiter { ended.append(waiter) }
            case .asked, .live, .repairing:
                change(id) { entry in
                    entry.phase = .waiting
                    entry.restoreDeadline = nil
                }
                withdrawn.append(entry.subscription)
            case .waiting: break
            }
        }
        return (ended, withdrawn)
    }

    /// - Returns: those whose subscribers wait no longer, and when to look again.
    mutating func expire(_ now: Instant) -> (late: [Entry], next: Instant?) {
        var late: [Entry] = []
        var next: Instant?
        for (id, entry) in entries {
            if let deadline = entry.deadline {
                if deadline <= now {
                    _ = remove(id)
                    late.append(entry)
                    if entry.isKnown, !entry.isEnding { commands.append(.unsubscribe(entry.subscription)) }
                    continue
                }
                next = min(next ?? deadline, deadline)
            }
            if let deadline = entry.restoreDeadline, case .asked = entry.phase {
                if deadline <= now {
                    change(id) { $0.phase = .repairing(reason: "the connection has not answered") }
                } else {
                    next = min(next ?? deadline, deadline)
                }
            }
        }
        return (late, next)
    }

    mutating func removeAll() -> [Entry] {
        defer { self = SubscriptionTable() }
        return Array(entries.values)
    }
}

extension SubscriptionTable.Entry {
    /// Whether its subscriber is done with it.
    var isEnding: Bool { if case .ending = phase { true } else { false } }
}
