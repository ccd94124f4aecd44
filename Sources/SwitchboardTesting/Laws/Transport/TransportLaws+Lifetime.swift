import SwitchboardCore

extension TransportLaws {
    /// Before, during and after `run()`, and cancellation.
    static let lifetime: [DriverLaw] = [
        DriverLaw("Publishing and subscribing before run() wait for it", .lifetime) { bench in
            let address = Address.notifications(bench.topic)
            let transport = try bench.world.makeTransport()
            try bench.require(transport.state == .idle, "a transport that was only made is \(transport.state).")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await bench.publish("early", on: transport, to: address) }
                group.addTask {
                    try await bench.withInbox(transport, address) { try await $0.expect("early") }
                }
                // Both have had their chance to begin; they work in every order.
                await Task.yield()
                try await bench.withTransport(transport) { _ in try await group.waitForAll() }
            }
        },
        DriverLaw("The state says whether the transport is running", .lifetime) { bench in
            let transport = try bench.world.makeTransport()
            try await bench.withTransport(transport) { transport in
                try await bench.waitForState(of: transport, "ready") { $0 == .ready }
            }
            try await bench.waitForState(of: transport, "closed") { $0 == .closed(reason: nil) }
        },
        DriverLaw("run() returns when it is cancelled, even in the middle of work", .lifetime) { bench in
            let transport = try bench.world.makeTransport()
            try await bench.within("the end of run()") {
                let run = Task { try await transport.run() }
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish("1", on: transport)
                    try await inbox.expect("1")
                    run.cancel()
                    try await run.value
                }
            }
        },
        DriverLaw("After run() has ended, nothing is published or subscribed", .lifetime) { bench in
            let transport = try bench.world.makeTransport()
            try await bench.withTransport(transport) { try await bench.declare(.topic(bench.topic), on: $0) }
            try await bench.within("the error of a closed transport") {
                try await bench.requireError(.closed, from: "publishing after the end of run()") {
                    try await bench.publish("late", on: transport)
                }
                try await bench.requireError(.closed, from: "subscribing after the end of run()") {
                    try await bench.declare(.topic(bench.topic), on: transport)
                }
            }
            try await bench.withInbox { transport, inbox in
                try await bench.publish("last", on: transport)
                try await inbox.expect("last")
            }
        },
        DriverLaw("The end of run() ends the deliveries", .lifetime) { bench in
            let transport = try bench.world.makeTransport()
            let run = Task { try await transport.run() }
            defer { run.cancel() }
            try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                run.cancel()
                try await inbox.waitForEnd()
            }
        },
        DriverLaw("Unsettled messages go back when run() ends", .lifetime) { bench in
            let transport = try bench.world.makeTransport()
            let run = Task { try await transport.run() }
            defer { run.cancel() }
            try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                try await bench.publish("kept", on: transport)
                _ = try await inbox.take(1)
                run.cancel()
                try await inbox.waitForEnd()
            }
            try await bench.withInbox { _, inbox in try await inbox.expect("kept") }
        },
        DriverLaw("A cancelled publish ends at once and sends nothing", .lifetime) { bench in
            let address = Address.notifications(bench.topic)
            let transport = try bench.world.makeTransport()
            let deadline = bench.later
            try await bench.within("the end of the cancelled publish") {
                let publish = Task { try await bench.publish("no", on: transport, to: address, deadline: deadline) }
                await Task.yield()
                publish.cancel()
                try await bench.requireError(.cancelled, from: "the cancelled publish") { try await publish.value }
            }
            try await bench.withTransport(transport) { transport in
                try await bench.publish("last", on: transport, to: address)
                try await bench.withInbox(transport, address) { try await $0.expect("last") }
            }
        },
        DriverLaw("Cancelling the task of a subscription ends its deliveries", .lifetime) { bench in
            try await bench.withTransport { transport in
                try await bench.within("the end of the cancelled subscription") {
                    let (isLive, live) = AsyncStream.makeStream(of: Void.self)
                    let subscription = Task {
                        let options = SubscriptionOptions(prefetch: 1, deadline: bench.later)
                        try await transport.withSubscription(to: .topic(bench.topic), options: options) { deliveries in
                            live.yield()
                            for try await _ in deliveries {}
                        }
                    }
                    for await _ in isLive { break }
                    subscription.cancel()
                    _ = await subscription.result
                }
                try await bench.publish("still kept", on: transport)
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("still kept") }
            }
        },
        DriverLaw("A cancelled subscriber can settle its deliveries until its body ends", .lifetime) { bench in
            // A server that is shut down finishes what it has begun.
            try await bench.withTransport { transport in
                let (taking, taken) = AsyncStream.makeStream(of: Never.self)
                let subscriber = Task {
                    defer { taken.finish() }
                    let options = SubscriptionOptions(prefetch: 1, deadline: bench.later)
                    try await transport.withSubscription(to: .topic(bench.topic), options: options) { deliveries in
                        try await bench.publish("its own", on: transport)
                        var iterator = deliveries.makeAsyncIterator()
                        let delivery = try await iterator.next()
                        taken.finish()
                        // Until it is cancelled, and some time beyond.
                        _ = try? await iterator.next()
                        try await Task { try await Task.sleep(for: .milliseconds(50)) }.value
                        try await delivery?.accept()
                    }
                }
                for await _ in taking {}
                subscriber.cancel()
                try await bench.within("the end of the cancelled subscriber") { try await subscriber.value }
                try await bench.publish("the next one", on: transport)
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("the next one") }
            }
        },
        DriverLaw("A subscription that waits for run() can be cancelled", .lifetime) { bench in
            let transport = try bench.world.makeTransport()
            try await bench.within("the end of the cancelled subscription") {
                let subscription = Task {
                    try await transport.withSubscription(to: .topic(bench.topic)) { deliveries in
                        for try await _ in deliveries {}
                    }
                }
                await Task.yield()
                subscription.cancel()
                _ = await subscription.result
            }
        },
        DriverLaw("A subscription returns or throws what its body does", .lifetime) { bench in
            struct Thrown: Error {}
            try await bench.withTransport { transport in
                let result = try await transport.withSubscription(to: .topic(bench.topic)) { _ in 42 }
                try bench.require(result == 42, "the body returned 42, and withSubscription \(result).")
                do {
                    try await transport.withSubscription(to: .topic(bench.topic)) { _ in throw Thrown() }
                    throw Finding("the body's error was lost.")
                } catch is Thrown {}
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish("last", on: transport)
                    try await inbox.expect("last")
                }
            }
        },
    ]
}
