import Foundation
import SwitchboardMessaging
import Testing

/// What a new operator does, with the help texts alone.
@Suite("From an empty directory to running cells", .timeLimit(.minutes(5)))
struct OperatorTests {
    @Test("Two cells, mapped instances, a ping of all, a changed URL, a deleted cell")
    func walk() throws {
        let program = try Program()
        func spool(_ name: String) -> String { "spool://\(program.folder)/\(name)" }
        #expect(try program.run("init").output.contains("is ready"))
        for name in ["one", "two"] {
            #expect(try program.run("cell", "create", "--name", name, "--transport-url", spool(name)).status == 0)
        }
        let mapped = try program.run(
            "instance", "map", "--from-stdin", "--project", "demo", input: "\(uuid(1)) one\n\(uuid(2)) two\n")
        #expect(mapped.output == "Instances mapped: 2 new, 0 changed, 0 as before.\n")
        #expect(try program.run("host", "map", "h1", "--cell", "one").status == 0)
        #expect(try program.run("cell", "verify").output == "3 cells: all is well.\n")
        #expect(try program.run("ping", "--all-cells").status == 0)

        #expect(try program.run("cell", "update", "one", "--transport-url", spool("elsewhere")).status == 0)
        let moved = try program.run("instance", "locate", uuid(1), "--json").json()
        #expect(moved["cell"]?["transport_url"] == .string(spool("elsewhere")))
        #expect(try program.run("ping", "--instance", uuid(1)).status == 0)
        #expect(FileManager.default.fileExists(atPath: program.folder + "/elsewhere"))

        // What refuses says what is in the way.
        let refused = try program.run("cell", "delete", "one")
        #expect(refused.status == 2)
        #expect(refused.errors.contains("Hosts are mapped"))
        #expect(try program.run("host", "delete", "h1").status == 0)
        #expect(try program.run("cell", "delete", "one").status == 3)
        #expect(try program.run("instance", "unmap", uuid(1)).status == 0)
        #expect(try program.run("cell", "delete", "one").status == 0)
        let left = try program.run("cell", "list", "--json").json()
        #expect(left[1]?["name"] == "two" && left[2] == nil)
    }

    @Test("A bulk of instances shows how far it is on a terminal, and nowhere else")
    func progress() throws {
        let program = try Program()
        _ = try program.twoCells()
        let text = (1...15_000).map { "\(uuid($0)) one p\n" }.joined()
        try text.write(toFile: program.folder + "/list", atomically: true, encoding: .utf8)
        let arguments = ["instance", "map", "--file", "list", "--json"]
        let terminal = try Terminal()
        let running = try program.start(arguments, errors: terminal.input)
        let shown = terminal.show(while: { running.isRunning })
        let result = try running.wait()
        #expect(result.status == 0)
        #expect(try result.json()["added"] == 15_000)
        #expect(shown.contains("5000 instances"), "\(shown)")
        #expect(shown.contains("[##########....................] 3"), "\(shown)")
        let again = try program.start(arguments).wait()
        #expect(try again.json()["unchanged"] == 15_000)
        #expect(again.errors.isEmpty)
    }

    @Test("Every command with --json prints JSON")
    func json() throws {
        let program = try Program()
        func spool(_ name: String) -> String { "spool://\(program.folder)/\(name)" }
        for arguments in [
            ["init"], ["cell", "create", "--name", "one", "--transport-url", spool("one")],
            ["cell", "create", "--name", "two", "--transport-url", spool("two")], ["cell", "list"],
            ["cell", "show", "one"], ["cell", "verify"], ["cell", "map-cell0"],
            ["cell", "update", "one", "--name", "uno"],
            ["instance", "map", uuid(1), "--cell", "uno", "--project", "p"], ["instance", "locate", uuid(1)],
            ["instance", "verify", uuid(1)], ["instance", "list"], ["host", "map", "h", "--cell", "uno"],
            ["host", "list"], ["ping", "--cell", "uno"], ["ping", "--all-cells"],
            ["doctor", "--cell", "uno"],
            ["notify", "send", "e", "--cell", "uno"], ["notify", "listen", "--cell", "uno", "--count", "1"],
            ["spool", "list", "\(program.folder)/one"], ["spool", "check", "\(program.folder)/one"],
            ["host", "delete", "h"], ["instance", "unmap", uuid(1)], ["cell", "delete", "uno"],
        ] {
            let result = try program.start(arguments + ["--json"]).wait()
            #expect(result.status == 0, "\(arguments): \(result.errors)")
            #expect(throws: Never.self, "\(arguments): \(result.output)") { try result.json() }
        }
    }
}
