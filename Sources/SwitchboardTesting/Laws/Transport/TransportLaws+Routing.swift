import SwitchboardCore

extension TransportLaws {
    /// Messages that nobody takes.
    static let routing: [DriverLaw] = [
        DriverLaw("A message without a consumer is dropped unless it is mandatory", .routing) { bench in
            try await bench.withTransport { transport in
                for address in [Address.topic(bench.topic), .server(bench.topic, server: "none"), .fanout(bench.topic)]
                {
                    try await bench.publish("nobody", on: transport, to: address)
                }
            }
        },
        DriverLaw("A mandatory message without a consumer fails at once", .routing, proves: .detectsUnroutable) {
            bench in
            try await bench.withTransport { transport in
                let addresses = [
                    Address.topic(bench.topic), .server(bench.topic, server: "none"), .fanout(bench.topic),
                    .mailbox(Mailbox(named: "reply_none")),
                ]
                for address in addresses {
                    try await bench.within("the answer for \(address)") {
                        try await bench.requireError(.unroutable, from: "a mandatory publish to \(address)") {
                            try await bench.publish("nobody", on: transport, to: address, mandatory: true)
                        }
                    }
                }
            }
        },
        DriverLaw("A publish with a completion reports once what an awaited one would return or throw", .routing) {
            bench in
            try await bench.withInbox { transport, inbox in
                let message = Message(body: Array("told".utf8), contentType: "text/plain")
                func outcome(at address: Address, of what: String) async throws -> [String] {
                    let outcomes = Tally()
                    _ = try transport.publish(message, to: address, deadline: bench.later, mandatory: true) { error in
                        outcomes.add(error.map { "\($0.code)" } ?? "taken")
                    }
                    try await bench.within("the outcome of \(what)") { try await outcomes.wait(for: 1) }
                    // A second one would come with what is published next.
                    try await bench.publish("next", on: transport)
                    return outcomes.entries
                }
                let taken = try await outcome(at: .topic(bench.topic), of: "a publish to a subscriber")
                try bench.require(taken == ["taken"], "a publish to a subscriber was told \(taken).")
                for text in ["told", "next"] { try await inbox.expect(text) }
                guard bench.claims.contains(.detectsUnroutable) else { return }
                let nobody = Address.server(bench.topic, server: "none")
                let refused = try await outcome(at: nobody, of: "a mandatory publish to nobody")
                try bench.require(refused == ["unroutable"], "a mandatory publish to nobody was told \(refused).")
                try await inbox.expect("next")
            }
        },
        DriverLaw("A mandatory message with a consumer succeeds", .routing) { bench in
            let addresses = [
                Address.topic(bench.topic), .server(bench.topic, server: "one"), .fanout(bench.topic),
                .mailbox(Mailbox(named: "reply_1")),
            ]
            try await bench.withTransport { transport in
                for address in addresses {
                    try await bench.withInbox(transport, address) { inbox in
                        try await bench.publish("taken", on: transport, to: address, mandatory: true)
                        try await inbox.expect("taken")
                    }
                }
            }
        },
        DriverLaw(
            "A fanout that every subscriber has left is unroutable", .routing,
            proves: [.detectsUnroutable, .ephemeralFanouts]
        ) { bench in
            try await bench.withTransport { transport in
                try await bench.declare(.fanout(bench.topic), on: transport)
                try await bench.requireError(.unroutable, from: "a mandatory fanout to nobody") {
                    try await bench.publish("nobody", on: transport, to: .fanout(bench.topic), mandatory: true)
                }
            }
        },
    ]
}
