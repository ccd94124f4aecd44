import Logging
import Metrics
import SwitchboardCore
import SwitchboardMessaging

extension CellContextManager {
    /// Runs a connection until it is closed or lost.
    func run(_ connection: CellConnection) async {
        do {
            let reason = try await connection.run()
            table.withLock { $0.end(connection, error: nil, pause: .zero, now: .now) }
            connection.health.closed(reason)
        } catch {
            table.withLock { $0.end(connection, error: error, pause: configuration.refusalPause, now: .now) }
            logger.warning(
                "Cell connection lost",
                metadata: [
                    "line.digest": "\(connection.digest)", "cell": "\(connection.messageQueue.name)",
                    "error": "\(error)",
                ])
            connection.health.closed(.lost)
        }
    }

    /// Closes what is to be closed, and tells of what drains.
    func end(_ leftovers: CellConnectionPool.Leftovers) {
        for connection in leftovers.draining { connection.health.drains() }
        for connection in leftovers.closing { connection.close(.drained) }
        leftovers.displaced?.close(.room)
    }

    /// Expires idle connections, and asks the directory now and then whether the mappings of the cells in use have
    /// changed.
    func keepUp() async {
        var version: DirectoryVersion?
        var outage: (since: ContinuousClock.Instant, nextLog: ContinuousClock.Instant)?
        while !Task.isCancelled {
            try? await Task.sleep(for: max(configuration.refreshInterval, CellConnectionConfiguration.leastInterval))
            guard !Task.isCancelled else { return }
            tick()
            do {
                let current = try await directory.version()
                let isDoubtful = table.withLock { $0.takeDoubt() }
                if isDoubtful || current != version { try await refresh() }
                version = current
                if let over = outage {
                    logger.notice(
                        "Cell mappings can be read again", metadata: ["outage": "\(over.since.duration(to: .now))"])
                    outage = nil
                }
            } catch {
                // Whatever was to be looked at has not been.
                version = nil
                let now = ContinuousClock.now
                if let outage, now < outage.nextLog { continue }
                logger.warning("Cell mappings cannot be read", metadata: ["error": "\(error)"])
                outage = (outage?.since ?? now, now + Self.outageLogInterval)
            }
        }
    }

    /// How often the log says that the directory cannot be read, while it cannot.
    private static var outageLogInterval: Duration { .seconds(60) }

    private func tick() {
        let now = ContinuousClock.now
        let (expired, entries) = table.withLock { table in (table.tick(now: now), Array(table.entries.values)) }
        for (connection, reason) in expired { connection.close(reason) }
        var counts = ["answering": 0, "silent": 0, "draining": 0]
        for entry in entries {
            entry.connection.health.check(configuration.disconnectionLimit, now: now)
            let state = entry.isDraining ? "draining" : entry.connection.health.silence == nil ? "answering" : "silent"
            counts[state, default: 0] += 1
        }
        for (state, count) in counts {
            Gauge(label: "switchboard.cells.lines", dimensions: [("state", state)], factory: telemetry.metrics)
                .record(count)
        }
    }

    /// Looks at the mappings of the cells in use; connections of those that changed drain. One that cannot be read or
    /// used holds up no other.
    private func refresh() async throws(CellError) {
        let known = table.withLock { $0.cells }
        guard !known.isEmpty else { return }
        let listing = try await directory.cells()
        let current = Dictionary(listing.cells.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (id, resolution) in known {
            guard let cell = current[id] else {
                // One that was made by hand is in no directory.
                if resolution.isListed { await lookAgain(for: id, resolution) }
                continue
            }
            if cell.isDisabled {
                if resolution.standing != .disabled || resolution.connectionID != nil {
                    end(table.withLock { $0.retire(id, .disabled) })
                }
                continue
            }
            let isKnown = resolution.stored == cell.transportURL && resolution.name == cell.name
            if isKnown, resolution.standing == .inUse, resolution.isListed { continue }
            // Once more, by itself: look-ups may have brought a newer one while the listing was read.
            await lookAgain(for: id, resolution)
        }
    }

    /// Reads a cell's mapping, and takes note of what has become of it. A cell that is not in the listing is deleted,
    /// or its row cannot be read.
    private func lookAgain(for id: CellID, _ known: CellConnectionPool.Resolution) async {
        do throws(CellError) {
            let latest = try await directory.cell(id)
            guard !latest.isDisabled else { return }
            do throws(CellError) {
                try resolve(latest, isFresh: true)
            } catch {
                warn(of: error)
                end(table.withLock { $0.fail(latest, error) })
            }
        } catch {
            switch error.code {
            case .unknownCell: end(table.withLock { $0.retire(id, .deleted) })
            case .directoryInvalid:
                // Said once, not with each change to the directory.
                if known.fault == nil { warn(of: error) }
                end(table.withLock { $0.fail(id, error) })
            default:
                warn(of: error)
                table.withLock { $0.doubt() }
            }
        }
    }

    private func warn(of error: CellError) {
        logger.warning("Cell mapping cannot be used", metadata: ["error": "\(error)"])
    }
}
