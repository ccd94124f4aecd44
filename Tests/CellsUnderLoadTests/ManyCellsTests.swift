#if RabbitMQ
    import Foundation
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardSQLite
    import SwitchboardTesting
    import Testing

    extension UnderLoad {
        @Suite("A thousand cells, some of them alive", .timeLimit(.minutes(5)))
        struct ManyCellsTests {
            @Test("64 tasks that call 20 cells at random starve none, and lines need no threads of their own")
            func manyCells() async throws {
                let broker = try await TestBroker.shared()
                let names = (0..<20).map { "many\($0)" }
                for name in names { try await broker.addVirtualHost(name) }
                let fleet = try Fleet(drivers: DriverRegistry(.rabbitMQ()), own: broker.url(virtualHost: names[0]))
                var instances: [String] = []
                var places: [Fleet.Place] = []
                for name in names {
                    let url = broker.url(virtualHost: name)
                    instances.append(try await fleet.add(name, at: url).instance)
                    places.append(Fleet.Place(name, url))
                }
                for number in 0..<980 {
                    _ = try await fleet.directory.createCell(
                        CellMapping(
                            id: .random(), name: "idle\(number)",
                            transportURL: URLTemplate("rabbit://u:p@127.0.0.1:1/idle\(number)")))
                }
                try await fleet.run(serving: places) { [instances] in
                    let threads = Self.threadCount()
                    let counts = try await callAtRandom(fleet, instances, names)
                    #expect(counts.count == names.count)
                    #expect(fleet.manager.status().count == names.count)
                    #expect(Self.threadCount() <= threads + 8)
                }
                for name in names { try await broker.deleteVirtualHost(name) }
            }

            /// How often each cell answered.
            private func callAtRandom(
                _ fleet: Fleet, _ instances: [String], _ names: [String]
            ) async throws -> [String: Int] {
                try await withThrowingTaskGroup(of: [String: Int].self) { group in
                    for task in 0..<64 {
                        group.addTask {
                            var counts: [String: Int] = [:]
                            for number in 0..<40 {
                                // Each task visits all cells twice, in an order of its own.
                                let index = (task * 7 + number * (task % 2 == 0 ? 3 : 11)) % names.count
                                let answer = try await fleet.ask(instances[index])
                                #expect(answer == names[index])
                                counts[answer, default: 0] += 1
                            }
                            return counts
                        }
                    }
                    return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
                }
            }

            private static func threadCount() -> Int {
                (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
            }
        }
    }
#endif
