import SwitchboardCore
public import SwitchboardMessaging

extension CellContextManager {
    /// How the connections to the cells stand, one component for each that cells are mapped to. Waits for nothing.
    ///
    /// A cell whose queue doesn't answer is `deaf`, or whatever its connection is, and one whose queue refuses us or
    /// whose mapping can't be used is `closed`. The manager as a whole is then `degraded` while another cell works.
    /// Cells that no context was aimed at have no connection yet, and aren't listed.
    public var health: HealthCheck {
        let (isOver, entries, outages) = table.withLock {
            ($0.isOver, Array($0.entries.values), $0.outages(now: .now))
        }
        if isOver {
            return HealthCheck("cells", .closed, reason: "the manager of the cells' connections has ended")
        }
        var cells = entries.filter { !$0.isDraining }.map { $0.connection.cellHealth }
        cells += outages.map {
            HealthCheck($0.title, .closed, since: WireTimestamp($0.since), reason: "\($0.error)")
        }
        cells.sort { $0.name < $1.name }
        guard !cells.isEmpty else { return HealthCheck("cells", .ready, since: WireTimestamp(madeAt)) }
        return HealthCheck("cells", of: cells, toleratesFailures: true)
    }

    /// Sends a message through the queue of each cell in use to ourselves, and tells how the cells stand.
    ///
    /// - Parameter timeout: how long the messages may take, all at once.
    public func checkHealth(timeout: Duration = .seconds(5)) async -> HealthCheck {
        let connections = table.withLock { $0.entries.values.filter { !$0.isDraining }.map(\.connection) }
        await withDiscardingTaskGroup { group in
            for connection in connections {
                group.addTask { _ = await connection.messageQueue.checkHealth(timeout: timeout) }
            }
        }
        return health
    }
}

extension CellConnection {
    /// How the cell's queue stands: what probes of it say counts before what the connection says.
    fileprivate var cellHealth: HealthCheck {
        var check = messageQueue.health
        guard let silence = health.silence else { return check }
        if check.status == .ready {
            check.status = .deaf
            check.since = max(check.since, WireTimestamp(silence.since))
        }
        check.reason = check.reason ?? silence.reason
        return check
    }
}
