/// Which handlers get which notifications: what oslo.messaging's endpoints are. A value.
///
///     var router = NotificationRouter()
///     router.handle([.info, .error], matching: try NotificationFilter(eventType: "compute")) { event in … }
///
/// A notification goes to every handler that it matches, in the order of registration. A handler that returns has done
/// its work. One that throws has not: then the later handlers do not get the notification, and the listener's
/// configuration says what becomes of it. A handler may throw a ``NotificationRejection`` to say so itself.
public struct NotificationRouter: Sendable {
    enum Work: Sendable {
        case each(@Sendable (NotificationEvent) async throws -> Void)
        case batch(@Sendable ([NotificationEvent]) async throws -> Void)
    }

    struct Handler: Sendable {
        let filter: NotificationFilter?
        let work: Work
    }

    private var handlers: [NotificationPriority: [Handler]] = [:]
    /// Whether there is a handler that takes batches.
    private(set) var takesBatches = false

    public init() {}

    /// The priorities that there are handlers for, in the order of ``NotificationPriority``.
    public var priorities: [NotificationPriority] {
        NotificationPriority.allCases.filter { handlers[$0] != nil }
    }

    /// Adds a handler for notifications one by one. Handlers run concurrently with each other and themselves.
    public mutating func handle(
        _ priorities: Set<NotificationPriority> = .all,
        matching filter: NotificationFilter? = nil,
        _ handler: @escaping @Sendable (NotificationEvent) async throws -> Void
    ) {
        add(Handler(filter: filter, work: .each(handler)), for: priorities)
    }

    /// Adds a handler for batches: notifications of one priority, never none, at most the listener's `batchSize`.
    ///
    /// What it throws counts for the whole batch, whose notifications then come again one by one, each a batch of its
    /// own. With such a handler, those for notifications one by one run batch by batch too.
    public mutating func handleBatches(
        _ priorities: Set<NotificationPriority> = .all,
        matching filter: NotificationFilter? = nil,
        _ handler: @escaping @Sendable ([NotificationEvent]) async throws -> Void
    ) {
        add(Handler(filter: filter, work: .batch(handler)), for: priorities)
        takesBatches = true
    }

    func handlers(for priority: NotificationPriority) -> [Handler] {
        handlers[priority] ?? []
    }

    private mutating func add(_ handler: Handler, for priorities: Set<NotificationPriority>) {
        for priority in priorities { handlers[priority, default: []].append(handler) }
    }
}

/// What a handler throws to say what becomes of a notification, or a batch, that it does not take.
public enum NotificationRejection: Error, Sendable, Hashable {
    /// Back to the queue, for later or for somebody else. Counts as an attempt.
    case requeue
    /// Back to the queue unhandled, as the program is about to end for example: for somebody else. Doesn't count as an
    /// attempt, so a handler that always throws it keeps the notification for ever.
    case release
    /// Not wanted by anybody: dead-lettered where the driver can, else dropped.
    case discard(reason: String)
}
