// What aiming at cells costs, and what many cells cost.
//   cells-bench aim [N]                        N aims (100000): mapping in hand, and by instance in memory; a copy alone
//   cells-bench lookup [ROWS] [N]              N look-ups and aims (100000) by instance in SQLite with ROWS mappings (1000000)
//   cells-bench lines URL CELLS LINES TASKS N  CELLS in the directory, LINES of them alive, TASKS that make N calls at random
//   cells-bench transports URL N               a transport of its own for each of N casts, as the specification has it
// URL is a broker's without a path, for which the virtual hosts cells-bench-0, -1, … exist; or fake://. Prints JSON, times
// in microseconds.

import BenchSupport
import Foundation
import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSQLite

prepareOutput()

#if RabbitMQ
    import SwitchboardRabbitMQ
    let drivers = DriverRegistry(.inProcess(), .rabbitMQ())
#else
    let drivers = DriverRegistry(.inProcess())
#endif

let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
let context = RequestContext(userID: "bench", projectID: "bench")

/// The median, over nine rounds, of what one of `count` costs.
func perOperation(_ count: Int, _ operation: () async throws -> Void) async throws -> Double {
    var rounds: [Double] = []
    for _ in 0..<9 {
        let start = ContinuousClock.now
        for _ in 0..<(count / 9) { try await operation() }
        rounds.append(start.duration(to: .now) / .microseconds(1) / Double(count / 9))
    }
    return rounds.sorted()[4]
}

func rounded(_ value: Double) -> JSONValue { .double((value * 1000).rounded() / 1000) }

/// Memory, in MiB, and threads of the process.
func usage() -> (memory: Double, threads: Int) {
    let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
    let memory = (pages.flatMap { $0.count > 1 ? Double($0[1]) : nil } ?? 0) * 4096 / 1_048_576
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
    return (memory, threads)
}

func withRunning(_ manager: CellContextManager, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await manager.run() }
        defer { group.cancelAll() }
        try await body()
    }
}

func instance(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
}

func temporaryDirectory() throws -> (directory: SQLiteCellDirectory, path: String) {
    let path = NSTemporaryDirectory() + "cells-bench-\(UUID().uuidString).sqlite"
    var configuration = SQLiteCellDirectory.Configuration()
    configuration.createsIfMissing = true
    return (try SQLiteCellDirectory(path, configuration: configuration), path)
}

func aim(_ count: Int) async throws {
    let directory = InMemoryCellDirectory()
    let cell = try await directory.createCell(
        CellMapping(id: .random(), name: "one", transportURL: "fake://one"))
    try await directory.mapInstances([InstanceMapping(instanceUUID: instance(1), cell: cell.id, projectID: "p")])
    let manager = CellContextManager(directory: directory, drivers: drivers, logger: logger)
    try await withRunning(manager) {
        let inHand = try await perOperation(count) {
            try await manager.withTargetCell(cell, context) { _ in }
        }
        let copies = try await perOperation(count) { _ = try manager.targeted(context, at: cell) }
        let byInstance = try await perOperation(count) {
            try await manager.withTargetCell(forInstance: instance(1), context) { _ in }
        }
        let before = usage().memory
        for _ in 0..<count { try await manager.withTargetCell(cell, context) { _ in } }
        say(
            [
                "aim_in_hand_us": rounded(inHand), "aim_copy_us": rounded(copies),
                "aim_by_instance_in_memory_us": rounded(byInstance),
                "growth_mib": rounded(usage().memory - before),
            ] as JSONValue)
    }
}

func lookup(rows: Int, _ count: Int) async throws {
    let (directory, path) = try temporaryDirectory()
    defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
    let cell = try await directory.createCell(
        CellMapping(id: .random(), name: "one", transportURL: "fake://one"))
    var next = 0
    while next < rows {
        let batch = (next..<min(rows, next + 20_000)).map {
            InstanceMapping(instanceUUID: instance($0), cell: cell.id, projectID: "p\($0 % 100)")
        }
        try await directory.mapInstances(batch)
        next += batch.count
    }
    let manager = CellContextManager(directory: directory, drivers: drivers, logger: logger)
    try await withRunning(manager) {
        var generator = SystemRandomNumberGenerator()
        let look = try await perOperation(count) {
            _ = try await directory.location(
                ofInstance: instance(Int.random(in: 0..<rows, using: &generator)))
        }
        let both = try await perOperation(count) {
            let uuid = instance(Int.random(in: 0..<rows, using: &generator))
            try await manager.withTargetCell(forInstance: uuid, context) { _ in }
        }
        let before = usage().memory
        var listed = 0
        for try await _ in directory.instanceMappings() { listed += 1 }
        say(
            [
                "rows": .integer(Int64(rows)), "lookup_us": rounded(look),
                "aim_by_instance_in_sqlite_us": rounded(both),
                "listed": .integer(Int64(listed)), "listing_growth_mib": rounded(usage().memory - before),
            ] as JSONValue)
    }
}

func lines(_ base: TransportURL, cells: Int, alive: Int, tasks: Int, calls: Int) async throws {
    let (directory, path) = try temporaryDirectory()
    defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
    func url(_ number: Int) -> TransportURL {
        var url = base
        if url.scheme == "fake" {
            url.hosts = [.init(name: "cells-bench-\(number)")]
        } else {
            url.virtualHost = "cells-bench-\(number)"
        }
        return url
    }
    for number in 0..<cells {
        let cell = try await directory.createCell(
            CellMapping(
                id: .random(), name: "cell\(number)",
                transportURL: URLTemplate(url(number).formatted(revealingSecrets: true))))
        try await directory.mapInstances([
            InstanceMapping(instanceUUID: instance(number), cell: cell.id, projectID: "p")
        ])
    }
    let own = try MessageQueueConnection(url(0), drivers: drivers, logger: logger)
    let client = RPCClient(own, target: RPCTarget(topic: "bench"), timeout: .seconds(60))
    let manager = CellContextManager(directory: directory, drivers: drivers, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await own.run() }
        group.addTask { try await manager.run() }
        var servers: [RPCClient] = []
        for number in 0..<alive {
            let connection = try MessageQueueConnection(url(number), drivers: drivers, logger: logger)
            servers.append(RPCClient(connection, target: RPCTarget(topic: "bench"), timeout: .seconds(60)))
            var router = RPCRouter()
            router.register("who") { _, _ in .integer(Int64(number)) }
            let server = RPCServer(
                connection, topic: Topic("bench"), name: "bench", router: router, logger: logger)
            group.addTask { try await connection.run() }
            group.addTask { try await server.run() }
        }
        defer { group.cancelAll() }
        /// Asks a cell for its number, again while its server does not listen yet, which nothing but asking tells.
        @Sendable func check(_ number: Int, _ ask: @Sendable () async throws -> JSONValue) async throws {
            while true {
                do {
                    let answer = try await ask()
                    // A figure of calls that went to the wrong cell must not be printed.
                    guard answer == .integer(Int64(number)) else {
                        fatalError("Cell \(number) was answered by \(answer).")
                    }
                    return
                } catch let error as RPCError where error.code == .unroutable {
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }
        @Sendable func ask(_ number: Int) async throws {
            try await check(number) {
                try await manager.withTargetCell(forInstance: instance(number), context) {
                    try await client.call("who", context: $0)
                }
            }
        }
        // The cells' own servers are connected and listen before the lines are weighed.
        for (number, server) in servers.enumerated() {
            try await check(number) { try await server.call("who", context: context) }
        }
        let bare = usage()
        for number in 0..<alive { try await ask(number) }
        let warm = usage()
        let start = ContinuousClock.now
        let samples = try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var samples: [Double] = []
                    for _ in 0..<(calls / tasks) {
                        let start = ContinuousClock.now
                        try await ask(Int.random(in: 0..<alive))
                        samples.append(start.duration(to: .now) / .microseconds(1))
                    }
                    return samples
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        say(
            [
                "cells": .integer(Int64(cells)), "lines": .integer(Int64(manager.status().count)),
                "per_s": rounded(Double(samples.count) / seconds), "p50_us": rounded(samples[samples.count / 2]),
                "p99_us": rounded(samples[samples.count * 99 / 100]), "max_us": rounded(samples.last ?? 0),
                "memory_for_lines_mib": rounded(warm.memory - bare.memory), "memory_mib": rounded(usage().memory),
                "threads": .integer(Int64(usage().threads)),
            ] as JSONValue)
    }
}

func transports(_ url: TransportURL, _ count: Int) async throws {
    let took = try await perOperation(max(9, count)) {
        let connection = try MessageQueueConnection(url, drivers: drivers, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await connection.run() }
            defer { group.cancelAll() }
            var client = RPCClient(connection, target: RPCTarget(topic: "bench"))
            client.detectsMissingListeners = false
            try await client.cast("x", context: context)
        }
    }
    say(["transport_per_message_us": rounded(took)] as JSONValue)
}

let words = Array(CommandLine.arguments.dropFirst())
func number(_ index: Int, _ standard: Int) -> Int { index < words.count ? Int(words[index]) ?? standard : standard }

switch words.first {
case "aim": try await aim(number(1, 100_000))
case "lookup": try await lookup(rows: number(1, 1_000_000), number(2, 100_000))
case "lines" where words.count == 6:
    try await lines(
        TransportURL(words[1]), cells: number(2, 1000), alive: number(3, 200), tasks: number(4, 64),
        calls: number(5, 10_000))
case "transports" where words.count >= 2: try await transports(TransportURL(words[1]), number(2, 90))
default:
    say("usage: cells-bench aim [N] | lookup [ROWS] [N] | lines URL CELLS LINES TASKS N | transports URL N")
    exit(2)
}
