import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite
import Testing

/// Connections outlive the path of their file: what takes its place must be seen, and nothing be written into what nobody
/// opens any more.
@Suite("A directory whose file is replaced, removed or read-only", .timeLimit(.minutes(5)))
struct PlaceTests {
    let scratch: Scratch
    let cell1 = NovaSampleTests.cell1

    init() throws {
        scratch = try Scratch()
    }

    /// Moves a file over the directory's, as a backup is restored.
    private func replace(_ directory: SQLiteCellDirectory, by path: String) throws {
        try #require(rename(path, directory.path) == 0)
    }

    @Test("Every kind of use sees a file that is moved over the old one")
    func replaced() async throws {
        for name in ["look", "scan", "write", "version"] {
            let scratch = try Scratch()
            let (directory, cell) = try await scratch.newDirectory()
            let before = try await directory.version()
            #expect(try await directory.cell(cell).name == "one")
            try replace(directory, by: scratch.novaSample())
            // What was written last was written into the file itself, so that its log is empty.
            for suffix in ["-wal", "-shm"] { unlink(directory.path + suffix) }
            switch name {
            case "look": #expect(try await directory.cell(cell1).name == "cell1")
            case "scan": #expect(try await directory.cells().cells.count == 4)
            case "write": #expect(try await directory.mapHosts(["new"], to: cell1).added == 1)
            default: _ = try await directory.version()
            }
            #expect(try await directory.cell(cell1).name == "cell1", "\(name)")
            #expect(try await directory.version() != before)
            #expect(await cellError { try await directory.cell(cell) }?.code == .unknownCell)
            if name == "write" {
                #expect(
                    try scratch.sqlite3(directory.path, "SELECT count(*) FROM host_mappings WHERE host = 'new'") == "1")
            }
        }
    }

    @Test("The log of a file that is gone is not taken for that of the new one")
    func foreignLog() async throws {
        let (directory, cell) = try await scratch.newDirectory()
        #expect(try await directory.cell(cell).name == "one")
        // In the log, as the directory is open.
        try scratch.sqlite3(directory.path, "UPDATE cell_mappings SET name = 'two'")
        #expect(try await directory.cell(cell).name == "two")
        let log = directory.path + "-wal"
        try #require(FileManager.default.attributesOfItem(atPath: log)[.size] as? Int != 0)
        try replace(directory, by: scratch.novaSample())
        #expect(try await directory.cells().cells.map(\.name).contains("cell1"))
        #expect(try await directory.location(ofHost: "comp1a").cell.name == "cell1")
        let error = await cellError { try await directory.mapHosts(["new"], to: cell1) }
        #expect(error?.code == .directoryReadOnly)
        #expect(error?.message.contains(log) == true, "\(error?.message ?? "")")
        for suffix in ["-wal", "-shm"] { unlink(directory.path + suffix) }
        #expect(try await directory.mapHosts(["new"], to: cell1).added == 1)
        #expect(try await directory.location(ofHost: "new").cell.name == "cell1")
    }

    @Test("A file that is gone is an error that says so, until there is one again")
    func removed() async throws {
        let directory = try SQLiteCellDirectory(scratch.novaSample())
        #expect(try await directory.cells().cells.count == 4)
        try #require(rename(directory.path, directory.path + ".old") == 0)
        for error in [
            await cellError { try await directory.cells() }, await cellError { try await directory.cell(cell1) },
            await cellError { try await directory.deleteHost("comp1a") },
            await cellError { try await directory.version() },
        ] {
            #expect(error?.code == .directoryUnavailable)
            #expect(error?.message.contains("\(directory.path) (No such file or directory)") == true)
        }
        try #require(rename(directory.path + ".old", directory.path) == 0)
        #expect(try await directory.cells().cells.count == 4)
        #expect(try await directory.location(ofHost: "comp1a").cell.name == "cell1")
    }

    @Test(
        "Reading needs no writing: a file with a log, in a folder where nothing can be written",
        arguments: [true, false])
    func readOnlyFolder(made: Bool) async throws {
        let path: String
        if made {
            let (directory, _) = try await scratch.newDirectory()
            path = directory.path
        } else {
            path = try scratch.novaSample()
        }
        let folder = scratch.path("folder #1 100%?")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let file = "\(folder)/cells.sqlite"
        // Whole, without its log.
        try scratch.sqlite3(path, "VACUUM INTO '\(file)'")
        if made { try scratch.sqlite3(file, "PRAGMA journal_mode = WAL") }
        try await withReadOnly(folder) {
            let directory = try SQLiteCellDirectory(file)
            let count = try await directory.cells().cells.count
            #expect(count == (made ? 2 : 4))
            _ = try await directory.version()
            let error = await cellError { try await directory.deleteHost("comp1a") }
            #expect(error?.code == .directoryReadOnly)
        }
        // Somebody who may write changes it, and it is seen.
        let directory = try SQLiteCellDirectory(file)
        #expect(try await directory.cells().cells.count == (made ? 2 : 4))
    }

    @Test("Columns hold anything, and one row that makes no sense hides no other")
    func oddValues() async throws {
        let values = [
            "NULL", "''", "'x'", "x'ff00fe'", "CAST(x'ff' AS TEXT)", "9223372036854775807", "-9223372036854775808",
            "9e999", "-9e999", "0.5", "1e18", "'99999999999999999999'", "'2026-13-45 99:99:99'",
            "'0000-00-00 00:00:00'", "zeroblob(100000)", "'a' || char(0) || 'b'",
        ]
        let columns = [
            ("cell_mappings", ["uuid", "name", "transport_url", "database_connection", "disabled", "created_at"]),
            (
                "instance_mappings",
                ["instance_uuid", "cell_id", "project_id", "user_id", "queued_for_delete", "updated_at"]
            ),
            ("host_mappings", ["host", "cell_id", "created_at"]),
        ]
        let path = try scratch.novaSample()
        // Without its constraints every column takes every value.
        try scratch.sqlite3(
            path,
            columns.map { table, _ in
                "CREATE TABLE copy AS SELECT * FROM \(table); DROP TABLE \(table); ALTER TABLE copy RENAME TO \(table);"
            }.joined())
        let directory = try SQLiteCellDirectory(path)
        let (cells, instances, hosts) = (
            try await directory.cells().cells.count, try await collect(directory.instanceMappings()).count,
            try await collect(directory.hostMappings()).count
        )
        for (table, names) in columns {
            for name in names {
                let row = try scratch.sqlite3(path, "SELECT min(rowid) FROM \(table)")
                try scratch.sqlite3(
                    path,
                    "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT \(name) AS v FROM \(table) WHERE rowid = \(row)"
                )
                for value in values {
                    try scratch.sqlite3(path, "UPDATE \(table) SET \(name) = \(value) WHERE rowid = \(row)")
                    let listing = try await directory.cells()
                    #expect(listing.cells.count + listing.defects.count == cells, "\(table).\(name) = \(value)")
                    #expect(listing.cells.count >= cells - 1)
                    #expect(try await collect(directory.instanceMappings()).count >= instances - 1)
                    #expect(try await collect(directory.hostMappings()).count == hosts)
                    for number in 1...9 { _ = try? await directory.location(ofInstance: instance(number)) }
                    _ = try? await directory.location(ofHost: "comp1a")
                    _ = try? await directory.usage(of: cell1)
                    _ = try? await directory.instanceCounts(ofProject: "p", user: "u")
                }
                try scratch.sqlite3(path, "UPDATE \(table) SET \(name) = (SELECT v FROM kept) WHERE rowid = \(row)")
            }
        }
    }

    /// Runs `body` while nothing can be written in the folder: by its permissions, or for the super-user by a mount.
    private func withReadOnly(_ folder: String, _ body: () async throws -> Void) async throws {
        guard geteuid() == 0 else {
            try #require(chmod(folder, 0o555) == 0)
            defer { chmod(folder, 0o755) }
            return try await body()
        }
        try await mount("--bind", folder, folder)
        do {
            try await mount("-o", "remount,bind,ro", folder)
            try await body()
        } catch {
            try await mount("--unmount", folder)
            throw error
        }
        try await mount("--unmount", folder)
    }

    /// Tries it until the mount is not busy any more.
    private func mount(_ arguments: String...) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while let complaint = try tryToMount(arguments) {
            try #require(complaint.contains("busy") && .now < end, "This takes the right to mount: \(complaint)")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Returns what was said when it failed.
    private func tryToMount(_ arguments: [String]) throws -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments[0] == "--unmount" ? ["umount"] + arguments.dropFirst() : ["mount"] + arguments
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? nil : said
    }
}
