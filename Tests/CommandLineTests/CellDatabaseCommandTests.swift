import Foundation
import SwitchboardMessaging
import Testing

/// The commands that look into cells' databases. That they do what `nova-manage` does is compared in `PeerTests`.
@Suite("Commands on cells' databases", .timeLimit(.minutes(5)))
struct CellDatabaseCommandTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
    }

    /// Makes a cell with a database; returns its UUID.
    @discardableResult
    private func cell(_ name: String, _ statements: String = "") throws -> String {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let schema = try String(
            contentsOfFile: "/\(tests)/SQLiteDirectoryTests/Data/nova_cell_schema.sql", encoding: .utf8)
        try sql("\(name).sqlite", "BEGIN; \(schema) \(statements) COMMIT;")
        return try register(name, "sqlite:///\(name).sqlite")
    }

    private func register(_ name: String, _ database: String) throws -> String {
        let made = try program.run(
            "cell", "create", "--name", name, "--transport-url", "fake://\(name)", "--database-connection", database)
        return try #require(made.lines.first, "\(made.errors)")
    }

    @discardableResult
    private func sql(_ file: String, _ statements: String) throws -> String {
        let sqlite = Process()
        sqlite.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        sqlite.arguments = ["sqlite3", "-bail", "\(program.folder)/\(file)", statements]
        let output = Pipe()
        sqlite.standardOutput = output
        try sqlite.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        sqlite.waitUntilExit()
        try #require(sqlite.terminationStatus == 0)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func node(_ host: String) -> String {
        """
        INSERT INTO compute_nodes (host, hypervisor_hostname, uuid, mapped, deleted, vcpus, memory_mb, local_gb, vcpus_used,
        memory_mb_used, local_gb_used, hypervisor_type, hypervisor_version, cpu_info)
        VALUES ('\(host)', '\(host)', 'node-\(host)', 0, 0, 1, 1, 1, 0, 0, 0, 'fake', 1, '');
        """
    }

    private func row(_ number: Int, host: String = "a", project: String = "'p'", deleted: Int = 0) -> String {
        """
        INSERT INTO instances (uuid, project_id, user_id, host, created_at, deleted, hidden)
        VALUES ('\(uuid(number))', \(project), 'u', '\(host)', '2026-01-01 00:00:00.000000', \(deleted), 0);
        """
    }

    @Test("Discovery counts, names what it maps, and says as JSON what it did in each cell")
    func discovery() throws {
        let one = try cell("one", node("a") + node("b"))
        try cell("two", node("b"))
        let first = try program.run("host", "discover", "--cell", "one", "--verbose")
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.output.contains("Mapped the host a (compute node node-a)."))
        #expect(first.output.contains("Cell \(one) (one): 2 unmapped compute nodes, 2 hosts mapped."))
        let all = try program.run("host", "discover", "--json", "--strict", "--verbose")
        #expect(all.status == 1)
        let json = try all.json()
        #expect(json["added"] == 0)
        #expect(json["cells"]?[0]?["outcome"] == "skipped")
        #expect(json["cells"]?[1]?["checked"] == 0)
        #expect(json["cells"]?[2]?["checked"] == 1 && json["cells"]?[2]?["elsewhere"] == 1)
        #expect(json["cells"]?[2]?["hosts"] == [])
        #expect(all.errors.contains("The host b of the cell") && all.errors.contains(one))
        #expect(try program.run("host", "list", "--json").json()[1]?["cell"] == .string(one))
    }

    @Test(
        "Cells whose databases are gone, empty, no databases, foreign or not given are named, and the others are done")
    func brokenCells() throws {
        try cell("good", node("a"))
        _ = try register("gone", "sqlite:///gone.sqlite")
        try sql("empty.sqlite", "CREATE TABLE x (y)")
        _ = try register("empty", "sqlite:///empty.sqlite")
        _ = try register("foreign", "mysql+pymysql://nova:CANARY@127.0.0.1:1/nova")
        _ = try register("odd", "nosuch://nova:CANARY@h/x")
        _ = try program.run("cell", "create", "--name", "none", "--transport-url", "fake://none")
        let result = try program.run("host", "discover", "--database-timeout", "2")
        #expect(result.status == 255)
        #expect(result.output.contains("1 unmapped compute nodes, 1 host mapped"))
        for name in ["gone", "empty", "foreign", "odd", "none"] {
            #expect(result.errors.contains("(\(name))"), "\(name): \(result.errors)")
        }
        #expect(!(result.output + result.errors).contains("CANARY"))
        #expect(try program.run("host", "list", "--json").json()[0]?["host"] == "a")
        #expect(!FileManager.default.fileExists(atPath: program.folder + "/gone.sqlite"))
    }

    @Test("A database that is locked costs the time that it is given, and the other cells nothing")
    func locked() throws {
        try cell("one", node("a"))
        try cell("two", node("b"))
        let result = try program.shell(
            """
            mkfifo lines
            sqlite3 one.sqlite <lines >held & exec 9>lines
            echo "BEGIN EXCLUSIVE; SELECT 'held';" >&9
            until grep held held >/dev/null; do sleep 0.05; done
            $SB host discover --database-timeout 0.5; status=$?
            exec 9>&-; wait
            exit $status
            """)
        #expect(result.status == 255)
        #expect(result.errors.contains("(one)") && !result.errors.contains("(two)"), "\(result.errors)")
        #expect(result.output.contains("1 host mapped"))
    }

    @Test("Instances are mapped from the cell's database, with what was left out")
    func mapping() throws {
        let one = try cell("one", (1...5).map { row($0) }.joined() + row(6, project: "NULL"))
        let two = try cell("two")
        try program.run("instance", "map", uuid(5), "--cell", two, "--project", "p")
        let first = try program.run("instance", "map", "--from-cell-database", "--cell", "one", "--max-count", "2")
        #expect(first.status == 1, "\(first.errors)")
        #expect(first.output.contains("2 new") && first.output.contains("run it again"))
        let rest = try program.run("instance", "map", "--from-cell-database", "--cell", "one", "--json")
        #expect(rest.status == 0, "\(rest.errors)")
        let json = try rest.json()
        #expect(json["added"] == 2 && json["elsewhere"] == 1 && json["unusable"] == 1 && json["complete"] == true)
        #expect(json["resumed_after"] == .string(uuid(2)))
        #expect(rest.errors.contains("left out") && rest.errors.contains("other cells"))
        #expect(try program.run("instance", "locate", uuid(5), "--json").json()["cell"]?["uuid"] == .string(two))
        #expect(try program.run("instance", "locate", uuid(4), "--json").json()["cell"]?["uuid"] == .string(one))
        let reset = try program.run("instance", "map", "--from-cell-database", "--cell", "one", "--reset", "--json")
        #expect(try reset.json()["unchanged"] == 4)
    }

    @Test("What does not go together is refused before anything is done")
    func usage() throws {
        try cell("one", row(1))
        for arguments in [
            ["--from-cell-database"], ["--from-cell-database", "--cell", "one", "--project", "p"],
            ["--from-cell-database", "--cell", "one", "--from-stdin"], ["--max-count", "1", "--cell", "one", uuid(1)],
            ["--reset", "--cell", "one", uuid(1)],
            ["--from-cell-database", "--cell", "one", "--database-timeout", "0"],
            ["--from-cell-database", "--cell", "one", "--database-timeout", "nan"],
        ] {
            #expect(try program.start(["instance", "map"] + arguments).wait().status == 64, "\(arguments)")
        }
        for count in ["0", "-1", "x", "99999999999999999999"] {
            let result = try program.run(
                "instance", "map", "--from-cell-database", "--cell", "one", "--max-count=\(count)")
            #expect(result.status == 127, "\(count)")
        }
        #expect(try program.run("instance", "map", "--from-cell-database", "--cell", "nobody").status == 255)
        #expect(try program.run("host", "discover", "--cell", "nobody").status == 255)
        #expect(try program.run("host", "discover", "--parallel", "0").status == 64)
        #expect(try program.run("cell", "map-cell-and-hosts", "--transport-url", "fake://x").status == 1)
        #expect(try program.run("cell", "simple-setup", "--database-connection", "sqlite:///one.sqlite").status == 1)
        #expect(try program.run("instance", "list", "--json").json() == [])
    }

    @Test("An instance's fate is told, and a database that is away is said, with what the mappings say on request")
    func verify() throws {
        let one = try cell("one", row(1) + row(2, deleted: 2))
        for number in 1...3 { try program.run("instance", "map", uuid(number), "--cell", one, "--project", "p") }
        #expect(try program.run("instance", "verify", uuid(1), "--json").json()["fate"] == "alive")
        let deleted = try program.run("instance", "verify", uuid(2))
        #expect(deleted.status == 3 && deleted.output.contains("archive_deleted_rows"))
        let archived = try program.run("instance", "verify", uuid(3), "--json")
        #expect(try archived.status == 4 && archived.json()["fate"] == "archived")
        try FileManager.default.removeItem(atPath: program.folder + "/one.sqlite")
        let away = try program.run("instance", "verify", uuid(1))
        #expect(away.status == 255)
        #expect(away.errors.contains("whether it lives isn't known") && away.errors.contains("--without-cell-database"))
        let quiet = try program.run("instance", "verify", uuid(1), "--quiet", "--without-cell-database")
        #expect(quiet.status == 0 && (quiet.output + quiet.errors).isEmpty)
    }

    @Test("Hosts and cells whose database is gone can be deleted all the same when told to")
    func deletion() throws {
        let one = try cell("one", node("a") + node("b") + row(1))
        try program.run("host", "discover")
        let refused = try program.run("host", "delete", "a")
        #expect(refused.status == 4 && refused.errors.contains("(1)"))
        #expect(try program.run("host", "delete", "b").status == 0)
        #expect(try sql("one.sqlite", "SELECT host, mapped FROM compute_nodes") == "a|1\nb|0")
        #expect(try program.run("host", "discover", "--strict").status == 0)
        try FileManager.default.removeItem(atPath: program.folder + "/one.sqlite")
        let away = try program.run("host", "delete", "a")
        #expect(away.status == 255 && away.errors.contains("--without-cell-database"))
        #expect(try program.run("host", "delete", "a", "--without-cell-database").status == 0)
        #expect(try program.run("cell", "delete", one, "--force").status == 255)
        #expect(try program.run("cell", "delete", one, "--force", "--without-cell-database").status == 0)
    }

    @Test("Setting up can be repeated after any interruption, and says what is missing")
    func setUp() throws {
        try cell("main", node("a") + row(1))
        try program.run("cell", "delete", "main")
        try program.run("cell", "delete", "cell0")
        let urls = ["--transport-url", "fake://main", "--database-connection", "sqlite:///main.sqlite"]
        let first = try program.start(["cell", "simple-setup", "--json"] + urls).wait()
        #expect(first.status == 0, "\(first.errors)")
        let json = try first.json()
        #expect(json["created"] == true && json["hosts_added"] == 1 && json["instances_added"] == 1)
        #expect(json["cell0_mapped"] == true)
        #expect(first.errors.contains("nova-manage db sync"))
        let cell0 = try program.run("cell", "show", "cell0", "--json").json()
        #expect(cell0["database_connection"] == "sqlite:///main.sqlite_cell0")
        let again = try program.start(["cell", "simple-setup", "--json"] + urls).wait()
        #expect(try again.json()["created"] == false && again.status == 0)
        // As after an interruption between the cell and its hosts.
        try program.run("host", "delete", "a", "--without-cell-database")
        let third = try program.start(["cell", "map-cell-and-hosts", "--json"] + urls).wait()
        #expect(try third.json()["created"] == false && third.json()["hosts_added"] == 1)
        #expect(try third.json()["cell"] == json["cell"])
    }

    @Test("A password with a question mark stays whole where cell0's database is named after the main one")
    func cell0() throws {
        let result = try program.run(
            "cell", "simple-setup", "--transport-url", "fake://x", "--database-connection",
            "mysql+pymysql://nova:a?CANARY@db/nova?charset=utf8", "--database-timeout", "1")
        #expect(result.status == 255)
        #expect(!(result.output + result.errors).contains("CANARY"))
    }

    @Test("A terminal sees how far the mapping is")
    func progress() throws {
        try cell(
            "one",
            """
            WITH RECURSIVE numbers (n) AS (SELECT 100000000000 UNION ALL SELECT n + 1 FROM numbers LIMIT 12000)
            INSERT INTO instances (uuid, project_id, user_id, created_at, deleted)
            SELECT '10000000-0000-4000-8000-' || n, 'p', 'u', '2026-01-01 00:00:00.000000', 0 FROM numbers;
            """)
        let terminal = try Terminal()
        let running = try program.start(
            ["instance", "map", "--from-cell-database", "--cell", "one"], errors: terminal.input)
        let shown = terminal.show { running.isRunning }
        #expect(try running.wait().status == 0)
        #expect(shown.contains("#") && shown.contains("%") && shown.contains("instances"), "\(shown.debugDescription)")
    }
}
