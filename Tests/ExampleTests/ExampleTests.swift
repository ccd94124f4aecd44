import Foundation
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The example programs do what they say", .timeLimit(.minutes(3)))
struct ExampleTests {
    @Test("InProcess: calls, an error, a fanout, and nobody listening")
    func inProcess() async throws {
        let output = try await ExampleProgram.run("InProcessExample")
        #expect(
            output.lines.sorted() == [
                "1 / 0: remote: DivisionByZero: 1 by 0", "84 / 2 = 42", "one noted: lunch at noon",
                "three: nobody listens", "two noted: lunch at noon",
            ])
        #expect(output.exit == .code(0))
    }

    @Test("Spool: what is noted before anybody reads is there for the reader, once")
    func spool() async throws {
        let scratch = try ScratchDirectory(prefix: "switchboard-example")
        defer { scratch.remove() }
        let spool = "\(scratch.path)/events"
        for host in ["host1", "host2"] {
            let output = try await ExampleProgram.run("SpoolExample", "note", spool, "disk.full", host)
            #expect(output.lines == ["noted disk.full of \(host)"])
        }
        let output = try await ExampleProgram.run("SpoolExample", "read", spool, "2")
        #expect(output.lines.count == 2, "\(output.text)")
        for host in ["host1", "host2"] {
            #expect(output.lines.contains { $0.hasPrefix("monitor.\(host): disk.full") && $0.contains(host) })
        }
        #expect(output.exit == .code(0))
    }

    @Test("TwoCells: each instance is answered by its own cell's queue, embedded")
    func twoCells() async throws {
        let output = try await ExampleProgram.run("TwoCells")
        try expectCells(output, queue: { "fake://cell\($0)" })
    }

    #if RabbitMQ
        @Test("RabbitMQ: the service greets, and finishes when it is told to end")
        func rabbitMQ() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let url = broker.url(virtualHost: name).formatted(revealingSecrets: true)
                let nobody = try await ExampleProgram.run("RabbitMQExample", "greet", url)
                #expect(nobody.lines.contains("nobody serves: start the service first"), "\(nobody.text)")

                let service = try ExampleProgram("RabbitMQExample", ["serve", url])
                try await service.wait(for: "RPC server listens")
                let greeted = try await ExampleProgram.run("RabbitMQExample", "greet", url, "Ada")
                #expect(greeted.lines.contains("Hello, Ada!"), "\(greeted.text)")
                service.terminate()
                let output = try await service.finish()
                #expect(output.lines.contains("greeting Ada for alice"), "\(output.text)")
                #expect(output.lines.last == "stopped")
                #expect(output.exit == .code(0))
                #expect(!output.text.contains(broker.password.reveal()))
            }
        }

        @Test("TwoCells: with a virtual host for each cell of a broker")
        func twoCellsOnBroker() async throws {
            try await TestBroker.withBroker { broker in
                for name in ["api", "cell1", "cell2"] { try await broker.addVirtualHost(name) }
                let url = broker.url(virtualHost: nil).formatted(revealingSecrets: true)
                let output = try await ExampleProgram.run("TwoCells", "--broker", url)
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

    @Test("An example for one backend fits on a page")
    func length() throws {
        let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Examples")
        for name in ["InProcess", "RabbitMQ", "Spool"] {
            let file = examples.appendingPathComponent("\(name)/\(name)Example.swift")
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 80, "\(name)")
        }
    }
}
