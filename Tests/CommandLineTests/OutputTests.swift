import Foundation
import SwitchboardMessaging
import Testing

/// What the program does when nobody takes what it says.
@Suite("Output that cannot be written", .timeLimit(.minutes(5)))
struct OutputTests {
    let program: Program
    let spool: String

    init() throws {
        program = try Program()
        spool = "spool://\(program.folder)/one"
        try #require(try program.run("init").status == 0)
        try #require(try program.run("cell", "create", "--name", "one", "--transport-url", spool).status == 0)
        try #require(try program.run("instance", "map", uuid(1), "--cell", "one", "--project", "p").status == 0)
        try #require(try program.run("host", "map", "h1", "--cell", "one").status == 0)
    }

    /// Commands of every kind that say something on standard output and can be done again.
    private static let talkative = [
        "--help", "help", "help cell create", "cell", "notify listen --help", "--generate-completion-script bash",
        "--experimental-dump-help", "init", "cell list", "cell list --json", "cell show one", "cell show one --json",
        "cell verify", "cell map-cell0", "cell update one --name one", "instance list", "instance list --json",
        "instance locate \(uuid(1))", "instance verify \(uuid(1))", "instance map \(uuid(1)) --cell one", "host list",
        "host list --json", "host map h1 --cell one", "ping --cell one", "ping --cell one --json", "ping --all-cells",
        "notify send e --cell one", "cast m --topic t --transport-url fake://x", "spool ls one --json",
        "spool check one", "spool ls one --dead --json", "spool drop one nothing --json",
    ]

    @Test(
        "A full disk and a closed standard output give 74 and a sentence, whatever command it is", arguments: talkative)
    func unwritable(command: String) throws {
        try program.run("ping", "--cell", "one")
        for (output, reason) in [(">/dev/full", "No space left"), (">&-", "Bad file descriptor")] {
            let result = try program.shell("$SB \(command) \(output)")
            // A cast to nobody says so first.
            if command.hasPrefix("cast"), result.status == 2 { continue }
            #expect(result.status == 74, "\(command) \(output): \(result.errors)")
            #expect(
                result.errors.contains("Standard output cannot be written: \(reason)"), "\(command): \(result.errors)")
        }
    }

    @Test("A reader that has gone ends every command in silence", arguments: talkative)
    func closedPipe(command: String) throws {
        try program.run("ping", "--cell", "one")
        // The reader is gone before the first byte.
        let result = try program.shell("{ sleep 0.3; $SB \(command); echo $? >rc; } | true; cat rc")
        if command.hasPrefix("cast"), result.output == "2\n" { return }
        #expect(["141\n", "1\n"].contains(result.output), "\(command): \(result.output) \(result.errors)")
        if result.output == "1\n" { #expect(command.hasPrefix("spool drop")) }
        #expect(!result.errors.contains("Standard output") && !result.errors.contains("Fatal"), "\(result.errors)")
    }

    @Test(
        "An error keeps its code when standard error is closed, full or its reader has gone",
        arguments: [
            ("cell show nosuch", 1), ("cell create", 64), ("call m --topic t --cell nosuch", 3), ("nosuch", 64),
            ("ping --transport-url kafka://h", 5), ("cell list --database /nosuch/file", 255),
            ("spool ls /nosuch", 255), ("instance unmap \(uuid(9))", 1),
        ])
    func silentErrors(command: String, code: Int) throws {
        for errors in ["2>/dev/full", "2>&-", ">&- 2>&- <&-", "2> >(true)"] {
            let result = try program.shell("$SB \(command) \(errors)")
            let expected = command.hasPrefix("instance unmap") && errors.hasPrefix(">&-") ? 74 : code
            #expect(Int(result.status) == expected, "\(command) \(errors)")
        }
    }

    @Test("What is closed when the program starts is taken by no database and no queue")
    func closedDescriptors() throws {
        let result = try program.shell(
            "$SB cell create --name two --transport-url \(spool)2 <&- >&- 2>&-; echo $?; $SB ping --cell two <&- >&- 2>&-; echo $?"
        )
        #expect(result.output == "74\n74\n")
        let cells = try program.run("cell", "list", "--json").json()
        #expect(cells[2]?["name"] == "two")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: program.database))
        #expect(bytes.starts(with: Array("SQLite format 3".utf8)))
        #expect(try program.run("cell", "verify").status == 0)
    }

    private func events() throws -> [String] {
        let heard = try program.run("notify", "listen", "--transport-url", spool, "--json", "--count", "\(waiting())")
        #expect(heard.status == 0, "\(heard.errors)")
        return try heard.lines.compactMap { try JSONValue(parsing: Array($0.utf8))["event_type"]?.string }
    }

    private func waiting(_ queue: String = "notifications~openstack~notifications.info") throws -> Int64 {
        guard case .array(let queues) = try program.run("spool", "ls", "one", "--json").json() else { return -1 }
        let found = queues.first { $0["name"] == .string(queue) }
        guard case .integer(let count)? = found?["waiting"] else { return -1 }
        return count
    }

    @Test(
        "A listener whose reader has gone, or whose disk is full, ends; what it did not print stays in the queue",
        arguments: ["", "--json", "--batch 2"])
    func listener(options: String) throws {
        for event in ["e.1", "e.2", "e.3", "e.4"] {
            try #require(try program.run("notify", "send", event, "--transport-url", spool).status == 0)
        }
        let listen = "$SB notify listen --transport-url \(spool) --priority info \(options)"
        let full = try program.shell("\(listen) >/dev/full")
        #expect(full.status == 74, "\(full.errors)")
        #expect(full.errors.contains("No space left"))
        #expect(try waiting() == 4)
        let gone = try program.shell("{ sleep 0.3; \(listen); echo $? >rc; } | true; cat rc")
        #expect(gone.output == "141\n", "\(gone.errors)")
        #expect(!gone.errors.contains("Fatal") && !gone.errors.contains("cannot be written"))
        #expect(try waiting() == 4)
        #expect(try events() == ["e.1", "e.2", "e.3", "e.4"])
    }

    @Test("A listener behind head prints one, and gives back what comes when head has gone")
    func head() throws {
        let send = "$SB notify send --transport-url \(spool) --priority info"
        let result = try program.shell(
            """
            \(send) e.1 >/dev/null
            { timeout 60 $SB notify listen --transport-url \(spool) --priority info; echo $? >rc; } | head -1 >first &
            until [ -s first ]; do sleep 0.1; done
            \(send) e.2 >/dev/null; wait; cat rc; grep -o 'e[.].' first
            """)
        #expect(result.lines == ["141", "e.1"], "\(result.errors)")
        #expect(try events() == ["e.2"])
    }

    @Test("A server whose reader has gone, or whose disk is full, ends; a request it did not print stays in the queue")
    func server() throws {
        let serve = "timeout 60 $SB serve --transport-url \(spool) --topic t --server s"
        let cast = "$SB cast m --transport-url \(spool) --topic t >/dev/null"
        let result = try program.shell(
            """
            \(serve) >/dev/full & server=$!
            until $SB ping --transport-url \(spool) --topic t >/dev/null 2>&1; do sleep 0.1; done
            \(cast); wait $server; echo $?
            { \(serve); echo $? >rc; } | head -1 >first &
            until [ -s first ]; do sleep 0.1; done
            \(cast); wait; cat first rc
            """)
        #expect(result.lines == ["74", "m {}", "141"], "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
        #expect(try waiting("topic~openstack~t") == 1)
    }

    @Test("A reader that does not read keeps no command from ending by SIGTERM, and loses nothing")
    func stuckReader() throws {
        let payload = #"{"text": "\#(String(repeating: "x", count: 50_000))"}"#
        for event in ["e.1", "e.2", "e.3", "e.4"] {
            try #require(
                try program.run("notify", "send", event, "--transport-url", spool, "--payload", "-", input: payload)
                    .status
                    == 0)
        }
        let result = try program.shell(
            """
            mkfifo pipe; sleep 300 <pipe & reader=$!
            $SB notify listen --transport-url \(spool) --priority info >pipe & listener=$!
            until [ "$($SB spool ls one --json | grep -c '"claimed": 1')" = 1 ]; do sleep 0.1; done
            sleep 1; kill $listener; wait $listener; echo $?; kill -9 $reader
            """)
        #expect(result.output == "74\n", "\(result.errors)")
        #expect(result.errors.contains("nobody reads it"))
        #expect(try waiting() >= 3)
    }

    @Test("Output that is not blocking is written whole")
    func nonBlocking() throws {
        let names = (0..<20_000).map { "h\($0)" }.joined(separator: "\n")
        try names.write(toFile: program.folder + "/names", atomically: true, encoding: .utf8)
        try #require(try program.shell("$SB host map --from-stdin --cell one <names").status == 0)
        // Standard output is made non-blocking by who started the program, and is read slowly.
        let result = try program.shell(
            """
            { perl -e 'use Fcntl; fcntl(STDOUT, F_SETFL, O_NONBLOCK | O_WRONLY); exec @ARGV' $SB host list --json; echo $? >rc; } \
                | { sleep 1; cat; } | wc -l; cat rc
            """)
        #expect(result.lines.last == "0", "\(result.errors)")
        #expect(Int(result.lines.first?.trimmingCharacters(in: .whitespaces) ?? "") ?? 0 > 20_000)
    }
}
