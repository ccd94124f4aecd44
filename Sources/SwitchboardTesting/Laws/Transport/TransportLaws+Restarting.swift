import SwitchboardCore

extension TransportLaws {
    /// The queue's server goes away and comes back: an operator's restart, not a cut of the network.
    static let restarting: [DriverLaw] = [
        DriverLaw("Subscriptions survive a restart of the queue's server", .restarting, proves: .reconnects) { bench in
            let restart = try bench.restart()
            let addresses = [Address.topic(bench.topic), .fanout(bench.topic), .mailbox(Mailbox(named: "reply_1"))]
            try await bench.withTransport { transport in
                try await bench.withInboxes(transport, addresses[...]) { inboxes in
                    try await restart()
                    for inbox in inboxes {
                        try await bench.publishUntilTaken("after", on: transport, to: inbox.address)
                        while try await inbox.accept() != "after" {}
                    }
                }
            }
        },
        DriverLaw(
            "An accepted message survives a restart of the queue's server", .restarting,
            proves: [.reconnects, .durable]
        ) { bench in
            let restart = try bench.restart()
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                try await restart()
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    let found = try await inbox.accept(3).sorted()
                    try bench.require(found == ["1", "2", "3"], "after the restart, \(found) came.")
                }
            }
        },
    ]
}
