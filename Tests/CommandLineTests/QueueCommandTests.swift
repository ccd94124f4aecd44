import Foundation
import SwitchboardMessaging
import Testing

/// Without a broker; what RabbitMQ has is tested elsewhere.
@Suite("switchboard queue", .timeLimit(.minutes(5)))
struct QueueCommandTests {
    let program: Program

    init() throws {
        program = try Program()
        try #require(try program.run("init").status == 0)
    }

    @Test("An audit needs a broker: what keeps no queues fails, with what to do")
    func noBroker() throws {
        try program.run("cell", "create", "--name", "one", "--transport-url", "spool://\(program.folder)/one")
        let result = try program.run("queue", "audit", "--cell", "one", "--topic", "compute", "--json")
        #expect(result.status == 2, "\(result.output)\(result.errors)")
        let steps = try #require(try result.json()["subjects"]?[0]?["steps"])
        #expect(steps[0]?["step"] == "mapping" && steps[0]?["status"] == "ok")
        #expect(steps[1]?["step"] == "url" && steps[1]?["status"] == "failed")
        #expect(steps[1]?["advice"]?.string?.contains("rabbit://") == true)
        #expect(steps[2]?["status"] == "skipped")
    }

    @Test("A cell that isn't there fails; without a cell that has a queue nothing could be checked")
    func cells() throws {
        let missing = try program.run("queue", "audit", "--cell", "nowhere", "--topic", "t")
        #expect(missing.status == 2 && missing.output.contains("cell list"))
        #expect(try program.run("queue", "audit", "--all-cells", "--topic", "t").status == 3)
    }

    @Test("What can't be meant is wrong usage")
    func usage() throws {
        for arguments in [
            [], ["--topic", "t", "--management-url", "ftp://h"], ["--topic", "t", "--management-port", "0"],
            ["--management-port", "1", "--management-url", "http://h"],
            ["--server", "s", "--topic", "a", "--topic", "b"],
            ["--topic", "t", "--growth", "soon"], ["--topic", "t", "--growth", "-1"],
            ["--topic", "t", "--replicas", "0"],
            ["--topic", "t", "--all-cells", "--cell", "one"], ["--topic", ""], ["--topic", "t", "--warn-unread", "-1"],
        ] {
            let result = try program.start(["queue", "audit"] + arguments).wait()
            #expect(result.status == 64, "\(arguments): \(result.errors)")
        }
        #expect(try program.run("queue", "audit", "--help").output.contains("Exit codes: 0 all is well"))
    }

    @Test("A migration needs the API and a broker; what can't be meant is wrong usage")
    func migration() throws {
        for arguments in [
            [], ["--management-port", "1", "--plan", "--yes"], ["--management-port", "1", "--wait", "-1"],
            ["--management-port", "1", "--to", "-", "--transport-url", "-"],
        ] {
            let result = try program.start(["queue", "migrate"] + arguments).wait()
            #expect(result.status == 64, "\(arguments): \(result.errors)")
        }
        let missing = try program.run("queue", "migrate", "--cell", "nowhere", "--management-port", "1", "--plan")
        #expect(missing.status == 1, "\(missing.errors)")
        let other = try program.run(
            "queue", "migrate", "--transport-url", "fake://one", "--management-port", "1", "--plan")
        #expect(other.status == 2 && !other.errors.isEmpty)
    }

    #if RabbitMQ
        @Test("A broker that can't be reached fails, and the rest is skipped; no password is shown")
        func unreachable() throws {
            let url = "rabbit://nova:canary-of-audit@127.0.0.1:1/v"
            let result = try program.run(
                "queue", "audit", "--transport-url", url, "--topic", "t", "--growth", "2s", "--json")
            #expect(result.status == 2)
            let steps = try #require(try result.json()["subjects"]?[0]?["steps"])
            #expect(steps[1]?["step"] == "login" && steps[1]?["status"] == "failed")
            #expect(steps[1]?["advice"]?.string?.contains("switchboard doctor") == true)
            #expect(!(result.output + result.errors).contains("canary"))
        }

        @Test("Options of a configuration file count, as they do for the services")
        func configuration() throws {
            let file = program.folder + "/nova.conf"
            try """
            [DEFAULT]
            transport_url = rabbit://nova:canary-of-audit@127.0.0.1:1/v
            [oslo_messaging_rabbit]
            rabbit_quorum_delivery_limit = many
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let result = try program.run("queue", "audit", "--config-file", file, "--topic", "t")
            #expect(result.status != 0 && (result.output + result.errors).contains("rabbit_quorum_delivery_limit"))
        }

        @Test("A migration of what can't be reached, or to the same virtual host, doesn't begin")
        func unreachableMigration() throws {
            let url = "rabbit://nova:canary-of-audit@127.0.0.1:1/v"
            let lost = try program.run(
                "queue", "migrate", "--transport-url", url, "--management-port", "1", "--plan", "--json")
            #expect(lost.status == 2 && lost.errors.contains("switchboard doctor"), "\(lost.errors)")
            let same = try program.run(
                "queue", "migrate", "--transport-url", url, "--management-port", "1", "--to",
                "rabbit://other:canary-of-audit@127.0.0.1:1/v")
            #expect(same.status == 2 && same.errors.contains("same virtual host"), "\(same.errors)")
            #expect(!(lost.errors + same.errors).contains("canary"))
        }
    #endif
}
