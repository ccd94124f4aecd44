import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// A question and its answer.
    static let calls: [DriverLaw] = [
        DriverLaw("A call returns what its handler returns", .calls) { bench in
            try await bench.withService { client in
                let anybody = try await client.call(
                    LawBench.Interface.echo, .init(text: "ü\u{0}\"\n"), context: RequestContext())
                try bench.requireEqual(anybody, "ü\u{0}\"\n", "the reply")
                let named = try await client.call(
                    LawBench.Interface.echo, .init(text: "named"), to: "one", context: RequestContext())
                try bench.requireEqual(named, "named", "the reply of the named server")
            }
        },
        DriverLaw("Each of many calls at once gets its own reply", .calls) { bench in
            try await bench.withServer("one") {
                try await bench.withServer("two") {
                    try await bench.withClient { first in
                        try await bench.withClient { second in
                            try await withThrowingTaskGroup(of: (String, String).self) { group in
                                for number in 0..<100 {
                                    for (name, client) in [("a", first), ("b", second)] {
                                        let text = "\(name)\(number)"
                                        group.addTask {
                                            let reply = try await client.call(
                                                LawBench.Interface.echo, .init(text: text), context: RequestContext())
                                            return (text, reply)
                                        }
                                    }
                                }
                                for try await (text, reply) in group {
                                    try bench.requireEqual(reply, text, "the reply to \"\(text)\"")
                                }
                            }
                            try bench.requireEqual(first.callsInFlight, 0, "the number of calls that still wait")
                        }
                    }
                }
            }
        },
        DriverLaw("Arguments and replies of 1 MiB arrive whole", .calls) { bench in
            let text = String(repeating: "0123456789abcdeü", count: 1 << 16)
            try await bench.withService { client in
                let reply = try await client.call(
                    LawBench.Interface.echo, .init(text: text), context: RequestContext())
                try bench.require(
                    reply == text, "of \(text.utf8.count) bytes, \(reply.utf8.count) came back, or others.")
            }
        },
        DriverLaw("A call to a server by name is handled there, whatever other servers the topic has", .calls) {
            bench in
            let (one, two) = (Tally(), Tally())
            try await bench.withServer("one", recording(one)) {
                try await bench.withServer("two", recording(two)) {
                    try await bench.withClient { client in
                        for round in 0..<6 {
                            _ = try await client.call(
                                LawBench.Interface.work, .init(text: "\(round)"), to: round < 2 ? "one" : "two",
                                context: RequestContext())
                        }
                        try bench.requireEqual(one.entries, ["0", "1"], "what server one handled")
                        try bench.requireEqual(two.entries, ["2", "3", "4", "5"], "what server two handled")
                    }
                }
            }
        },
        DriverLaw("Calls and casts to a group of servers are each handled once", .calls) { bench in
            let tallies = [Tally(), Tally(), Tally()]
            try await bench.withServer("one", recording(tallies[0])) {
                try await bench.withServer("two", recording(tallies[1])) {
                    try await bench.withServer("three", recording(tallies[2])) {
                        try await bench.withClient { client in
                            for number in 0..<20 {
                                try await client.cast(
                                    LawBench.Interface.work, .init(text: "cast \(number)"), context: RequestContext())
                                _ = try await client.call(
                                    LawBench.Interface.work, .init(text: "call \(number)"), context: RequestContext())
                            }
                            // Behind everything that went to the group, at each server's turn.
                            try await bench.within("the handling of all casts") {
                                while tallies.reduce(0, { $0 + $1.entries.count }) < 40 {
                                    try await Task.sleep(for: .milliseconds(2))
                                }
                            }
                            let found = tallies.flatMap(\.entries).sorted()
                            let wanted = (0..<20).flatMap { ["call \($0)", "cast \($0)"] }.sorted()
                            try bench.requireEqual(found, wanted, "what was handled")
                        }
                    }
                }
            }
        },
        DriverLaw("Groups of servers on different exchanges do not see each other's calls", .calls) { bench in
            let other = Topic("\(bench.topic.name)-other", exchange: "\(bench.topic.exchange)-other")
            let (here, there) = (Tally(), Tally())
            try await bench.withServer("one", recording(here)) {
                try await bench.withServer("one", of: other, recording(there)) {
                    try await bench.withClient { client in
                        for (topic, text) in [(bench.topic, "here"), (other, "there"), (bench.topic, "here")] {
                            var client = client
                            client.target = RPCTarget(topic: topic.name, exchange: topic.exchange)
                            _ = try await client.call(
                                LawBench.Interface.work, .init(text: text), context: RequestContext())
                        }
                        try bench.requireEqual(here.entries, ["here", "here"], "what came to the one exchange")
                        try bench.requireEqual(there.entries, ["there"], "what came to the other exchange")
                    }
                }
            }
        },
        DriverLaw("Idle servers of a topic get their share of its calls", .calls) { bench in
            // Neither handler ends before both have begun, and no server handles two at a time.
            var configuration = RPCServerConfiguration()
            configuration.maximumConcurrency = 1
            configuration.acknowledgement = .atLeastOnce
            let (begun, both) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await both.wait()
                return text
            }
            try await bench.withServer("one", router, configuration) {
                try await bench.withServer("two", router, configuration) {
                    try await bench.withClient { client in
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for text in ["1", "2"] {
                                group.addTask {
                                    _ = try await client.call(
                                        LawBench.Interface.work, .init(text: text), context: RequestContext())
                                }
                            }
                            try await bench.within("the second server's call") { try await begun.wait(for: 2) }
                            both.open()
                            try await group.waitForAll()
                        }
                    }
                }
            }
        },
        DriverLaw("The context of a call arrives", .calls) { bench in
            let router = LawBench.router { _, context in
                "\(context.userID ?? "") \(context.requestID) \(context.authToken?.reveal() ?? "") \(context.roles)"
            }
            try await bench.withService(router) { client in
                var context = RequestContext(userID: "user-1", roles: ["reader"])
                context.authToken = "token-1"
                let reply = try await client.call(LawBench.Interface.work, .init(text: ""), context: context)
                try bench.requireEqual(
                    reply, "user-1 \(context.requestID) token-1 [\"reader\"]", "the context that arrived")
            }
        },
        DriverLaw("A round trip shows that a connection works", .calls) { bench in
            let connection = try bench.makeConnection()
            try await bench.withRunning(connection) {
                for _ in 0..<3 { _ = try await connection.roundTrip(timeout: bench.patience) }
            }
        },
    ]

    /// The methods of the laws; notes what `work` was told.
    static func recording(_ tally: Tally) -> RPCRouter {
        LawBench.router { text, _ in
            tally.add(text)
            return text
        }
    }
}
