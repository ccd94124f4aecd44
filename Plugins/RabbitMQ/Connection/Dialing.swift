#if RabbitMQ
import SwitchboardCore

/// Which host the next connection of one role is made to. No I/O, no clock.
struct Dialing: Sendable {
    private let endpoints: [Endpoint]
    private var rotation: HostRotation<Endpoint>
    /// Logins that were refused since the last connection that was ready: hosts with other ones come first.
    private var refused: Set<Endpoint.Credentials> = []
    private var endsRound = false

    /// `endpoints` is not empty.
    init(_ endpoints: [Endpoint], using generator: inout some RandomNumberGenerator) {
        self.endpoints = endpoints
        rotation = HostRotation(endpoints, using: &generator)
    }

    mutating func next() -> Endpoint {
        let (endpoint, endsRound) = rotation.next { !refused.contains($0.credentials) }
        self.endsRound = endsRound
        return endpoint
    }

    /// The host that ``next()`` gave last has worked.
    mutating func succeeded() {
        refused.removeAll()
    }

    /// When to try again after an attempt at the host that ``next()`` gave last, or after the connection to it.
    ///
    /// - Parameter wasSettingUpNews: whether what was refused may have been wrong from the start, as it has never been there.
    mutating func retry(
        after loss: ConnectionLoss, at endpoint: Endpoint, wasReady: Bool, wasSettingUpNews: Bool
    ) -> ConnectionFailure.Retry {
        switch loss.refusal {
        case nil where wasReady: return .afterPause
        case nil: return endsRound ? .afterPause : .atOnce
        case .declaration: return wasSettingUpNews ? .never : .afterLongPause
        case .method: return .unlessFirst
        case .login:
            refused.insert(endpoint.credentials)
            if endpoints.contains(where: { !refused.contains($0.credentials) }) {
                return endsRound ? .afterPause : .atOnce
            }
            // All of them are: each has its turn again after the pause.
            refused.removeAll()
            return .unlessFirst
        }
    }
}
#endif
