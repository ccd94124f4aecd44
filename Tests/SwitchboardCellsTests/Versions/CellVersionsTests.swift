import NovaCompute
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@Suite("Versions of cells", .timeLimit(.minutes(2)))
struct CellVersionsTests {
    private struct Down: Error {}

    private func directory() async throws -> InMemoryCellDirectory {
        try InMemoryCellDirectory(cells: [
            CellMapping(id: .cell0, name: "cell0", transportURL: "none:///"),
            CellMapping(id: Cloud.cell1, name: "cell1", transportURL: "fake://one"),
            CellMapping(id: Cloud.cell2, name: "cell2", transportURL: "fake://two"),
        ])
    }

    private func configuration() -> CellVersionsConfiguration {
        var configuration = CellVersionsConfiguration()
        configuration.retryInterval = .milliseconds(10)
        configuration.cellTimeout = .milliseconds(200)
        return configuration
    }

    @Test("Each cell has its own version; an old one holds back no other; cell0 is not asked")
    func ownVersions() async throws {
        let versions = CellVersions(directory: try await directory(), logger: quietLogger) { cell -> RPCVersion in
            #expect(!cell.isCell0)
            return cell.id == Cloud.cell1 ? "6.0" : "6.5"
        }
        try await versions.refresh()
        #expect(versions[Cloud.cell1] == "6.0")
        #expect(versions[Cloud.cell2] == "6.5")
        #expect(versions[.cell0] == nil)
    }

    @Test("Nobody waits for a dead cell: unknown is an answer, and what it said before counts (Nova's bug 1815697)")
    func deadCell() async throws {
        let trap = Trap()
        defer { trap.open() }
        let isDown = Locked(true)
        let versions = CellVersions(
            directory: try await directory(), configuration: configuration(), logger: quietLogger
        ) { cell -> RPCVersion in
            if cell.id == Cloud.cell1, isDown.withLock({ $0 }) { await trap.hold() }
            return "6.2"
        }
        let run = Task { try await versions.run() }
        defer { run.cancel() }
        try await waitUntil { versions[Cloud.cell2] == "6.2" }
        #expect(versions[Cloud.cell1] == nil)
        try await waitUntil { versions.known[Cloud.cell1]?.lastError != nil }
        isDown.withLock { $0 = false }
        trap.open()
        // It was asked for, so it is looked at again without waiting for the interval of a minute.
        try await waitUntil { versions[Cloud.cell1] == "6.2" }
        isDown.withLock { $0 = true }
        #expect(versions[Cloud.cell1] == "6.2")
    }

    @Test("A cell that fails keeps its version, and one that is gone loses it")
    func refreshed() async throws {
        let directory = try await directory()
        let isBroken = Locked(false)
        let versions = CellVersions(directory: directory, logger: quietLogger) { _ -> RPCVersion in
            if isBroken.withLock({ $0 }) { throw Down() }
            return "6.1"
        }
        try await versions.refresh()
        isBroken.withLock { $0 = true }
        try await versions.refresh()
        #expect(versions[Cloud.cell1] == "6.1")
        #expect(versions.known[Cloud.cell1]?.lastError is Down)
        try await directory.deleteCell(Cloud.cell1, force: false)
        try await versions.refresh()
        #expect(versions[Cloud.cell1] == nil)
        #expect(versions[Cloud.cell2] == "6.1")
    }

    @Test("A look that is cancelled before a cell's turn comes leaves the cell to the next")
    func cancelled() async throws {
        let trap = Trap()
        defer { trap.open() }
        var configuration = CellVersionsConfiguration()
        configuration.maximumParallelism = 1
        let versions = CellVersions(
            directory: try await directory(), configuration: configuration, logger: quietLogger
        ) { cell -> RPCVersion in
            if cell.id == Cloud.cell1 { await trap.hold() }
            return "6.2"
        }
        let look = Task { try await versions.refresh() }
        try await waitUntil { trap.count == 1 }
        // Now cell2 waits for the place, or will in a moment; nothing tells.
        try await Task.sleep(for: .milliseconds(50))
        look.cancel()
        await #expect(throws: CancellationError.self) { try await look.value }
        trap.open()
        let end = ContinuousClock.now + .seconds(30)
        while versions[Cloud.cell2] == nil, .now < end { try await versions.refresh() }
        #expect(versions[Cloud.cell2] == "6.2")
    }

    @Test("A client is capped by the cell that its context is aimed at; Nova's compute API takes the same pins")
    func capped() async throws {
        try await Cloud.run { cloud in
            let versions = CellVersions(directory: cloud.directory, logger: quietLogger) { cell -> RPCVersion in
                cell.id == Cloud.cell1 ? "6.0" : "6.5"
            }
            let pins = CellVersions(directory: cloud.directory, logger: quietLogger) { cell in
                try ComputePin(oldestService: cell.id == Cloud.cell1 ? 56 : 74)
            }
            try await versions.refresh()
            try await pins.refresh()
            let compute = ComputeAPI(cloud.client) { pins[$0] ?? .newest }
            for (cell, version) in [(Cloud.cell1, RPCVersion("6.0")), (Cloud.cell2, "6.5")] {
                let mapping = try await cloud.directory.cell(cell)
                try await cloud.manager.withTargetCell(mapping, RequestContext()) { context in
                    #expect(context.mqConnection.cellID == cell)
                    #expect(versions.capped(cloud.client, for: context).versionCap == version)
                    let pin = try compute.pin(for: context)
                    #expect(pin.version == version)
                }
            }
            #expect(versions.capped(cloud.client, for: RequestContext(), unknown: "4.0").versionCap == "4.0")
        }
    }
}
