#if MariaDB
    import Foundation
    import NovaDirectoryPeer
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting
    import Testing

    @Suite("The tables of a directory on MariaDB", .timeLimit(.minutes(5)))
    struct SchemaTests {
        @Test("Nothing is made unless it is wanted; a database that has other tables is left alone")
        func wanted() async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                let plain = try MariaDBCellDirectory(server.url(database: name), logger: quiet)
                let empty = await cellError { try await plain.check() }
                #expect(empty?.code == .directoryInvalid)
                #expect(empty?.message.contains("cell_mappings, instance_mappings, host_mappings") == true)
                let readOnly = try newDirectory(server.url(database: name)) { $0.isReadOnly = true }
                #expect(await cellError { try await readOnly.check() }?.code == .directoryInvalid)
                #expect(try await server.execute("SHOW TABLES", in: name) == "")
                try await server.execute("CREATE TABLE somebody_elses (id INT)", in: name)
                let making = try newDirectory(server.url(database: name))
                #expect(await cellError { try await making.cells() }?.code == .directoryInvalid)
                #expect(try await server.execute("SHOW TABLES", in: name) == "somebody_elses")
            }
        }

        @Test("Tables that were made in part are an error that says so; what is missing later, too")
        func partial() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, cell, name in
                try await server.execute("DROP TABLE host_mappings", in: name)
                let missing = await cellError { try await directory.location(ofHost: "a") }
                #expect(missing?.code == .directoryInvalid && missing?.message.contains("host_mappings") == true)
                #expect(try await directory.cell(cell.id) == cell)
                let again = try newDirectory(server.url(database: name))
                let partial = await cellError { try await again.check() }
                #expect(partial?.code == .directoryInvalid && partial?.message.contains("in part") == true)
                try await server.execute("ALTER TABLE cell_mappings DROP COLUMN disabled, DROP COLUMN name", in: name)
                #expect(await cellError { try await directory.cells() }?.code == .directoryInvalid)
            }
        }

        @Test("Of several programs that make the tables at once, all find them made")
        func together() async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<6 {
                        group.addTask {
                            let directory = try newDirectory(server.url(database: name))
                            try await directory.createCell(
                                CellMapping(id: .random(), name: "\(number)", transportURL: "rabbit://u:p@h/v"))
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await server.execute("SELECT count(*) FROM cell_mappings", in: name) == "6")
                #expect(try await server.execute("SELECT version_num FROM alembic_version", in: name) == "cdeec0c85668")
            }
        }

        @Test("A version changes when rows change alike by another program's one statement")
        func version() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, cell, name in
                for number in 1...3 {
                    try await directory.createCell(
                        CellMapping(id: .random(), name: "cell\(number)", transportURL: "rabbit://u:old@h/v"))
                }
                var versions = [try await directory.version()]
                for statement in [
                    "UPDATE cell_mappings SET transport_url = replace(transport_url, 'old', 'new')",
                    "UPDATE cell_mappings SET name = NULL WHERE id = 2",
                    "UPDATE cell_mappings SET name = '' WHERE id = 2",
                    "UPDATE cell_mappings SET disabled = 1", "UPDATE cell_mappings SET disabled = NULL",
                    "DELETE FROM cell_mappings WHERE id = 3",
                ] {
                    try await server.execute(statement, in: name)
                    let version = try await directory.version()
                    #expect(!versions.contains(version), "\(statement)")
                    versions.append(version)
                }
                try await server.execute("INSERT INTO host_mappings (host, cell_id) VALUES ('a', 1)", in: name)
                #expect(try await directory.version() == versions.last)
            }
        }

        @Test("Columns hold anything, and one row that makes no sense hides no other")
        func oddRows() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, cell, name in
                try await directory.mapHosts(["a"], to: cell.id)
                try await server.execute(
                    """
                    SET SESSION sql_mode = '', foreign_key_checks = 0;
                    INSERT INTO cell_mappings (id, uuid, name, transport_url, created_at) VALUES
                      (7, 'no uuid', NULL, NULL, '0000-00-00 00:00:00'), (8, '\(CellID.random())', '', NULL, NULL);
                    INSERT INTO instance_mappings (instance_uuid, cell_id, project_id, queued_for_delete) VALUES
                      ('\(instance(1))', 7, 'p', NULL), ('\(instance(2))', 99, 'p', 7), ('\(instance(3))', 8, '', -1),
                      ('INSTANCE', NULL, 'INSTANCE_MIGRATION_MARKER', NULL);
                    INSERT INTO host_mappings (host, cell_id) VALUES ('lost', 99);
                    """, in: name)
                let listing = try await directory.cells()
                #expect(listing.cells.map(\.rowID) == [1, 8])
                #expect(listing.defects.map(\.rowID) == [7])
                #expect(listing.cells.last?.name == nil && listing.cells.last?.transportURL == nil)
                #expect(
                    await cellError { try await directory.location(ofInstance: instance(1)) }?.code == .directoryInvalid
                )
                #expect(await cellError { try await directory.location(ofInstance: instance(2)) }?.code == .unknownCell)
                #expect(try await directory.location(ofInstance: instance(3)).mapping.isQueuedForDelete)
                #expect(try await collect(directory.instanceMappings()).count == 3)
                #expect(await cellError { try await directory.location(ofHost: "lost") }?.code == .unknownCell)
                #expect(try await collect(directory.hostMappings()).map(\.cell) == [cell.id, nil])
            }
        }

        @Test("Tables of a database that stores all characters store them")
        func allCharacters() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { directory, cell, name in
                for table in ["cell_mappings", "host_mappings"] {
                    try await server.execute("ALTER TABLE \(table) CONVERT TO CHARACTER SET utf8mb4", in: name)
                }
                #expect(try await directory.updateCell(cell.id, CellChange(name: "😀")).name == "😀")
                try await directory.mapHosts(["h😀"], to: cell.id)
                #expect(try await directory.location(ofHost: "h😀").cell.name == "😀")
            }
        }
    }
#endif
