import SwitchboardCore

extension TransportLaws {
    /// Full queues.
    static let bounds: [DriverLaw] = [
        DriverLaw("A full queue makes its publisher wait, then fails the publish", .bounds, proves: .boundedQueues) {
            bench in
            try await bench.withTransport(boundedTransport(bench)) { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                let begin = ContinuousClock.now
                let deadline = begin + .milliseconds(100)
                try await bench.within("the deadline of a publisher at a full queue") {
                    try await bench.requireError(.exhausted, from: "publishing to a full queue") {
                        try await bench.publish("4", on: transport, deadline: deadline)
                    }
                }
                try bench.require(.now >= deadline, "it gave up after \(ContinuousClock.now - begin), not 100 ms.")
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    let found = try await inbox.accept(3).sorted()
                    try bench.require(found == ["1", "2", "3"], "the full queue held \(found).")
                    try await bench.publish("last", on: transport)
                    try await inbox.expect("last")
                }
            }
        },
        DriverLaw("Publishers that wait for a full queue continue when there is room", .bounds, proves: .boundedQueues)
        { bench in
            try await bench.withTransport(boundedTransport(bench)) { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                let texts = (0..<12).map { "m\($0)" }
                // It is full before the rest comes, so that somebody does wait.
                try await bench.publish(all: Array(texts.prefix(3)), on: transport)
                let publishing = try await bench.begun {
                    try await bench.publish(all: Array(texts.dropFirst(3)), on: transport)
                }
                defer { publishing.cancel() }
                try await bench.withInbox(transport, .topic(bench.topic), prefetch: 1) { inbox in
                    let found = try await inbox.accept(12)
                    try bench.require(Set(found) == Set(texts), "what came through was \(found).")
                    if bench.claims.contains(.ordered) {
                        try bench.require(found == texts, "the order of what came through was \(found).")
                    }
                }
                try await publishing.value
            }
        },
        DriverLaw(
            "A publisher that waits for room can be cancelled, and sends nothing", .bounds, proves: .boundedQueues
        ) { bench in
            try await bench.withTransport(boundedTransport(bench)) { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                try await bench.within("the end of the cancelled publish") {
                    let publish = try await bench.begun { try await bench.publish("4", on: transport) }
                    publish.cancel()
                    try await bench.requireError(.cancelled, from: "the cancelled publish") { try await publish.value }
                }
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    let found = try await inbox.accept(3).sorted()
                    try bench.require(found == ["1", "2", "3"], "the full queue held \(found).")
                    try await bench.publish("last", on: transport)
                    try await inbox.expect("last")
                }
            }
        },
        DriverLaw("The end of run() ends the wait for room", .bounds, proves: .boundedQueues) { bench in
            let transport = try boundedTransport(bench)
            try await bench.within("the end of a publisher at a full queue") {
                let run = Task { try await transport.run() }
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                let publish = try await bench.begun { try await bench.publish("4", on: transport) }
                run.cancel()
                try await bench.requireError(.closed, from: "a publish that waited when run() ended") {
                    try await publish.value
                }
            }
        },
    ]

    /// A transport whose queues hold three messages.
    private static func boundedTransport(_ bench: LawBench) throws -> Transport {
        guard let makeBoundedTransport = bench.world.makeBoundedTransport else {
            throw Finding("the driver claims boundedQueues and the harness's world has no makeBoundedTransport.")
        }
        return try makeBoundedTransport(3)
    }
}
