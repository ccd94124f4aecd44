import SwitchboardCore
import SwitchboardSpool
import Testing

@Suite("Queues that die with their subscribers, and who does the work")
struct SpoolEphemeralTests {
    private static let layouts = ["maildir", "segment"]

    @Test("A mailbox that came again under its name has what another process publishes then", arguments: layouts)
    func mailboxAgain(layout: String) async throws {
        let mailbox = Address.mailbox(Mailbox(named: "reply_1"))
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { caller in
                try await withTransport(directory, "layout=\(layout)") { server in
                    for round in 0..<3 {
                        try await caller.withSubscription(to: mailbox, options: SubscriptionOptions()) { deliveries in
                            try await server.send("\(round)", to: mailbox, mandatory: true)
                            try await server.send("\(round) again", to: mailbox, mandatory: true)
                            #expect(try await deliveries.take(2) == ["\(round)", "\(round) again"])
                        }
                        #expect(await code { try await server.send("x", to: mailbox, mandatory: true) } == .unroutable)
                    }
                }
            }
        }
    }

    @Test("Replies reach more mailboxes than a process keeps open", arguments: layouts)
    func manyMailboxes(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { caller in
                try await withTransport(directory, "layout=\(layout)") { server in
                    try await withMailboxes(70, caller) { mailboxes in
                        for round in 0..<2 {
                            for mailbox in mailboxes {
                                try await server.send("\(mailbox) \(round)", to: mailbox, mandatory: true)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Runs `body` with so many mailboxes, each of which must then have two messages that begin with its name.
    private func withMailboxes(
        _ count: Int, _ transport: Transport, _ mailboxes: [Address] = [], _ body: ([Address]) async throws -> Void
    ) async throws {
        if count == 0 { return try await body(mailboxes) }
        let mailbox = Address.mailbox(Mailbox(named: "reply_\(count)"))
        try await transport.withSubscription(to: mailbox, options: SubscriptionOptions()) { deliveries in
            try await withMailboxes(count - 1, transport, mailboxes + [mailbox], body)
            #expect(try await deliveries.take(2) == ["\(mailbox) 0", "\(mailbox) 1"])
        }
    }

    @Test(
        "A caller does its own work, one at a time, and now and then leaves it to a thread; one that waits after it, always"
    )
    func guests() async {
        let threads = WorkerThreads(count: 1)
        let tries = WorkerThreads.turns * 4
        var done = 0
        for _ in 0..<tries {
            threads.perform(waitsAfter: false) {
                done += 1
                threads.perform(waitsAfter: false) { Issue.record("Two callers were at work at once.") }
            }
        }
        #expect(done > tries / 2 && done < tries)
        done = 0
        for _ in 0..<tries {
            threads.perform(waitsAfter: true) { threads.perform(waitsAfter: true) { done += 1 } }
        }
        #expect(done == tries)
        await threads.stop()
        for waits in [true, false] {
            threads.perform(waitsAfter: waits) { Issue.record("A caller did its work after the threads were stopped.") }
        }
    }

    @Test("Tasks that publish and accept without waiting let the others run", arguments: layouts)
    func fairness(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for publisher in 0..<16 {
                        group.addTask {
                            let address = Address.topic(Topic("t\(publisher)"))
                            for number in 0..<100 { try await transport.send("\(number)", to: address) }
                            return try await transport.take(100, from: address).count
                        }
                    }
                    for try await count in group { #expect(count == 100) }
                }
            }
        }
    }
}
