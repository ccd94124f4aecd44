import SwitchboardCore
import SwitchboardMessaging

extension RPCLaws {
    /// Calls around lost connections and restarted servers.
    static let outages: [DriverLaw] = [
        DriverLaw("A call that waits when the connection is lost gets its reply", .outages, proves: .reconnects) {
            bench in
            let interrupt = try bench.interruption()
            let (begun, mayEnd) = (Tally(), Latch())
            let router = LawBench.router { text, _ in
                begun.add(text)
                try await mayEnd.wait()
                return text
            }
            try await bench.withService(router) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<3 {
                        group.addTask {
                            let reply = try await client.call(
                                LawBench.Interface.work, .init(text: "\(number)"), context: RequestContext())
                            try bench.requireEqual(reply, "\(number)", "the reply")
                        }
                    }
                    try await bench.within("the beginning of the handlers") { try await begun.wait(for: 3) }
                    try await interrupt()
                    mayEnd.open()
                    try await group.waitForAll()
                }
                try bench.requireEqual(Set(begun.entries).count, 3, "the number of requests that were handled")
                try bench.requireEqual(begun.entries.count, 3, "how often they were handled")
            }
        },
        DriverLaw(
            "Calls around a lost connection are answered or fail, and none waits forever", .outages, proves: .reconnects
        ) {
            bench in
            let interrupt = try bench.interruption()
            try await bench.withService { client in
                _ = try await client.call(LawBench.Interface.echo, .init(text: "before"), context: RequestContext())
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<30 {
                        group.addTask {
                            do {
                                let reply = try await client.call(
                                    LawBench.Interface.echo, .init(text: "\(number)"), context: RequestContext())
                                try bench.requireEqual(reply, "\(number)", "the reply")
                            } catch let error as RPCError where error.isPassing {}
                        }
                    }
                    try await interrupt()
                    try await group.waitForAll()
                }
                let reply = try await bench.callUntilAnswered("after", client)
                try bench.requireEqual(reply, "after", "the reply after the loss")
                try bench.requireEqual(client.callsInFlight, 0, "the number of calls that still wait")
            }
        },
        DriverLaw("Calls are answered again after a restart of the queue's server", .restarting, proves: .reconnects) {
            bench in
            let restart = try bench.restart()
            try await bench.withService { client in
                _ = try await client.call(LawBench.Interface.echo, .init(text: "before"), context: RequestContext())
                try await restart()
                let reply = try await bench.callUntilAnswered("after", client)
                try bench.requireEqual(reply, "after", "the reply after the restart")
            }
        },
    ]
}
