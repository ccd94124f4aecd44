import Metrics
import MetricsTestKit
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@Suite("Connections follow the mappings", .timeLimit(.minutes(2)))
struct CellConnectionTests {
    private func quick() -> CellConnectionConfiguration {
        var configuration = CellConnectionConfiguration()
        configuration.refreshInterval = .milliseconds(20)
        return configuration
    }

    @Test("A mapping that somebody has held for long is not followed to where its cell was")
    func staleMapping() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let held = try await cloud.directory.cell(Cloud.cell1)
            func ask() async throws -> String {
                try await cloud.manager.withTargetCell(held, RequestContext()) { try await cloud.whereItGoes($0) }
            }
            var answer = try await ask()
            #expect(answer == "one")
            try await cloud.update(Cloud.cell1, url: "fake://three")
            // Within a refresh; a minute is the limit.
            let end = ContinuousClock.now + .seconds(60)
            while answer != "three", .now < end { answer = try await ask() }
            #expect(answer == "three")
            // And back: the old URL is the new one.
            try await cloud.update(Cloud.cell1, url: "fake://one")
            while answer != "one", .now < end { answer = try await ask() }
            #expect(answer == "one")
        }
    }

    @Test("Two tasks with an old and a new mapping do not chase a connection back and forth")
    func noFlipping() async throws {
        try await Cloud.run { cloud in
            let held = try await cloud.directory.cell(Cloud.cell1)
            _ = try await cloud.ask(Cloud.inCell1)
            try await cloud.update(Cloud.cell1, url: "fake://three")
            for _ in 0..<5 {
                let fresh = try await cloud.ask(Cloud.inCell1)
                #expect(fresh == "three")
                let old = try await cloud.manager.withTargetCell(held, RequestContext()) {
                    try await cloud.whereItGoes($0)
                }
                #expect(old == "three")
            }
            #expect(cloud.mutes.count("one") == 1)
            #expect(cloud.mutes.count("three") == 1)
        }
    }

    @Test("A mapping that was held from before a move on takes nobody back to where its cell was")
    func heldSinceBefore() async throws {
        for interval in [Duration.milliseconds(20), .seconds(60)] {
            var configuration = quick()
            configuration.refreshInterval = interval
            let follows = interval < .seconds(1)
            try await Cloud.run(configuration: configuration) { cloud in
                let held = try await cloud.directory.cell(Cloud.cell1)
                func askHeld() async throws -> String {
                    try await cloud.manager.withTargetCell(held, RequestContext()) { try await cloud.whereItGoes($0) }
                }
                try await cloud.update(Cloud.cell1, url: "fake://three")
                // Some refreshes, which know of no cell yet.
                try await Task.sleep(for: .milliseconds(200))
                let first = try await cloud.ask(Cloud.inCell1)
                #expect(first == "three")
                var answer = try await askHeld()
                // A look-up counts at once.
                let fresh = try await cloud.ask(Cloud.inCell1)
                #expect(fresh == "three")
                guard follows else { return }
                let end = ContinuousClock.now + .seconds(30)
                while answer != "three", .now < end { answer = try await askHeld() }
                #expect(answer == "three")
            }
        }
    }

    @Test("Who holds a mapping whose cell has got a URL that cannot be used is told so, and not sent to the old queue")
    func unusableURL() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let held = try await cloud.directory.cell(Cloud.cell1)
            func ask() async throws -> String {
                try await cloud.manager.withTargetCell(held, RequestContext()) { try await cloud.whereItGoes($0) }
            }
            var answer = try await ask()
            #expect(answer == "one")
            // There is no base URL that its variable could come from.
            try await cloud.update(Cloud.cell1, url: "{scheme}://three")
            let end = ContinuousClock.now + .seconds(60)
            var code: CellError.Code?
            while code == nil, .now < end { code = try await cellErrorCode { try await ask() } }
            #expect(code == .badURL)
            _ = try await cloud.directory.mapHosts(["another"], to: Cloud.cell2)
            try await Task.sleep(for: .milliseconds(100))
            code = try await cellErrorCode { try await ask() }
            #expect(code == .badURL)
            let freshCode = try await cellErrorCode { try await cloud.ask(Cloud.inCell1) }
            #expect(freshCode == .badURL)
            try await cloud.update(Cloud.cell1, url: "fake://three")
            answer = try await cloud.ask(Cloud.inCell1)
            #expect(answer == "three")
            answer = try await ask()
            #expect(answer == "three")
        }
    }

    @Test("A connection that a plain copy is used with again and again is not idle")
    func copyInUse() async throws {
        var configuration = quick()
        // Longer than a busy machine keeps the test from going on.
        configuration.idleLifetime = .seconds(3)
        try await Cloud.run(configuration: configuration) { cloud in
            let cell = try await cloud.directory.cell(Cloud.cell1)
            let copy = try cloud.manager.targeted(RequestContext(), at: cell)
            let end = ContinuousClock.now + .milliseconds(6500)
            while ContinuousClock.now < end {
                let answer = try await cloud.whereItGoes(copy)
                #expect(answer == "one")
                try await Task.sleep(for: .milliseconds(30))
            }
            #expect(cloud.mutes.count("one") == 1)
            // Its end comes when the calls end.
            try await waitUntil { cloud.manager.status().isEmpty }
        }
    }

    @Test("The connection of a disabled cell closes after its last user; a mapping from before is refused")
    func disabled() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let held = try await cloud.directory.cell(Cloud.cell1)
            try await cloud.manager.withTargetCell(held, RequestContext()) { context in
                try await cloud.update(Cloud.cell1, isDisabled: true)
                try await waitUntil { cloud.manager.status().map(\.isDraining) == [true] }
                let answer = try await cloud.whereItGoes(context)
                #expect(answer == "one")
                let code = try await cellErrorCode {
                    try await cloud.manager.withTargetCell(held, RequestContext()) { _ in }
                }
                #expect(code == .disabledCell)
            }
            try await waitUntil { cloud.manager.status().isEmpty }
            let asked = try await cloud.manager.withTargetCell(held, RequestContext(), includingDisabled: true) {
                try await cloud.whereItGoes($0)
            }
            #expect(asked == "one")
            try await cloud.update(Cloud.cell1, isDisabled: false)
            let answer = try await cloud.ask(Cloud.inCell1)
            #expect(answer == "one")
        }
    }

    @Test("The connection of a deleted cell closes after its last user; a mapping from before is refused")
    func deleted() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let cell = try await cloud.directory.createCell(
                CellMapping(id: .random(), name: "new", transportURL: "fake://three"))
            try await cloud.manager.withTargetCell(cell, RequestContext()) { context in
                try await cloud.directory.deleteCell(cell.id, force: false)
                try await waitUntil { cloud.manager.status().map(\.isDraining) == [true] }
                let answer = try await cloud.whereItGoes(context)
                #expect(answer == "three")
            }
            try await waitUntil { cloud.manager.status().isEmpty }
            let code = try await cellErrorCode {
                try await cloud.manager.withTargetCell(cell, RequestContext()) { _ in }
            }
            #expect(code == .unknownCell)
        }
    }

    @Test("A mapping that was made by hand keeps its connection, whatever happens in the directory")
    func byHand() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let cell = CellMapping(id: .random(), name: "hand", transportURL: "fake://three")
            for number in 0..<3 {
                let answer = try await cloud.manager.withTargetCell(cell, RequestContext()) {
                    try await cloud.whereItGoes($0)
                }
                #expect(answer == "three")
                _ = try await cloud.directory.mapHosts(["h\(number)"], to: Cloud.cell2)
            }
            #expect(cloud.mutes.count("three") == 1)
        }
    }

    @Test("A drained connection is not closed under a call of a plain copy")
    func copyInFlight() async throws {
        try await Cloud.run(configuration: quick()) { cloud in
            let cell = try await cloud.directory.cell(Cloud.cell1)
            let copy = try cloud.manager.targeted(RequestContext(), at: cell)
            _ = try await cloud.whereItGoes(copy)
            let slow = Task { try await cloud.client.call("wait", context: copy, timeout: .seconds(2)) }
            try await waitUntil { cloud.connection(of: Cloud.cell1)?.callsInFlight == 1 }
            try await cloud.update(Cloud.cell1, url: "fake://three")
            try await waitUntil { cloud.manager.status().first?.isDraining == true }
            // It ends by its own time, and the connection after it.
            let error = await #expect(throws: RPCError.self) { try await slow.value }
            #expect(error?.code == .timeout)
            try await waitUntil { cloud.manager.status().isEmpty }
        }
    }

    @Test("Over the bound the connection that was idle longest gives way; when all are in use, aiming fails")
    func bounded() async throws {
        var configuration = quick()
        configuration.maximumCount = 1
        try await Cloud.run(configuration: configuration) { cloud in
            _ = try await cloud.ask(Cloud.inCell1)
            let second = try await cloud.ask(Cloud.inCell2)
            #expect(second == "two")
            #expect(cloud.manager.status().map(\.cells) == [[Cloud.cell2]])
            let cell = try await cloud.directory.cell(Cloud.cell2)
            try await cloud.manager.withTargetCell(cell, RequestContext()) { _ in
                let code = try await cellErrorCode { try await cloud.ask(Cloud.inCell1) }
                #expect(code == .exhausted)
            }
        }
    }

    @Test("Events, metrics and status tell what happens to a connection")
    func observed() async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) {
            var configuration = quick()
            configuration.silenceLimit = .milliseconds(50)
            try await Cloud.run(configuration: configuration) { cloud in
                let events = cloud.manager.connectionEvents()
                let reader = Task {
                    var kinds: [String] = []
                    for await event in events where event.cell.contains("cell1") {
                        kinds.append(event.kind.name)
                        if event.kind == .closed(.drained) { break }
                    }
                    return kinds
                }
                _ = try await cloud.ask(Cloud.inCell1)
                let connection = try #require(cloud.connection(of: Cloud.cell1))
                #expect(connection.digest.count == 16)
                #expect(connection.url == "fake://one")
                #expect(connection.users == 0 && connection.callsInFlight == 0 && !connection.isDraining)
                #expect(connection.state == .ready)
                cloud.mutes.setMuted(true, "one")
                _ = try? await cloud.ask(Cloud.inCell1, timeout: .milliseconds(300))
                cloud.mutes.setMuted(false, "one")
                try await waitUntil { cloud.connection(of: Cloud.cell1)?.silence == nil }
                try await cloud.update(Cloud.cell1, url: "fake://three")
                let kinds = await reader.value
                #expect(kinds == ["opened", "connected", "silent", "answering", "draining", "closed_drained"])
            }
        }
        let opened = try metrics.expectCounter(
            "switchboard.cells.line.events", [("event", "opened"), ("switchboard.cell", "\(Cloud.cell1) (cell1)")])
        #expect(opened.values.reduce(0, +) == 1)
        let gauge = try metrics.expectGauge("switchboard.cells.lines", [("state", "answering")])
        #expect(!gauge.values.isEmpty)
    }

    @Test("Who aims after the manager has ended is told so at once")
    func afterTheEnd() async throws {
        let cloud = try Cloud()
        let cell = try await cloud.directory.createCell(
            CellMapping(id: Cloud.cell1, name: "cell1", transportURL: "fake://one"))
        let run = Task { try await cloud.manager.run() }
        run.cancel()
        try await run.value
        let code = try await cellErrorCode {
            try await cloud.manager.withTargetCell(cell, RequestContext()) { _ in }
        }
        #expect(code == .connectionClosed)
    }

    @Test("Who aims while the manager ends is told so at once, and gets no connection that is ending")
    func duringTheEnd() async throws {
        let cloud = try Cloud()
        let trap = Trap()
        defer { trap.open() }
        cloud.mutes.holdEnds(in: trap)
        let cell = try await cloud.directory.createCell(
            CellMapping(id: Cloud.cell1, name: "cell1", transportURL: "fake://one"))
        let run = Task { try await cloud.manager.run() }
        _ = try cloud.manager.targeted(RequestContext(), at: cell)
        try await waitUntil { cloud.connection(of: Cloud.cell1)?.state == .ready }
        run.cancel()
        let code = try await cellErrorCode { try cloud.manager.targeted(RequestContext(), at: cell) }
        #expect(code == .connectionClosed)
        trap.open()
        try await run.value
    }

    @Test("A digest tells URLs apart that differ in a password alone, and is another in the next manager")
    func digests() async throws {
        let digests = ConnectionDigestsProbe()
        #expect(digests.same)
        #expect(digests.differs)
        #expect(digests.isSalted)
    }
}
