#if MariaDB
    import Foundation
    import NovaDirectoryPeer
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting
    import Testing

    /// Cells' databases on MariaDB, with the tables that real Nova makes, and the programs on them.
    @Suite(
        "Cells' databases on MariaDB",
        .enabled(if: NovaPython.isThere, "SWITCHBOARD_PYTHON names no Python with Nova; ./Tests/run makes one."),
        .timeLimit(.minutes(10)))
    struct CellDatabaseTests {
        struct Output {
            var status: Int32
            var output: String
            var errors: String
        }

        /// Runs a program of this package, beside the tests.
        private func run(_ program: String = "switchboard", _ arguments: [String]) throws -> Output {
            let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
            let process = Process()
            process.executableURL = tests.deletingLastPathComponent().appendingPathComponent(program)
            process.arguments = arguments
            let (output, errors) = (Pipe(), Pipe())
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            // What it says on standard error is little.
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            let complaints = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return Output(status: process.terminationStatus, output: text, errors: complaints)
        }

        private func node(_ host: String) -> String {
            """
            INSERT INTO compute_nodes (host, hypervisor_hostname, uuid, mapped, deleted, vcpus, memory_mb, local_gb,
            vcpus_used, memory_mb_used, local_gb_used, hypervisor_type, hypervisor_version, cpu_info)
            VALUES ('\(host)', '\(host)', 'node-\(host)', 0, 0, 1, 1, 1, 0, 0, 0, 'fake', 1, '');
            """
        }

        private func row(_ number: Int, host: String) -> String {
            """
            INSERT INTO instances (uuid, project_id, user_id, host, created_at, deleted, hidden)
            VALUES ('\(instance(number))', 'p', 'u', '\(host)', '2026-01-01 00:00:00', 0, 0);
            """
        }

        private func service(_ host: String, version: Int, deleted: Int = 0, forcedDown: Int = 0) -> String {
            """
            INSERT INTO services (host, `binary`, topic, report_count, disabled, deleted, forced_down, version)
            VALUES ('\(host)', 'nova-compute', 'compute', 1, 0, \(deleted), \(forcedDown), \(version));
            """
        }

        /// An API database and a cell's, both empty of rows.
        private func withNova(
            _ body: (_ server: TestDatabase, _ api: String, _ cell: String) async throws -> Void
        ) async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { api in
                try await server.withDatabase { cell in
                    let file = NSTemporaryDirectory() + "switchboard-nova-\(UUID().uuidString).conf"
                    try """
                    [DEFAULT]
                    transport_url = \(NovaPython.transportURL)
                    [api_database]
                    connection = \(server.url(database: api))
                    [database]
                    connection = \(server.url(database: cell))
                    """.write(toFile: file, atomically: true, encoding: .utf8)
                    defer { try? FileManager.default.removeItem(atPath: file) }
                    try NovaPython.manage(file, ["db", "sync", "--local_cell"])
                    try await body(server, api, cell)
                }
            }
        }

        @Test(
            "The command line keeps a directory on MariaDB, and discovers, maps, verifies and deletes by a cell's database"
        )
        func commands() async throws {
            try await withNova { server, api, cell in
                let (url, cellURL) = (server.url(database: api), server.url(database: cell))
                var said = ""
                func switchboard(_ arguments: String...) throws -> Output {
                    let result = try run("switchboard", arguments + ["--database", url])
                    said += result.output + result.errors
                    return result
                }
                #expect(try switchboard("init").status == 0)
                let made = try switchboard(
                    "cell", "create", "--name", "one", "--transport-url", "rabbit://u:CANARY@h/one",
                    "--database-connection", cellURL)
                #expect(made.status == 0, "\(made.errors)")
                try await server.execute(
                    node("a") + node("b") + row(1, host: "a") + row(2, host: "b") + service("a", version: 66)
                        + service("b", version: 61) + service("c", version: 30, deleted: 4)
                        + service("d", version: 31, forcedDown: 1), in: cell)
                let found = try switchboard("host", "discover", "--cell", "one", "--verbose")
                #expect(found.status == 0, "\(found.errors)")
                #expect(found.output.contains("2 unmapped compute nodes, 2 hosts mapped"), "\(found.output)")
                #expect(try await server.execute("SELECT host FROM compute_nodes WHERE mapped = 1", in: cell) == "a\nb")
                #expect(try switchboard("host", "discover", "--cell", "one", "--strict").status == 1)
                let mapped = try switchboard("instance", "map", "--from-cell-database", "--cell", "one")
                #expect(mapped.status == 0, "\(mapped.errors)")
                #expect(try switchboard("instance", "verify", instance(1)).status == 0)
                try await server.execute("DELETE FROM instances WHERE uuid = '\(instance(2))'", in: cell)
                #expect(try switchboard("instance", "verify", instance(2)).status == 4)
                #expect(try switchboard("host", "delete", "a").status == 4)
                #expect(try switchboard("host", "delete", "b").status == 0)
                let listed = try switchboard("cell", "list")
                #expect(listed.output.contains("one") && listed.output.contains("mysql+pymysql://"))
                for secret in ["CANARY", server.password.reveal()] { #expect(!said.contains(secret)) }
            }
        }

        @Test(
            "A cell's database tells the version of its services, for the cap of the cell; one that is away names the cell"
        )
        func versions() async throws {
            try await withNova { server, _, cell in
                try await server.execute(
                    service("a", version: 66) + service("b", version: 61) + service("c", version: 30, deleted: 4),
                    in: cell)
                let registry = DatabaseRegistry(.mariaDB(logger: quiet))
                var mapping = CellMapping(
                    id: .random(), name: "one", transportURL: "fake://one",
                    databaseConnection: URLTemplate(server.url(database: cell)))
                let database = try registry.openCellDatabase(of: mapping)
                #expect(try await database.oldestServiceVersion(of: "nova-compute") == 61)
                #expect(try await database.services(of: nil, after: nil, limit: 10).elements.map(\.host) == ["a", "b"])
                mapping.databaseConnection = "mysql+pymysql://n:CANARY@127.0.0.1:1/nova"
                let away = try registry.openCellDatabase(
                    of: mapping, configuration: DatabaseConfiguration(isReadOnly: true, timeout: .seconds(2)))
                let error = await cellError { try await away.oldestServiceVersion(of: "nova-compute") }
                #expect(error?.code == .directoryUnavailable && error?.cell == mapping.identity)
                #expect(!"\(error!)".contains("CANARY"))
            }
        }

        @Test(
            "Hosts whose names the database takes for the same are added once; instances keep what they have, with a marker"
        )
        func adding() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, cell, _ in
                let other = try await directory.createCell(
                    CellMapping(id: .random(), name: "two", transportURL: "rabbit://u:p@h/two"))
                try await directory.mapHosts(["Host1"], to: other.id)
                let added = try await directory.addHosts(
                    ["host1", "HOST2", "host2", "b", "hÖst3", "host3"], to: cell.id)
                #expect(added.added == ["HOST2", "b", "hÖst3"])
                #expect(added.elsewhere.map(\.host) == ["Host1"])
                func mapping(_ number: Int) -> InstanceMapping {
                    InstanceMapping(instanceUUID: instance(number), cell: cell.id, projectID: "p", userID: "u")
                }
                _ = try await directory.mapInstances([
                    InstanceMapping(instanceUUID: instance(1), cell: other.id, projectID: "p")
                ])
                let first = try await directory.addInstances(
                    [mapping(1), mapping(2)], to: cell.id, marker: .init(from: nil, to: instance(2)))
                #expect(first.added == 1 && first.elsewhere == 1)
                #expect(try await directory.instanceMarkers().map(\.instanceUUID) == [instance(2)])
                #expect(try await directory.cell(ofInstance: instance(1)).id == other.id)
                // The marker is no instance.
                #expect(try await collect(directory.instanceMappings()).count == 2)
            }
        }

        @Test("The quickstart runs on a database that is given")
        func quickstart() async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                let result = try run("Quickstart", ["--database", server.url(database: name), "--fill"])
                #expect(result.status == 0, "\(result.errors)")
                #expect(try await server.execute("SELECT count(*) FROM instance_mappings", in: name) != "0")
                #expect(!(result.output + result.errors).contains(server.password.reveal()))
            }
        }
    }
#endif
