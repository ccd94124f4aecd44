#if RabbitMQ
/// How long to wait before the next attempt: decorrelated jitter, so that a thousand clients that lost one broker do not
/// come back on one clock. No I/O, no clock.
struct Backoff: Sendable {
    private let first: Duration
    private let most: Duration
    private var last: Duration?

    init(first: Duration, most: Duration) {
        self.first = min(first, most)
        self.most = most
    }

    /// Somewhere between the first pause and three times the last one, at most the maximum.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let upper = min(most, (last ?? first) * 3)
        let span = max(0, (upper - first) / .microseconds(1))
        let pause = first + .microseconds(Int64(Double.random(in: 0...1, using: &generator) * span))
        last = pause
        return pause
    }

    /// A connection has lasted: the next loss begins anew.
    mutating func reset() {
        last = nil
    }
}

/// The hosts of a URL in turn, from a shuffled start, so that clients spread over a cluster.
struct HostRotation<Host: Sendable>: Sendable {
    private let hosts: [Host]
    private var index = 0

    /// `hosts` is not empty.
    init(_ hosts: [Host], using generator: inout some RandomNumberGenerator) {
        self.hosts = hosts.shuffled(using: &generator)
    }

    /// The next host, and whether it ends a round: a pause belongs between rounds, not between the hosts of one.
    mutating func next() -> (host: Host, endsRound: Bool) {
        let host = hosts[index]
        index = (index + 1) % hosts.count
        return (host, index == 0)
    }

    /// The next host of those that are wanted, one of which there is.
    mutating func next(where isWanted: (Host) -> Bool) -> (host: Host, endsRound: Bool) {
        var (host, endsRound) = next()
        while !isWanted(host) {
            let other = next()
            (host, endsRound) = (other.host, endsRound || other.endsRound)
        }
        return (host, endsRound)
    }
}
#endif
