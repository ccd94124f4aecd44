#if RabbitMQ
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
