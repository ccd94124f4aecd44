import InMemoryLogging
import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

/// A directory of which one cell can be listed, and not be looked up; or which is away.
private struct PatchyDirectory: CellDirectory {
    let base: InMemoryCellDirectory
    let broken = Locked<CellID?>(nil)
    /// How often it was asked for its version since it is away.
    let absence = Locked<Int?>(nil)

    func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        if broken.withLock({ $0 }) == id { throw CellError(.directoryUnavailable, "It cannot be read for now.") }
        return try await base.cell(id)
    }

    func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        try await base.location(ofInstance: instanceUUID)
    }

    func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await base.location(ofHost: host)
    }

    func cells() async throws(CellError) -> CellListing {
        try await base.cells()
    }

    func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await base.cells(ofProject: projectID)
    }

    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        try await base.instanceMappings(matching: filter, after: token, limit: limit)
    }

    func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        try await base.hostMappings(in: cell, after: token, limit: limit)
    }

    func instanceCounts(
        ofProject projectID: String, user userID: String?
    ) async throws(CellError) -> InstanceCounts {
        try await base.instanceCounts(ofProject: projectID, user: userID)
    }

    func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try await base.usage(of: cell)
    }

    func version() async throws(CellError) -> DirectoryVersion {
        let isAway = absence.withLock { asked in
            asked = asked.map { $0 + 1 }
            return asked != nil
        }
        if isAway { throw CellError(.directoryUnavailable, "It is away.") }
        return try await base.version()
    }
}

@Suite("Mappings are followed cell by cell", .timeLimit(.minutes(2)))
struct FollowingTests {
    @Test("A mapping from before a move, which alone is used afterwards, is followed to where its cell is")
    func heldAlone() async throws {
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(20)
        try await Cloud.run(configuration: configuration) { cloud in
            let held = try await cloud.directory.cell(Cloud.cell1)
            try await cloud.update(Cloud.cell1, url: "fake://three")
            // Some refreshes, which know of no cell yet.
            try await Task.sleep(for: .milliseconds(200))
            try await waitUntil {
                try await cloud.manager.withTargetCell(held, RequestContext()) { try await cloud.whereItGoes($0) }
                    == "three"
            }
        }
    }

    @Test("A cell that cannot be looked up for now holds up no other, and is followed later")
    func patchy() async throws {
        let ids = (0..<8).map { _ in CellID.random() }
        let base = try InMemoryCellDirectory(
            cells: ids.map { CellMapping(id: $0, name: "\($0)", transportURL: URLTemplate("fake://old-\($0)")) })
        let directory = PatchyDirectory(base: base)
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(20)
        let manager = CellContextManager(
            directory: directory, drivers: DriverRegistry(.inProcess(network: InProcessNetwork())),
            configuration: configuration, logger: quietLogger)
        let run = Task { try await manager.run() }
        defer { run.cancel() }
        func host(_ cell: CellMapping) throws -> String? {
            let context = try manager.targeted(RequestContext(), at: cell)
            guard case .cell(let connection, _) = context.mqConnection else { return nil }
            return connection.transport.url.hosts.first?.name
        }
        let held = try await base.cells().cells
        for cell in held { _ = try host(cell) }
        directory.broken.withLock { $0 = ids[0] }
        for id in ids {
            let change = CellChange(transportURL: URLTemplate("fake://new-\(id)"))
            _ = try await base.updateCell(id, change)
        }
        for cell in held where cell.id != ids[0] {
            try await waitUntil { try host(cell) == "new-\(cell.id)" }
        }
        let before = try host(held[0])
        #expect(before == "old-\(ids[0])")
        directory.broken.withLock { $0 = nil }
        try await waitUntil { try host(held[0]) == "new-\(ids[0])" }
    }

    @Test("A directory that is away is logged once, and once when it is back")
    func away() async throws {
        let directory = PatchyDirectory(base: try InMemoryCellDirectory(cells: []))
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(5)
        let log = InMemoryLogHandler()
        let manager = CellContextManager(
            directory: directory, drivers: DriverRegistry(.inProcess(network: InProcessNetwork())),
            configuration: configuration, logger: Logger(label: "test") { _ in log })
        let run = Task { try await manager.run() }
        defer { run.cancel() }
        func count(_ level: Logger.Level, _ message: Logger.Message) -> Int {
            log.entries.count { $0.level == level && $0.message == message }
        }
        for outage in 1...2 {
            directory.absence.withLock { $0 = 0 }
            try await waitUntil { directory.absence.withLock { $0 ?? 0 } >= 5 }
            #expect(count(.warning, "Cell mappings cannot be read") == outage)
            directory.absence.withLock { $0 = nil }
            try await waitUntil { count(.notice, "Cell mappings can be read again") == outage }
        }
    }
}
