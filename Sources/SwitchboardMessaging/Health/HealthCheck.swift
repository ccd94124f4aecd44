/// How something stands, and since when: a value to serve over HTTP, to print, or to compare.
///
/// ``MessageQueueConnection/health``, ``RPCServer/health``, ``NotificationListener/health`` and
/// `CellContextManager.health` tell what is known and wait for nothing. ``MessageQueueConnection/checkHealth(timeout:)`` and
/// its like send a message to themselves first, which is how they notice that a connection looks alive and is deaf.
///
///     let health = HealthCheck("compute", of: [await queue.checkHealth(), await server.checkHealth()])
///     respond(health.isReady ? 200 : 503, try JSONEncoder().encode(health))
///
/// As JSON it has the keys `name`, `status`, `ready`, `since` (ISO 8601, UTC), `reason` where there is one and `components`
/// where there are some. No text in it holds a secret.
public struct HealthCheck: Sendable, Hashable {
    /// How something stands. From ``ready`` on, each is worse than the one before.
    public enum Status: String, Sendable, Hashable, CaseIterable, Codable {
        /// It works.
        case ready
        /// It works, and some of its parts don't.
        case degraded
        /// It takes nothing new and finishes what it has begun.
        case stopping
        /// It has not begun to work yet.
        case starting
        /// It is on the way to a connection, the first one or the next one.
        case connecting
        /// It is connected, and the broker takes no messages for now.
        case blocked
        /// It is connected, and what is sent does not arrive.
        case deaf
        /// It has ended.
        case closed
    }

    /// What it is about: a connection's, a server's or a cell's name.
    public var name: String

    public var status: Status

    /// When it came into this status, to about a millisecond.
    public var since: WireTimestamp

    /// Why it isn't ready: one sentence or clause for people.
    public var reason: String?

    /// What it is made of.
    public var components: [HealthCheck]

    /// Whether it does its work: ``Status/ready`` or ``Status/degraded``.
    public var isReady: Bool { status == .ready || status == .degraded }

    /// For how long it has been in this status.
    public var age: Duration {
        .microseconds(max(0, WireTimestamp.now().microseconds - since.microseconds))
    }

    public init(
        _ name: String, _ status: Status, since: WireTimestamp = .now(), reason: String? = nil,
        components: [HealthCheck] = []
    ) {
        self.name = name
        self.status = status
        self.since = since
        self.reason = reason
        self.components = components
    }

    /// Creates the check of something that is made of others. It stands as the worst of them does. With
    /// `toleratesFailures`, it works as long as one of them does, and is ``Status/degraded`` when some don't.
    public init(_ name: String, of components: [HealthCheck], toleratesFailures: Bool = false) {
        let worst = components.max { ($0.status.rank, $1.since) < ($1.status.rank, $0.since) }
        self.init(
            name, worst?.status ?? .ready, since: worst?.since ?? .now(),
            reason: worst.flatMap { worst in worst.reason.map { "\(worst.name): \($0)" } }, components: components)
        if let worst, worst.status == .ready {
            // Ready since the last of them was.
            since = components.map(\.since).max() ?? worst.since
        }
        if toleratesFailures, !isReady, components.contains(where: \.isReady) { status = .degraded }
    }

    init(
        _ name: String, _ status: Status, at since: ContinuousClock.Instant, reason: String? = nil,
        components: [HealthCheck] = []
    ) {
        self.init(name, status, since: WireTimestamp(since), reason: reason, components: components)
    }
}

extension HealthCheck.Status {
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension WireTimestamp {
    /// The moment of an instant, by the clock of now; in whole milliseconds.
    package init(_ instant: ContinuousClock.Instant) {
        // Both clocks at one moment, as near as can be: the thread may be stopped between them.
        var best = (gap: Duration.seconds(Int64.max), elapsed: Duration.zero, now: WireTimestamp.now())
        for _ in 0..<10 where best.gap > .microseconds(100) {
            let before = ContinuousClock.now
            let now = WireTimestamp.now()
            let gap = before.duration(to: .now)
            if gap < best.gap { best = (gap, instant.duration(to: before), now) }
        }
        let milliseconds = Double(best.now.microseconds) / 1000 - best.elapsed / .milliseconds(1)
        self.init(microseconds: Int64(milliseconds.rounded()) * 1000)
    }
}

extension HealthCheck: Codable {
    private enum Key: String, CodingKey {
        case name, status, ready, since, reason, components
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let text = try container.decode(String.self, forKey: .since)
        guard let since = WireTimestamp(text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .since, in: container, debugDescription: "\"\(text)\" is not a time in ISO 8601.")
        }
        self.init(
            try container.decode(String.self, forKey: .name), try container.decode(Status.self, forKey: .status),
            since: since, reason: try container.decodeIfPresent(String.self, forKey: .reason),
            components: try container.decodeIfPresent([HealthCheck].self, forKey: .components) ?? [])
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try container.encode(status, forKey: .status)
        try container.encode(isReady, forKey: .ready)
        try container.encode("\(since)Z", forKey: .since)
        try container.encodeIfPresent(reason, forKey: .reason)
        if !components.isEmpty { try container.encode(components, forKey: .components) }
    }
}

extension HealthCheck: CustomStringConvertible {
    /// A line for itself, and one for each component, indented: `own: blocked since 2026-01-02T03:04:05.678000Z (low on memory)`.
    public var description: String {
        var lines = ["\(name): \(status.rawValue) since \(since)Z" + (reason.map { " (\($0))" } ?? "")]
        for component in components {
            lines += component.description.split(separator: "\n").map { "  \($0)" }
        }
        return lines.joined(separator: "\n")
    }
}
