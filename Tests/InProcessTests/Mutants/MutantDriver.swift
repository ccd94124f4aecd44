import SwitchboardInProcess
import SwitchboardTesting

@testable import SwitchboardCore

/// The in-process driver with a bug, or none.
final class MutantDriver: TransportDriver {
    private let base: InProcessDriver
    /// Waits for room where `base` doesn't.
    private let patient: InProcessDriver
    private let world: MutantWorld
    private let isConnected = Locked(false)

    init(_ world: MutantWorld, queueLimit: Int) throws {
        self.world = world
        let limit = world.mutation == .boundsIgnored ? 1_000_000 : queueLimit
        let url = try TransportURL("fake://laws?queue_limit=\(limit)")
        let isStrict: Bool =
            switch world.mutation {
            case .exhaustedAtOnce, .waitersForgotten, .cancelledWaitersStay: true
            default: false
            }
        base = try InProcessDriver(url, network: world.network, refusesOverflow: isStrict)
        patient = try InProcessDriver(url, network: world.network)
    }

    var capabilities: DriverCapabilities {
        switch world.mutation {
        case .unroutableUnclaimed: base.capabilities.subtracting(.detectsUnroutable)
        case .redeliveryUnclaimed: base.capabilities.subtracting(.redelivery)
        case .boundsUnclaimed: base.capabilities.subtracting(.boundedQueues)
        case .reconnectsClaimed: base.capabilities.union(.reconnects)
        case .claimsGrow where isConnected.withLock { $0 }: base.capabilities.union(.durable)
        default: base.capabilities
        }
    }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        if world.mutation == .connectingHangs {
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(1)) }
            throw ConnectionFailure("the attempt was cancelled")
        }
        let mutation = world.mutation
        let below = ConnectionSignals { signal in
            switch (mutation, signal) {
            case (.liveUnanswered, .live), (.endUnanswered, .ended): break
            default: signals.send(signal)
            }
        }
        let connection = MutantConnection(
            try await base.connect(role, signals: below), try await patient.connect(role, signals: below), world,
            signals)
        isConnected.withLock { $0 = true }
        return connection
    }
}

/// What the transports of one world share.
final class MutantWorld: Sendable {
    let mutation: Mutation?
    let network = InProcessNetwork()
    /// Of what the bugs publish by themselves: no caller waits for it.
    let stray = TransportCore(StandInDriver(), url: "stray", maximumWaiting: 1, clock: .real)
    private let published = Locked(0)
    private let subscribed = Locked<Set<Address>>([])

    init(_ mutation: Mutation?) {
        self.mutation = mutation
    }

    /// Whether this publish is one of those that the bug meets, of which there is one in so many.
    func isStruck(oneIn period: Int) -> Bool {
        published.withLock { published in
            published += 1
            return published % period == 0
        }
    }

    func noteSubscription(to address: Address) {
        subscribed.withLock { _ = $0.insert(address) }
    }

    /// Whether there has been a subscription.
    func knows(_ address: Address) -> Bool {
        subscribed.withLock { $0.contains(address) }
    }
}
