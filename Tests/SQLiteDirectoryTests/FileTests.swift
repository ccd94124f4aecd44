import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite
import Testing

@Suite("The file of a directory")
struct FileTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    func openError(_ location: String, create: Bool = false) -> CellError? {
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.createsIfMissing = create
        do {
            _ = try SQLiteCellDirectory(location, configuration: configuration)
            return nil
        } catch {
            return error
        }
    }

    @Test("A missing file is an error and is not made")
    func missing() {
        let error = openError(scratch.path("nowhere.sqlite"))
        #expect(error?.code == .directoryUnavailable)
        #expect(error?.message.contains(scratch.path("nowhere.sqlite")) == true)
        #expect(!FileManager.default.fileExists(atPath: scratch.path("nowhere.sqlite")))
        #expect(openError(scratch.path("no/folder.sqlite"), create: true)?.code == .directoryUnavailable)
        #expect(openError(scratch.folder)?.code == .directoryUnavailable)
    }

    @Test("What is no database is an error that says so")
    func noDatabase() throws {
        try "cells: none\n".write(toFile: scratch.path("text"), atomically: true, encoding: .utf8)
        let error = openError(scratch.path("text"))
        #expect(error?.code == .directoryInvalid)
        #expect(error?.message.contains("not a SQLite database") == true)
        #expect(openError(scratch.path("text"), create: true)?.code == .directoryInvalid)
    }

    @Test("A database that lacks tables or columns is an error that names them")
    func missingTables() throws {
        let path = scratch.path("other.sqlite")
        try scratch.sqlite3(path, "CREATE TABLE cell_mappings (id INTEGER)")
        let tables = openError(path)
        #expect(tables?.code == .directoryInvalid)
        #expect(tables?.message.contains("instance_mappings, host_mappings") == true)
        #expect(openError(path, create: true)?.code == .directoryInvalid)
        #expect(try scratch.sqlite3(path, "SELECT count(*) FROM sqlite_master") == "1")
        let nova = try scratch.novaSample()
        try scratch.sqlite3(
            nova, "ALTER TABLE cell_mappings DROP COLUMN disabled; ALTER TABLE cell_mappings DROP COLUMN name")
        #expect(openError(nova)?.message.contains("name, disabled") == true)
    }

    @Test(
        "Locations that name no file are errors",
        arguments: [
            "", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://h/nova", "sqlite://dir/x", "sqlite:///x?y=1",
        ])
    func badLocations(location: String) {
        #expect(openError(location)?.code == .directoryUnavailable)
    }

    @Test("A made directory has Nova's schema, its indexes and its migration, and is for its owner's eyes")
    func created() async throws {
        let (directory, _) = try await scratch.newDirectory()
        let query = """
            SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master
            WHERE tbl_name IN ('cell_mappings', 'instance_mappings', 'host_mappings', 'build_requests') ORDER BY name)
            """
        let nova = try scratch.novaSample()
        #expect(try scratch.sqlite3(directory.path, query) == scratch.sqlite3(nova, query))
        for table in ["cell_mappings", "instance_mappings", "host_mappings", "build_requests", "alembic_version"] {
            let columns = "SELECT name, type, \"notnull\", pk FROM pragma_table_info('\(table)')"
            #expect(try scratch.sqlite3(directory.path, columns) == scratch.sqlite3(nova, columns))
        }
        #expect(try scratch.sqlite3(directory.path, "SELECT version_num FROM alembic_version") == "cdeec0c85668")
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("Creating where a directory is opens it")
    func createTwice() async throws {
        let (directory, cell) = try await scratch.newDirectory()
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.createsIfMissing = true
        let again = try SQLiteCellDirectory("sqlite:///" + directory.path, configuration: configuration)
        #expect(try await again.cell(cell).name == "one")
    }

    @Test("A damaged file gives errors or answers, never a trap")
    func damaged() async throws {
        let original = try Data(contentsOf: URL(fileURLWithPath: scratch.novaSample()))
        let path = scratch.path("damaged.sqlite")
        for round in 0..<60 {
            var bytes = original
            if round % 10 == 0 {
                bytes = bytes.prefix(Int.random(in: 0..<bytes.count))
            }
            for _ in 0..<Int.random(in: 1...200) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count)] = UInt8.random(in: 0...255)
            }
            try bytes.write(to: URL(fileURLWithPath: path))
            guard let directory = try? SQLiteCellDirectory(path) else { continue }
            _ = try? await directory.cells()
            for number in 1...9 { _ = try? await directory.location(ofInstance: instance(number)) }
            _ = try? await collect(directory.instanceMappings())
            _ = try? await collect(directory.hostMappings())
            _ = try? await directory.version()
            _ = try? await directory.mapHosts(["new"], to: NovaSampleTests.cell1)
            _ = try? await directory.deleteCell(NovaSampleTests.cell1, force: true)
        }
    }

    @Test("A directory opened for reading refuses to write")
    func readOnly() async throws {
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.isReadOnly = true
        let directory = try SQLiteCellDirectory(scratch.novaSample(), configuration: configuration)
        let error = await cellError { try await directory.deleteHost("comp1a") }
        #expect(error?.code == .directoryReadOnly)
        #expect(try await directory.location(ofHost: "comp1a").cell.name == "cell1")
    }

    @Test("Another process's change shows in the version and in the next look-up", arguments: [true, false])
    func otherProcess(made: Bool) async throws {
        let directory: SQLiteCellDirectory
        let cell: CellID
        if made {
            (directory, cell) = try await scratch.newDirectory()
        } else {
            directory = try SQLiteCellDirectory(scratch.novaSample())
            cell = NovaSampleTests.cell1
        }
        let before = try await directory.version()
        _ = try await directory.cell(cell)
        try scratch.sqlite3(
            directory.path, "UPDATE cell_mappings SET transport_url = 'rabbit://new/v' WHERE uuid = '\(cell)'")
        #expect(try await directory.version() != before)
        #expect(try await directory.cell(cell).transportURL == "rabbit://new/v")
    }

    @Test("A file that takes the place of the old one is opened anew")
    func replaced() async throws {
        let (directory, _) = try await scratch.newDirectory()
        let before = try await directory.version()
        let nova = try scratch.novaSample()
        try FileManager.default.removeItem(atPath: directory.path)
        #expect(await cellError { try await directory.version() }?.code == .directoryUnavailable)
        try FileManager.default.moveItem(atPath: nova, toPath: directory.path)
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: directory.path + suffix) }
        #expect(try await directory.version() != before)
        #expect(try await directory.cells().cells.count == 4)
    }

    @Test("A look-up waits for another process's lock, for no longer than the time-out")
    func locked() async throws {
        let path = try scratch.novaSample()
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.busyTimeout = .milliseconds(50)
        let directory = try SQLiteCellDirectory(path, configuration: configuration)
        let locker = Process()
        locker.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        locker.arguments = ["sqlite3", path]
        let (input, output) = (Pipe(), Pipe())
        locker.standardInput = input
        locker.standardOutput = output
        try locker.run()
        input.fileHandleForWriting.write(Data("BEGIN EXCLUSIVE; SELECT 'locked';\n".utf8))
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "locked\n")
        let error = await cellError { try await directory.location(ofInstance: instance(1)) }
        #expect(error?.code == .directoryUnavailable)
        #expect(error?.message.contains("locked") == true)
        #expect(await cellError { try await directory.deleteHost("comp1a") }?.code == .directoryUnavailable)
        input.fileHandleForWriting.write(Data("ROLLBACK;\n.quit\n".utf8))
        locker.waitUntilExit()
        #expect(try await directory.location(ofInstance: instance(1)).cell?.name == "cell1")
    }
}
