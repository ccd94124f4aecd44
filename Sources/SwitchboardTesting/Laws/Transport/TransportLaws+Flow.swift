import SwitchboardCore

extension TransportLaws {
    /// How much is handed out, and to whom when.
    static let flow: [DriverLaw] = [
        DriverLaw("No more than the prefetch is unsettled at a time", .flow) { bench in
            try await bench.withInbox(prefetch: 3) { transport, slow in
                let texts = (0..<20).map { "m\($0)" }
                try await bench.publish(all: texts, on: transport)
                let held = try await slow.take(3)
                try await bench.withInbox(transport, .topic(bench.topic)) { quick in
                    // The seventeen that the slow one may not have.
                    let found = Set(try await quick.accept(17)).union(held.map(\.text))
                    try bench.require(found.count == 20, "together they got \(found.sorted()).")
                    try bench.require(
                        slow.received == 3, "a subscription with prefetch 3 held \(slow.received) unsettled deliveries."
                    )
                    for delivery in held { try await delivery.accept() }
                }
            }
        },
        DriverLaw("A settlement makes room for the next delivery", .flow) { bench in
            let texts = (0..<12).map { "m\($0)" }
            try await bench.withInbox(prefetch: 1) { transport, inbox in
                try await bench.publish(all: texts, on: transport)
                for round in 0..<12 {
                    let delivery = try await inbox.next()
                    try bench.require(
                        inbox.received == round + 1,
                        "with prefetch 1, \(inbox.received) had come when \(round) were settled.")
                    switch round % 2 {
                    case 0: try await delivery.accept()
                    default: try await delivery.discard(reason: "a test")
                    }
                }
            }
        },
        DriverLaw("Two subscriptions of one task do not block each other", .flow) { bench in
            let other = Address.server(bench.topic, server: "one")
            try await bench.withInbox(prefetch: 1) { transport, stuck in
                try await bench.withInbox(transport, other, prefetch: 1) { flowing in
                    try await bench.publish(all: ["held", "waits"], on: transport)
                    let held = try await stuck.next()
                    for round in 0..<5 {
                        try await bench.publish("m\(round)", on: transport, to: other)
                        try await flowing.expect("m\(round)")
                    }
                    try await held.accept()
                    try await stuck.expect("waits")
                }
            }
        },
        DriverLaw("Tasks on a driver's own thread do not block it while they wait", .flow) { bench in
            try await bench.withTransport { transport in
                let taken = Tally()
                let texts = (0..<20).map { "m\($0)" }
                try await bench.within("the end of tasks on the driver's thread") {
                    try await withTaskExecutorPreference(transport.taskExecutor) {
                        try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                            try await withThrowingTaskGroup(of: Void.self) { group in
                                group.addTask {
                                    while taken.entries.count < texts.count, !Task.isCancelled { await Task.yield() }
                                }
                                group.addTask {
                                    for _ in texts {
                                        let delivery = try await inbox.next()
                                        try await delivery.accept()
                                        taken.add(delivery.text)
                                    }
                                }
                                for text in texts { group.addTask { try await bench.publish(text, on: transport) } }
                                try await group.waitForAll()
                            }
                        }
                    }
                }
                let found = taken.entries.sorted()
                try bench.require(found == texts.sorted(), "of 20 messages, \(found) came.")
            }
        },
        DriverLaw("An ended subscription takes nothing more", .flow) { bench in
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .topic(bench.topic)) { stays in
                    for _ in 0..<3 { try await bench.declare(.topic(bench.topic), on: transport) }
                    let texts = (0..<8).map { "m\($0)" }
                    try await bench.publish(all: texts, on: transport)
                    let found = try await stays.accept(8).sorted()
                    try bench.require(found == texts, "the one subscription left got \(found).")
                }
            }
        },
        DriverLaw("A subscription whose deliveries were cancelled takes nothing more", .flow) { bench in
            // A server that drains keeps its subscription until its handlers are done.
            try await bench.withTransport { transport in
                let options = SubscriptionOptions(prefetch: 10, deadline: bench.later)
                try await transport.withSubscription(to: .topic(bench.topic), options: options) { deliveries in
                    let reader = Task { for try await _ in deliveries {} }
                    reader.cancel()
                    _ = await reader.result
                    try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                        try await bench.publish("for you", on: transport)
                        try await inbox.expect("for you")
                    }
                }
            }
        },
    ]
}
