#if RabbitMQ
/// Which host a connection tries next, and when. No I/O, no clock.
struct Dialing: Sendable {
    /// How one attempt went, from its beginning to the end of the connection that came of it.
    struct Attempt: Sendable {
        var loss: ConnectionLoss
        /// How long the connection was ready; `nil`: it never was.
        var ready: Duration?
        /// How long all of it took.
        var lasted: Duration
        /// Whether what was refused may have been wrong from the start, as it has never been there.
        var isNews: Bool
    }

    /// A connection that lasted this long was a good one, even if something on it could not be set up.
    private static let stableAfter = Duration.seconds(5)

    private let endpoints: [Endpoint]
    private var rotation: HostRotation<Endpoint>
    private var reconnecting: Reconnecting
    /// Logins that were refused since the last connection that was ready: hosts with other ones come first.
    private var refused: Set<Endpoint.Credentials> = []
    private var endsRound = false

    /// `endpoints` is not empty.
    init(
        _ endpoints: [Endpoint], first: Duration, most: Duration, using generator: inout some RandomNumberGenerator
    ) {
        self.endpoints = endpoints
        rotation = HostRotation(endpoints, using: &generator)
        reconnecting = Reconnecting(first: first, most: most)
    }

    mutating func next() -> Endpoint {
        let (endpoint, endsRound) = rotation.next { !refused.contains($0.credentials) }
        self.endsRound = endsRound
        return endpoint
    }

    /// What the attempt at the host that ``next()`` gave last was.
    mutating func outcome(of attempt: Attempt, at endpoint: Endpoint) -> Reconnecting.Outcome {
        if attempt.ready != nil { refused.removeAll() }
        if attempt.loss.isRefusal {
            if attempt.loss.isAboutLogin {
                refused.insert(endpoint.credentials)
                if endpoints.contains(where: { !refused.contains($0.credentials) }) { return .passedOver }
                // All of them are: each has its turn again after the pause.
                refused.removeAll()
            }
            return attempt.isNews ? .refusedForGood : .refusedForNow
        }
        if let ready = attempt.ready { return .served(ready) }
        return attempt.lasted > Self.stableAfter ? .served(attempt.lasted) : .failed
    }

    mutating func step(
        after outcome: Reconnecting.Outcome, using generator: inout some RandomNumberGenerator
    ) -> Reconnecting.Step {
        reconnecting.step(after: outcome, endsRound: endsRound, using: &generator)
    }
}
#endif
