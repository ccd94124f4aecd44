#if MariaDB
    /// What is known of a server that can't be reached, and when to try again.
    ///
    ///     reachable ──failed──▶ out: again at once ──failed──▶ out: again after a pause ──failed──▶ … a longer pause
    ///         ▲                        │                              │
    ///         └───────connected────────┴──────────────────────────────┘
    struct Outage: Sendable {
        /// What a call that needs a connection has to do.
        enum Advice: Sendable {
            case connect
            /// Wait for the next attempt.
            case wait(until: ContinuousClock.Instant, MariaDBError)
            /// Don't wait: it is out for too long, or was never reached, or needs somebody to do something.
            case giveUp(MariaDBError)
        }

        private struct Failure: Sendable {
            var since: ContinuousClock.Instant
            var count: Int
            var nextAttempt: ContinuousClock.Instant
            var error: MariaDBError
        }

        /// An outage that is shorter is ridden out by the calls that fall into it.
        private let patience: Duration
        private var failure: Failure?
        private var wasConnected = false

        init(patience: Duration) {
            self.patience = patience
        }

        static let firstPause = Duration.milliseconds(50)
        static let longestPause = Duration.seconds(1)

        func advice(now: ContinuousClock.Instant) -> Advice {
            guard let failure, now < failure.nextAttempt else { return .connect }
            let isPatient = wasConnected && failure.error.mayPass && failure.since.duration(to: now) < patience
            return isPatient ? .wait(until: failure.nextAttempt, failure.error) : .giveUp(failure.error)
        }

        /// Takes note of a failed attempt. Returns whether it is the first one.
        ///
        /// - Parameter jitter: a random number from 0 to 1, so that many clients don't come back at the same moment.
        mutating func failed(_ error: MariaDBError, now: ContinuousClock.Instant, jitter: Double) -> Bool {
            let count = (failure?.count ?? 0) + 1
            var pause = Duration.zero
            if !error.mayPass {
                pause = Self.longestPause
            } else if count > 1 {
                pause = min(Self.firstPause * (1 << min(10, count - 2)), Self.longestPause) * (0.75 + 0.5 * jitter)
            }
            failure = Failure(since: failure?.since ?? now, count: count, nextAttempt: now + pause, error: error)
            return count == 1
        }

        /// Takes note of a connection. Returns how long there was none; `nil`: no attempt had failed.
        mutating func connected(now: ContinuousClock.Instant) -> Duration? {
            wasConnected = true
            defer { failure = nil }
            return failure?.since.duration(to: now)
        }
    }
#endif
