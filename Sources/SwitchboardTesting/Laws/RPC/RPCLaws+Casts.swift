import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// Requests without a reply.
    static let casts: [DriverLaw] = [
        DriverLaw("A cast is handled once, and its caller does not wait for that", .casts) { bench in
            let (begun, mayEnd) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await mayEnd.wait()
                return text
            }
            try await bench.withService(router) { client in
                try await client.cast(LawBench.Interface.work, .init(text: "cast"), context: RequestContext())
                try await client.cast(
                    LawBench.Interface.work, .init(text: "named"), to: "one", context: RequestContext())
                try await bench.within("the handling of two casts") { try await begun.wait(for: 2) }
                mayEnd.open()
                _ = try await client.call(LawBench.Interface.work, .init(text: "last"), context: RequestContext())
                try bench.requireEqual(begun.entries.sorted(), ["cast", "last", "named"], "what was handled")
            }
        },
        DriverLaw("A fanout is handled once by every server", .casts) { bench in
            let tallies = [Tally(), Tally(), Tally()]
            try await bench.withServer("one", recording(tallies[0])) {
                try await bench.withServer("two", recording(tallies[1])) {
                    try await bench.withServer("three", recording(tallies[2])) {
                        try await bench.withClient { client in
                            for text in ["1", "2"] {
                                try await client.fanout(
                                    LawBench.Interface.work, .init(text: text), context: RequestContext())
                            }
                            for (name, tally) in zip(["one", "two", "three"], tallies) {
                                try await bench.within("a fanout at server \(name)") { try await tally.wait(for: 2) }
                                _ = try await client.call(
                                    LawBench.Interface.work, .init(text: "last"), to: name, context: RequestContext())
                                try bench.requireEqual(
                                    tally.entries.sorted(), ["1", "2", "last"], "what server \(name) handled")
                            }
                        }
                    }
                }
            }
        },
        DriverLaw("A fanout without listeners is not an error", .casts) { bench in
            try await bench.withClient { client in
                try await client.fanout(LawBench.Interface.work, .init(text: "nobody"), context: RequestContext())
            }
        },
        DriverLaw("A fanout does not reach servers that start later", .casts) { bench in
            let tally = Tally()
            try await bench.withClient { client in
                try await client.fanout(LawBench.Interface.work, .init(text: "early"), context: RequestContext())
                try await bench.withServer("one", recording(tally)) {
                    try await client.fanout(LawBench.Interface.work, .init(text: "now"), context: RequestContext())
                    try await bench.within("the handling of the fanout") { try await tally.wait(for: 1) }
                    try bench.requireEqual(tally.entries, ["now"], "what the server handled")
                }
            }
        },
    ]
}
