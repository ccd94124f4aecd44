import Foundation
import StandardStreams
import SwitchboardMessaging
import Testing

/// Texts of other people: what they can do to a terminal, to a table, to a name, and what they show of passwords.
@Suite("Texts from outside", .timeLimit(.minutes(5)))
struct TextTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
        try #require(try program.run("cell", "create", "--name", "one", "--transport-url", "fake://one").status == 0)
    }

    @Test("Every control and format character and line break is escaped, and nothing else")
    func printable() {
        // One expectation for all: each takes longer than what it looks at.
        var wrong: [String] = []
        for value in 0...0x2FFFF {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            let shown = "a\(Character(scalar))b".printable
            let isRight =
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator:
                    shown == "a\\u{\(String(value, radix: 16))}b"
                default: shown == "a\(Character(scalar))b" || scalar.properties.isDefaultIgnorableCodePoint
                }
            if !isRight { wrong.append("U+\(String(value, radix: 16))") }
        }
        #expect(wrong.isEmpty)
    }

    /// What no output may hold raw.
    private static let hostile = [
        "\u{1B}[2Jred", "a\nforged  row", "a\r\nb", "\u{9B}31m", "\u{202E}txt.exe", "\u{2028}x", "\u{200B}x", "a\u{7}b",
        "\u{FEFF}x", "a\u{85}b", "a\tb", "\u{E0041}x",
    ]

    /// The commands that a text is tried on: all, for the first one, and every third for the others.
    private static func share(of text: String, among texts: [String], _ commands: [[String]]) -> [[String]] {
        let number = texts.firstIndex(of: text) ?? 0
        return commands.enumerated().filter { number == 0 || ($0.offset + number).isMultiple(of: 3) }.map(\.element)
    }

    private func expectClean(_ result: Program.Result, _ text: String) {
        for output in [result.output, result.errors] {
            let odd = output.unicodeScalars.first { $0 != "\n" && !$0.isPrintable }
            #expect(odd == nil, "\(text.debugDescription) comes out as \(output.debugDescription)")
            #expect(!output.split(separator: "\n").contains { $0.hasPrefix("forged") }, "\(output)")
        }
    }

    @Test("Nothing that is said of an argument plays with the terminal", arguments: hostile)
    func arguments(text: String) throws {
        for command in Self.share(
            of: text, among: Self.hostile,
            [
                ["cell", "show", text], ["cell", "list", text],
                ["cell", "create", "--name", text, "--transport-url", "fake://x"],
                ["cell", "create", "--transport-url", text], ["host", "map", text, "--cell", "one"],
                ["instance", "locate", text],
                ["call", text, text, "--topic", "t"],
                ["call", "m", "--topic", text, "--transport-url", "fake://x", "--timeout", "1"],
                ["notify", "send", text, "--transport-url", "fake://x"],
                ["notify", "listen", "--event-type", "(" + text],
                ["spool", "ls", text], ["cell", "list", "--database", text], ["--" + text], ["-" + text], [text],
                ["instance", "map", uuid(1), "--cell", "one", "--project", text], ["host", "delete", text],
            ])
        {
            expectClean(try program.start(command).wait(), text)
        }
    }

    @Test("Nothing that a peer sends plays with the terminal; as JSON it is all there", arguments: hostile)
    func peers(text: String) throws {
        let url = "spool://\(program.folder)/s"
        let payload = JSONValue.object(["text": .string(text)]).description
        for _ in 0..<2 {
            let sent = try program.run(
                "notify", "send", "e" + text, "--publisher-id", text, "--payload", payload, "--transport-url", url)
            try #require(sent.status == 0, "\(sent.errors)")
            expectClean(sent, text)
        }
        let queue = "notifications~openstack~notifications.info"
        let listed = try program.run("spool", "ls", "s", "--queue", queue, "--json").json()
        expectClean(try program.run("spool", "show", "s", listed[0]?["name"]?.string ?? ""), text)
        let heard = try program.run("notify", "listen", "--transport-url", url, "--count", "1")
        #expect(heard.lines.count == 1)
        expectClean(heard, text)
        let json = try program.run("notify", "listen", "--transport-url", url, "--count", "1", "--json")
        expectClean(json, text)
        #expect(try json.json()["event_type"] == .string("e" + text))
        #expect(try json.json()["payload"]?["text"] == .string(text))
    }

    // MARK: Input

    @Test("A byte order mark, Windows' line ends and blanks at the ends of lines are taken away")
    func cleaned() throws {
        let hosts = try program.run(
            "host", "map", "--from-stdin", "--cell", "one", input: "\u{FEFF}h1\r\n  h2\t\r\n\r\n# h3\r\nh4")
        #expect(hosts.status == 0, "\(hosts.errors)")
        let listed = try program.run("host", "list", "--json").json()
        #expect((0..<4).map { listed[$0]?["host"] } == ["h1", "h2", "h4", nil])
        let instances = try program.run(
            "instance", "map", "--from-stdin", "--project", "p", input: "\u{FEFF}\(uuid(1)) one\r\n")
        #expect(instances.status == 0, "\(instances.errors)")
        let cell = try program.run(
            "cell", "create", "--name", "two", "--transport-url", "-", input: "\u{FEFF}fake://two \r\n")
        #expect(cell.status == 0, "\(cell.errors)")
        #expect(try program.run("cell", "show", "two", "--json").json()["transport_url"] == "fake://two")
        let sent = try program.run(
            "notify", "send", "e", "--payload", "-", "--transport-url", "spool://\(program.folder)/s",
            input: "\u{FEFF}{\"a\": 1}\r\n")
        #expect(sent.status == 0, "\(sent.errors)")
    }

    @Test(
        "A line with anything in it that is not to be seen, or more than a name, is refused with its number",
        arguments: [
            "h\u{1B}[2J", "h\u{202E}x", "h\u{200B}", "h\u{A0}x", "h x", "h\tx", "| h1 | one |", "+----+", "\"h1\"",
            "h1,one",
            "h\u{0}", "h\u{85}x", "h\u{2028}x", "h\u{FEFF}x", "rabbit://u:CANARY@h",
        ])
    func refused(line: String) throws {
        let result = try program.run("host", "map", "--from-stdin", "--cell", "one", input: "h1\n\(line)\nh3\n")
        #expect(result.status == 1, "\(result.output)")
        #expect(result.errors.contains("Line 2 of standard input"), "\(result.errors)")
        #expect(!result.errors.contains("CANARY"))
        expectClean(result, line)
        #expect(try program.run("host", "list", "--json").json() == [])
        try "\(uuid(1)) one p\n\(line) one p\n".write(
            toFile: program.folder + "/file", atomically: true, encoding: .utf8)
        let instances = try program.run("instance", "map", "--file", "file")
        #expect(instances.status == 1)
        #expect(instances.errors.contains("Line 2 of file"), "\(instances.errors)")
        expectClean(instances, line)
    }

    @Test("Input that is no text, or cannot be read, is said")
    func unreadable() throws {
        for (bytes, expected) in [
            (#"\xff\xfeh\x00\n\x00"#, "UTF-16"), (#"h1\nh\xff\n"#, "Line 2 of standard input is not UTF-8"),
        ] {
            let result = try program.shell("printf '\(bytes)' | $SB host map --from-stdin --cell one")
            #expect(result.status == 1)
            #expect(result.errors.contains(expected), "\(result.errors)")
        }
        for input in ["<&-", "</"] {
            for command in ["host map --from-stdin --cell one", "cell create --transport-url -"] {
                let result = try program.shell("$SB \(command) \(input)")
                #expect(result.status == 1, "\(command) \(input)")
                #expect(result.errors.contains("Standard input cannot be read"), "\(result.errors)")
            }
        }
    }

    @Test("No pattern and no text make a listener deaf to SIGTERM")
    func pattern() throws {
        let url = "spool://\(program.folder)/s"
        for _ in 0..<2 {
            let sent = try program.run(
                "notify", "send", String(repeating: "a", count: 200) + "!", "--transport-url", url)
            try #require(sent.status == 0, "\(sent.errors)")
        }
        let result = try program.shell(
            """
            $SB notify listen --transport-url \(url) --priority info --event-type '(a+)+$' >out & listener=$!
            until $SB spool ls s --json | grep '"waiting": 0, "claimed": 0' >/dev/null; do sleep 0.1; done
            kill $listener; wait $listener
            """)
        #expect(result.status == 0, "\(result.errors)")
        let refused = try program.run("notify", "listen", "--cell", "one", "--event-type", #"(a)\1"#)
        #expect(refused.status == 64)
        #expect(refused.errors.contains("references to groups are not supported"))
    }

    // MARK: Secrets

    private static let passwords = [
        "rabbit:/user:CANARY@host", "rabbit:user:CANARY@host", "user:CANARY@host", "rabbit://u:CANARY@h:port/",
        "RABBIT://U:CANARY@H", "rabbit://a:CANARY@h,b:CANARY@k/v", "mysql+pymysql://nova:CANARY@db/nova",
        "rabbit%3A%2F%2Fu%3ACANARY%40h", "rabbit://u:x CANARY@h", "rabbit://u:x\nCANARY@h", "user:x CANARY@host",
        "rabbit://h/?password=CANARY", "rabbit://h/?x=u:CANARY@h", "rabbit://h/?u:CANARY@h", "password=CANARY",
        "{\"password\": \"CANARY\"}", "rabbit://u:CANARY", "http://h/?token=CANARY&x=1", "rabbit://u:\u{301}CANARY@h",
        "[x]\ntransport_url = rabbit://u:CANARY@h",
    ]

    @Test("A password in what was meant as a URL is shown by no command, wherever it is given", arguments: passwords)
    func secrets(text: String) throws {
        for command in Self.share(
            of: text, among: Self.passwords,
            [
                [text], ["--" + text], ["-" + text], ["cell", text], ["cell", "list", text],
                ["cell", "list", "--x=" + text],
                ["cell", "list", "--json=" + text], ["cell", "show", text],
                ["cell", "create", "--transport-url", text],
                ["cell", "create", "--uuid", text, "--transport-url", "fake://x"],
                ["cell", "list", "--database", text],
                ["init", "--database", program.folder + "/" + text], ["ping", "--transport-url", text],
                ["ping", "--base-transport-url", text], ["ping", "--cell", text], ["ping", "--timeout", text],
                ["ping", "--topic", text, "--transport-url", "fake://x", "--timeout", "1"],
                ["doctor", "--transport-url", text], ["doctor", "--cell", text], ["doctor", "--output", text],
                ["doctor", "--topic", text, "--transport-url", "fake://x", "--timeout", "1"],
                ["doctor", "--management-url", text, "--transport-url", "fake://x"],
                ["watch", "--cell", text], ["watch", "--listen", text], ["watch", "--every", text],
                ["watch", "--outfile", text, "--count", "1"], ["watch", "--topic", text, "--count", "1"],
                ["check", "hosts", "--cell", text], ["check", "hosts", "--slow", text],
                ["call", text, "--topic", "t"],
                ["call", "m", text, "--topic", "t"], ["call", "m", "x:=" + text, "--topic", "t", "--cell", "one"],
                ["notify", "send", "e", "--payload", text], ["notify", "send", "e", "--priority", text],
                ["notify", "listen", "--event-type", "(" + text, "--cell", "one"], ["spool", "ls", text],
                ["spool", "forward", program.folder, text], ["instance", "locate", text],
                ["instance", "map", text, "--cell", text],
                ["instance", "map", "--file", text], ["host", "map", text, "--cell", "one"], ["host", "delete", text],
                ["cell", "update", "one", "--transport-url", text], ["cell", "verify", text],
            ])
        {
            let result = try program.start(command).wait()
            let shown = result.output + result.errors
            #expect(!shown.contains("CANARY"), "\(command): \(shown)")
        }
        #expect(!(try program.run("cell", "list").output.contains("CANARY")))
        let read = try program.run("ping", "--transport-url", "-", input: text)
        #expect(!(read.output + read.errors).contains("CANARY"), "\(read.errors)")
        let given = try program.run("ping", environment: ["SWITCHBOARD_TRANSPORT_URL": text])
        #expect(!(given.output + given.errors).contains("CANARY"), "\(given.errors)")
    }
}
