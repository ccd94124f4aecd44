/// How hard a notification is tried to be sent.
///
/// While a transport is not connected, an attempt waits for it; a repeated notification keeps its `_unique_id`, so that
/// listeners drop the second copy.
public struct NotificationRetry: Sendable, Hashable {
    /// How often it is sent at most; `nil`: as often as ``timeout`` allows.
    public var maximumAttempts: Int?

    /// When to give up, all attempts together, for each topic.
    public var timeout: Duration

    /// The pause after the first attempt; each later one is twice as long, up to ``maximumDelay``.
    public var initialDelay: Duration = .milliseconds(100)

    public var maximumDelay: Duration = .seconds(10)

    public init(maximumAttempts: Int? = nil, timeout: Duration = .seconds(60)) {
        precondition(maximumAttempts ?? 1 >= 1, "A notification is sent at least once.")
        self.maximumAttempts = maximumAttempts
        self.timeout = timeout
    }

    /// One attempt.
    public static let none = NotificationRetry(maximumAttempts: 1)

    /// The pause after the attempt of that number, counted from 1.
    func delay(after attempt: Int) -> Duration {
        var delay = max(.zero, initialDelay)
        for _ in 1..<max(1, min(attempt, 64)) where delay < maximumDelay { delay *= 2 }
        return max(.zero, min(delay, maximumDelay))
    }
}
