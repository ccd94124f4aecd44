import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// What servers do with requests that come twice, cannot be read, or come at the end.
    static let serving: [DriverLaw] = [
        DriverLaw("A request that arrives twice is handled once", .serving) { bench in
            let tally = Tally()
            var configuration = RPCServerConfiguration()
            configuration.maximumConcurrency = 1
            let tap = Address.topic(Topic("\(bench.topic.name)-tap", exchange: bench.topic.exchange))
            try await bench.withServer("one", recording(tally), configuration) {
                try await bench.withTransport { transport in
                    let request = try await bench.withInbox(transport, tap) { inbox in
                        try await bench.withClient { client in
                            var client = client
                            client.target = RPCTarget(topic: "\(bench.topic.name)-tap", exchange: bench.topic.exchange)
                            try await client.cast(
                                LawBench.Interface.work, .init(text: "once"), context: RequestContext())
                        }
                        let delivery = try await inbox.next()
                        try await delivery.accept()
                        return delivery.message
                    }
                    for address in [Address.topic(bench.topic), .server(bench.topic, server: "one")] {
                        for _ in 0..<3 {
                            try await transport.publish(request, to: address, deadline: bench.later)
                        }
                    }
                }
                try await bench.withClient { client in
                    // Behind the others in each of the two queues.
                    for server in [nil, "one"] {
                        _ = try await client.call(
                            LawBench.Interface.work, .init(text: "last"), to: server, context: RequestContext())
                    }
                }
                try bench.requireEqual(tally.entries.sorted(), ["last", "last", "once"], "what was handled")
            }
        },
        DriverLaw("A message that is not a request does not stop a server", .serving) { bench in
            try await bench.withService { client in
                try await bench.withTransport { transport in
                    let texts = [
                        "", "no JSON", "{}", "[1, 2", "\u{FFFF}", #"{"oslo.version": "2.0"}"#,
                        #"{"oslo.version": "3.0", "oslo.message": "{}"}"#,
                    ]
                    for address in [Address.topic(bench.topic), .fanout(bench.topic)] {
                        try await bench.publish(all: texts, on: transport, to: address)
                    }
                }
                let reply = try await client.call(
                    LawBench.Interface.echo, .init(text: "goes on"), context: RequestContext())
                try bench.requireEqual(reply, "goes on", "the reply")
            }
        },
        DriverLaw("A server that shuts down finishes what it has started, and leaves the rest to others", .serving) {
            bench in
            var configuration = RPCServerConfiguration()
            configuration.maximumConcurrency = 1
            // What it has not begun is then not settled either.
            configuration.acknowledgement = .atLeastOnce
            let (begun, mayEnd) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await mayEnd.wait()
                return "\(text) by the first"
            }
            let connection = try bench.makeConnection()
            let group = ServiceGroup(
                services: [bench.makeServer(on: connection, name: "one", router, configuration)], logger: bench.logger)
            try await bench.withClient { client in
                let call: @Sendable (String) -> Task<String, any Error> = { text in
                    Task {
                        try await client.call(LawBench.Interface.work, .init(text: text), context: RequestContext())
                    }
                }
                let (first, second) = try await bench.withRunning(connection) {
                    let run = Task { try await group.run() }
                    defer { run.cancel() }
                    try await bench.waitForServer("one", bench.makeClient(on: connection))
                    let first = call("1")
                    try await bench.within("the beginning of the first call") { try await begun.wait(for: 1) }
                    let second = call("2")
                    try await yieldsWhile { client.callsInFlight < 2 }
                    await group.triggerGracefulShutdown()
                    mayEnd.open()
                    try await bench.within("the end of the server") { try await run.value }
                    return (first, second)
                }
                defer { second.cancel() }
                let reply = try await first.value
                try bench.requireEqual(reply, "1 by the first", "the reply to what had begun")
                let other = LawBench.router { text, _ in "\(text) by the other" }
                try await bench.withServer("two", other) {
                    let reply = try await second.value
                    // It may have begun before the shutdown, when the first one had ended by then.
                    try bench.require(
                        ["2 by the other", "2 by the first"].contains(reply), "the reply to the rest is \"\(reply)\".")
                }
            }
        },
        DriverLaw("Requests that a cancelled server had not answered are answered by another one", .serving) { bench in
            var configuration = RPCServerConfiguration()
            configuration.acknowledgement = .atLeastOnce
            let (begun, never) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await never.wait()
                return text
            }
            try await bench.withClient { client in
                let call = try await bench.withServer("one", router, configuration) {
                    let call = Task {
                        try await client.call(LawBench.Interface.work, .init(text: "again"), context: RequestContext())
                    }
                    try await bench.within("the beginning of the handler") { try await begun.wait(for: 1) }
                    return call
                }
                defer { call.cancel() }
                try await bench.withServer("two") {
                    let reply = try await call.value
                    try bench.requireEqual(reply, "again", "the other server's reply")
                }
            }
        },
        DriverLaw("A caller that is gone does not stop a server", .serving) { bench in
            let (begun, mayEnd) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await mayEnd.wait()
                return text
            }
            var configuration = RPCServerConfiguration()
            configuration.replyRetryDuration = .milliseconds(50)
            try await bench.withServer("one", router, configuration) {
                let calls = try await bench.withClient { client in
                    let calls = (0..<3).map { number in
                        Task {
                            try await client.call(
                                LawBench.Interface.work, .init(text: "\(number)"), context: RequestContext())
                        }
                    }
                    try await bench.within("the beginning of the handlers") { try await begun.wait(for: 3) }
                    return calls
                }
                for call in calls {
                    try await bench.requireRPCError(.closed, from: "a call whose connection ended") {
                        try await call.value
                    }
                }
                mayEnd.open()
                try await bench.withClient { client in
                    let reply = try await client.call(
                        LawBench.Interface.work, .init(text: "stays"), context: RequestContext())
                    try bench.requireEqual(reply, "stays", "the reply to a caller that stays")
                }
            }
        },
    ]
}
