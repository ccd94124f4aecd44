import MetricsTestKit
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@Suite("What a context carries of its cell", .timeLimit(.minutes(2)))
struct IdentityTests {
    @Test("The cell's identity, whatever the cell is called")
    func names() async throws {
        try await Cloud.run { cloud in
            // Names that look like something else.
            for name in ["own", Cloud.cell2.description, "\(Cloud.cell2) (x)", "", "a b", "\u{1F600}"] {
                _ = try await cloud.directory.updateCell(Cloud.cell1, CellChange(name: name))
                let cell = try await cloud.directory.cell(Cloud.cell1)
                try await cloud.manager.withTargetCell(cell, .admin()) { context in
                    #expect(context.mqConnection.cellID == Cloud.cell1, "\(name)")
                    let place = try await cloud.client.call("where", context: context)
                    #expect(place == "one")
                }
                let copy = try cloud.manager.targeted(.admin(), at: cell)
                #expect(copy.mqConnection.cellID == Cloud.cell1)
            }
            try await cloud.manager.withTargetCell(cloud.directory.cell(.cell0), .admin()) { context in
                #expect(context.mqConnection.cellID == .cell0)
            }
            #expect(cloud.manager.untargeted(.admin()).mqConnection.cellID == nil)
        }
    }

    @Test("Cells that share a message queue are told apart")
    func sharedQueue() async throws {
        try await Cloud.run { cloud in
            let twin = CellID.random()
            _ = try await cloud.directory.createCell(
                CellMapping(id: twin, name: "twin", transportURL: "fake://one", databaseConnection: "sqlite:///t"))
            for id in [Cloud.cell1, twin] {
                let cell = try await cloud.directory.cell(id)
                try await cloud.manager.withTargetCell(cell, .admin()) { context in
                    #expect(context.mqConnection.cellID == id)
                    let place = try await cloud.client.call("where", context: context)
                    #expect(place == "one")
                }
            }
        }
    }

    @Test("A queue that was aimed at by hand has no identity, also where its name looks like one")
    func byHand() throws {
        let cloud = try Cloud()
        let text = Cloud.cell1.description
        #expect(QueueRoute.cell(cloud.own, name: MQCell(text)).cellID == nil)
        #expect(QueueRoute.none(cell: MQCell("\(text) (x)"), reason: "r").cellID == nil)
        #expect(QueueRoute.cell(cloud.own, name: "cell1").description == "cell cell1")
        #expect(QueueRoute.none(cell: "cell0", reason: "r").description == "none (cell cell0: r)")
    }

    @Test("A cell that is called own is not the process's own queue to errors")
    func calledOwn() async throws {
        try await Cloud.run { cloud in
            _ = try await cloud.directory.updateCell(Cloud.cell1, CellChange(name: "own"))
            let cell = try await cloud.directory.cell(Cloud.cell1)
            let error = await #expect(throws: RPCError.self) {
                try await cloud.manager.withTargetCell(cell, .admin()) { context in
                    try await cloud.client.call("where", to: "nobody", context: context)
                }
            }
            #expect(error?.message.contains("the process's own queue") == false)
            #expect(error?.message.contains(Cloud.cell1.description) == true)
        }
    }

    @Test("Telemetry that the manager is given reaches every cell's connection")
    func telemetry() async throws {
        let metrics = TestMetrics()
        try await Cloud.run(telemetry: Telemetry(metrics: metrics)) { cloud in
            for id in [Cloud.cell1, Cloud.cell2] {
                let cell = try await cloud.directory.cell(id)
                try await cloud.manager.withTargetCell(cell, .admin()) { context in
                    guard case .cell(let connection, _) = context.mqConnection else {
                        Issue.record("\(id) has no queue.")
                        return
                    }
                    #expect((connection.telemetry.metrics as? TestMetrics) === metrics)
                    _ = try await cloud.client.call("where", context: context)
                }
            }
            // Of the calls, and of the connections that they went through.
            let labels = Set(metrics.recorders.map(\.label) + metrics.timers.map(\.label))
            #expect(labels.contains { $0 == "rpc.client.call.duration" }, "\(labels)")
            #expect(
                Set(metrics.counters.filter { $0.label == "switchboard.cells.line.events" }.map(\.label)).count == 1)
        }
    }

    @Test(
        "A directory is not asked without a pause, whatever interval is configured",
        arguments: [
            Duration.zero, .seconds(-1), .seconds(Int64.min),
        ])
    func intervals(_ interval: Duration) async throws {
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = interval
        try await Cloud.run(configuration: configuration) { cloud in
            try await cloud.manager.withTargetCell(forInstance: Cloud.inCell1, .admin()) { context in
                let place = try await cloud.client.call("where", context: context)
                #expect(place == "one")
            }
        }
    }
}
