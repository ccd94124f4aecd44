#if RabbitMQ
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    extension UnderLoad {
        @Suite("A stopped cell, a refusing one, an unwelcoming one, and a healthy one", .timeLimit(.minutes(3)))
        struct TroubledCellsTests {
            /// How long each of 100 calls to a cell takes.
            private func times(_ fleet: Fleet, _ instance: String, _ expected: String) async throws -> [Duration] {
                var times: [Duration] = []
                for _ in 0..<100 {
                    let start = ContinuousClock.now
                    let answer = try await fleet.ask(instance)
                    times.append(start.duration(to: .now))
                    #expect(answer == expected)
                }
                return times
            }

            @Test("The healthy one answers in its own time, and is no slower for the others")
            func healthyOneIsSpared() async throws {
                let broker = try await TestBroker.shared()
                try await broker.withVirtualHost { healthy async throws in
                    try await TestBroker.withBroker { stopped async throws in
                        try await stopped.addVirtualHost("hung")
                        let fleet = try Fleet(
                            drivers: DriverRegistry(.rabbitMQ()), own: broker.url(virtualHost: healthy))
                        let url = broker.url(virtualHost: healthy)
                        let good = try await fleet.add("healthy", at: url)
                        let hung = try await fleet.add("stopped", at: stopped.url(virtualHost: "hung"))
                        _ = try await fleet.add("refusing", at: TransportURL("rabbit://u:p@127.0.0.1:1/"))
                        _ = try await fleet.add(
                            "unwelcome", at: broker.url(virtualHost: healthy, username: "nobody", password: "wrong"))
                        let places = [
                            Fleet.Place("healthy", url), .init("stopped", stopped.url(virtualHost: "hung")),
                        ]
                        try await fleet.run(serving: places) {
                            try await check(fleet, good: good, hung: hung, stopped)
                        }
                    }
                }
            }

            private func check(
                _ fleet: Fleet, good: (cell: CellMapping, instance: String),
                hung: (cell: CellMapping, instance: String), _ stopped: TestBroker
            ) async throws {
                #expect(try await fleet.ask(hung.instance) == "stopped")
                let before = try await times(fleet, good.instance, "healthy")
                stopped.pause()
                // A stopped broker that goes away stopped would keep the test's end waiting.
                defer { stopped.resume() }
                let timeout = Duration.seconds(5)
                func gather() async throws -> (GatheredCells<String>, Duration) {
                    let start = ContinuousClock.now
                    let found = try await fleet.manager.scatterGather(
                        RequestContext(), configuration: ScatterConfiguration(cellTimeout: timeout)
                    ) { _, context in
                        try await fleet.client.call("where", context: context).string ?? ""
                    }
                    return (found, start.duration(to: .now))
                }
                let (first, took) = try await gather()
                #expect(first.answers == [good.cell.id: "healthy"])
                #expect(first.results.count == 4 && first.missing.count == 3)
                let own = try #require(first.results.first { $0.cell.id == good.cell.id })
                #expect(own.duration < timeout)
                // The deadline, and what a busy machine takes to notice.
                #expect(took < timeout + .seconds(20))
                try await waitUntil(within: .seconds(60)) {
                    fleet.manager.status().contains { $0.cells == [hung.cell.id] && $0.silence != nil }
                }
                let (second, again) = try await gather()
                #expect((second[hung.cell.id]?.error as? CellError)?.code == .unreachable)
                #expect(second.answers == [good.cell.id: "healthy"])
                let after = try await times(fleet, good.instance, "healthy")
                print(
                    "Healthy cell: p50 \(percentile(0.5, of: before)) and p99 \(percentile(0.99, of: before)) before, "
                        + "p50 \(percentile(0.5, of: after)) and p99 \(percentile(0.99, of: after)) after; "
                        + "gathering \(took), then \(again).")
                // Figures are the benchmark's matter; here a cell in trouble must not cost its neighbours a deadline.
                #expect(percentile(0.99, of: after) < percentile(0.99, of: before) * 3 + .milliseconds(100))
                stopped.resume()
                try await waitUntil(within: .seconds(60)) {
                    fleet.manager.status().contains { $0.cells == [hung.cell.id] && $0.silence == nil }
                }
                #expect(try await fleet.ask(hung.instance) == "stopped")
            }
        }
    }
#endif
