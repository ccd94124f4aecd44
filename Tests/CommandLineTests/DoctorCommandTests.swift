import Foundation
import SwitchboardMessaging
import Testing

/// On mappings and file spools; what RabbitMQ has is tested elsewhere.
@Suite("switchboard doctor", .timeLimit(.minutes(5)))
struct DoctorCommandTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
        let url = "spool://\(program.folder)/one"
        try #require(try program.run("cell", "create", "--name", "one", "--transport-url", url).status == 0)
        // The spool's folder.
        try #require(try program.run("ping", "--cell", "one").status == 0)
    }

    private func firstFailure(_ result: Program.Result) throws -> JSONValue {
        let report = try result.json()
        for index in 0..<100 {
            guard let step = report["subjects"]?[0]?["steps"]?[index] else { break }
            if step["status"] == "failed" { return step }
        }
        return .null
    }

    @Test("A spool that works: all is well, exit code 0, a line a step")
    func well() throws {
        let result = try program.run("doctor", "--cell", "one")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(result.lines.first?.hasSuffix("(one)") == true)
        for step in ["mapping", "url", "folder", "round-trip"] {
            #expect(result.lines.contains { $0.hasPrefix("  ✓ \(step)") }, "\(result.output)")
        }
        #expect(result.lines.contains { $0.hasPrefix("  – ping") && $0.contains("--topic") })
        #expect(result.lines.last?.hasPrefix("All is well: ") == true)
        let fake = try program.run("doctor", "--transport-url", "fake://one")
        #expect(fake.status == 0, "\(fake.output)")
    }

    @Test("A mapping that leads nowhere is the first failure, and names what to do")
    func mapping() throws {
        try program.run("cell", "create", "--name", "off", "--transport-url", "fake://off", "--disabled")
        try program.run(
            "cell", "create", "--name", "template", "--transport-url", "{scheme}://{username}:{password}@h/cell")
        for (aim, step, words) in [
            (["--cell", "nowhere"], "mapping", ["nowhere", "cell list"]),
            (["--cell", "cell0"], "mapping", ["no message queue", "cell0"]),
            (["--cell", "off"], "mapping", ["disabled", "--include-disabled"]),
            (["--cell", "template"], "url", ["filled in", "--base-transport-url"]),
            (["--instance", uuid(9)], "mapping", ["instance map"]),
            (["--in-cell-of-host", "h9"], "mapping", ["host map"]),
            (["--transport-url", "rabbit//h"], "url", ["rabbit://"]),
            (["--transport-url", "kafka://u:canary@h/"], "url", ["kafka", "spool://"]),
            ([], "url", ["no queue was named", "--transport-url"]),
        ] {
            let result = try program.start(["doctor", "--json"] + aim).wait()
            #expect(result.status == 2, "\(aim): \(result.output)\(result.errors)")
            let failure = try firstFailure(result)
            #expect(failure["step"]?.string == step, "\(aim): \(result.output)")
            for word in words { #expect("\(failure)".contains(word), "\(aim): \(failure)") }
            #expect(!result.output.contains("canary"))
        }
        #expect(try program.run("doctor", "--cell", "off", "--include-disabled").status == 0)
        let missing = try Program().run("doctor", "--cell", "one", "--json")
        #expect(try missing.status == 2 && firstFailure(missing)["step"] == "mapping")
    }

    @Test("A folder that isn't there or can't be used")
    func folder() throws {
        let missing = try program.run("doctor", "--transport-url", "spool://\(program.folder)/lost", "--json")
        #expect(try missing.status == 2 && firstFailure(missing)["step"] == "folder")
        #expect(!FileManager.default.fileExists(atPath: program.folder + "/lost"))
        try "".write(toFile: program.folder + "/file", atomically: true, encoding: .utf8)
        let file = try program.run("doctor", "--transport-url", "spool://\(program.folder)/file", "--json")
        #expect(try file.status == 2 && firstFailure(file)["step"] == "folder")
    }

    @Test("A server behind a spool is asked; without one the ping says so")
    func ping() throws {
        let server = try program.start(["serve", "--cell", "one", "--topic", "t", "--server", "s"])
        let deadline = Date.now + 60
        while try program.run("ping", "--cell", "one", "--topic", "t").status != 0, Date.now < deadline {}
        let asked = try program.run("doctor", "--cell", "one", "--topic", "t", "--server", "s", "--json")
        #expect(asked.status == 0, "\(asked.output)")
        server.interrupt()
        _ = try server.wait()
        let nobody = try program.run("doctor", "--cell", "one", "--topic", "other", "--json")
        #expect(try nobody.status == 2 && firstFailure(nobody)["step"] == "ping")
    }

    @Test("Every cell, in the directory's order; what has no queue by design fails nothing")
    func allCells() throws {
        try program.run("cell", "create", "--name", "off", "--transport-url", "fake://off", "--disabled")
        let well = try program.run("doctor", "--all-cells", "--json")
        #expect(well.status == 0, "\(well.output)")
        let report = try well.json()
        #expect((0..<3).map { report["subjects"]?[$0]?["cell"] } == ["cell0", "one", "off"])
        try program.run("cell", "create", "--name", "hollow", "--transport-url", "none:///")
        let hollow = try program.run("doctor", "--all-cells")
        #expect(hollow.status == 2 && hollow.output.contains("Something fails"))
        #expect(try program.run("doctor", "--all-cells", "--cell", "one").status == 64)
        let none = try Program()
        try none.run("init")
        #expect(try none.run("doctor", "--all-cells").status == 3)
    }

    @Test("For Nagios and Prometheus, to standard output or to a file")
    func formats() throws {
        let nagios = try program.run("doctor", "--cell", "one", "--output", "nagios")
        #expect(nagios.status == 0)
        #expect(nagios.output.hasPrefix("DOCTOR OK - All is well: "))
        #expect(nagios.lines.first?.contains(" | 'one round_trip'=") == true)
        let warned = try program.run("doctor", "--cell", "one", "--output", "nagios", "--warn-round-trip", "0")
        #expect(warned.status == 1 && warned.output.hasPrefix("DOCTOR WARNING - "))
        let failed = try program.run("doctor", "--cell", "one", "--fail-round-trip", "0", "--output", "nagios")
        #expect(failed.status == 2 && failed.output.hasPrefix("DOCTOR CRITICAL - "))
        let written = try program.run(
            "doctor", "--cell", "one", "--output", "prometheus", "--outfile", "doctor.prom")
        #expect(written.status == 0 && written.output.isEmpty)
        let metrics = try String(contentsOfFile: program.folder + "/doctor.prom", encoding: .utf8)
        #expect(metrics.contains("switchboard_check_result{check=\"doctor\"} 0\n"))
        #expect(metrics.contains("switchboard_check_round_trip_seconds{check=\"doctor\",cell=\"one\"} "))
        let unwritable = try program.run("doctor", "--cell", "one", "--outfile", "no/such/folder")
        #expect(unwritable.status == 74 && unwritable.errors.contains("no/such/folder"))
        #expect(try program.run("doctor", "--cell", "one", "--json", "--output", "nagios").status == 64)
        #expect(try program.run("doctor", "--cell", "one", "--warn-backlog", "-1").status == 64)
        #expect(try program.run("doctor", "--cell", "one", "--management-url", "ftp://h").status == 64)
    }
}
