import SwitchboardCore

extension TransportLaws {
    /// Nothing waits beyond its deadline, and messages not beyond their time to live.
    static let deadlines: [DriverLaw] = [
        DriverLaw("A publish that cannot start ends at its deadline, certainly not sent", .deadlines) { bench in
            let transport = try bench.world.makeTransport()
            let address = Address.notifications(bench.topic)
            try await bench.within("the deadline of a publish") {
                try await bench.requireError(.unavailable, from: "publishing without run()") {
                    try await bench.publish(
                        "no", on: transport, to: address, deadline: .now + .milliseconds(50))
                }
            }
            try await bench.withTransport(transport) { transport in
                try await bench.publish("last", on: transport, to: address)
                try await bench.withInbox(transport, address) { try await $0.expect("last") }
            }
        },
        DriverLaw("A subscription that cannot start ends at its deadline", .deadlines) { bench in
            let transport = try bench.world.makeTransport()
            try await bench.within("the deadline of a subscription") {
                try await bench.requireError(.unavailable, from: "subscribing without run()") {
                    let options = SubscriptionOptions(prefetch: 1, deadline: .now + .milliseconds(50))
                    try await transport.withSubscription(to: .topic(bench.topic), options: options) { _ in }
                }
            }
        },
        DriverLaw("A message within its time to live is delivered", .deadlines) { bench in
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish("fresh", on: transport, timeToLive: .seconds(3600))
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("fresh") }
            }
        },
        DriverLaw("A message is not delivered after its time to live", .deadlines, proves: .expires) { bench in
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish("stale", on: transport, timeToLive: .milliseconds(20))
                try await bench.publish("fresh", on: transport)
                // Time itself is what is waited for here.
                try await Task.sleep(for: .milliseconds(120))
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("fresh") }
            }
        },
        DriverLaw("A message that comes back keeps its time to live", .deadlines, proves: [.expires, .redelivery]) {
            bench in
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .topic(bench.topic), prefetch: 1) { inbox in
                    try await bench.publish("stale", on: transport, timeToLive: .seconds(3))
                    _ = try await inbox.next()
                    try await bench.publish("fresh", on: transport)
                    // Time itself is what is waited for here.
                    try await Task.sleep(for: .milliseconds(3100))
                }
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("fresh") }
            }
        },
    ]
}
