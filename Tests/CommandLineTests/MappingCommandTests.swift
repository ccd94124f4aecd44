import Foundation
import SwitchboardMessaging
import Testing

@Suite("switchboard instance and host", .timeLimit(.minutes(5)))
struct MappingCommandTests {
    let program: Program

    init() throws {
        program = try Program()
    }

    @Test("Instances are mapped, located and moved; a moved one keeps its project and user")
    func mapAndLocate() throws {
        let cells = try program.twoCells()
        let mapped = try program.run(
            "instance", "map", uuid(1), uuid(2).uppercased(), "--cell", "one", "--project", "p", "--user", "u", "--json"
        )
        #expect(try mapped.json()["added"] == 2)
        let located = try program.run("instance", "locate", uuid(2))
        #expect(located.status == 0)
        #expect(located.output.contains("\(cells.one) (one)"))
        #expect(try program.run("instance", "map", uuid(1), "--cell", "two").status == 0)
        let json = try program.run("instance", "locate", uuid(1), "--json").json()
        #expect(json["cell"]?["uuid"] == .string(cells.two))
        #expect(json["project"] == "p")
        #expect(json["user"] == "u")
    }

    @Test("A new instance needs a project, and a cell that exists")
    func refused() throws {
        _ = try program.twoCells()
        let noProject = try program.run("instance", "map", uuid(1), "--cell", "one")
        #expect(noProject.status == 1)
        #expect(noProject.errors.contains("--project"))
        #expect(try program.run("instance", "map", uuid(1), "--cell", "x", "--project", "p").status == 1)
        #expect(try program.run("instance", "map", "x", "--cell", "one", "--project", "p").status == 1)
        #expect(try program.run("instance", "map", uuid(1), "--project", "p").status == 64)
        #expect(try program.run("instance", "map", "--cell", "one").status == 64)
    }

    @Test("verify has nova-manage's exit codes")
    func verify() throws {
        let cells = try program.twoCells()
        try program.run("instance", "map", uuid(1), "--cell", "one", "--project", "p")
        try program.run("instance", "map", uuid(2), "--cell", "none", "--project", "p")
        let inCell = try program.run("instance", "verify", uuid(1))
        #expect(inCell.status == 0)
        #expect(inCell.output.contains(cells.one))
        #expect(try program.run("instance", "verify", uuid(3)).status == 1)
        let unscheduled = try program.run("instance", "verify", uuid(2))
        #expect(unscheduled.status == 2)
        #expect(unscheduled.errors.contains("waits to be scheduled"))
        let quiet = try program.run("instance", "verify", uuid(2), "--quiet")
        #expect(quiet.status == 2)
        #expect((quiet.output + quiet.errors).isEmpty)
        #expect(try program.run("instance", "locate", uuid(2)).status == 2)
    }

    @Test("A file of instances is mapped, with comments, blanks, commas and defaults")
    func file() throws {
        _ = try program.twoCells()
        let text = """
            # a comment

            \(uuid(1))  one p1 u1
            \(uuid(2)),two,p2
            \(uuid(3))
            \(uuid(4)) none - u4
            """
        try text.write(toFile: program.folder + "/list", atomically: true, encoding: .utf8)
        let arguments = ["instance", "map", "--file", "list", "--cell", "one", "--project", "p"]
        let first = try program.run(
            arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6],
            arguments[7], "--json")
        #expect(first.status == 0, "\(first.errors)")
        #expect(try first.json()["added"] == 4)
        let list = try program.run("instance", "list", "--json").json()
        #expect(list[0]?["user"] == "u1")
        #expect(list[1]?["project"] == "p2")
        #expect(list[2]?["project"] == "p")
        #expect(list[3]?["state"] == "not scheduled")
        let again = try program.run(
            "instance", "map", "--from-stdin", "--json", input: "\(uuid(1)) one\n\(uuid(2)) one")
        #expect(try again.json()["unchanged"] == 1)
        #expect(try again.json()["changed"] == 1)
    }

    @Test("A bad line is named, and its transaction is not done")
    func badLine() throws {
        _ = try program.twoCells()
        let result = try program.run(
            "instance", "map", "--from-stdin", "--project", "p", input: "\(uuid(1)) one\n\(uuid(2)) nowhere\n")
        #expect(result.status == 1)
        #expect(result.errors.contains("Line 2 of standard input: No cell is named nowhere."))
        #expect(try program.run("instance", "verify", uuid(1)).status == 1)
        let long = String(repeating: "x", count: 100_000)
        #expect(try program.run("instance", "map", "--from-stdin", "--cell", "one", input: long).status == 1)
        let many = try program.run("instance", "map", "--from-stdin", input: "\(uuid(1)) one p u more\n")
        #expect(many.errors.contains("5 values"))
        #expect(try program.run("instance", "map", "--file", "nowhere", "--cell", "one").status == 1)
    }

    @Test("Twelve thousand lines are mapped and listed")
    func many() throws {
        _ = try program.twoCells()
        let text = (1...12_000).map { "\(uuid($0)) \($0 % 2 == 0 ? "one" : "two") p\($0 % 3)\n" }.joined()
        let result = try program.run("instance", "map", "--from-stdin", "--json", input: text)
        #expect(try result.json()["added"] == 12_000)
        #expect(try program.run("cell", "show", "one", "--json").json()["instances"] == 6_000)
        #expect(try program.run("instance", "list", "--cell", "one", "--project", "p0").lines.count == 2_001)
        #expect(try program.run("instance", "list", "--limit", "5").lines.count == 6)
    }

    @Test("Hosts are mapped, listed and forgotten with nova-manage's exit codes")
    func hosts() throws {
        let cells = try program.twoCells()
        #expect(try program.run("host", "map", "a", "b", "--cell", "one").status == 0)
        #expect(try program.run("host", "map", "--from-stdin", "--cell", "two", input: "# more\nc\n\nd\n").status == 0)
        #expect(try program.run("host", "map", "a", "--cell", "nowhere").status == 1)
        #expect(try program.run("host", "map", "--cell", "one").status == 64)
        let list = try program.run("host", "list", "--json").json()
        #expect(list[3] == ["host": "d", "cell": .string(cells.two), "cell_name": "two"])
        #expect(try program.run("host", "list", "--cell", "one").lines.count == 3)
        #expect(try program.run("host", "list", "--cell", "nowhere").status == 1)
        #expect(try program.run("host", "locate", "d").output.contains(cells.two))
        let located = try program.run("host", "locate", "d", "--json").json()
        #expect(located["host"] == "d" && located["cell"]?["name"] == "two", "\(located)")
        let unknown = try program.run("host", "locate", "nowhere")
        #expect(unknown.status == 1 && unknown.errors.contains("nowhere"), "\(unknown.errors)")
        #expect(try program.run("host", "delete", "a", "--cell", "nowhere").status == 1)
        #expect(try program.run("host", "delete", "x").status == 2)
        #expect(try program.run("host", "delete", "a", "--cell", "two").status == 3)
        #expect(try program.run("host", "delete", "a", "--cell", "one").status == 0)
        #expect(try program.run("host", "delete", "a").status == 2)
    }

    @Test("Hosts are listed also when two cells have one UUID, written in two ways")
    func doubleUUID() throws {
        _ = try program.twoCells()
        try #require(try program.run("host", "map", "a", "--cell", "one").status == 0)
        let sqlite = Process()
        sqlite.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        sqlite.arguments = [
            "sqlite3", "-bail", program.database,
            """
            INSERT INTO cell_mappings (uuid, name, transport_url, database_connection, disabled)
            SELECT upper(uuid), 'again', transport_url, database_connection, disabled FROM cell_mappings
            WHERE name = 'one'
            """,
        ]
        try sqlite.run()
        sqlite.waitUntilExit()
        try #require(sqlite.terminationStatus == 0)
        for arguments in [["host", "list"], ["host", "list", "--json"]] {
            let list = try program.start(arguments).wait()
            #expect(list.status == 0, "\(list.errors)")
            #expect(list.output.contains("one"))
        }
    }

    @Test("Control characters from a directory do not reach a terminal")
    func controlCharacters() throws {
        let cells = try program.twoCells()
        try program.run("cell", "update", cells.one, "--name", "red\u{1B}[31m")
        #expect(!(try program.run("cell", "list").output.contains("\u{1B}")))
        #expect(!(try program.run("cell", "show", cells.one).output.contains("\u{1B}")))
    }
}
