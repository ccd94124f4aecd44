import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardTesting
import Testing

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

extension UnderLoad {
    @Suite("Moving a cell to another broker under 500 calls a second", .timeLimit(.minutes(3)))
    struct MoveTests {
        private struct Answer: Sendable {
            var begun: ContinuousClock.Instant
            var ended: ContinuousClock.Instant
            var isOfMoved: Bool
            var name: String
        }

        /// Calls both cells in turn, every two milliseconds, until it is told to stop.
        private final class Load: Sendable {
            let answers = Locked<[Answer]>([])
            private let next = Locked(0)
            private let isOver = Locked(false)

            var count: Int { answers.withLock { $0.count } }

            func stop() {
                isOver.withLock { $0 = true }
            }

            func run(_ fleet: Fleet, moved: String, other: String) async throws {
                let start = ContinuousClock.now
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<32 {
                        group.addTask {
                            while !self.isOver.withLock({ $0 }) {
                                let number = self.next.withLock { number in
                                    number += 1
                                    return number
                                }
                                try await Task.sleep(
                                    until: start + .milliseconds(2) * number, clock: .continuous)
                                let begun = ContinuousClock.now
                                let isOfMoved = number % 2 == 0
                                let name = try await fleet.ask(isOfMoved ? moved : other)
                                let answer = Answer(begun: begun, ended: .now, isOfMoved: isOfMoved, name: name)
                                self.answers.withLock { $0.append(answer) }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        /// Moves a cell from one place to another while both cells are called, and checks every answer.
        private func move(
            _ fleet: Fleet, from old: TransportURL, to new: TransportURL, other: TransportURL,
            connectionsToOld: @escaping @Sendable () async throws -> Int
        ) async throws {
            let moved = try await fleet.add("moved", at: old)
            let beside = try await fleet.add("beside", at: other)
            let places = [Fleet.Place("old", old), .init("new", new), .init("other", other)]
            try await fleet.run(serving: places) {
                let ofServer = try await connectionsToOld()
                let load = Load()
                let moments = try await withThrowingTaskGroup(
                    of: Void.self, returning: (before: ContinuousClock.Instant, after: ContinuousClock.Instant).self
                ) { group in
                    group.addTask { try await load.run(fleet, moved: moved.instance, other: beside.instance) }
                    try await waitUntil(within: .seconds(60)) { load.count > 400 }
                    let before = ContinuousClock.now
                    try await fleet.move(moved.cell, to: new)
                    let after = ContinuousClock.now
                    // New requests use the new URL within a second, or some on a busy machine; 250 more show it.
                    try await waitUntil(within: .seconds(60)) {
                        load.answers.withLock { answers in
                            answers.count { $0.isOfMoved && $0.begun > after + .seconds(5) } > 250
                        }
                    }
                    load.stop()
                    try await group.waitForAll()
                    return (before, after)
                }
                let answers = load.answers.withLock { $0 }
                // Each kind is there, else nothing would have been checked.
                func check(_ part: [Answer], _ names: Set<String>) {
                    #expect(!part.isEmpty && part.allSatisfy { names.contains($0.name) })
                }
                let ofMoved = answers.filter(\.isOfMoved)
                check(answers.filter { !$0.isOfMoved }, ["other"])
                check(ofMoved, ["old", "new"])
                check(ofMoved.filter { $0.ended < moments.before }, ["old"])
                check(ofMoved.filter { $0.begun > moments.after + .seconds(5) }, ["new"])
                // The last user of the old line has gone long ago by now; what counts is that it is closed.
                try await waitUntil(within: .seconds(60)) { try await connectionsToOld() == ofServer }
                #expect(fleet.manager.status().count == 2)
                let seconds =
                    (answers.map(\.ended).max()! - answers.map(\.begun).min()!) / .seconds(1)
                print("Moved under \(Int(Double(answers.count) / seconds)) calls/s: \(answers.count), none lost.")
            }
        }

        @Test("On in-process queues")
        func inProcess() async throws {
            let network = InProcessNetwork()
            let fleet = try Fleet(
                drivers: DriverRegistry(.inProcess(network: network)), own: TransportURL("fake://own"))
            try await move(
                fleet, from: TransportURL("fake://old"), to: TransportURL("fake://new"),
                other: TransportURL("fake://other")
            ) {
                fleet.manager.status().count { $0.isDraining }
            }
        }

        #if RabbitMQ
            @Test("On RabbitMQ")
            func rabbitMQ() async throws {
                let broker = try await TestBroker.shared()
                try await broker.withVirtualHost { old async throws in
                    try await broker.withVirtualHost { new async throws in
                        try await broker.withVirtualHost { other async throws in
                            let fleet = try Fleet(
                                drivers: DriverRegistry(.rabbitMQ()), own: broker.url(virtualHost: other))
                            try await move(
                                fleet, from: broker.url(virtualHost: old), to: broker.url(virtualHost: new),
                                other: broker.url(virtualHost: other)
                            ) {
                                try await broker.connections(in: old).count
                            }
                        }
                    }
                }
            }
        #endif
    }
}
