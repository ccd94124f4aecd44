import Foundation
import SwitchboardMessaging
import Testing

/// The commands, on file spools; what RabbitMQ has is tested elsewhere.
@Suite("switchboard watch and check hosts", .timeLimit(.minutes(5)))
struct WatchCommandTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
        let url = "spool://\(program.folder)/one"
        try #require(try program.run("cell", "create", "--name", "one", "--transport-url", url).status == 0)
        try #require(try program.run("host", "map", "--cell", "one", "h1", "h2").status == 0)
    }

    /// Has `h1` served while `body` runs.
    private func serving(_ body: () throws -> Void) throws {
        let server = try program.start([
            "serve", "--cell", "one", "--topic", "compute", "--exchange", "nova", "--server", "h1",
        ])
        let deadline = ContinuousClock.now + .seconds(60)
        while try program.run(
            "ping", "--cell", "one", "--topic", "compute", "--exchange", "nova", "--server", "h1", "--timeout", "1"
        ).status != 0 {
            try #require(server.isRunning && ContinuousClock.now < deadline)
        }
        try body()
        server.interrupt()
        #expect(try server.wait().status == 0)
    }

    @Test("A check says who is absent, by thresholds, in every format")
    func check() throws {
        try serving {
            let text = try program.run("check", "hosts")
            #expect(text.status == 1, "\(text.output)\(text.errors)")
            #expect(text.lines.contains { $0.hasPrefix("  ! host h2") && $0.contains("absent") })
            #expect(text.output.contains("1 of 2 hosts answer, 1 absent"))
            #expect(try program.run("check", "hosts", "--warning", "1").status == 0)
            #expect(try program.run("check", "hosts", "--critical", "0").status == 2)
            let json = try program.run("check", "hosts", "--json").json()
            #expect(json["check"] == "hosts" && json["status"] == "warning")
            let unknown = try program.run("check", "hosts", "--cell", "nowhere", "--output", "nagios")
            #expect(unknown.status == 3, "\(unknown.output)")
            #expect(
                unknown.lines.first?.hasPrefix("HOSTS UNKNOWN - the directory: mapping: ") == true, "\(unknown.output)")
            #expect(unknown.lines.first?.contains("nowhere") == true, "\(unknown.output)")
            let nagios = try program.run("check", "hosts", "--output", "nagios")
            #expect(nagios.lines.first?.hasPrefix("HOSTS WARNING - all mapped hosts: hosts: 1 of 2") == true)
            #expect(nagios.lines.first?.contains("'troubled'=1;0;10") == true)
            let file = try program.run("check", "hosts", "--output", "prometheus", "--outfile", "hosts.prom")
            #expect(file.status == 1 && file.output.isEmpty)
            let written = try String(contentsOfFile: program.folder + "/hosts.prom", encoding: .utf8)
            #expect(written.contains("switchboard_check_troubled_hosts{check=\"hosts\"} 1\n"))
        }
    }

    @Test("A check without hosts, of an unknown cell, and without a directory")
    func nothingToCheck() throws {
        try program.run("cell", "create", "--name", "empty", "--transport-url", "fake://empty")
        let empty = try program.run("check", "hosts", "--cell", "empty")
        #expect(empty.status == 3 && empty.output.contains("no host is mapped"), "\(empty.output)\(empty.errors)")
        let unknown = try program.run("check", "hosts", "--cell", "nowhere")
        #expect(unknown.status == 3 && unknown.output.contains("nowhere"))
        let none = try program.run("check", "hosts", "--database", "/no/such/file")
        #expect(none.status == 2 && none.output.contains("/no/such/file"))
        let nowhere = try program.run("check", "hosts", environment: ["SWITCHBOARD_DATABASE": ""])
        #expect(nowhere.status == 64 && nowhere.errors.contains("--database"), "\(nowhere.errors)")
        #expect(try program.run("check", "hosts", "--slow", "fast").status == 64)
        #expect(try program.run("check", "hosts", "--warning", "-1").status == 64)
    }

    @Test("A watch prints a line for each change and sweep, as JSON too, and writes its metrics")
    func lines() throws {
        try serving {
            let text = try program.run("watch", "--count", "2", "--every", "100ms")
            #expect(text.status == 0, "\(text.errors)")
            #expect(text.lines.count == 3, "\(text.output)")
            #expect(text.lines.first?.contains("cell one, host h2: absent") == true)
            #expect(text.lines.last?.contains("sweep 2: 2 hosts in 1 cell: 1 answering, 1 absent") == true)
            let json = try program.run("watch", "--count", "1", "--json", "--outfile", "watch.prom")
            let objects = try json.lines.map { try JSONValue(parsing: Array($0.utf8)) }
            #expect(objects.map { $0["event"] } == ["host", "sweep"])
            #expect(objects[0]["host"] == "h2" && objects[0]["to"] == "absent" && objects[0]["from"] == "unknown")
            #expect(objects[1]["answering"] == 1 && objects[1]["absent"] == 1 && objects[1]["hosts"] == 2)
            let written = try String(contentsOfFile: program.folder + "/watch.prom", encoding: .utf8)
            #expect(written.contains(#"switchboard_watch_host_state{cell="one",host="h2",state="absent"} 1"#))
            let metrics = try program.run("watch", "--count", "1", "--output", "prometheus")
            #expect(metrics.lines.first?.hasPrefix("# HELP switchboard_watch_") == true)
            #expect(metrics.lines.contains("switchboard_watch_sweeps_total 1"))
        }
    }

    @Test("top --sweep counts its own calls to the mapped hosts: once, again and again, and of one cell")
    func top() throws {
        try serving {
            let once = try program.run("top", "--sweep", "--once", "--json")
            #expect(once.status == 0 && once.errors.isEmpty, "\(once)")
            let object = try JSONValue(parsing: Array(once.output.utf8))
            #expect(object["total"]?["calls"] == 2 && object["total"]?["errors"] == ["absent": 1], "\(once)")
            #expect(object["rows"]?[0]?["cell"] == "one" && object["rows"]?[0]?["method"] == "oslo_rpc_server_ping")
            #expect(object["rows"]?[0]?["p99_milliseconds"] != nil)
            let table = try program.run("top", "--sweep", "--cell", "one", "--by", "topic", "--once")
            #expect(table.output.contains("1 absent") && !table.output.contains("CELL"), "\(table)")
            let live = try program.shell(
                """
                $SB top --sweep --every 1s --interval 500ms --window 60 --json >out & top=$!
                until grep -q '"total": {"calls": [4-9]' out; do sleep 0.1; done
                kill $top; wait $top
                """)
            #expect(live.status == 0, "\(live)")
        }
        // A cell without a queue isn't left out.
        try program.run("cell", "create", "--name", "without", "--transport-url", "none:///")
        try program.run("host", "map", "--cell", "without", "h4")
        let without = try program.run("top", "--sweep", "--cell", "without", "--once", "--json")
        #expect(try without.json()["total"]?["errors"] == ["unreachable": 1], "\(without)")
        try program.run("cell", "create", "--name", "empty", "--transport-url", "fake://empty")
        let empty = try program.run("top", "--sweep", "--cell", "empty", "--once")
        #expect(empty.status == 3 && empty.errors.contains("No host is mapped"), "\(empty)")
        try program.run("cell", "update", "empty", "--disable")
        let disabled = try program.run("top", "--sweep", "--cell", "empty", "--once")
        #expect(disabled.status == 3 && disabled.errors.contains("is disabled"), "\(disabled)")
        #expect(try program.run("top", "--sweep", "--cell", "nowhere").status == 3)
        for arguments in [
            ["--every", "5"], ["--sweep", "--every", "0"], ["--sweep", "--transport-url", "fake://h/"],
            ["--sweep", "--topic", "comp*"], ["--sweep", "--topic", "a", "--topic", "b"],
            ["--sweep", "--replies", "none"], ["--sweep", "--management-url", "http://h:1"],
        ] {
            #expect(try program.start(["top"] + arguments).wait().status == 64, "\(arguments)")
        }
    }

    @Test("Changes are told while it runs; SIGTERM and Control-C end it with success", arguments: ["TERM", "INT"])
    func signals(_ signal: String) throws {
        let result = try program.shell(
            """
            set -m
            $SB watch --json --every 200ms >out 2>err & watch=$!
            until grep -q '"event": "sweep"' out; do sleep 0.1; done
            $SB host map --cell one h3 >/dev/null
            until grep -q '"event": "mapped".*"h3"' out; do sleep 0.1; done
            kill -\(signal) $watch; wait $watch; echo $?; cat err
            """)
        #expect(result.output == "0\n", "\(result)")
    }

    @Test("An output that can't be written, and a file that can't be, end it with 74")
    func failingOutput() throws {
        let full = try program.shell("$SB watch --every 100ms >/dev/full; echo $?")
        #expect(full.output == "74\n" && full.errors.contains("Standard output cannot be written"))
        let file = try program.run("watch", "--every", "100ms", "--outfile", "/no/such/folder/file")
        #expect(file.status == 74 && file.errors.contains("/no/such/folder/file"))
        #expect(try program.shell("$SB watch --json --every 50ms | head -n 1 | wc -l").output.contains("1"))
    }

    @Test("Wrong usage, an unknown cell and a missing directory end it at once")
    func wrongUsage() throws {
        for arguments in [
            ["--every", "0"], ["--count", "0"], ["--json", "--output", "text"], ["--listen", "0.0.0.0:1"],
            ["--rate", "0"], ["--timeout", "x"], ["--output", "nagios"],
        ] {
            #expect(try program.start(["watch"] + arguments).wait().status == 64, "\(arguments)")
        }
        #expect(try program.run("check", "hosts", "--warning", "20", "--critical", "10").status == 64)
        let unknown = try program.run("watch", "--cell", "nowhere")
        #expect(unknown.status == 3 && unknown.errors.contains("nowhere"))
        #expect(try program.run("watch", "--database", "/no/such/file").status == 255)
    }

    @Test("On a terminal it draws a table, again when the size changes, and gives the terminal back")
    func table() throws {
        let terminal = try Terminal()
        try terminal.resize(columns: 100, rows: 30)
        let running = try program.start(
            ["-c", "exec '\(Program.executable.path)' watch --every 1s --timeout 5 1>&2"],
            errors: terminal.input, executable: URL(fileURLWithPath: "/bin/bash"))
        let shown = terminal.show { $0.contains("sweep 2:") }
        #expect(shown.contains("\u{1B}[?1049h") && shown.contains("CELL  ROUND TRIP"), "\(shown.debugDescription)")
        #expect(shown.contains("absent") && shown.contains("h2"))
        try terminal.resize(columns: 20, rows: 5)
        let small = terminal.show { $0.components(separatedBy: "\u{1B}[H").count > 3 }
        // Each page after the change is within it.
        for page in small.components(separatedBy: "\u{1B}[H").dropFirst(2).dropLast() {
            // The terminal puts a return of its own before each new line.
            let lines = page.replacingOccurrences(of: "\r", with: "").components(separatedBy: "\n")
            #expect(lines.count <= 5, "\(page.debugDescription)")
            for line in lines {
                let text = line.replacingOccurrences(of: "\u{1B}[K", with: "").replacingOccurrences(
                    of: "\u{1B}[J", with: "")
                #expect(text.count <= 20, "\(text.debugDescription)")
            }
        }
        running.interrupt()
        let end = terminal.show { _ in !running.isRunning } + terminal.show(while: { false })
        #expect(try running.wait().status == 0)
        #expect(end.contains("\u{1B}[?1049l"), "\(end.debugDescription)")
        #expect(end.contains("sweep "), "\(end.debugDescription)")
    }

    #if RabbitMQ
        @Test("Metrics are served at /metrics alone, one answer a connection")
        func listening() throws {
            let result = try program.shell(
                #"""
                $SB watch --json --every 200ms --listen 127.0.0.1:0 >out 2>err & watch=$!
                until grep -q '"event": "sweep"' out; do sleep 0.1; done
                port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)/metrics|\1|p' err)
                ask() { exec 3<>/dev/tcp/127.0.0.1/$port; printf "$1" >&3; timeout 20 cat <&3; exec 3>&-; }
                ask 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >metrics
                ask 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | head -n 1
                ask 'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx' | head -n 1
                ask 'HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n' | tail -n 1 | wc -l
                ask 'nonsense\r\n\r\n' >/dev/null
                ask 'GET /metrics HTTP/1.0\r\n\r\n' | head -n 1
                $SB watch --count 1 --listen 127.0.0.1:$port 2>err2 >/dev/null; echo $?
                kill $watch; wait $watch; echo $?
                cat metrics err2
                """#)
            let lines = result.output.replacingOccurrences(of: "\r", with: "").split(
                separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count > 10, "\(result)")
            guard lines.count > 10 else { return }
            #expect(lines[0].contains(" 404 ") && lines[1].contains(" 405 ") && lines[2] == "1", "\(lines)")
            #expect(lines[3].contains(" 200 ") && lines[4] == "74" && lines[5] == "0", "\(lines)")
            #expect(lines[6].hasPrefix("HTTP/1.1 200"))
            #expect(lines.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
            #expect(lines.contains { $0.hasPrefix("switchboard_watch_sweeps_total ") })
            #expect(lines.contains { $0.contains("can't be served on 127.0.0.1:") })
        }
    #endif
}
