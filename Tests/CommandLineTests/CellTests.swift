import Foundation
import SwitchboardMessaging
import Testing

@Suite("switchboard cell", .timeLimit(.minutes(5)))
struct CellTests {
    let program: Program

    init() throws {
        program = try Program()
    }

    @Test("Without a directory every command says what to do")
    func noDirectory() throws {
        let unnamed = try program.run("cell", "list", environment: ["SWITCHBOARD_DATABASE": ""])
        #expect(unnamed.status == 64)
        #expect(unnamed.errors.contains("--database PATH, or set SWITCHBOARD_DATABASE"))
        let missing = try program.run("cell", "list")
        #expect(missing.status == 255)
        #expect(missing.errors.contains("switchboard init"))
        #expect(try program.run("cell", "list", "--database", "x").errors.contains("/x "))
        #expect(missing.output.isEmpty)
        try "no database".write(toFile: program.database, atomically: true, encoding: .utf8)
        let text = try program.run("host", "list", "--database", program.database)
        #expect(text.status == 255)
        #expect(text.errors.contains("not a SQLite database"))
    }

    @Test("init makes a directory with cell0, and leaves one as it is")
    func initialise() throws {
        #expect(try program.run("init").status == 0)
        #expect(try program.run("init", "--json").json()["cell0_mapped"] == false)
        let list = try program.run("cell", "list", "--database", "sqlite:///cells.sqlite")
        #expect(list.lines.count == 2)
        #expect(list.output.contains("00000000-0000-0000-0000-000000000000"))
        let again = try program.run("cell", "map-cell0")
        #expect(again.status == 0)
        #expect(again.output == "Cell0 is already set up.\n")
    }

    @Test("A created cell is listed, with its password masked unless secrets are asked for")
    func secrets() throws {
        try program.run("init")
        let created = try program.run(
            "cell", "create", "--name", "one", "--transport-url", "-", "--database-connection", "mysql://n:CANARY@h/n",
            input: "rabbit://u:CANARY@h,v:CANARY@[::1]:1/one\n")
        #expect(created.status == 0)
        let id = try #require(created.lines.first)
        for arguments in [["list"], ["list", "--json"], ["show", "one"], ["show", id, "--json"], ["verify"]] {
            let result = try run(["cell"] + arguments)
            #expect(!(result.output + result.errors).contains("CANARY"), "\(arguments)")
        }
        #expect(try program.run("cell", "list").output.contains("rabbit://u:***@h,v:***@[::1]:1/one"))
        #expect(try program.run("cell", "list", "--show-secrets").output.contains("u:CANARY@h,v:CANARY@"))
        let json = try program.run("cell", "show", "one", "--json", "--show-secrets").json()
        #expect(json["transport_url"] == "rabbit://u:CANARY@h,v:CANARY@[::1]:1/one")
        #expect(json["uuid"] == .string(id))
        #expect(json["hosts"] == 0)
    }

    @Test("The URL of cell0's database can be read from standard input, which hides its password from the processes")
    func cell0FromInput() throws {
        try program.run("init")
        try #require(try program.run("cell", "delete", "cell0").status == 0)
        let nothing = try program.run("cell", "map-cell0", "--database-connection", "-")
        #expect(nothing.status == 1)
        #expect(nothing.errors.contains("standard input"))
        let mapped = try program.run(
            "cell", "map-cell0", "--database-connection", "-", "--json", input: "mysql://n:CANARY@h/cell0\n")
        #expect(mapped.status == 0, "\(mapped.errors)")
        #expect(!(mapped.output + mapped.errors).contains("CANARY"))
        let json = try program.run("cell", "show", "cell0", "--json", "--show-secrets").json()
        #expect(json["database_connection"] == "mysql://n:CANARY@h/cell0")
    }

    private func run(_ arguments: [String]) throws -> Program.Result {
        switch arguments.count {
        case 2: try program.run(arguments[0], arguments[1])
        case 3: try program.run(arguments[0], arguments[1], arguments[2])
        default: try program.run(arguments[0], arguments[1], arguments[2], arguments[3])
        }
    }

    @Test(
        "A URL that cannot work is refused with 1, and nothing is stored",
        arguments: ["", "one", "rabbit://u:CANARY/x@h/", "{scheme}://{usr}@h/", "rabbit://{", "fake://x?queue_limt=1"])
    func badURLs(url: String) throws {
        try program.run("init")
        let result = try program.run("cell", "create", "--name", "bad", "--transport-url", url)
        #expect(result.status == 1)
        #expect(!result.errors.isEmpty && result.output.isEmpty)
        #expect(!result.errors.contains("CANARY"))
        #expect(try program.run("cell", "list").lines.count == 2)
    }

    @Test("A misspelt option of the URL is named with the near one")
    func misspelt() throws {
        try program.run("init")
        let result = try program.run("cell", "create", "--transport-url", "fake://x?queue_limt=1")
        #expect(result.errors.contains("queue_limit"))
    }

    @Test("A URL or UUID that another cell has is refused with 2 unless sharing is asked for")
    func duplicates() throws {
        let cells = try program.twoCells()
        let shared = try program.run("cell", "create", "--name", "x", "--transport-url", "fake://one")
        #expect(shared.status == 2)
        #expect(shared.errors.contains("\(cells.one) (one)"))
        let template = try program.run(
            "cell", "create", "--transport-url", "{scheme}://one", "--base-transport-url", "fake://own")
        #expect(template.status == 2)
        #expect(try program.run("cell", "create", "--transport-url", "fake://one", "--allow-shared").status == 0)
        let sameID = try program.run("cell", "create", "--uuid", cells.one, "--transport-url", "fake://other")
        #expect(sameID.status == 2)
        #expect(try program.run("cell", "create", "--uuid", "x", "--transport-url", "fake://y").status == 64)
        #expect(try program.run("cell", "create", "--name", "y").status == 64)
    }

    @Test("An update keeps what is not given")
    func update() throws {
        let cells = try program.twoCells()
        #expect(try program.run("cell", "update", "one", "--name", "uno").status == 0)
        let json = try program.run("cell", "show", cells.one, "--json").json()
        #expect(json["name"] == "uno")
        #expect(json["transport_url"] == "fake://one")
        let same = try program.run("cell", "update", "uno", "--transport-url", "fake://one")
        #expect(same.status == 0)
        #expect(same.output.contains("nothing changed"))
        #expect(try program.run("cell", "update", "uno", "--disable", "--json").json()["disabled"] == true)
        #expect(try program.run("cell", "update", "uno", "--disable").output.contains("nothing changed"))
        #expect(try program.run("cell", "update", "uno", "--enable", "--json").json()["disabled"] == false)
    }

    @Test("An update's errors have nova-manage's exit codes")
    func updateCodes() throws {
        _ = try program.twoCells()
        #expect(try program.run("cell", "update", "nobody", "--name", "x").status == 1)
        #expect(try program.run("cell", "update", "one", "--transport-url", "").status == 2)
        #expect(try program.run("cell", "update", "one", "--transport-url", "fake://two").status == 3)
        #expect(try program.run("cell", "update", "one", "--enable", "--disable").status == 4)
        #expect(try program.run("cell", "update", "cell0", "--disable").status == 5)
        #expect(try program.run("cell", "update", "one").status == 64)
        #expect(try program.run("cell", "show", "one", "--json").json()["transport_url"] == "fake://one")
    }

    @Test("A deletion's errors have nova-manage's exit codes")
    func deletion() throws {
        let cells = try program.twoCells()
        #expect(try program.run("cell", "delete", "nobody").status == 1)
        try program.run("host", "map", "a", "--cell", "one")
        #expect(try program.run("cell", "delete", "one").status == 2)
        try program.run("instance", "map", uuid(1), "--cell", "one", "--project", "p")
        #expect(try program.run("cell", "delete", "one", "--force").status == 3)
        try program.run("instance", "unmap", uuid(1))
        #expect(try program.run("cell", "delete", "one", "--force").status == 0)
        #expect(try program.run("cell", "show", cells.one).status == 1)
        #expect(try program.run("host", "list", "--json").json() == [])
    }

    @Test("A name that two cells have is an error that lists them")
    func ambiguous() throws {
        let cells = try program.twoCells()
        try program.run("cell", "update", "two", "--name", "one")
        let result = try program.run("cell", "show", "one")
        #expect(result.status == 1)
        #expect(result.errors.contains(cells.one) && result.errors.contains(cells.two))
        #expect(try program.run("cell", "show", cells.one.uppercased()).status == 0)
    }

    @Test("A template is shown as stored and filled in")
    func templates() throws {
        try program.run("init")
        let base = ["SWITCHBOARD_TRANSPORT_URL": "odd://u:CANARY@own:7/v"]
        try program.run(
            "cell", "create", "--name", "t", "--transport-url", "{scheme}://{username}:{password}@c:{port}/{path}",
            environment: base)
        let shown = try program.run("cell", "show", "t", environment: base).output
        #expect(shown.contains("{scheme}://{username}:{password}@c:{port}/{path}"))
        #expect(shown.contains("odd://u:***@c:7/v"))
        #expect(!shown.contains("CANARY"))
        let without = try program.run("cell", "show", "t").output
        #expect(without.contains("no base URL"))
    }

    @Test("verify tells errors, warnings and good health apart")
    func verify() throws {
        try program.run("init")
        #expect(try program.run("cell", "verify").status == 2)
        let cells = try program.twoCells()
        #expect(try program.run("cell", "verify").status == 0)
        #expect(try program.run("cell", "verify", cells.one, "--json").json()["cells"] == 1)
        try program.run("cell", "create", "--name", "odd", "--transport-url", "odd://x")
        let odd = try program.run("cell", "verify")
        #expect(odd.status == 1)
        #expect(odd.output.contains("odd://"))
        #expect(try program.run("cell", "verify", "nobody").status == 3)
    }

    @Test("Every command explains itself")
    func help() throws {
        for command in [
            "init", "cell create", "cell list", "cell show", "cell update", "cell delete", "cell verify",
            "cell map-cell0", "cell map-cell-and-hosts", "cell simple-setup", "instance map", "instance unmap",
            "instance locate", "instance verify", "instance list", "host discover", "host map", "host list",
            "host delete", "doctor", "watch", "check hosts", "tap", "top", "bench", "queue audit", "queue migrate",
            "cell rotate", "call", "cast", "ping", "serve", "notify send", "notify listen",
            "spool list", "spool show", "spool retry", "spool drop", "spool check", "spool forward",
        ] {
            let words = command.split(separator: " ").map(String.init)
            let result =
                words.count == 1 ? try program.run(words[0], "--help") : try program.run(words[0], words[1], "--help")
            #expect(result.status == 0)
            #expect(result.output.contains("OVERVIEW:") && result.output.contains("--json"), "\(command)")
        }
    }
}
