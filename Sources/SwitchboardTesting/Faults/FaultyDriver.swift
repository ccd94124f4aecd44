public import SwitchboardCore

/// Any driver, with the faults of a plan: for tests of what stands on a driver, and of the laws.
///
/// Its connections can be lost although those of the driver below can't: what was unsettled then goes back and comes
/// again, publishes wait for the next connection, deliveries of the lost one can't be settled any more. What ends with
/// its subscription in the driver below (a fanout's copy, a mailbox) is absent during the outage.
public final class FaultyDriver: TransportDriver {
    /// Those of the driver below, and `reconnects`; without `ordered` if the plan brings disorder.
    public var capabilities: DriverCapabilities {
        let capabilities = base.capabilities.union(.reconnects)
        return plan.breaksOrder ? capabilities.subtracting(.ordered) : capabilities
    }

    public var roles: [ConnectionRole] { base.roles }
    public var backoff: ReconnectBackoff { base.backoff }
    public var messagingSystem: String? { base.messagingSystem }
    public var taskExecutor: (any TaskExecutor)? { base.taskExecutor }

    public let plan: FaultPlan

    private struct State {
        var publishes = 0
        var deliveries = 0
        var events: [FaultEvent] = []
        var connections: [ConnectionRole: FaultyConnection] = [:]
        /// How long those stay away that were cut.
        var outages: [ConnectionRole: Duration] = [:]
    }

    private let base: any TransportDriver
    private let clock: any Clock<Duration>
    private let state = Locked(State())
    /// What is to be done later, by the task of the transport that is there for it.
    private let work: AsyncStream<@Sendable () async -> Void>
    private let workSource: AsyncStream<@Sendable () async -> Void>.Continuation

    /// Creates a driver that disturbs another one.
    ///
    /// - Parameters:
    ///   - base: the driver to disturb.
    ///   - plan: the faults.
    ///   - clock: measures delays and outages. Callers' deadlines always use real time.
    public init(
        _ base: any TransportDriver, plan: FaultPlan = FaultPlan(), clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.base = base
        self.plan = plan
        self.clock = clock
        (work, workSource) = AsyncStream.makeStream()
    }

    public func makeMailbox() -> Mailbox { base.makeMailbox() }

    public func runInBackground() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.base.runInBackground() }
            for await job in work { group.addTask { await job() } }
        }
    }

    /// Does a thing on a task of its own, after a time on the clock of the faults.
    func later(after duration: Duration = .zero, _ body: @escaping @Sendable () -> Void) {
        workSource.yield { [clock] in
            if duration > .zero { try? await clock.sleep(for: duration) }
            if !Task.isCancelled { body() }
        }
    }

    // MARK: Connections

    public func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        if let outage = state.withLock({ $0.outages.removeValue(forKey: role) }) {
            try? await clock.sleep(for: outage)
            if Task.isCancelled { throw ConnectionFailure("the transport was closed during an outage by plan") }
        }
        let life = FaultyLife(signals)
        let below = try await base.connect(role, signals: ConnectionSignals { life.passed($0) })
        let connection = FaultyConnection(below, life, self)
        state.withLock { $0.connections[role] = connection }
        return connection
    }

    /// The connection is closed.
    func left(_ connection: FaultyConnection) {
        state.withLock { state in
            for (role, present) in state.connections where present === connection { state.connections[role] = nil }
        }
    }

    /// Cuts the connection now; a new one comes after `outage`. Nothing happens if it is cut already.
    public func dropConnection(outage: Duration = .zero) {
        dropConnection(outage: outage, reason: "the connection was cut by plan")
    }

    package func dropConnection(outage: Duration, reason: String) {
        let cut = state.withLock { state in
            for role in state.connections.keys { state.outages[role] = outage }
            defer { state.connections = [:] }
            return Array(state.connections.values)
        }
        for connection in cut { connection.lose(reason) }
    }

    /// Lets nothing move from now on, without an error; after `duration` the connection is found to be lost.
    public func halfOpen(for duration: Duration) {
        for connection in state.withLock({ Array($0.connections.values) }) where connection.stall() {
            later(after: duration) {
                self.left(connection)
                connection.lose("nothing came from a connection that is half-open by plan")
            }
        }
    }

    // MARK: The plan

    /// The faults that have happened, in the order of their numbers: publishes, then deliveries.
    public var events: [FaultEvent] {
        state.withLock { $0.events }.sorted { $0.rank < $1.rank }
    }

    func nextPublishFault() -> FaultPlan.PublishFault? {
        state.withLock { state in
            state.publishes += 1
            guard let fault = plan.fault(ofPublish: state.publishes) else { return nil }
            state.events.append(.publish(number: state.publishes, fault))
            return fault
        }
    }

    func nextDeliveryFault() -> FaultPlan.DeliveryFault? {
        state.withLock { state in
            state.deliveries += 1
            guard let fault = plan.fault(ofDelivery: state.deliveries) else { return nil }
            state.events.append(.delivery(number: state.deliveries, fault))
            return fault
        }
    }
}

extension FaultEvent {
    fileprivate var rank: (Int, Int) {
        switch self {
        case .publish(let number, _): (0, number)
        case .delivery(let number, _): (1, number)
        }
    }
}

extension FaultPlan {
    fileprivate var breaksOrder: Bool {
        publishing.contains { if case .delay = $0.fault { true } else { false } }
            || delivering.contains { if case .reorder = $0.fault { true } else { false } }
    }
}
