import Foundation
import SwitchboardMessaging
import Testing

/// What the command says and returns without a broker; what RabbitMQ has is tested elsewhere.
@Suite("switchboard cell rotate", .timeLimit(.minutes(5)))
struct RotateCommandTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
        try "new-canary\n".write(toFile: program.folder + "/password", atomically: true, encoding: .utf8)
        try program.run("cell", "create", "--name", "plain", "--transport-url", "fake://one")
    }

    private func rotate(_ arguments: String...) throws -> Program.Result {
        let result = try program.start(["cell", "rotate"] + arguments).wait()
        #expect(!(result.output + result.errors).contains("canary"), "\(result.output)\(result.errors)")
        return result
    }

    @Test("What can't be meant is wrong usage; a cell that isn't there is 1")
    func usage() throws {
        let nothing = try rotate("plain")
        #expect(nothing.status == 64 && nothing.errors.contains("--username and --password-file"), "\(nothing)")
        #expect(try rotate("plain", "--transport-url", "fake://two", "--password-file", "password").status == 64)
        #expect(try rotate("plain", "--transport-url", "fake://two", "--username", "u").status == 64)
        #expect(try rotate("plain", "--password-file", "password", "--wait", "-1").status == 64)
        #expect(try rotate("plain", "--password-file", "password", "--username", "").status == 64)
        #expect(try rotate("nowhere", "--password-file", "password").status == 1)
    }

    @Test("A queue without credentials can't be rotated")
    func noCredentials() throws {
        let plain = try rotate("plain", "--username", "u", "--password-file", "password", "--yes")
        #expect(plain.status == 2 && plain.errors.contains("has no credentials"))
        let cell0 = try rotate("cell0", "--username", "u", "--password-file", "password", "--yes")
        #expect(cell0.status == 2 && cell0.errors.contains("no message queue"))
    }

    #if RabbitMQ
        private func url() throws -> String {
            let result = try program.run("cell", "show", "one", "--json", "--show-secrets")
            return try #require(try result.json()["transport_url"]?.string)
        }

        @Test("Credentials that can't be proved change nothing: exit code 2, and --json tells the step")
        func unproved() throws {
            let old = "rabbit://nova:old-canary@127.0.0.1:1/v"
            try program.run("cell", "create", "--name", "one", "--transport-url", old)
            let result = try rotate("one", "--username", "nova2", "--password-file", "password", "--yes", "--json")
            #expect(result.status == 2 && result.errors.contains("nothing was changed"), "\(result.errors)")
            let report = try result.json()
            #expect(
                report["switched"] == false && report["old_users"]?[0] == "nova" && report["new_users"]?[0] == "nova2")
            #expect(report["proof"]?["status"] == "failed")
            #expect(try url() == old)
        }

        @Test("Another broker, another virtual host, the same credentials: refused before anything is tried")
        func refused() throws {
            let old = "rabbit://nova:old-canary@127.0.0.1:1/v"
            try program.run("cell", "create", "--name", "one", "--transport-url", old)
            for (new, words) in [
                ("rabbit://n2:new-canary@127.0.0.2:1/v", "another broker"),
                ("rabbit://n2:new-canary@127.0.0.1:1/w", "another broker"),
                (old, "already"), ("none:///", "no credentials"),
            ] {
                let result = try rotate("one", "--transport-url", new, "--yes")
                #expect(result.status == 2 && result.errors.contains(words), "\(new): \(result.errors)")
            }
            let gone = try rotate("one", "--username", "n2", "--password-file", "no-such-file")
            #expect(gone.status == 2 && gone.errors.contains("no-such-file"))
            #expect(try url() == old)
        }

        @Test("A URL that takes its user from the process's own can't be given another one")
        func template() throws {
            try program.run(
                "cell", "create", "--name", "one", "--transport-url", "rabbit://{username}:{password}@127.0.0.1:1/v")
            let result = try rotate(
                "one", "--username", "n2", "--password-file", "password", "--base-transport-url",
                "rabbit://a:b-canary@h/")
            #expect(result.status == 2 && result.errors.contains("process's own URL"), "\(result.errors)")
        }
    #endif
}
