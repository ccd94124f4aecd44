#if RabbitMQ
/// What follows an attempt to connect, or the connection that came of it: the next attempt, at once or after a pause, or the
/// end. No I/O, no clock.
///
///                              ┌── lost after at least `goodLife`: a short pause
///                              ▼   │
///     ──▶ attempt ──ready──▶ good ─┴─▶ attempt …
///            │  ▲              └── lost sooner, or never ready: pauses that grow from `first` to `most`
///            │  └── refused, and the driver had a good connection before: pauses that double from half a second
///            └─────▶ end: refused before any connection was good, or over something that was never there
///
/// A connection that worked and was closed by the broker is no failed attempt, however often it happens. One that is closed as
/// soon as it is ready is: else a broker that does so to everybody would have nothing else to do.
struct Reconnecting: Sendable {
    enum Outcome: Hashable, Sendable {
        /// It never became ready.
        case failed
        /// It was ready for so long.
        case served(Duration)
        /// The broker refused the login, and other hosts have other ones.
        case passedOver
        /// The broker refused it, and once had not: that may pass.
        case refusedForNow
        /// The broker refused it, and trying again would not help.
        case refusedForGood
    }

    enum Step: Hashable, Sendable {
        case connect(after: Duration)
        case end
    }

    /// A ready connection that lasted this long was a good one. Half of this is a connection every tenth of a second.
    static let goodLife = Duration.milliseconds(200)

    private let first: Duration
    private var losses: Backoff
    private var refusals = RefusalPauses()

    /// - Parameters:
    ///   - first: the longest pause after a good connection, and the shortest after a failed attempt.
    ///   - most: the longest pause after failed attempts.
    init(first: Duration, most: Duration) {
        self.first = min(first, most)
        losses = Backoff(first: first, most: most)
    }

    /// - Parameter endsRound: whether each host had its turn: a pause belongs between rounds, not between hosts of one.
    mutating func step(
        after outcome: Outcome, endsRound: Bool, using generator: inout some RandomNumberGenerator
    ) -> Step {
        switch outcome {
        case .served(let time) where time >= Self.goodLife:
            losses.reset()
            refusals.reset()
            return .connect(after: first * Double.random(in: 0...1, using: &generator))
        case .served: return .connect(after: losses.next(using: &generator))
        case .failed, .passedOver: return .connect(after: endsRound ? losses.next(using: &generator) : .zero)
        case .refusedForNow: return .connect(after: refusals.next(using: &generator))
        case .refusedForGood: return .end
        }
    }
}

/// How long to wait before something is asked again that the broker has refused: about twice as long each time, from half a
/// second to half a minute by default. So what is put right is noticed within the time that it took, and no account is hammered.
struct RefusalPauses: Sendable {
    static let first = Duration.milliseconds(500)
    private let most: Duration
    private var count = 0

    init(most: Duration = .seconds(30)) {
        self.most = most
    }

    /// Between half of the pause and all of it, so that many who were refused together do not come together.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let full = min(most, Self.first * (1 << min(count, 10)))
        count += 1
        return full * Double.random(in: 0.5...1, using: &generator)
    }

    /// It was accepted: the next refusal starts with the shortest pause again.
    mutating func reset() {
        count = 0
    }
}
#endif
