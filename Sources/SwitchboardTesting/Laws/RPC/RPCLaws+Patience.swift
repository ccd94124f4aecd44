import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// How long callers wait, and what their giving up does.
    static let patience: [DriverLaw] = [
        DriverLaw("A call without a reply fails at its deadline, and says what it waited for", .patience) { bench in
            let (begun, never) = (Tally(), Latch())
            try await bench.withService(hanging(begun, until: never)) { client in
                let error = try await bench.callInVain(client, begun: begun)
                try bench.require(error.message.contains("work"), "its error does not name the method: \(error)")
                try bench.requireEqual(client.callsInFlight, 0, "the number of calls that still wait")
            }
        },
        DriverLaw("A call times out even while replies to other calls arrive", .patience) { bench in
            let (begun, never) = (Tally(), Latch())
            try await bench.withService(hanging(begun, until: never)) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let isOver = Tally()
                    group.addTask {
                        defer { isOver.add("over") }
                        try await bench.callInVain(client, begun: begun)
                    }
                    try await bench.within("the end of a call while others are answered") {
                        while isOver.entries.isEmpty {
                            _ = try await client.call(
                                LawBench.Interface.echo, .init(text: "x"), context: RequestContext())
                        }
                    }
                    try await group.waitForAll()
                }
            }
        },
        DriverLaw("The deadline of a call ends its handler", .patience) { bench in
            let (begun, never, ended) = (Tally(), Latch(), Tally())
            let router = LawBench.router { text, _ in
                begun.add(text)
                defer { ended.add(text) }
                try await never.wait()
                return text
            }
            try await bench.withService(router) { client in
                try await bench.callInVain(client, begun: begun)
                try await bench.within("the end of the handler") { try await ended.wait(for: begun.entries.count) }
            }
        },
        DriverLaw("A reply that comes too late is dropped", .patience) { bench in
            let (begun, late, done) = (Tally(), Latch(), Tally())
            let router = LawBench.router { text, _ in
                begun.add(text)
                // Its deadline does not end it.
                await Task { try? await late.wait() }.value
                done.add(text)
                return "too late"
            }
            try await bench.withServer("one", router) {
                // Whatever happens here, the handler ends.
                defer { late.open() }
                try await bench.withClient { client in
                    try await bench.callInVain(client, begun: begun)
                    late.open()
                    try await bench.within("the end of the handler") { try await done.wait(for: begun.entries.count) }
                    for round in 0..<5 {
                        let reply = try await client.call(
                            LawBench.Interface.echo, .init(text: "\(round)"), context: RequestContext())
                        try bench.requireEqual(reply, "\(round)", "the reply after a late one")
                    }
                    try bench.requireEqual(client.callsInFlight, 0, "the number of calls that still wait")
                }
            }
        },
        DriverLaw("Keepalives sustain a call while its handler is working", .patience) { bench in
            let router = LawBench.router { text, _ in
                // Time itself is what is waited for here: longer than the silence that the caller bears.
                try await Task.sleep(for: .milliseconds(Int(text) ?? 0))
                return text
            }
            try await bench.withService(router) { client in
                var client = client
                // A busy machine may be silent for the first.
                for silence in [3000, 12_000] {
                    client.keepaliveInterval = .milliseconds(silence)
                    let work = "\(silence + silence / 10)"
                    do {
                        let reply = try await client.call(
                            LawBench.Interface.work, .init(text: work), context: RequestContext())
                        return try bench.requireEqual(reply, work, "the reply")
                    } catch let error as RPCError where error.code == .timeout && silence < 12_000 {}
                }
            }
        },
        DriverLaw("A call fails after a silence if its server is gone", .patience) { bench in
            let (begun, never) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await never.wait()
                return text
            }
            try await bench.withClient { client in
                var patient = client
                patient.keepaliveInterval = .seconds(2)
                let call = try await bench.withServer("one", router) { [patient] in
                    let call = Task {
                        try await patient.call(LawBench.Interface.work, .init(text: ""), context: RequestContext())
                    }
                    try await bench.within("the beginning of the handler") { try await begun.wait(for: 1) }
                    return call
                }
                defer { call.cancel() }
                try await bench.within("the end of a call whose server is gone") {
                    try await bench.requireRPCError(.timeout, from: "a call whose server is gone") {
                        try await call.value
                    }
                }
            }
        },
        DriverLaw("A call that is cancelled ends at once, and leaves nothing behind", .patience) { bench in
            let (begun, never) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await never.wait()
                return text
            }
            try await bench.withService(router) { client in
                let call = Task {
                    try await client.call(LawBench.Interface.work, .init(text: ""), context: RequestContext())
                }
                try await bench.within("the beginning of the handler") { try await begun.wait(for: 1) }
                call.cancel()
                try await bench.within("the end of the cancelled call") {
                    do {
                        _ = try await call.value
                        throw Finding("a cancelled call returned.")
                    } catch is CancellationError {}
                }
                try bench.requireEqual(client.callsInFlight, 0, "the number of calls that still wait")
            }
        },
        DriverLaw("A call that is cancelled ends its handler", .patience) { bench in
            let (never, events) = (Latch(), Tally())
            let router = LawBench.router { text, _ in
                events.add("begun")
                defer { events.add("ended") }
                try await never.wait()
                return text
            }
            try await bench.withService(router) { client in
                let call = Task {
                    try await client.call(LawBench.Interface.work, .init(text: ""), context: RequestContext())
                }
                try await bench.within("the beginning of the handler") { try await events.wait(for: 1) }
                call.cancel()
                try await bench.within("the end of the handler") { try await events.wait(for: 2) }
                _ = await call.result
            }
        },
        DriverLaw("The end of a connection ends the calls that wait on it", .patience) { bench in
            let (begun, never) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await never.wait()
                return text
            }
            try await bench.withServer("one", router) {
                let connection = try bench.makeConnection()
                let client = bench.makeClient(on: connection)
                let run = Task { try await connection.run() }
                defer { run.cancel() }
                let call = Task {
                    try await client.call(LawBench.Interface.work, .init(text: ""), context: RequestContext())
                }
                defer { call.cancel() }
                try await bench.within("the beginning of the handler") { try await begun.wait(for: 1) }
                run.cancel()
                try await bench.within("the end of a call whose connection ended") {
                    try await bench.requireRPCError(.closed, from: "a call whose connection ended") {
                        try await call.value
                    }
                    try await run.value
                }
            }
        },
    ]

    private static func hanging(_ begun: Tally, until latch: Latch) -> RPCRouter {
        LawBench.router { text, _ in
            begun.add(text)
            try await latch.wait()
            return text
        }
    }
}
