import Foundation
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The example programs do what they say", .timeLimit(.minutes(3)))
struct ExampleTests {
    @Test("Hello: a service and its client in one process")
    func hello() async throws {
        let output = try await ExampleProgram.run("HelloExample")
        #expect(output.lines.contains("Hello, World!"), "\(output.text)")
        #expect(!output.text.contains("warning"), "\(output.text)")
        #expect(output.exit == .code(0))
    }

    @Test("Notifications: each handler gets what it asked for, and nothing else")
    func notifications() async throws {
        let output = try await ExampleProgram.run("NotificationsExample")
        let lines = Set(output.lines)
        #expect(lines.contains(#"compute.instance.create.end: {"state": "active"}"#), "\(output.text)")
        #expect(lines.contains("ALARM compute.libvirt.error from compute.host1"), "\(output.text)")
        #expect(!output.text.contains("scheduler"))
        #expect(output.exit == .code(0))
    }

    @Test("Observed: middleware refuses a stranger, and both sides are traced and measured")
    func observed() async throws {
        let output = try await ExampleProgram.run("ObservedExample")
        #expect(output.lines.contains("1 tea, on its way"), "\(output.text)")
        #expect(output.lines.contains { $0.hasPrefix("refused: ") && $0.contains("Forbidden") }, "\(output.text)")
        for kind in ["client", "server"] {
            #expect(output.lines.count { $0.hasPrefix("span ") && $0.hasSuffix(kind) } == 2, "\(output.text)")
        }
        #expect(output.lines.contains { $0.hasPrefix("metric ") }, "\(output.text)")
        #expect(output.exit == .code(0))
    }

    @Test("TwoCells: each instance is answered by its own cell")
    func twoCells() async throws {
        let output = try await ExampleProgram.run("TwoCells")
        for number in 1...2 {
            #expect(
                output.lines.contains("10000000-0000-4000-8000-00000000000\(number) is in cell\(number)"),
                "\(output.text)")
        }
        #expect(output.exit == .code(0))
    }

    @Test("Spool: what is noted before anybody reads is there for the reader, once")
    func spool() async throws {
        let scratch = try ScratchDirectory(prefix: "switchboard-example")
        defer { scratch.remove() }
        let spool = "\(scratch.path)/events"
        for host in ["host1", "host2"] {
            let output = try await ExampleProgram.run("SpoolExample", "note", spool, "disk.full", host)
            #expect(output.lines.contains("noted disk.full of \(host)"), "\(output.text)")
        }
        let output = try await ExampleProgram.run("SpoolExample", "read", spool, "2")
        #expect(output.lines.count { $0.hasPrefix("monitor.") } == 2, "\(output.text)")
        for host in ["host1", "host2"] {
            #expect(output.lines.contains { $0.hasPrefix("monitor.\(host): disk.full") && $0.contains(host) })
        }
        #expect(output.exit == .code(0))
    }

    @Test("Quickstart: each instance is answered by its own cell's queue, embedded")
    func quickstart() async throws {
        let output = try await ExampleProgram.run("Quickstart")
        try expectCells(output, queue: { "fake://cell\($0)" })
    }

    #if RabbitMQ
        @Test("RabbitMQ: the service greets, and finishes when it is told to end")
        func rabbitMQ() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let url = broker.url(virtualHost: name).formatted(revealingSecrets: true)
                let nobody = try await ExampleProgram.run("RabbitMQExample", "greet", url)
                #expect(nobody.lines.contains("Nobody serves: start the service first."), "\(nobody.text)")

                let service = try ExampleProgram("RabbitMQExample", ["serve", url])
                try await service.wait(for: "RPC server listens")
                let greeted = try await ExampleProgram.run("RabbitMQExample", "greet", url, "Ada")
                #expect(greeted.lines.contains("Hello, Ada!"), "\(greeted.text)")
                service.terminate()
                let output = try await service.finish()
                #expect(output.lines.contains("greeting Ada for alice"), "\(output.text)")
                #expect(output.lines.contains("stopped"))
                #expect(output.exit == .code(0))
                #expect(!output.text.contains(broker.password.reveal()))
            }
        }

        @Test("Quickstart: with a virtual host for each cell of a broker")
        func quickstartOnBroker() async throws {
            try await TestBroker.withBroker { broker in
                for name in ["api", "cell1", "cell2"] { try await broker.addVirtualHost(name) }
                let url = broker.url(virtualHost: nil).formatted(revealingSecrets: true)
                let output = try await ExampleProgram.run("Quickstart", "--broker", url)
                try expectCells(output, queue: { ":\(broker.port)/cell\($0)" })
                #expect(!output.text.contains(broker.password.reveal()))
            }
        }
    #endif

    /// The instances 1 to 6 of the example are in cell 1, 2, 1, 2, cell0 and nowhere.
    private func expectCells(_ output: ExampleProgram.Output, queue: (Int) -> String) throws {
        for (number, cell) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
            let line = try #require(output.lines.first { $0.hasPrefix("10000000-0000-4000-8000-00000000000\(number)") })
            #expect(line.contains("compute at cell\(cell)") && line.contains(queue(cell)), "\(line)")
        }
        let failed = try #require(output.lines.first { $0.contains("000005 ") })
        #expect(failed.contains("noQueue") && failed.contains("cell0"), "\(failed)")
        #expect(output.lines.contains { $0.hasPrefix("(not about an instance)") && $0.contains("compute at api") })
        #expect(output.exit == .code(0))
    }

    @Test("Each example is short: its program has under 60 lines, its README about ten")
    func length() throws {
        let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Examples")
        let programs = [
            "Hello/main.swift", "RabbitMQ/RabbitMQExample.swift", "Spool/SpoolExample.swift", "TwoCells/TwoCells.swift",
            "Notifications/NotificationsExample.swift", "Observed/ObservedExample.swift",
            "TestingAService/GreeterTests.swift",
        ]
        for program in programs {
            let file = examples.appendingPathComponent(program)
            let readme = file.deletingLastPathComponent().appendingPathComponent("README.md")
            #expect(try lines(of: file) < 60, "\(program)")
            #expect(try lines(of: readme) <= 15, "\(program)")
        }
    }

    private func lines(of file: URL) throws -> Int {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).count - 1
    }
}
