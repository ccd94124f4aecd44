public import SwitchboardCore

/// Any driver, with the faults of a plan: for tests of what stands on a driver, and of the laws.
///
/// It pretends to have a connection that can be lost: what was unsettled then goes back and comes again, publishes wait
/// for the next connection, deliveries of the lost one cannot be settled any more. What dies with its subscription in the
/// driver below (a fanout's copy, a mailbox) is absent during the outage.
public final class FaultyDriver: TransportDriver {
    public let monitor = TransportMonitor()

    /// Those of the driver below, and `reconnects`; without `ordered` when the plan brings disorder.
    public var capabilities: DriverCapabilities {
        let capabilities = base.capabilities.union(.reconnects)
        return plan.breaksOrder ? capabilities.subtracting(.ordered) : capabilities
    }

    public var messagingSystem: String? { base.messagingSystem }

    public let plan: FaultPlan

    private struct Counts {
        var publishes = 0
        var deliveries = 0
        var events: [FaultEvent] = []
    }

    private enum Outage: Sendable {
        case down(Duration)
        case halfOpen(Duration)
    }

    let base: any TransportDriver
    let line = FaultyLine()
    let clock: any Clock<Duration>
    private let admission: @Sendable () async throws -> Void
    private let counts = Locked(Counts())
    private let outages: AsyncStream<Outage>
    private let outageSource: AsyncStream<Outage>.Continuation

    /// Creates a driver that disturbs another one.
    ///
    /// - Parameters:
    ///   - base: the driver to disturb.
    ///   - plan: the faults.
    ///   - clock: measures delays and outages. Callers' deadlines always use real time.
    public convenience init(
        _ base: any TransportDriver, plan: FaultPlan = FaultPlan(), clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.init(base, plan: plan, clock: clock, admission: {})
    }

    /// - Parameter admission: asked before a new connection takes the place of a lost one; an error ends `run()`.
    init(
        _ base: any TransportDriver, plan: FaultPlan, clock: any Clock<Duration>,
        admission: @escaping @Sendable () async throws -> Void
    ) {
        self.base = base
        self.plan = plan
        self.clock = clock
        self.admission = admission
        (outages, outageSource) = AsyncStream.makeStream(of: Outage.self)
    }

    /// The faults that have happened, in the order of their numbers: publishes, then deliveries.
    public var events: [FaultEvent] {
        counts.withLock { $0.events }.sorted { $0.rank < $1.rank }
    }

    /// Cuts the connection now; a new one comes after `outage`. Nothing happens when it is cut already.
    public func dropConnection(outage: Duration = .zero) {
        dropConnection(outage: outage, reason: "the connection was cut by plan")
    }

    func dropConnection(outage: Duration, reason: String) {
        guard line.change(from: .up, .halfOpen, to: .down) else { return }
        monitor.report(.connecting(attempt: 1, reason: reason))
        outageSource.yield(.down(outage))
    }

    /// Lets nothing move from now on, without an error; after `duration` the connection is found to be lost.
    public func halfOpen(for duration: Duration) {
        guard line.change(from: .up, to: .halfOpen) else { return }
        outageSource.yield(.halfOpen(duration))
    }

    public func run() async throws {
        defer {
            line.change(from: .up, .down, .halfOpen, to: .over)
            monitor.report(.closed(reason: nil))
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.base.run()
                return true
            }
            group.addTask {
                for await state in self.base.monitor.states() where self.line.condition != .down {
                    if case .closed = state { break }
                    self.monitor.report(state)
                }
                return false
            }
            group.addTask {
                for await outage in self.outages { try await self.sit(out: outage) }
                return false
            }
            defer { group.cancelAll() }
            do {
                while let isOver = try await group.next(), !isOver {}
            } catch is CancellationError {
                // Cancelled is how a driver ends.
            }
        }
    }

    private func sit(out outage: Outage) async throws {
        switch outage {
        case .halfOpen(let duration):
            try await clock.sleep(for: duration)
            dropConnection()
        case .down(let duration):
            try await clock.sleep(for: duration)
            try await admission()
            await line.waitUntilLeft()
            line.change(from: .down, to: .up)
            monitor.report(base.monitor.state)
        }
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        let fault = nextPublishFault()
        switch fault {
        case .refuse(let code):
            throw TransportError(code, "The publish to \(address) was refused by plan.")
        case .lose:
            throw TransportError(.indeterminate, "The publish to \(address) was lost by plan.")
        case .delay(let duration):
            try await wait(duration, address, options.deadline)
        case .dropConnection(let outage):
            dropConnection(outage: outage)
        case .halfOpen(let duration):
            halfOpen(for: duration)
        case .duplicate, .loseConfirmation, nil:
            break
        }
        try await waitForLine(address, options.deadline)
        try await base.publish(message, to: address, options: options)
        switch fault {
        case .duplicate:
            // The first one was taken, whatever becomes of the second.
            try? await base.publish(message, to: address, options: options)
        case .loseConfirmation:
            throw TransportError(.indeterminate, "The confirmation of a publish to \(address) was lost by plan.")
        default:
            break
        }
    }

    /// Waits on the fault clock, but never beyond the deadline.
    private func wait(
        _ duration: Duration, _ address: Address, _ deadline: ContinuousClock.Instant
    ) async throws(TransportError) {
        let isDone = await withTaskGroup(of: Bool.self) { group in
            group.addTask { [clock] in (try? await clock.sleep(for: duration)) != nil }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        if isDone { return }
        if Task.isCancelled {
            throw TransportError(
                .cancelled, "The task was cancelled while a publish to \(address) was delayed by plan.")
        }
        throw TransportError(.unavailable, "A publish to \(address) was delayed beyond its deadline by plan.")
    }

    private func waitForLine(_ address: Address, _ deadline: ContinuousClock.Instant) async throws(TransportError) {
        // A half-open connection swallows what is sent, and nobody knows until it is found to be lost.
        if line.condition == .halfOpen {
            let isFound = await line.wait(until: deadline) { condition, _ in condition != .halfOpen }
            if !isFound && Task.isCancelled {
                throw TransportError(
                    .indeterminate,
                    "The task was cancelled when a publish to \(address) was sent; the connection is half-open by plan."
                )
            }
            throw TransportError(
                .indeterminate,
                isFound
                    ? "The connection was lost after a publish to \(address) was sent."
                    : "A publish to \(address) was not confirmed until its deadline; the connection is half-open by plan."
            )
        }
        guard await line.wait(until: deadline, for: { condition, _ in condition != .down }) else {
            if Task.isCancelled {
                throw TransportError(.cancelled, "The task was cancelled while the connection was down.")
            }
            throw TransportError(
                .unavailable, "The connection was \(monitor.state) until the deadline of a publish to \(address).")
        }
    }

    public var taskExecutor: (any TaskExecutor)? {
        base.taskExecutor
    }

    public func makeMailbox() -> Mailbox {
        base.makeMailbox()
    }

    // MARK: The plan

    private func nextPublishFault() -> FaultPlan.PublishFault? {
        counts.withLock { counts in
            counts.publishes += 1
            guard let fault = plan.fault(ofPublish: counts.publishes) else { return nil }
            counts.events.append(.publish(number: counts.publishes, fault))
            return fault
        }
    }

    func nextDeliveryFault() -> FaultPlan.DeliveryFault? {
        counts.withLock { counts in
            counts.deliveries += 1
            guard let fault = plan.fault(ofDelivery: counts.deliveries) else { return nil }
            counts.events.append(.delivery(number: counts.deliveries, fault))
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
