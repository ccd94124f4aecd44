/// The time of a transport: the real one, or one that tests turn.
package struct TransportClock: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private struct Custom: Sendable {
        var now: @Sendable () -> Instant
        var sleep: @Sendable (Instant) async throws -> Void
    }

    private let custom: Custom?

    package static let real = TransportClock()

    private init() { custom = nil }

    package init(
        now: @escaping @Sendable () -> Instant, sleep: @escaping @Sendable (Instant) async throws -> Void
    ) {
        custom = Custom(now: now, sleep: sleep)
    }

    @inline(__always)
    func now() -> Moment {
        guard let custom else { return .now }
        return Moment(custom.now())
    }

    func sleep(until moment: Moment) async throws {
        guard let custom else { return try await Task.sleep(until: moment.instant, clock: .continuous) }
        try await custom.sleep(moment.instant)
    }
}
