import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite
import Testing

@Suite("A database that nova-manage made")
struct NovaSampleTests {
    static let p1 = "5c3a0f4f3b6b4f0f9d0d7c1d0a5f1a11"
    static let p2 = "7e2d1c5b9a8f4e6d8c7b6a5f4e3d2c1b"
    static let u1 = "0d6a9a7b1b524d7fa2e30cc5d7a50b22"
    static let base = BaseURLs(
        transportURL: "rabbit://apiuser:api-s3kret@rabbit-api.example:5672/nova_api?ssl=0",
        databaseConnection: "mysql+pymysql://nova:db-s3kret@db-api.example/nova_cell0?charset=utf8")
    static let cell1 = CellID("aec77cd5-6fe5-49e4-960d-04769343f6b8")!

    let scratch: Scratch
    let directory: SQLiteCellDirectory

    init() throws {
        scratch = try Scratch()
        directory = try SQLiteCellDirectory(scratch.novaSample())
    }

    @Test("All four cells are read in their order, with their flags and times")
    func cells() async throws {
        let listing = try await directory.cells()
        #expect(listing.defects.isEmpty)
        #expect(listing.cells.map(\.name) == ["cell0", "cell1", "cell2", "cell3-multihost"])
        #expect(listing.cells.map(\.isCell0) == [true, false, false, false])
        #expect(listing.cells.map(\.isDisabled) == [false, false, false, true])
        #expect(listing.cells.map(\.rowID) == [1, 2, 3, 4])
        #expect(listing.cells.first?.createdAt?.description == "2026-11-23 16:47:37.658485")
        #expect(listing.cells.first?.updatedAt == nil)
    }

    @Test("The cells' URLs mean what Nova makes of them")
    func urls() async throws {
        let cells = try await directory.cells().cells
        #expect(try cells[0].queue(base: Self.base) == .none)
        #expect(
            try cells[1].queue() == .url(TransportURL("rabbit://nova:c1-s3kret@rabbit-cell1.example:5672/nova_cell1")))
        #expect(
            try cells[2].queue(base: Self.base)
                == .url(TransportURL("rabbit://apiuser:api-s3kret@rabbit-cell2.example:5672/nova_cell2?ssl=0")))
        #expect(
            try cells[2].database(base: Self.base)?.reveal()
                == "mysql+pymysql://nova:db-s3kret@db-cell2.example/nova_cell2?charset=utf8")
        guard case .url(let several) = try cells[3].queue() else { throw CellError(.noQueue, "cell3") }
        #expect(several.hosts.map(\.name) == ["r1.example", "2001:db8::2"])
        #expect(several.hosts[1].password?.reveal() == "p@2")
    }

    @Test(
        "Each instance is found in its cell",
        arguments: [
            (1, "cell1"), (2, "cell1"), (3, "cell2"), (4, "cell2"), (5, "cell0"), (6, nil), (7, "cell1"),
            (8, "cell3-multihost"), (9, "cell1"),
        ])
    func locations(number: Int, cell: String?) async throws {
        let location = try await directory.location(ofInstance: instance(number))
        #expect(location.cell?.name == cell)
        #expect(location.mapping.cell == location.cell?.id)
        #expect(location.mapping.instanceUUID == instance(number))
        #expect(location.mapping.isQueuedForDelete == (number == 7))
        if cell == nil { #expect(location.mapping.placement == .notScheduled) }
    }

    @Test("NULL user and NULL flag are read")
    func nulls() async throws {
        let mapping = try await directory.location(ofInstance: instance(9)).mapping
        #expect(mapping.userID == nil)
        #expect(!mapping.isQueuedForDelete)
    }

    @Test("An instance's UUID may be in upper case and without dashes")
    func normalised() async throws {
        let text = instance(3).uppercased()
        #expect(try await directory.location(ofInstance: text).cell?.name == "cell2")
        let bare = text.replacingOccurrences(of: "-", with: "")
        #expect(try await directory.location(ofInstance: bare).cell?.name == "cell2")
    }

    @Test("The marker of map_instances is no instance")
    func marker() async throws {
        let all = try await collect(directory.instanceMappings())
        #expect(all.map(\.instanceUUID) == (1...9).map(instance))
        let error = await cellError { try await directory.location(ofInstance: "10000000 0000 4000 8000 000000000002") }
        #expect(error?.code == .invalidUUID)
        // Instance 2 itself is found, and not the marker that names it.
        #expect(try await directory.location(ofInstance: instance(2)).mapping.projectID == Self.p1)
    }

    @Test("Unknown, unscheduled and badly named instances are errors of their own")
    func errors() async throws {
        let unknown = await cellError { try await directory.cell(ofInstance: instance(77)) }
        #expect(unknown?.code == .unknownInstance)
        #expect(unknown?.message.contains(instance(77)) == true)
        #expect(await cellError { try await directory.cell(ofInstance: instance(6)) }?.code == .notScheduled)
        #expect(await cellError { try await directory.cell(ofInstance: "instance-1") }?.code == .invalidUUID)
        #expect(await cellError { try await directory.location(ofHost: "nowhere") }?.code == .unknownHost)
        #expect(await cellError { try await directory.cell(.random()) }?.code == .unknownCell)
        #expect(await cellError { try await directory.cell(named: "nowhere") }?.code == .unknownCell)
    }

    @Test(
        "Hosts are found in their cells",
        arguments: [("comp1a", "cell1"), ("comp2a", "cell2"), ("comp3a", "cell3-multihost")])
    func hosts(host: String, cell: String) async throws {
        let location = try await directory.location(ofHost: host)
        #expect(location.cell.name == cell)
        #expect(location.mapping.host == host)
        #expect(try await collect(directory.hostMappings(in: location.cell.id)).contains { $0.host == host })
        #expect(await cellError { try await directory.location(ofHost: host.uppercased()) }?.code == .unknownHost)
    }

    @Test("Counts are those of Nova's get_counts")
    func counts() async throws {
        #expect(
            try await directory.instanceCounts(ofProject: Self.p1, user: Self.u1) == InstanceCounts(project: 5, user: 4)
        )
        #expect(try await directory.instanceCounts(ofProject: Self.p2, user: nil) == InstanceCounts(project: 2))
        #expect(
            try await directory.instanceCounts(ofProject: "nobody", user: "x") == InstanceCounts(project: 0, user: 0))
    }

    @Test("A project's cells are those that hold its mappings")
    func projects() async throws {
        #expect(try await directory.cells(ofProject: Self.p1).cells.map(\.name) == ["cell0", "cell1", "cell2"])
        #expect(try await directory.cells(ofProject: "nobody").cells.isEmpty)
    }

    @Test("A cell's use counts hosts, instances and those that wait for deletion")
    func usage() async throws {
        #expect(
            try await directory.usage(of: Self.cell1) == CellUsage(hosts: 2, instances: 3, instancesQueuedForDelete: 1))
    }

    @Test("Listings take every criterion, page by page")
    func filters() async throws {
        func numbers(_ filter: InstanceFilter) async throws -> [Int] {
            var sequence = directory.instanceMappings(matching: filter)
            sequence.pageSize = 2
            return try await collect(sequence).compactMap { Int($0.instanceUUID.suffix(12)) }
        }
        #expect(try await numbers(.all) == [1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(try await numbers(InstanceFilter(placement: .cell(Self.cell1))) == [1, 2, 7, 9])
        #expect(try await numbers(InstanceFilter(placement: .notScheduled)) == [6])
        #expect(try await numbers(InstanceFilter(projectID: Self.p2)) == [4, 8, 9])
        #expect(try await numbers(InstanceFilter(projectID: Self.p1, userID: Self.u1)) == [1, 3, 5, 6, 7])
        #expect(try await numbers(InstanceFilter(userID: Self.u1)) == [1, 3, 5, 6, 7])
        #expect(try await numbers(InstanceFilter(isQueuedForDelete: true)) == [7])
        #expect(try await numbers(InstanceFilter(placement: .cell(Self.cell1), isQueuedForDelete: false)) == [1, 2, 9])
        #expect(try await numbers(InstanceFilter(placement: .cell(.random()))).isEmpty)
    }

    @Test("Reading leaves the file as it was")
    func readsOnly() async throws {
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.path))
        _ = try await directory.cells()
        _ = try await directory.version()
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.path)) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder) == ["nova_api.sqlite"])
    }

    @Test("Writing leaves the journal mode as it was")
    func journalMode() async throws {
        try await directory.updateCell(Self.cell1, CellChange(name: "renamed"))
        #expect(try scratch.sqlite3(directory.path, "PRAGMA journal_mode") == "delete")
    }

    @Test("A cell with a NULL URL, one without a UUID and dangling mappings harm nobody else")
    func damage() async throws {
        try scratch.sqlite3(
            directory.path,
            """
            UPDATE cell_mappings SET transport_url = NULL, disabled = NULL, created_at = 'soon' WHERE id = 3;
            UPDATE cell_mappings SET uuid = 'no uuid' WHERE id = 4;
            INSERT INTO instance_mappings (id, instance_uuid, cell_id, project_id) VALUES (20, '\(instance(20))', 99, x'ff');
            INSERT INTO host_mappings (id, host, cell_id) VALUES (20, 'lost', 99);
            """)
        let listing = try await directory.cells()
        #expect(listing.cells.map(\.name) == ["cell0", "cell1", "cell2"])
        #expect(listing.defects.map(\.rowID) == [4])
        #expect(
            listing.cells[2].transportURL == nil && !listing.cells[2].isDisabled && listing.cells[2].createdAt == nil)
        #expect(await cellError { try listing.cells[2].queue() }?.code == .badURL)
        #expect(try await directory.updateCell(listing.cells[2].id, CellChange(isDisabled: true)).isDisabled)
        #expect(try await directory.cell(ofInstance: instance(1)).name == "cell1")
        #expect(await cellError { try await directory.location(ofInstance: instance(8)) }?.code == .directoryInvalid)
        #expect(await cellError { try await directory.location(ofInstance: instance(20)) }?.code == .unknownCell)
        #expect(await cellError { try await directory.location(ofHost: "lost") }?.code == .unknownCell)
        let last = try await collect(directory.instanceMappings()).last
        #expect(last?.placement == .missingCell(row: 99))
        #expect(try await collect(directory.hostMappings()).last == HostMapping(host: "lost", cell: nil))
    }
}
