import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite
import Testing

/// A cell's database with the tables that `nova-manage db sync` makes.
@Suite("A cell's database in a SQLite file", .timeLimit(.minutes(3)))
struct CellDatabaseTests {
    private let scratch: Scratch
    private let registry = DatabaseRegistry(.sqlite())

    init() throws {
        scratch = try Scratch()
    }

    private func cell(_ name: String = "one", _ statements: String = "", number: Int = 1) throws -> CellMapping {
        let schema = try #require(Bundle.module.url(forResource: "Data/nova_cell_schema", withExtension: "sql"))
        try scratch.sqlite3(
            scratch.path("\(name).sqlite"),
            "BEGIN; \(String(contentsOf: schema, encoding: .utf8)) \(statements) COMMIT;")
        return mapping(name, number)
    }

    private func mapping(_ name: String, _ number: Int = 1) -> CellMapping {
        CellMapping(
            id: CellID(instance(900 + number))!, name: name, transportURL: URLTemplate("fake://\(name)"),
            databaseConnection: URLTemplate("sqlite:///\(scratch.path("\(name).sqlite"))"))
    }

    private func node(_ host: String, _ name: String, mapped: String = "0", deleted: Int = 0) -> String {
        """
        INSERT INTO compute_nodes (host, hypervisor_hostname, uuid, mapped, deleted, vcpus, memory_mb, local_gb, vcpus_used,
        memory_mb_used, local_gb_used, hypervisor_type, hypervisor_version, cpu_info)
        VALUES ('\(host)', '\(name)', '\(name)', \(mapped), \(deleted), 1, 1, 1, 0, 0, 0, 'fake', 1, '');
        """
    }

    private func row(_ number: Int, created: String = "'2026-01-01 00:00:00.000000'", deleted: Int = 0) -> String {
        """
        INSERT INTO instances (uuid, project_id, user_id, host, created_at, deleted, hidden)
        VALUES ('\(instance(number))', 'p', 'u', 'h\(number % 2)', \(created), \(deleted), 0);
        """
    }

    @Test("Compute nodes are paged, chosen by host and by whether they are mapped, and noted")
    func nodes() async throws {
        let cell = try cell(
            "one",
            node("a", "n1") + node("a", "n2", mapped: "1") + node("b", "n3") + node("c", "n4", deleted: 9)
                + node("d", "n5", mapped: "NULL"))
        let database = try registry.openCellDatabase(of: cell)
        let first = try await database.computeNodes(matching: .all, after: nil, limit: 3)
        #expect(first.elements.map(\.hypervisorHostname) == ["n1", "n2", "n3"])
        #expect(first.elements.map(\.isMapped) == [false, true, false])
        let second = try await database.computeNodes(matching: .all, after: first.next, limit: 3)
        #expect(second.elements.map(\.host) == ["d"] && second.next == nil)
        func names(_ filter: ComputeNodeFilter) async throws -> [String?] {
            try await database.computeNodes(matching: filter, after: nil, limit: 100).elements.map(\.uuid)
        }
        #expect(try await names(ComputeNodeFilter(host: "a")) == ["n1", "n2"])
        #expect(try await names(ComputeNodeFilter(isMapped: false)) == ["n1", "n3"])
        try await database.setMapped(true, ofComputeNodes: [first.elements[0].id, 4711])
        #expect(try await names(ComputeNodeFilter(isMapped: true)) == ["n1", "n2"])
        #expect(try await database.unmapComputeNodes(ofHost: "a") == 2)
        #expect(try await names(ComputeNodeFilter(isMapped: true)) == [])
        #expect(try await database.unmapComputeNodes(ofHost: nil) == 4)
        #expect(try await names(ComputeNodeFilter(isMapped: false)) == ["n1", "n2", "n3", "n5"])
    }

    @Test("Services are listed with what they understand; the oldest counts")
    func services() async throws {
        let cell = try cell(
            "one",
            """
            INSERT INTO services (host, "binary", topic, report_count, disabled, deleted, forced_down, version, last_seen_up) VALUES
            ('a', 'nova-compute', 'compute', 1, 1, 0, 0, 66, '2026-01-02 03:04:05.000000'),
            ('b', 'nova-compute', 'compute', 1, 0, 0, 1, 60, NULL), ('c', 'nova-compute', 'compute', 1, 0, 3, 0, 50, NULL),
            ('d', 'nova-conductor', 'conductor', 1, 0, 0, NULL, 40, NULL);
            """)
        let database = try registry.openCellDatabase(of: cell)
        let all = try await database.services(of: nil, after: nil, limit: 10).elements
        #expect(all.map(\.host) == ["a", "b", "d"])
        #expect(all[0].isDisabled && !all[0].isForcedDown && all[1].isForcedDown)
        #expect(all[0].lastSeen?.description == "2026-01-02 03:04:05.000000" && all[0].version == 66)
        let computes = try await database.services(of: "nova-compute", after: nil, limit: 1)
        #expect(computes.elements.map(\.host) == ["a"] && computes.next != nil)
        #expect(try await database.oldestServiceVersion(of: "nova-compute") == 66)
        #expect(try await database.oldestServiceVersion(of: "nova-conductor") == 40)
        #expect(try await database.oldestServiceVersion(of: "nova-scheduler") == nil)
    }

    @Test("Instances come by time of creation, those without one first, and page by page in any size", arguments: 1...8)
    func instances(limit: Int) async throws {
        let times = [
            "NULL", "'2026-01-03 00:00:00.000000'", "'2026-01-02 00:00:00.000000'", "NULL",
            "'2026-01-02 00:00:00.000000'",
        ]
        let rows = times.enumerated().map { row($0.offset + 1, created: $0.element, deleted: $0.offset == 2 ? 3 : 0) }
            .joined()
        let database = try registry.openCellDatabase(of: cell("one", rows))
        var seen: [String] = []
        while case let page = try await database.instances(after: seen.last, limit: limit), !page.isEmpty {
            seen += page.map(\.uuid)
            if page.count < limit { break }
        }
        #expect(seen == [1, 4, 3, 5, 2].map(instance))
        #expect(try await database.instance(instance(3))?.isDeleted == true)
        #expect(
            try await database.instance(instance(1))
                == CellInstance(uuid: instance(1), projectID: "p", userID: "u", host: "h1"))
        #expect(try await database.instance(instance(9)) == nil)
        #expect(try await database.instanceCount() == 4)
        #expect(try await database.instanceCount(onHost: "h1") == 2)
        #expect(try await database.instanceCount(onHost: nil, includesDeleted: true) == 5)
        let error = await cellError { try await database.instances(after: instance(9), limit: 1) }
        #expect(error?.code == .unknownInstance)
    }

    @Test(
        "A file that is gone, no database, without tables, or locked is an error that names the cell and comes in time")
    func broken() async throws {
        func error(_ cell: CellMapping) async -> CellError? {
            let configuration = DatabaseConfiguration(timeout: .milliseconds(200))
            return await cellError {
                try await registry.openCellDatabase(of: cell, configuration: configuration).instanceCount()
            }
        }
        let gone = await error(mapping("nowhere"))
        #expect(gone?.code == .directoryUnavailable && gone?.message.contains("(nowhere)") == true)
        #expect(!FileManager.default.fileExists(atPath: scratch.path("nowhere.sqlite")))
        try "no database, but a text that is long enough".write(
            toFile: scratch.path("text.sqlite"), atomically: true, encoding: .utf8)
        #expect(await error(mapping("text"))?.code == .directoryInvalid)
        try scratch.sqlite3(scratch.path("empty.sqlite"), "CREATE TABLE x (y)")
        #expect(await error(mapping("empty"))?.code == .directoryInvalid)
        try FileManager.default.createDirectory(
            atPath: scratch.path("folder.sqlite"), withIntermediateDirectories: false)
        #expect(await error(mapping("folder"))?.code == .directoryUnavailable)
    }

    @Test("A database that another program has locked costs the time that it is given")
    func locked() async throws {
        let cell = try cell("one", node("a", "n1"))
        let holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        holder.arguments = ["sqlite3", scratch.path("one.sqlite")]
        let (input, output) = (Pipe(), Pipe())
        holder.standardInput = input
        holder.standardOutput = output
        try holder.run()
        defer { holder.terminate() }
        input.fileHandleForWriting.write(Data("BEGIN EXCLUSIVE; SELECT 'locked';\n".utf8))
        _ = output.fileHandleForReading.availableData
        let database = try registry.openCellDatabase(
            of: cell, configuration: DatabaseConfiguration(timeout: .milliseconds(300)))
        let start = ContinuousClock.now
        let error = await cellError { try await database.instanceCount() }
        #expect(error?.code == .directoryUnavailable)
        #expect(start.duration(to: .now) < .seconds(20))
    }

    @Test("A database that was replaced by another one is opened anew")
    func replaced() async throws {
        let cell = try cell("one", row(1))
        let database = try registry.openCellDatabase(of: cell)
        #expect(try await database.instanceCount() == 1)
        _ = try self.cell("two", row(1) + row(2))
        try FileManager.default.removeItem(atPath: scratch.path("one.sqlite"))
        try FileManager.default.moveItem(atPath: scratch.path("two.sqlite"), toPath: scratch.path("one.sqlite"))
        #expect(try await database.instanceCount() == 2)
        try FileManager.default.removeItem(atPath: scratch.path("one.sqlite"))
        #expect(await cellError { try await database.unmapComputeNodes(ofHost: nil) }?.code == .directoryUnavailable)
        #expect(!FileManager.default.fileExists(atPath: scratch.path("one.sqlite")))
    }

    @Test("What is opened for reading is not written")
    func readOnly() async throws {
        let cell = try cell("one", node("a", "n1"))
        let database = try registry.openCellDatabase(of: cell, configuration: DatabaseConfiguration(isReadOnly: true))
        #expect(await cellError { try await database.setMapped(true, ofComputeNodes: [1]) }?.code == .directoryReadOnly)
        #expect(try scratch.sqlite3(scratch.path("one.sqlite"), "SELECT mapped FROM compute_nodes") == "0")
    }

    // MARK: - Discovery

    @Test("Ten thousand hosts in a hundred cells are discovered once, and a broken cell stops no other")
    func discovery() async throws {
        let (directory, _) = try await scratch.newDirectory()
        let first = try cell("cell1", (1...100).map { node("h1-\($0)", "n\($0)") }.joined())
        var cells: [CellMapping] = []
        for number in 1...100 {
            if number > 1 {
                try FileManager.default.copyItem(
                    atPath: scratch.path("cell1.sqlite"), toPath: scratch.path("cell\(number).sqlite"))
                try scratch.sqlite3(
                    scratch.path("cell\(number).sqlite"), "UPDATE compute_nodes SET host = 'h\(number)-' || id")
            }
            let mapping = number == 1 ? first : mapping("cell\(number)", number)
            cells.append(try await directory.createCell(mapping))
        }
        cells.append(try await directory.createCell(mapping("broken", 101)))
        var configuration = HostDiscovery.Configuration()
        configuration.pageSize = 30
        let discovery = HostDiscovery(into: directory, configuration: configuration) {
            [registry] cell throws(CellError) in
            try registry.openCellDatabase(of: cell)
        }
        let results = await discovery.run(in: cells)
        #expect(results.map(\.cell.id) == cells.map(\.id))
        #expect(results.dropLast().allSatisfy { $0.outcome.value?.added == 100 && $0.outcome.value?.checked == 100 })
        #expect((results.last?.outcome.error as? CellError)?.code == .directoryUnavailable)
        #expect(try await directory.usage(of: cells[41].id).hosts == 100)
        let again = await discovery.run(in: Array(cells.dropLast()))
        #expect(again.allSatisfy { $0.outcome.value?.checked == 0 })
    }

    @Test("Two discoveries at a time map every host once")
    func parallel() async throws {
        let (directory, one) = try await scratch.newDirectory()
        let made = try cell("one", (1...400).map { node("h\($0)", "n\($0)") }.joined())
        try await directory.updateCell(one, CellChange(databaseConnection: made.databaseConnection))
        let cell = try await directory.cell(one)
        var configuration = HostDiscovery.Configuration()
        configuration.pageSize = 7
        let added = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { [configuration, registry] in
                    let discovery = HostDiscovery(into: directory, configuration: configuration) {
                        cell throws(CellError) in
                        try registry.openCellDatabase(of: cell)
                    }
                    return await discovery.run(in: [cell]).first?.outcome.value?.added ?? -1
                }
            }
            return await group.reduce(0, +)
        }
        #expect(added == 400)
        #expect(try await directory.usage(of: one).hosts == 400)
    }

    @Test("Instances are mapped in batches of any size; a run that is stopped loses nothing", arguments: [1, 2, 3, 10])
    func mapping(batchSize: Int) async throws {
        let (directory, one) = try await scratch.newDirectory()
        let made = try cell("one", (1...9).map { row($0) }.joined())
        let mapping = try await directory.cell(one)
        let database = try registry.openCellDatabase(of: made)
        let discovery = InstanceDiscovery(into: directory, of: mapping, from: database, batchSize: batchSize)
        let first = try await discovery.run(maximum: 4)
        #expect(first.added == 4 && !first.isComplete)
        #expect(try await directory.instanceMarkers() == [InstanceMarker(instanceUUID: instance(4), cell: one)])
        let rest = try await discovery.run()
        #expect(rest.resumedAfter == instance(4) && rest.added == 5 && rest.isComplete)
        #expect(try await directory.instanceMarkers() == [])
        let again = try await discovery.run(resumes: false)
        #expect(again.seen == 9 && again.unchanged == 9 && again.added == 0)
        #expect(try await collect(directory.instanceMappings()).map(\.instanceUUID) == (1...9).map(instance))
    }

    @Test("A marker whose instance is gone everywhere is taken away, and the run begins again")
    func orphan() async throws {
        let (directory, one) = try await scratch.newDirectory()
        let made = try cell("one", row(1) + row(2))
        try scratch.sqlite3(
            directory.path,
            """
            INSERT INTO instance_mappings (instance_uuid, project_id, user_id) VALUES
            ('\(instance(77).replacing("-", with: " "))', 'INSTANCE_MIGRATION_MARKER', 'INSTANCE_MIGRATION_MARKER')
            """)
        #expect(try await directory.instanceMarkers() == [InstanceMarker(instanceUUID: instance(77), cell: nil)])
        let discovery = InstanceDiscovery(
            into: directory, of: try await directory.cell(one), from: try registry.openCellDatabase(of: made))
        let outcome = try await discovery.run()
        #expect(outcome.added == 2 && outcome.resumedAfter == nil)
        #expect(try await directory.instanceMarkers() == [])
    }

    // MARK: - Registry

    @Test("A URL of a database that isn't there is an error that says what there is, and no secret")
    func registered() async throws {
        var registry = registry
        registry.explainAbsence(of: "mysql", because: "Add SwitchboardMariaDB.")
        var cell = mapping("one")
        cell.databaseConnection = "mysql+pymysql://nova:CANARY@db/nova"
        let absent = await cellError { [cell, registry] in try registry.openCellDatabase(of: cell) }
        #expect(absent?.code == .badURL && absent?.cell?.name == "one")
        #expect(
            absent?.message.contains("sqlite://") == true && absent?.message.contains("Add SwitchboardMariaDB.") == true
        )
        let directory = await cellError { [registry] in try await registry.openDirectory("sqlit://u:CANARY@h/x") }
        #expect(directory?.message.contains("Did you mean sqlite://?") == true)
        cell.databaseConnection = nil
        let none = await cellError { [cell, registry] in try registry.openCellDatabase(of: cell) }
        #expect(none?.code == .badURL)
        for error in [absent, directory, none] { #expect(!"\(error!)".contains("CANARY")) }
    }

    @Test("A directory is opened by its path and by its URL, made when told to, and not otherwise")
    func directory() async throws {
        let path = scratch.path("made.sqlite")
        #expect(
            await cellError { try await registry.openDirectory(Secret(path)) }?.code == .directoryUnavailable)
        let made = try await registry.openDirectory(
            Secret("sqlite:///\(path)"), configuration: DatabaseConfiguration(createsIfMissing: true))
        _ = try await made.createCell(CellMapping(id: .cell0, name: "cell0", transportURL: "none:///"))
        let reading = try await registry.openDirectory(
            Secret(path), configuration: DatabaseConfiguration(isReadOnly: true))
        #expect(try await reading.cells().cells.map(\.name) == ["cell0"])
        #expect(await cellError { try await reading.deleteCell(.cell0, force: true) }?.code == .directoryReadOnly)
    }
}
