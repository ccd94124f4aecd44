/// What follows the end of an attempt to connect, or of the connection that came of it. No I/O, no clock.
///
///                              ┌── lost after at least `goodLife`: a short pause
///                              ▼   │
///     ──▶ attempt ──ready──▶ good ─┴─▶ attempt …
///            │  ▲              └── lost sooner, or never ready: pauses that grow from `shortest` to `longest`
///            │  └── refused for now: pauses that double from half a second
///            └─────▶ end: refused for good
///
/// A connection that worked and was closed by its peer is no failed attempt, however often it happens. One that is closed
/// as soon as it is ready is: otherwise a peer that does so to everybody would have nothing else to do.
struct ReconnectPauses: Sendable {
    enum Step: Hashable, Sendable {
        case connect(after: Duration)
        case end
    }

    /// A connection that was ready for this long was a good one. Half of this is a connection every tenth of a second.
    static let goodLife = Duration.milliseconds(200)

    private let shortest: Duration
    private var losses: GrowingPause
    private var refusals = DoublingPause()

    init(_ backoff: ReconnectBackoff) {
        shortest = min(backoff.shortest, backoff.longest)
        losses = GrowingPause(first: shortest, longest: backoff.longest)
    }

    /// - Parameters:
    ///   - life: how long the connection was ready; `nil` if there was none.
    ///   - wasEverReady: whether one of the transport's connections has been ready.
    mutating func step(
        after retry: ConnectionFailure.Retry, life: Duration?, wasEverReady: Bool,
        using generator: inout some RandomNumberGenerator
    ) -> Step {
        switch retry {
        case .never: return .end
        case .unlessFirst where !wasEverReady: return .end
        case .unlessFirst, .afterLongPause: return .connect(after: refusals.next(using: &generator))
        case .atOnce: return .connect(after: .zero)
        case .afterPause:
            guard let life, life >= Self.goodLife else { return .connect(after: losses.next(using: &generator)) }
            losses.reset()
            refusals.reset()
            return .connect(after: shortest * Double.random(in: 0...1, using: &generator))
        }
    }
}

/// Pauses with decorrelated jitter, so that a thousand clients that lost one server don't come back on one clock.
package struct GrowingPause: Sendable {
    private let first: Duration
    private let longest: Duration
    private var last: Duration?

    package init(first: Duration, longest: Duration) {
        self.first = min(first, longest)
        self.longest = longest
    }

    /// Somewhere between the first pause and three times the last one, at most the longest.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let upper = min(longest, (last ?? first) * 3)
        let span = max(0, (upper - first) / .microseconds(1))
        let pause = first + .microseconds(Int64(Double.random(in: 0...1, using: &generator) * span))
        last = pause
        return pause
    }

    /// It has worked: the next pause is a short one.
    package mutating func reset() {
        last = nil
    }
}

/// Pauses before something is asked again that was refused: about twice as long each time, from half a second to half a
/// minute by default. So a mended cause is noticed within the time that mending took, and no account is hammered.
package struct DoublingPause: Sendable {
    package static let first = Duration.milliseconds(500)
    private let longest: Duration
    private var count = 0

    package init(longest: Duration = .seconds(30)) {
        self.longest = longest
    }

    /// Between half of the pause and all of it, so that many who were refused together don't come together.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let full = min(longest, Self.first * (1 << min(count, 10)))
        count += 1
        return full * Double.random(in: 0.5...1, using: &generator)
    }

    /// It was accepted: the next refusal starts with the shortest pause again.
    package mutating func reset() {
        count = 0
    }
}
