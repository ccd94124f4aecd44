import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

/// Tasks that hang until the process ends. They are kept, so that they aren't leaks.
private let hung = Locked<[UnsafeContinuation<Void, Never>]>([])

/// A database that answers with a number, fails, or never answers.
private struct ScriptedDatabase: CellDatabase {
    enum Behavior: Sendable {
        case oldest(Int?)
        case gone
        case hanging
    }

    var behavior: Behavior

    func oldestServiceVersion(of binary: String) async throws(CellError) -> Int? {
        switch behavior {
        case .oldest(let version): return version
        case .gone: throw CellError(.directoryUnavailable, "The database is gone.")
        case .hanging:
            // Heeds no cancellation, as a driver that waits in the kernel.
            await withUnsafeContinuation { continuation in hung.withLock { $0.append(continuation) } }
            return nil
        }
    }

    func computeNodes(
        matching filter: ComputeNodeFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<ComputeNode> {
        _ = try await oldestServiceVersion(of: "")
        return Page([ComputeNode(id: 1, host: "h")], next: nil)
    }

    func setMapped(_ isMapped: Bool, ofComputeNodes ids: [Int64]) async throws(CellError) {}
    func unmapComputeNodes(ofHost host: String?) async throws(CellError) -> Int { 0 }

    func services(
        of binary: String?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<CellService> { Page([], next: nil) }

    func instances(after instanceUUID: String?, limit: Int) async throws(CellError) -> [CellInstance] { [] }
    func instance(_ instanceUUID: String) async throws(CellError) -> CellInstance? { nil }
    func instanceCount(onHost host: String?, includesDeleted: Bool) async throws(CellError) -> Int { 0 }
}

@Suite("Versions and hosts from cells' databases", .timeLimit(.minutes(2)))
struct CellVersionsOfDatabasesTests {
    private let registry = DatabaseRegistry(
        DatabasePlugin(
            schemes: "scripted",
            openDirectory: { _, _ throws(CellError) in throw CellError(.unsupported, "There are no such directories.")
            },
            openCellDatabase: { url, _, _ throws(CellError) in
                let text = url.reveal()
                if text.hasSuffix("hanging") { return ScriptedDatabase(behavior: .hanging) }
                if text.hasSuffix("gone") { return ScriptedDatabase(behavior: .gone) }
                return ScriptedDatabase(behavior: .oldest(Int(text.suffix(2))))
            }))

    private func directory(_ databases: String...) async throws -> (InMemoryCellDirectory, [CellMapping]) {
        let directory = InMemoryCellDirectory()
        var cells: [CellMapping] = []
        for (number, database) in databases.enumerated() {
            cells.append(
                try await directory.createCell(
                    CellMapping(
                        id: .random(), name: database, transportURL: URLTemplate("fake://\(number)"),
                        databaseConnection: database == "none" ? nil : URLTemplate("{scheme}://h/\(database)"))))
        }
        return (directory, cells)
    }

    private let base = BaseURLs(databaseConnection: "scripted://h/x")

    @Test("A database that is gone or hangs costs its own deadline and nobody else's")
    func deadlines() async throws {
        let (directory, cells) = try await directory("61", "gone", "hanging", "66", "none", "xx")
        var configuration = CellVersionsConfiguration()
        configuration.cellTimeout = .milliseconds(300)
        let versions = CellVersions(
            directory: directory, databases: registry, base: base, configuration: configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { RPCVersion(6, $0) }
        let start = ContinuousClock.now
        try await versions.refresh()
        #expect(start.duration(to: .now) < .seconds(20))
        #expect(versions[cells[0].id] == RPCVersion(6, 61))
        #expect(versions[cells[3].id] == RPCVersion(6, 66))
        #expect(versions[cells[5].id] == RPCVersion(6, 0))
        for cell in [cells[1], cells[2], cells[4]] {
            #expect(versions[cell.id] == nil)
            #expect(versions.known[cell.id]?.lastError is CellError)
        }
    }

    @Test("Discovery leaves a database that hangs behind and maps the other cells' hosts")
    func hanging() async throws {
        let (directory, cells) = try await directory("hanging", "61", "gone")
        var configuration = HostDiscovery.Configuration()
        configuration.pageTimeout = .milliseconds(300)
        configuration.maximumParallelism = 1
        let discovery = HostDiscovery(into: directory, configuration: configuration) {
            [registry, base] cell throws(CellError) in
            try registry.openCellDatabase(of: cell, base: base)
        }
        let results = await discovery.run(in: cells)
        #expect((results[0].outcome.error as? CellError)?.cell?.name == "hanging")
        #expect(results[1].outcome.value?.added == 1)
        #expect((results[2].outcome.error as? CellError)?.code == .directoryUnavailable)
        #expect(try await directory.location(ofHost: "h").cell.id == cells[1].id)
    }

    @Test("A directory without markers of its own maps all instances, and refuses a maximum")
    func markers() async throws {
        let (directory, cells) = try await directory("61")
        let plain = PlainDirectory(directory)
        let discovery = InstanceDiscovery(into: plain, of: cells[0], from: ScriptedDatabase(behavior: .gone))
        #expect(try await discovery.run().isComplete)
        let error = await #expect(throws: CellError.self) { try await discovery.run(maximum: 1) }
        #expect(error?.code == .unsupported)
        #expect(try await plain.addHosts(["a", "a", "b"], to: cells[0].id).added == ["a", "b"])
        #expect(try await plain.addHosts(["b", "c"], to: cells[0].id) == AddedHosts(added: ["c"]))
        let mapping = InstanceMapping(
            instanceUUID: "10000000-0000-4000-8000-000000000001", cell: nil, projectID: "p")
        #expect(try await plain.addInstances([mapping], to: cells[0].id, marker: nil) == AddedInstances(added: 1))
        #expect(try await plain.addInstances([mapping], to: cells[0].id, marker: nil) == AddedInstances(unchanged: 1))
    }
}
