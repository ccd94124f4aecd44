import Foundation
import SwitchboardMessaging
import Testing

@Suite("switchboard spool", .timeLimit(.minutes(5)))
struct SpoolCommandTests {
    let program: Program
    let spool: String
    let queue = "notifications~openstack~notifications.info"

    init() throws {
        program = try Program()
        spool = "\(program.folder)/s"
    }

    /// Publishes into the spool: nobody takes the messages.
    private func fill(_ events: String...) throws {
        for event in events {
            let sent = try program.run("notify", "send", event, "--transport-url", "spool://\(spool)")
            try #require(sent.status == 0, "\(sent.errors)")
        }
    }

    private func names(_ options: String...) throws -> [String] {
        let listed = try program.start(["spool", "ls", spool, "--json"] + options).wait()
        guard case .array(let messages) = try listed.json() else { return [] }
        return messages.compactMap { message in
            if case .string(let name)? = message["name"] { name } else { nil }
        }
    }

    /// Makes a message dead, by damaging its file and letting a check find it.
    private func kill(_ name: String) throws {
        let file = FileHandle(forUpdatingAtPath: "\(spool)/queues/\(queue)/new/\(name)")
        try #require(file).write(Data("?".utf8))
        try file?.close()
    }

    @Test("What waits is listed and shown, as text and as JSON, and can be dropped by its name")
    func waiting() throws {
        try fill("one", "two")
        let table = try program.run("spool", "ls", spool)
        #expect(table.status == 0)
        #expect(table.lines.first?.contains("WAITING") == true)
        #expect(table.lines.last?.contains(queue) == true)
        let queues = try program.run("spool", "ls", "spool://\(spool)", "--json").json()
        #expect(queues[0]?["waiting"] == 2)
        #expect(queues[0]?["claimed"] == 0)
        let messages = try names("--queue", queue)
        try #require(messages.count == 2)
        #expect(try names("--queue", queue, "--limit", "1") == [messages[0]])
        let rows = try program.run("spool", "ls", spool, "--queue", queue).lines
        #expect(rows.map { $0.split(separator: " ").last.map(String.init) } == ["METHOD", "one", "two"], "\(rows)")
        #expect(rows.last?.contains(" 2 ") == true)
        let listed = try program.run("spool", "ls", spool, "--queue", queue, "--json").json()
        #expect(listed[1]?["method"] == "two")
        let shown = try program.run("spool", "show", spool, messages[0])
        #expect(shown.status == 0)
        #expect(shown.output.contains("application/json"))
        #expect(shown.output.contains(#""oslo.message""#))
        let json = try program.run("spool", "show", spool, messages[1], "--json").json()
        #expect(json["queue"] == .string(queue))
        #expect(json["attempts"] == 0)
        let dropped = try program.run("spool", "drop", spool, messages[0])
        #expect(dropped.status == 0)
        #expect(dropped.output == "1 messages dropped.\n")
        #expect(try names("--queue", queue) == [messages[1]])
        let gone = try program.run("spool", "show", spool, messages[0])
        #expect(gone.status == 1)
        #expect(gone.errors.contains("no message"))
    }

    @Test("A check finds damage and repairs it; the dead are listed, refused a retry, and dropped")
    func dead() throws {
        try fill("one", "two")
        #expect(try program.run("spool", "check", spool).output == "All is well.\n")
        let first = try #require(try names("--queue", queue).first)
        try kill(first)
        let found = try program.run("spool", "check", spool)
        #expect(found.status == 1)
        #expect(found.output.hasPrefix("found: "))
        let repaired = try program.run("spool", "check", spool, "--repair", "--json")
        #expect(repaired.status == 0)
        #expect(try repaired.json()[0]?["repaired"] == true)
        // The queue counts one message more than it has.
        #expect(try program.run("spool", "check", spool, "--repair").status == 0)
        #expect(try program.run("spool", "check", spool).output == "All is well.\n")
        #expect(try program.run("spool", "ls", spool, "--dead").output.contains("first line"))
        let retried = try program.run("spool", "retry", spool, "--all", "--json")
        #expect(retried.status == 1)
        #expect(try retried.json() == ["retried": 0, "failed": 1])
        #expect(retried.errors.contains("no message"))
        #expect(try program.run("spool", "drop", spool, "--all").status == 0)
        #expect(try names("--dead") == [])
        let unknown = try program.run("spool", "drop", spool, "../FORMAT")
        #expect(unknown.status == 1)
        #expect(FileManager.default.fileExists(atPath: "\(spool)/FORMAT"))
        #expect(try program.run("spool", "retry", spool).status == 64)
    }

    @Test("Forwarding drains into another transport, and says how many; a failing one keeps the rest")
    func forward() throws {
        try fill("one", "two", "three")
        let refused = try program.run("spool", "forward", spool, "spool://\(program.folder)/no/where")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("parent directory"))
        #expect(try names("--queue", queue).count == 3)
        #expect(try program.run("spool", "ls", spool, "--queue", "stone").status == 1)
        let forwarded = try program.run("spool", "forward", spool, "spool://\(program.folder)/to", "--json")
        #expect(forwarded.status == 0, "\(forwarded.errors)")
        #expect(try forwarded.json() == ["forwarded": 3])
        #expect(try names("--queue", queue) == [])
        // From standard input, where passwords are not seen; and nothing is left to do.
        let again = try program.run("spool", "forward", spool, "-", input: "spool://\(program.folder)/to\n")
        #expect(again.output == "0 messages forwarded.\n")
        let there = try program.run("spool", "ls", "\(program.folder)/to", "--json").json()
        #expect(there[0]?["waiting"] == 3)
        let bad = try program.run("spool", "forward", spool, "stone://x")
        #expect(bad.status == 64)
        #expect(bad.errors.contains("stone"))
    }

    @Test("What is no spool is said with exit code 255, and none is made")
    func noSpool() throws {
        for command in [["ls"], ["check"], ["show", "x"], ["drop", "x"], ["retry", "x"], ["forward", "fake://"]] {
            let result = try program.start(["spool", command[0], spool] + command.dropFirst()).wait()
            #expect(result.status == 255, "\(command): \(result.errors)")
            #expect(result.errors.contains("There is no spool"), "\(command): \(result.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: spool))
    }
}
