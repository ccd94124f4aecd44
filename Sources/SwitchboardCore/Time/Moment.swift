/// A moment of the continuous clock, for what is copied and compared often.
///
/// `ContinuousClock.Instant` is a type of another library, whose size and copying are looked up at run time, also for every
/// structure and enumeration that holds one. This one has the same moments, and is two numbers.
package struct Moment: Hashable, Comparable, Sendable {
    private static let origin = ContinuousClock.now

    private let sinceOrigin: Duration

    package init(_ instant: ContinuousClock.Instant) {
        sinceOrigin = Self.origin.duration(to: instant)
    }

    package var instant: ContinuousClock.Instant { Self.origin + sinceOrigin }

    /// The moment of the call.
    package static var now: Moment { Moment(.now) }

    package static func < (one: Moment, other: Moment) -> Bool { one.sinceOrigin < other.sinceOrigin }
}
