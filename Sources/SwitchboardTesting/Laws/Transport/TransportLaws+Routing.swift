import SwitchboardCore

extension TransportLaws {
    /// Messages that nobody takes.
    static let routing: [DriverLaw] = [
        DriverLaw("A message that nobody takes is dropped unless it is mandatory", .routing) { bench in
            try await bench.withTransport { transport in
                for address in [Address.topic(bench.topic), .server(bench.topic, server: "none"), .fanout(bench.topic)]
                {
                    try await bench.publish("nobody", on: transport, to: address)
                }
            }
        },
        DriverLaw("A mandatory message that nobody takes fails at once", .routing, proves: .detectsUnroutable) {
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
        DriverLaw("A mandatory message that somebody takes succeeds", .routing) { bench in
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
        DriverLaw("A fanout that everybody has left has no taker", .routing, proves: .detectsUnroutable) { bench in
            try await bench.withTransport { transport in
                try await bench.declare(.fanout(bench.topic), on: transport)
                try await bench.requireError(.unroutable, from: "a mandatory fanout to nobody") {
                    try await bench.publish("nobody", on: transport, to: .fanout(bench.topic), mandatory: true)
                }
            }
        },
    ]
}
