import Foundation
import SwitchboardMessaging
import Testing

/// On file spools: queues that several processes share without a broker.
@Suite("switchboard call, cast, serve, ping and notify", .timeLimit(.minutes(5)))
struct MessageCommandTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
        for cell in ["one", "two"] {
            let url = "spool://\(program.folder)/\(cell)"
            try #require(try program.run("cell", "create", "--name", cell, "--transport-url", url).status == 0)
        }
        try #require(
            try program.run("instance", "map", uuid(1), "--cell", "one", "--project", "p").status == 0)
        try #require(try program.run("host", "map", "h1", "--cell", "one").status == 0)
    }

    /// Serves the topic `t` in a cell, and waits until it is there.
    private func serve(_ cell: String, _ options: String...) throws -> Program.Running {
        let server = try program.start(["serve", "--cell", cell, "--topic", "t", "--server", "s"] + options)
        let deadline = Date.now + 60
        while try program.run("ping", "--cell", cell, "--topic", "t").status != 0, Date.now < deadline {}
        return server
    }

    @Test("A call goes to the cell of an instance, of a host, or that is named, and nowhere else")
    func calls() throws {
        let server = try serve("one", "--count", "3")
        for aim in [["--instance", uuid(1)], ["--in-cell-of-host", "h1"], ["--cell", "one"]] {
            let reply = try program.start(["call", "m", "a=b", "n:=[1]", "--topic", "t"] + aim).wait()
            #expect(reply.status == 0, "\(reply.errors)")
            #expect(try reply.json() == ["server": "s", "method": "m", "arguments": ["a": "b", "n": [1]]])
        }
        let elsewhere = try program.run("call", "m", "--topic", "t", "--cell", "two", "--timeout", "10")
        #expect(elsewhere.status == 2)
        #expect(elsewhere.errors.contains("(two)"))
        let served = try server.wait()
        #expect(served.status == 0)
        #expect(served.lines.filter { $0 == #"m {"a": "b", "n": [1]}"# }.count == 3)
    }

    @Test("A cast, a fanout, an own reply, JSON lines, and an end by Control-C")
    func casts() throws {
        let server = try serve("one", "--json", "--reply", "[42]")
        #expect(try program.run("cast", "m", "--topic", "t", "--cell", "one").status == 0)
        let fanout = try program.run("cast", "--fanout", "f", "--topic", "t", "--cell", "one", "--project", "p")
        #expect(fanout.status == 0)
        let reply = try program.run("call", "m", "--topic", "t", "--cell", "one", "--server", "s")
        #expect(try reply.json() == [42])
        server.interrupt()
        let served = try server.wait()
        #expect(served.status == 0, "\(served.errors)")
        let requests = try served.lines.map { try JSONValue(parsing: Array($0.utf8)) }
        #expect(requests.count == 3)
        let ofFanout = try #require(requests.first { $0["method"] == "f" })
        #expect(ofFanout["project"] == "p")
    }

    @Test("A request without a context is served; an option that would be in it is refused beside that")
    func plainContext() throws {
        let server = try serve("one", "--json", "--count", "1")
        let reply = try program.run("call", "m", "--topic", "t", "--cell", "one", "--plain-context")
        #expect(reply.status == 0, "\(reply.errors)")
        let request = try #require(try server.wait().lines.first)
        let served = try JSONValue(parsing: Array(request.utf8))
        #expect(served["method"] == "m" && served["project"] == .null)
        let refused = try program.run(
            "call", "m", "--topic", "t", "--cell", "one", "--plain-context", "--user", "u")
        #expect(refused.status != 0 && refused.errors.contains("--plain-context sends no context"))
    }

    @Test("Notifications arrive, those that were sent before too; filters and priorities choose")
    func notifications() throws {
        for (event, priority) in [("a.x", "info"), ("b.x", "info"), ("a.y", "error"), ("a.z", "debug")] {
            let sent = try program.run(
                "notify", "send", event, "--payload", "-", "--priority", priority, "--cell", "one",
                input: "{\n\"n\": 1}")
            #expect(sent.status == 0, "\(sent.errors)")
        }
        let heard = try program.run(
            "notify", "listen", "--cell", "one", "--priority", "info", "--priority", "error", "--event-type", "a\\.",
            "--count", "2", "--json")
        #expect(heard.status == 0, "\(heard.errors)")
        let events = try heard.lines.map { try JSONValue(parsing: Array($0.utf8)) }
        #expect(Set(events.compactMap { $0["event_type"] }) == ["a.x", "a.y"])
        #expect(events.allSatisfy { $0["payload"] == ["n": 1] && $0["publisher_id"] == "switchboard" })
        let rest = try program.run("notify", "listen", "--cell", "one", "--priority", "debug", "--count", "1")
        #expect(rest.output.contains("DEBUG a.z switchboard {\"n\": 1}"))
    }

    @Test("A pool gets a copy of its own")
    func pool() throws {
        let listener = try program.start(["notify", "listen", "--cell", "one", "--pool", "p", "--count", "1"])
        // The pool's queue is there once it listens; what was sent before does not reach it.
        let deadline = Date.now + 60
        var ended = false
        while !ended, Date.now < deadline {
            try program.run("notify", "send", "e", "--cell", "one")
            ended = !listener.isRunning
        }
        #expect(try listener.wait().status == 0)
        let own = try program.run("notify", "listen", "--cell", "one", "--count", "1")
        #expect(own.status == 0)
    }

    @Test("A ping comes back through the queue, or from a server")
    func ping() throws {
        let through = try program.run("ping", "--cell", "one")
        #expect(through.status == 0, "\(through.errors)")
        #expect(through.output.contains("(one)"))
        let nobody = try program.run("ping", "--cell", "two", "--topic", "t")
        #expect(nobody.status == 2)
    }

    @Test("All cells are asked at once; one that is down fails the whole and hides no other")
    func pingAll() throws {
        let well = try program.run("ping", "--all-cells")
        #expect(well.status == 0, "\(well.errors)")
        #expect(well.lines.first?.hasPrefix("CELL") == true)
        #expect(well.lines.count == 4)
        #expect(well.lines.filter { $0.contains("answered") }.count == 2)
        #expect(well.output.contains("it has no queue"))
        // Nobody makes the directory above the spool.
        let url = "spool://\(program.folder)/nowhere/spool"
        try #require(try program.run("cell", "create", "--name", "lost", "--transport-url", url).status == 0)
        let lost = try program.run("ping", "--all-cells", "--json")
        #expect(lost.status == 4)
        #expect(lost.errors.contains("1 of 4 cells"))
        let report = try lost.json()
        #expect((0..<4).map { report[$0]?["outcome"] } == ["skipped", "answered", "answered", "failed"])
        #expect(report[1]?["milliseconds"] != nil)
        #expect(report[3]?["reason"]?.string?.isEmpty == false)
        try #require(try program.run("cell", "update", "lost", "--disable").status == 0)
        #expect(try program.run("ping", "--all-cells").status == 0)
        #expect(try program.run("ping", "--all-cells", "--include-disabled").status == 4)
        #expect(try program.run("ping", "--all-cells", "--cell", "one").status == 64)
        let servers = try program.run("ping", "--all-cells", "--topic", "t", "--json")
        #expect(servers.status == 4)
        #expect(try servers.json()[1]?["outcome"] == "failed")
        try #require(try program.run("cell", "create", "--name", "hollow", "--transport-url", "none:///").status == 0)
        let start = ContinuousClock.now
        let hollow = try program.run("ping", "--all-cells", "--timeout", "120")
        let time = start.duration(to: .now)
        #expect(time < .seconds(60))
        #expect(hollow.status == 4)
        #expect(hollow.output.contains("no message queue"))
    }

    @Test("Without a cell that has a queue there is none to ask")
    func pingNone() throws {
        let empty = try Program()
        try #require(try empty.run("init").status == 0)
        #expect(try empty.run("ping", "--all-cells").status == 3)
        #expect(try Program().run("ping", "--all-cells").status == 255)
    }

    @Test("A disabled cell is refused with 3, unless it is asked for")
    func disabled() throws {
        try #require(try program.run("cell", "update", "one", "--disable").status == 0)
        for aim in [["--cell", "one"], ["--instance", uuid(1)], ["--in-cell-of-host", "h1"]] {
            let refused = try program.start(["ping"] + aim).wait()
            #expect(refused.status == 3)
            #expect(refused.errors.contains("--include-disabled"))
        }
        #expect(try program.run("ping", "--cell", "one", "--include-disabled").status == 0)
    }

    @Test("What is wrong is named, with the exit code of the help")
    func refused() throws {
        #expect(try program.run("call", "m", "--topic", "t").status == 64)
        #expect(try program.run("call", "m", "x", "--topic", "t", "--cell", "one").status == 64)
        #expect(try program.run("call", "m", "x:={", "--topic", "t", "--cell", "one").status == 64)
        for (arguments, reason) in [(["a=1", "b=2", "a:=3"], "a is given twice"), ([":=5"], "has no name")] {
            let result = try program.start(["call", "m", "--topic", "t", "--cell", "one"] + arguments).wait()
            #expect(result.status == 64 && result.errors.contains(reason), "\(result)")
        }
        let noUUID = try program.run("ping", "--instance", "abc")
        #expect(noUUID.status == 64 && noUUID.errors.contains("'abc' is none"))
        #expect(try program.run("call", "m", "--topic", "t", "--cell", "one", "--in-cell-of-host", "h1").status == 64)
        let cell0 = try program.run("call", "m", "--topic", "t", "--cell", "cell0")
        #expect(cell0.status == 3)
        #expect(cell0.errors.contains("cell0"))
        #expect(try program.run("call", "m", "--topic", "t", "--cell", "nowhere").status == 3)
        #expect(try program.run("call", "m", "--topic", "t", "--instance", uuid(9)).status == 3)
        let scheme = try program.run(
            "call", "m", "--topic", "t", "--transport-url", "-", input: "kafka://u:secret@h/\n")
        #expect(scheme.status == 5)
        #expect(scheme.errors.contains("kafka"))
        #expect(!scheme.errors.contains("secret"))
        let regex = try program.run("notify", "listen", "--cell", "one", "--event-type", "(")
        #expect(regex.status == 64)
    }
}
