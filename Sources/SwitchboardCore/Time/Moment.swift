/// A moment of the continuous clock, for what is copied and compared often.
///
/// `ContinuousClock.Instant` is a type of another library, whose size and copying are looked up at run time, also for every
/// structure and enumeration that holds one, and an asynchronous function takes memory for each of them apart. This one has
/// the same moments, and is two numbers.
package struct Moment: Hashable, Comparable, Sendable {
    private static let origin = ContinuousClock.now

    private let sinceOrigin: Duration

    package init(_ instant: ContinuousClock.Instant) {
        sinceOrigin = Self.origin.duration(to: instant)
    }

    private init(sinceOrigin: Duration) {
        self.sinceOrigin = sinceOrigin
    }

    package var instant: ContinuousClock.Instant { Self.origin + sinceOrigin }

    /// The moment of the call.
    package static var now: Moment { Moment(.now) }

    package func duration(to other: Moment) -> Duration { other.sinceOrigin - sinceOrigin }

    package static func < (one: Moment, other: Moment) -> Bool { one.sinceOrigin < other.sinceOrigin }

    package static func + (moment: Moment, time: Duration) -> Moment {
        Moment(sinceOrigin: moment.sinceOrigin + time)
    }

    package static func - (moment: Moment, time: Duration) -> Moment {
        Moment(sinceOrigin: moment.sinceOrigin - time)
    }
}
