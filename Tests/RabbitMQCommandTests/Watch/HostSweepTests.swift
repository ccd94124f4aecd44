import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// Sweeps through queues within this process.
@Suite("Watch, sweeps", .timeLimit(.minutes(5)))
struct HostSweepTests {
    /// Keeps what a watch says, and does something after a sweep.
    final class Listener: WatchOutput {
        private let events = Locked<[[WatchEvent]]>([[]])
        private let afterSweep: @Sendable (Int) async throws -> Void

        init(afterSweep: @escaping @Sendable (Int) async throws -> Void = { _ in }) {
            self.afterSweep = afterSweep
        }

        /// Those of each sweep.
        var told: [[String]] { events.withLock { $0.map { $0.map(\.text) } } }

        func show(_ new: [WatchEvent]) async throws {
            events.withLock { $0[$0.count - 1] += new }
        }

        func show(_ summary: SweepSummary) async throws {
            try await afterSweep(summary.number)
            events.withLock { $0.append([]) }
        }
    }

    private func watch(
        _ cloud: Cloud, _ sweep: HostSweep, sweeps: Int, _ listener: Listener, directory: (any CellDirectory)? = nil
    ) async throws -> WatchBoard {
        let board = WatchBoard()
        let watch = HostWatch(
            directory: directory ?? cloud.directory, only: [], includesDisabled: false, sweep: sweep, board: board,
            interval: .milliseconds(10), count: sweeps, now: { 1_700_000_000 })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sweep.connections.run() }
            defer { group.cancelAll() }
            try await watch.run(showing: listener)
        }
        return board
    }

    @Test("Each host is what it is; a cell without a queue, or with a URL that can't be used, costs itself alone")
    func classes() async throws {
        let cloud = Cloud()
        try await cloud.addCell(1, hosts: ["answers", "no-ping", "hangs", "absent", "slow"])
        try await cloud.addCell(2, url: "none:///", hosts: ["in2"])
        try await cloud.addCell(3, url: "{scheme}://{hostname}/cell3", hosts: ["in3"])
        try await cloud.addCell(4, url: "kafka://h/", hosts: ["in4"])
        try await cloud.addCell(5, hosts: [])
        try await cloud.addCell(6, hosts: ["in6"], isDisabled: true)
        let found = try await cloud.serving(
            "cell1", ["answers": .answers, "no-ping": .hasNoPing, "hangs": .hangs, "slow": .takes(.milliseconds(150))]
        ) {
            try await cloud.look(
                cloud.sweep {
                    $0.timeout = .seconds(5)
                    $0.classifier = HostClassifier(slow: .milliseconds(140))
                })
        }
        #expect(found.count == 4)
        let one = try #require(found[Cloud.id(1)])
        let classes = one.hosts.mapValues(\.hostClass)
        #expect(classes["hangs"] == .deaf && classes["absent"] == .absent && classes["slow"] == .slow)
        // On a busy machine they may be slow.
        #expect([.answering, .slow].contains(classes["answers"]))
        #expect([.noPing, .slow].contains(classes["no-ping"]))
        guard case .reached = one.outcome else { return #expect(Bool(false), "\(one.outcome)") }
        for (number, word) in [(2, "none://"), (3, "filled in"), (4, "kafka")] {
            let observation = try #require(found[Cloud.id(number)])
            guard case .failed(let reason, true) = observation.outcome else {
                Issue.record("\(observation.outcome)")
                continue
            }
            #expect(reason.contains(word) && observation.hosts.isEmpty)
        }
        let only = try await cloud.look(only: ["cell6"], includingDisabled: true, cloud.sweep())
        #expect(only.mapValues { $0.hosts.mapValues(\.hostClass) } == [Cloud.id(6): ["in6": .absent]])
    }

    @Test("Top counts what a sweep asks, with times, errors, and the queues of deaf hosts; a bad cell is one error")
    func top() async throws {
        let cloud = Cloud()
        try await cloud.addCell(1, hosts: ["answers", "no-ping", "hangs", "absent"])
        try await cloud.addCell(4, url: "kafka://h/", hosts: ["in4"])
        let collector = TopCollector(sweeping: Cloud.topic, window: 3600)
        let mostInFlight = Locked(0)
        var sweep = cloud.sweep { $0.timeout = .seconds(5) }
        sweep.observer = { cell, step in
            await collector.take(step, from: .init(name: cell.watched.label, cell: cell.watched.label))
            let inFlight = await collector.report(grouping: .cell, order: .calls).total.inFlight
            mostInFlight.withLock { $0 = max($0, inFlight) }
        }
        _ = try await cloud.serving(
            "cell1", ["answers": .answers, "no-ping": .hasNoPing, "hangs": .hangs]
        ) { [sweep] in try await cloud.look(sweep) }
        let report = await collector.report(grouping: .method, order: .calls)
        let one = try #require(report.rows.first { $0.key.cell == "cell1" })
        #expect(one.key == .init(cell: "cell1", topic: "compute", method: "oslo_rpc_server_ping"))
        // The deaf host isn't asked again, as its cell's connection wasn't lost.
        #expect(one.counts.calls == 4 && one.counts.latencies.total == 2 && one.inFlight == 0)
        #expect(one.counts.errors == ["deaf": 1, "absent": 1])
        #expect((1...4).contains(mostInFlight.withLock { $0 }))
        #expect(report.rows.first { $0.key.cell == "cell4" }?.counts.errors == ["unreachable": 1])
        #expect(await collector.queues(of: "cell1") == ["compute.hangs"])
        #expect(await collector.queues(of: "cell4").isEmpty)
        #expect(report.object["total"]?["in_flight"] == 0)
        // Redeliveries aren't seen, and so aren't none.
        await collector.set(["compute.hangs": .init(ready: 3, consumers: 1)], of: "cell1")
        let later = await collector.report(grouping: .cell, order: .errors)
        #expect(later.object["queues"]?[0]?["waiting"] == 3 && later.object["queues"]?[0]?["redelivered"] == .null)
        #expect(later.lines().contains { $0.contains("compute.hangs") && $0.hasSuffix("-") })
        // What answers again has no queue to look at.
        let well = HostFinding(hostClass: .answering, roundTrip: .milliseconds(1), detail: "")
        await collector.take(.known(host: "hangs", well), from: .init(name: "cell1", cell: "cell1"))
        #expect(await collector.queues(of: "cell1").isEmpty)
        #expect(await collector.report(grouping: .cell, order: .errors).queues.isEmpty)
    }

    @Test("A host that answers the second time counts as answering, where it is asked twice")
    func secondAsking() async throws {
        let cloud = Cloud()
        try await cloud.addCell(1, hosts: ["h"])
        let connection = try MessageQueueConnection(
            TransportURL("fake://cell1"), drivers: cloud.drivers, logger: Cloud.logger)
        let asked = Locked(0)
        var router = RPCRouter()
        router.register("oslo_rpc_server_ping") { _, _ in
            let isFirst = asked.withLock { asked in
                asked += 1
                return asked % 2 == 1
            }
            // Longer than any test takes; its caller gives up.
            if isFirst { try await Task.sleep(for: .seconds(3600)) }
            return "pong"
        }
        let server = RPCServer(connection, topic: Cloud.topic, name: "h", router: router, logger: Cloud.logger)
        try await withRunning(connection, server) {
            try await server.waitUntilServing()
            func found(asksTwice: Bool) async throws -> HostClass? {
                try await cloud.look(cloud.sweep(asksTwice: asksTwice) { $0.timeout = .seconds(5) })[Cloud.id(1)]?
                    .hosts["h"]?.hostClass
            }
            #expect(try await found(asksTwice: true) == .answering)
            #expect(try await found(asksTwice: false) == .deaf)
        }
    }

    @Test("Requests of a cell go out a second's worth at a time, and over the window where there is one")
    func pace() async throws {
        let cloud = Cloud()
        try await cloud.addCell(1, hosts: (0..<20).map { "h\($0)" })
        let listing = try await HostListing.read(from: cloud.directory, only: [], includingDisabled: false)
        for (window, pause) in [(Duration.zero, Duration.seconds(1)), (.seconds(4), .seconds(2))] {
            let sweep = cloud.sweep { $0.rate = 10 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await sweep.connections.run() }
                defer { group.cancelAll() }
                let begin = ContinuousClock.now
                try await sweep.run(over: listing, within: window) { observation in
                    #expect(observation.hosts.count == 20)
                    #expect(observation.hosts.values.allSatisfy { $0.hostClass == .absent })
                }
                // Before the second ten.
                #expect(begin.duration(to: .now) >= pause)
            }
        }
    }

    @Test("A watch tells what changes, within two sweeps, and follows mappings and URLs")
    func following() async throws {
        let cloud = Cloud()
        try await cloud.addCell(1, hosts: ["a", "b"])
        let listener = Listener { sweep in
            switch sweep {
            case 1:
                try await cloud.addCell(2, hosts: ["c", "d"])
                _ = try await cloud.directory.mapHosts(["hangs"], to: Cloud.id(1))
            case 3:
                try await cloud.directory.deleteHost("d")
                _ = try await cloud.directory.updateCell(
                    Cloud.id(1), CellChange(transportURL: URLTemplate("fake://elsewhere")))
            default: break
            }
        }
        let board = try await cloud.serving("cell1", ["a": .answers, "b": .hasNoPing, "hangs": .hangs]) {
            try await cloud.serving("cell2", ["c": .answers]) {
                try await cloud.serving("elsewhere", ["a": .answers]) {
                    try await watch(cloud, cloud.sweep { $0.timeout = .seconds(5) }, sweeps: 4, listener)
                }
            }
        }
        let told = listener.told
        #expect(told.count == 5 && told[0].isEmpty)
        #expect(
            told[1] == [
                "cell cell1, host hangs: mapped", "cell cell2, host c: mapped", "cell cell2, host d: mapped",
                "cell cell2, host d: absent (nobody listens: the request was returned)",
            ])
        #expect(told[2].count == 1 && told[2][0].hasPrefix("cell cell1, host hangs: deaf ("))
        #expect(
            told[3].sorted() == [
                "cell cell1, host b: no ping → absent (nobody listens: the request was returned)",
                "cell cell1, host hangs: deaf → absent (nobody listens: the request was returned)",
                "cell cell2, host d: not mapped any more",
            ])
        #expect(board.current.states.counts == [.answering: 2, .absent: 2])
        #expect(board.current.changes == [.deaf: 1, .absent: 3])
    }

    @Test("A directory that can't be read later is told, and the last mappings are used; at first it ends the watch")
    func directory() async throws {
        let cloud = Cloud()
        try await cloud.addCell(1, hosts: ["a"])
        let isDown = Locked(false)
        let directory = FlakyDirectory(base: cloud.directory, isDown: isDown)
        let listener = Listener { sweep in isDown.withLock { $0 = (1...2).contains(sweep) } }
        let board = try await cloud.serving("cell1", ["a": .answers]) {
            try await watch(cloud, cloud.sweep { $0.timeout = .seconds(30) }, sweeps: 4, listener, directory: directory)
        }
        #expect(
            listener.told == [
                [], ["the directory: can't be read; the last mappings are used (It is down.)"], [],
                ["the directory: can be read again"], [],
            ])
        #expect(board.current.states.counts == [.answering: 1])
        isDown.withLock { $0 = true }
        await #expect(throws: CellError.self) {
            _ = try await watch(cloud, cloud.sweep(), sweeps: 1, Listener(), directory: directory)
        }
    }

    @Test("A small cloud: no false alarm in sweeps without faults, and each fault is told within two sweeps")
    func cloud() async throws {
        // A queue stays when its server has ended, so that each half has its own.
        let (cloud, illCloud) = (Cloud(), Cloud())
        let names = (0..<10).map { "h\($0)" }
        for cell in 1...3 {
            for cloud in [cloud, illCloud] {
                try await cloud.addCell(cell, hosts: names.map { "c\(cell)-\($0)" })
            }
        }
        @Sendable func hosts(_ cell: Int, _ manners: [String: Manner] = [:]) -> [String: Manner] {
            Dictionary(uniqueKeysWithValues: names.map { ("c\(cell)-\($0)", manners[$0] ?? .answers) })
        }
        let well = Listener()
        let sweep = cloud.sweep { $0.timeout = .seconds(30) }
        let board = try await cloud.serving("cell1", hosts(1)) {
            try await cloud.serving("cell2", hosts(2, ["h1": .hasNoPing])) {
                try await cloud.serving("cell3", hosts(3)) { try await watch(cloud, sweep, sweeps: 10, well) }
            }
        }
        #expect(well.told.joined().isEmpty, "\(well.told)")
        #expect(board.current.states.counts == [.answering: 29, .noPing: 1])
        let ill = Listener()
        let illBoard = try await illCloud.serving("cell1", hosts(1, ["h3": .hangs, "h4": .hangs])) {
            try await illCloud.serving("cell2", hosts(2).filter { $0.key != "c2-h5" }) {
                try await watch(illCloud, illCloud.sweep { $0.timeout = .seconds(5) }, sweeps: 2, ill)
            }
        }
        let (deaf, absent): ([String], [String]) = (
            ill.told[1].filter { $0.contains(": deaf") }, ill.told[0].filter { $0.contains(": absent") }
        )
        #expect(deaf.count == 2 && absent.count == 11)
        #expect(illBoard.current.states.counts == [.answering: 17, .deaf: 2, .absent: 11])
    }
}

/// A directory that can be down for its cells.
private struct FlakyDirectory: CellDirectory {
    let base: InMemoryCellDirectory
    let isDown: Locked<Bool>

    func cells() async throws(CellError) -> CellListing {
        if isDown.withLock({ $0 }) { throw CellError(.directoryUnavailable, "It is down.") }
        return try await base.cells()
    }

    func location(ofInstance uuid: String) async throws(CellError) -> InstanceLocation {
        try await base.location(ofInstance: uuid)
    }
    func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await base.location(ofHost: host)
    }
    func cell(_ id: CellID) async throws(CellError) -> CellMapping { try await base.cell(id) }
    func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await base.cells(ofProject: projectID)
    }
    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        try await base.instanceMappings(matching: filter, after: token, limit: limit)
    }
    func hostMappings(in cell: CellID?, after token: PageToken?, limit: Int) async throws(CellError) -> Page<
        HostMapping
    > {
        try await base.hostMappings(in: cell, after: token, limit: limit)
    }
    func instanceCounts(ofProject projectID: String, user userID: String?) async throws(CellError) -> InstanceCounts {
        try await base.instanceCounts(ofProject: projectID, user: userID)
    }
    func usage(of cell: CellID) async throws(CellError) -> CellUsage { try await base.usage(of: cell) }
    func version() async throws(CellError) -> DirectoryVersion { try await base.version() }
}
