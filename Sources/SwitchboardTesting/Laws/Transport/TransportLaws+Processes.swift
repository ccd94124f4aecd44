import SwitchboardCore

extension TransportLaws {
    /// Peers in other processes.
    static let processes: [DriverLaw] = [
        DriverLaw("A message from another process arrives", .processes, proves: .interprocess) { bench in
            let inOtherProcess = try bench.otherProcess()
            try await bench.withInbox { _, inbox in
                try await inOtherProcess(.publish(bodies: [Array("hello".utf8)], to: .topic(bench.topic)))
                try await inbox.expect("hello")
            }
        },
        DriverLaw("An accepted message survives the end of every process", .processes, proves: .durable) { bench in
            let inOtherProcess = try bench.otherProcess()
            try await bench.withTransport { try await bench.declare(.topic(bench.topic), on: $0) }
            try await inOtherProcess(.publish(bodies: [Array("kept".utf8)], to: .topic(bench.topic)))
            // Nobody is connected now: that process has ended, and our transport too.
            try await bench.withInbox { _, inbox in try await inbox.expect("kept") }
        },
        DriverLaw(
            "A message that a killed process had taken is delivered to another", .processes,
            proves: [.interprocess, .redelivery]
        ) { bench in
            let inOtherProcess = try bench.otherProcess()
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish("taken", on: transport)
                try await inOtherProcess(.takeAndVanish(from: .topic(bench.topic)))
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    let delivery = try await inbox.next()
                    try bench.require(delivery.text == "taken", "\"\(delivery.text)\" came.")
                    try bench.require(delivery.isRedelivered, "it is not marked as redelivered.")
                    try await delivery.accept()
                }
            }
        },
    ]
}
