/// How often a client tries a request that was certainly not sent (``RPCError/Code/unavailable``), always within the
/// request's timeout. A request that may have been sent is never repeated by this policy.
///
/// The pauses double from the first to the longest. Each is shortened at random by up to half, so that many clients
/// don't retry at the same moment.
public struct RPCRetryPolicy: Sendable, Hashable {
    /// The maximum number of attempts, including the first; at least 1.
    public var attempts: Int
    public var firstPause: Duration
    public var longestPause: Duration

    public init(
        attempts: Int = 5, firstPause: Duration = .milliseconds(50), longestPause: Duration = .seconds(2)
    ) {
        precondition(attempts >= 1, "A request is tried at least once, not \(attempts) times.")
        self.attempts = attempts
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// One attempt only.
    public static let never = RPCRetryPolicy(attempts: 1)

    /// The pause after so many attempts.
    func pause(after attempt: Int) -> Duration {
        var full = max(.zero, firstPause)
        // Doubled no further than needed: what a program takes for a very long pause would overflow.
        for _ in 1..<max(1, min(attempt, 64)) where full < longestPause { full *= 2 }
        full = max(.zero, min(full, longestPause))
        return full * Double.random(in: 0.5...1)
    }
}
