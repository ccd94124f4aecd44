import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// What an operator does who restarts servers one after the other.
    static let replacing: [DriverLaw] = [
        replacing("Servers that are replaced under load answer every call, and handle none twice", .atMostOnce),
        replacing(
            "Servers that acknowledge after the work are replaced under load in the same way", .atLeastOnce),
    ]

    /// One server comes, the one before goes, while many call: each call is answered, by one execution.
    private static func replacing(
        _ name: String, _ acknowledgement: RPCServerConfiguration.Acknowledgement
    ) -> DriverLaw {
        DriverLaw(name, .serving) { bench in
            var configuration = RPCServerConfiguration()
            configuration.acknowledgement = acknowledgement
            // So that there are always requests under way, waiting and delivered.
            configuration.maximumConcurrency = 4
            let handled = Tally()
            let router = LawBench.router { text, _ in
                handled.add(text)
                try await Task.sleep(for: .milliseconds(1))
                return text
            }
            let (answered, failures, isOver) = (Tally(), Tally(), Locked(false))
            try await bench.withClient { client in
                var server = try await Replica("0", router, configuration, bench)
                defer { server.cancel() }
                let callers = Task {
                    await withTaskGroup(of: Void.self) { group in
                        for caller in 0..<16 {
                            group.addTask {
                                var number = 0
                                while !isOver.withLock({ $0 }) {
                                    number += 1
                                    let text = "\(caller).\(number)"
                                    do {
                                        let reply = try await client.call(
                                            LawBench.Interface.work, .init(text: text), context: RequestContext())
                                        try bench.requireEqual(reply, text, "the reply")
                                        answered.add(text)
                                    } catch {
                                        isOver.withLock { $0 = true }
                                        failures.add("call \(text): \(error)")
                                    }
                                }
                            }
                        }
                    }
                }
                defer { callers.cancel() }
                for number in 1...4 {
                    let old = server
                    defer { old.cancel() }
                    server = try await Replica("\(number)", router, configuration, bench)
                    try await old.shutDown(bench)
                    // Some work for the new one before it is replaced in turn.
                    let count = answered.entries.count + 50
                    while answered.entries.count < count, !isOver.withLock({ $0 }) {
                        try await Task.sleep(for: .milliseconds(1))
                    }
                }
                isOver.withLock { $0 = true }
                try await bench.within("the last replies") { await callers.value }
                try await server.shutDown(bench)
            }
            try bench.requireEqual(failures.entries, [], "what failed")
            let executions = Dictionary(handled.entries.map { ($0, 1) }, uniquingKeysWith: +)
            let wrong = answered.entries.filter { executions[$0] != 1 }
            try bench.require(
                wrong.isEmpty,
                "of \(answered.entries.count) calls, \(wrong.count) were not handled once: \(wrong.prefix(9))")
            try bench.requireEqual(executions.count, answered.entries.count, "the number of calls that were handled")
        }
    }
}

/// A server with a connection of its own, run as a program would.
private struct Replica {
    private let group: ServiceGroup
    private let run: Task<Void, any Error>

    /// Returns when it listens.
    init(
        _ name: String, _ router: RPCRouter, _ configuration: RPCServerConfiguration, _ bench: LawBench
    ) async throws {
        let connection = try bench.makeConnection()
        let server = bench.makeServer(on: connection, name: name, router, configuration)
        let group = ServiceGroup(services: [connection, server], logger: bench.logger)
        self.group = group
        run = Task { try await group.run() }
        do {
            try await bench.waitForServer(name, bench.makeClient(on: connection))
        } catch {
            run.cancel()
            throw error
        }
    }

    func shutDown(_ bench: LawBench) async throws {
        await group.triggerGracefulShutdown()
        try await bench.within("the end of a server") { try await run.value }
    }

    func cancel() { run.cancel() }
}
