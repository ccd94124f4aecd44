// A simulated cloud, and `switchboard watch` over it: what a sweep takes, what it costs the brokers, what it finds.
//
//     watch-bench PROGRAM CELLS HOSTS SWEEPS INTERVAL FAULTS
//
// PROGRAM is `switchboard`. The cells are virtual hosts on two brokers that it starts, with so many hosts each. After SWEEPS
// sweeps, INTERVAL seconds from one to the next, without faults, it injects FAULTS faults of each kind and counts those that
// are told within two sweeps; then it stops one broker after the other, and revokes the permissions of FAULTS cells.

import BenchSupport
import Foundation
import SwitchboardCore
import SwitchboardMessaging

prepareOutput()

#if RabbitMQ
    /// A fault, and what its hosts shall be told to be.
    struct Fault {
        let name: String
        let expected: String
        var hosts: Set<String> = []
    }

    func measure(_ cloud: SimulatedCloud, _ watching: Watching, sweeps: Int, interval: Int, faults: Int) async throws {
        let limit = Duration.seconds(interval + 180)
        try watching.run("init")
        for cell in 0..<cloud.cellCount {
            let name = cloud.name(of: cell)
            try watching.run(
                "cell", "create", "--name", name, "--transport-url", "-",
                input: cloud.url(of: cell).formatted(revealingSecrets: true) + "\n")
            try watching.run(
                "host", "map", "--cell", name, "--from-stdin", input: cloud.hosts(of: cell).joined(separator: "\n"))
        }
        let idleStart = cloud.brokerSeconds()
        try await Task.sleep(for: .seconds(20))
        let idlePerSecond = (cloud.brokerSeconds() - idleStart) / 20
        let before = try await cloud.connectionCounts()
        try watching.start(["--every", "\(interval)"])
        // The first opens the connections.
        var alarms = try await watching.nextSweep(within: limit).count - 1
        let after = try await cloud.connectionCounts()
        figure(
            "most connections of a cell", Double(after.map { $0.value - (before[$0.key] ?? 0) }.max() ?? 0), "")
        let (begin, brokerStart, watchStart) = (
            ContinuousClock.now, cloud.brokerSeconds(), processorSeconds(of: watching.processID)
        )
        var longest = 0.0
        var answering = Int64.max
        for _ in 0..<sweeps {
            let events = try await watching.nextSweep(within: limit)
            alarms += events.count - 1
            longest = max(longest, seconds(events.last))
            answering = min(answering, events.last?["answering"]?.integer ?? 0)
        }
        let elapsed = (ContinuousClock.now - begin) / .seconds(1)
        let added = max(0, cloud.brokerSeconds() - brokerStart - idlePerSecond * elapsed) / Double(sweeps)
        figure("longest sweep", longest, "s")
        figure("false alarms", Double(alarms), "")
        figure("fewest answering hosts", Double(answering), "")
        figure("broker cpu added by a sweep", added, "s")
        figure(
            "broker cpu added at a sweep a minute, each broker", added / 60 * 100 / Double(cloud.brokers.count),
            "% of a processor")
        figure("watch cpu of a sweep", (processorSeconds(of: watching.processID) - watchStart) / Double(sweeps), "s")
        try await injectHostFaults(cloud, watching, count: faults, limit: limit)
        try await injectCellFaults(cloud, watching, count: faults, limit: limit)
    }

    func seconds(_ sweep: JSONValue?) -> Double {
        guard let text = sweep?["milliseconds"].map({ "\($0)" }), let milliseconds = Double(text) else { return 0 }
        return milliseconds / 1000
    }

    /// What the next sweeps tell until two have run that began now or later.
    func told(by watching: Watching, limit: Duration) async throws -> [JSONValue] {
        let start = Date.now.timeIntervalSince1970
        var events: [JSONValue] = []
        var count = 0
        while count < 2 {
            events += try await watching.nextSweep(within: limit)
            // The time of an event is in whole seconds.
            let end = Date.now.timeIntervalSince1970
            if end - seconds(events.last) >= start { count += 1 }
        }
        return events
    }

    func injectHostFaults(
        _ cloud: SimulatedCloud, _ watching: Watching, count: Int, limit: Duration
    ) async throws {
        var all = [
            Fault(name: "server stopped", expected: "deaf"), Fault(name: "consumer cancelled", expected: "deaf"),
            Fault(name: "replies lost", expected: "deaf"), Fault(name: "queue without consumer", expected: "deaf"),
            Fault(name: "host gone", expected: "absent"),
        ]
        let size = SimulatedCloud.fragileCount
        for cell in 0..<max(1, count / size) {
            all[0].hosts.formUnion(await cloud.stopServers(of: cell))
            all[1].hosts.formUnion(await cloud.cancelConsumers(of: cell, size..<2 * size))
            all[2].hosts.formUnion(cloud.silence(cell, 2 * size..<3 * size))
            let unserved = (0..<size).map { "c\(cell)-unserved\($0)" }
            let gone = (0..<size).map { "c\(cell)-gone\($0)" }
            for host in unserved { try await cloud.makeQueue(of: host, in: cell) }
            try watching.run(
                "host", "map", "--cell", cloud.name(of: cell), "--from-stdin",
                input: (unserved + gone).joined(separator: "\n"))
            all[3].hosts.formUnion(unserved)
            all[4].hosts.formUnion(gone)
        }
        let events = try await told(by: watching, limit: limit).filter { $0["event"] == "host" }
        var known: Set<String> = []
        for fault in all {
            let found = events.filter { event in
                event["to"]?.string == fault.expected && fault.hosts.contains(event["host"]?.string ?? "")
            }
            known.formUnion(fault.hosts)
            figure("\(fault.name): injected", Double(fault.hosts.count), "")
            figure(
                "\(fault.name): told within two sweeps", Double(Set(found.compactMap { $0["host"]?.string }).count), "")
        }
        let others = events.filter { !known.contains($0["host"]?.string ?? "") }
        for event in others { complain("not injected: \(event)") }
        figure("false alarms beside faults", Double(others.count), "")
    }

    func injectCellFaults(
        _ cloud: SimulatedCloud, _ watching: Watching, count: Int, limit: Duration
    ) async throws {
        var others = 0
        /// How many of the cells are told to be unreachable.
        func toldUnreachable(of cells: Set<String>) async throws -> Int {
            let events = try await told(by: watching, limit: limit)
            let unreachable = Set(events.filter { $0["event"] == "cell_unreachable" }.compactMap { $0["cell"]?.string })
            others += events.count { $0["event"] == "host" } + unreachable.subtracting(cells).count
            return unreachable.intersection(cells).count
        }
        var (stopped, found) = (0, 0)
        for broker in cloud.brokers {
            await broker.kill9()
            let down = Set((0..<cloud.cellCount).filter { cloud.broker(of: $0) === broker }.map { cloud.name(of: $0) })
            stopped += down.count
            found += try await toldUnreachable(of: down)
            try await broker.startNode()
            try await waitUntilNothingChanges(watching, limit: limit)
        }
        figure("broker stopped: injected", Double(stopped), "cells")
        figure("broker stopped: told within two sweeps", Double(found), "cells")
        let revoked = 0..<min(count, cloud.cellCount)
        for cell in revoked { try await cloud.revokePermissions(of: cell) }
        figure("permission revoked: injected", Double(revoked.count), "cells")
        figure(
            "permission revoked: told within two sweeps",
            Double(try await toldUnreachable(of: Set(revoked.map { cloud.name(of: $0) }))), "cells")
        figure("false alarms beside cells' faults", Double(others), "")
    }

    /// Returns when two sweeps have told nothing new, all cells being reachable.
    func waitUntilNothingChanges(_ watching: Watching, limit: Duration) async throws {
        var calm = 0
        for _ in 0..<30 {
            let events = try await watching.nextSweep(within: limit)
            calm = events.count == 1 && events[0]["cells_unreachable"]?.integer == 0 ? calm + 1 : 0
            if calm == 2 { return }
        }
        throw BenchFailure(description: "After a restart of a broker the watch has something new in each of 30 sweeps.")
    }

    let numbers = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
    guard CommandLine.arguments.count == 7, numbers.count == 5, numbers.allSatisfy({ $0 > 0 }), numbers[1] >= 15 else {
        complain("usage: watch-bench PROGRAM CELLS HOSTS SWEEPS INTERVAL FAULTS, with at least 15 hosts a cell")
        exit(64)
    }
    let cloud = try await SimulatedCloud(cells: numbers[0], hosts: numbers[1])
    let watching = try Watching(program: CommandLine.arguments[1])
    do {
        try await cloud.serve()
        figure("hosts", Double(numbers[0] * numbers[1]), "")
        try await measure(cloud, watching, sweeps: numbers[2], interval: numbers[3], faults: numbers[4])
    } catch {
        complain(error)
        watching.end()
        await cloud.stop()
        exit(1)
    }
    watching.end()
    await cloud.stop()
#else
    complain("watch-bench needs the trait RabbitMQ.")
    exit(64)
#endif
