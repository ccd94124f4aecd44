/// How a ``NotificationListener`` works.
public struct NotificationListenerConfiguration: Sendable {
    /// What becomes of a notification whose handler threw an error that is no ``NotificationRejection``.
    public enum FailurePolicy: Sendable, Hashable {
        /// Back to the queue (oslo.messaging with `allow_requeue`).
        case requeue
        /// Acknowledged, and so lost (oslo.messaging without it).
        case drop
    }

    /// Listeners of one pool share a copy of every notification, apart from the topics' own queues, which fill up when
    /// nobody listens there. `nil`: listens on the topics' own queues. A pool is known by this name alone.
    public var pool: String?

    /// What runs the handlers, and the listener itself; `nil` is what ``NotificationListener/run()`` is called on. See
    /// ``RPCServerConfiguration/executor``.
    public var executor: (any TaskExecutor)?

    /// How many notifications, or batches, are handled at a time.
    public var maximumConcurrency = 64

    /// How many notifications a batch has at most.
    public var batchSize = 100

    /// How long the first notification of a batch waits for others.
    public var batchTimeout: Duration = .seconds(1)

    /// How many notifications of each queue may be taken and not yet acknowledged. `nil`: ``maximumConcurrency``, or
    /// four batches. Never less than one batch.
    public var prefetch: Int?

    public var failurePolicy = FailurePolicy.requeue

    /// After how many attempts a notification that is to be requeued is discarded instead; `nil`: never. Where the driver
    /// counts attempts, those of other listeners count too, and of this one before it was started again; what was given back
    /// unhandled, at shutdown for example, doesn't count. Without a limit, those that
    /// always fail, once there are as many as the prefetch, keep others from coming: the log says so.
    public var maximumAttempts: Int?

    /// How long a failed notification is kept before it goes back to the queue; doubled with each failure of the same
    /// one, up to ``maximumRequeueDelay``. Without it, one that always fails keeps the listener busy.
    public var requeueDelay: Duration = .milliseconds(10)

    public var maximumRequeueDelay: Duration = .seconds(5)

    /// How many ids of handled notifications are kept to know duplicates by.
    public var duplicateWindow = 4096

    /// How long an id of a handled notification is kept.
    public var duplicateLifetime: Duration = .seconds(600)

    public init() {}

    func validate() {
        precondition(maximumConcurrency >= 1, "A listener's maximumConcurrency is at least 1.")
        precondition(batchSize >= 1, "A listener's batchSize is at least 1.")
        precondition(prefetch ?? 1 >= 1, "A listener's prefetch is at least 1.")
        precondition(maximumAttempts ?? 1 >= 1, "A listener's maximumAttempts is at least 1.")
        precondition(duplicateWindow >= 1, "A listener's duplicateWindow is at least 1.")
    }

    /// The prefetch of one subscription.
    func prefetch(inBatches: Bool) -> Int {
        guard inBatches else { return prefetch ?? maximumConcurrency }
        return max(batchSize, prefetch ?? batchSize.multipliedClamping(by: min(3, maximumConcurrency) + 1))
    }

    /// How long to keep a notification that failed so many times.
    func requeueDelay(failures: Int) -> Duration {
        var delay = max(.zero, requeueDelay)
        for _ in 1..<max(1, min(failures, 64)) where delay < maximumRequeueDelay { delay *= 2 }
        return max(.zero, min(delay, maximumRequeueDelay))
    }
}

extension Int {
    fileprivate func multipliedClamping(by factor: Int) -> Int {
        let (product, isTooLarge) = multipliedReportingOverflow(by: factor)
        return isTooLarge ? .max : product
    }
}
