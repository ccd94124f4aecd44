import CFileLoops
import Foundation
import Logging
import SwitchboardCore
import SwitchboardSpool

struct SpoolBench {
    let directory: String

    private static let size = 1024
    private static let topic = Address.topic(Topic("bench"))

    private struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: Durable publishing

    /// Rounds of the loop and of the spool in turn, so that both meet the same disk.
    func durableFiles(_ figures: inout Figures) async throws {
        let loop = "\(directory)/loop"
        for folder in ["", "/tmp", "/new"] {
            try FileManager.default.createDirectory(atPath: loop + folder, withIntermediateDirectories: false)
        }
        let count = 200
        var (bare, one, many, ratios, gains): ([Double], [Double], [Double], [Double], [Double]) = ([], [], [], [], [])
        try await withTransport("durable-files", "layout=maildir") { transport in
            _ = try await publish(transport, 32, publishers: 8)
            for round in 0..<7 {
                let seconds = durable_files(loop, Int32(round * count), Int32(count), Int32(Self.size))
                guard seconds > 0 else { throw Failed(description: "The C loop failed with error \(errno).") }
                bare.append(Double(count) / seconds)
                one.append(try await publish(transport, count, publishers: 1))
                many.append(try await publish(transport, count * 3, publishers: 64))
                ratios.append(one[round] / bare[round])
                gains.append(many[round] / one[round])
            }
        }
        let name = "durable publish, a file each"
        figures.add(name, "C loop", "rate", bare.median, "messages/s")
        figures.add(name, "Switchboard, 1 publisher", "rate", one.median, "messages/s")
        figures.add(name, "Switchboard, 1 publisher", "ratio to the C loop", ratios.median, "x", least: 0.95)
        figures.add(name, "Switchboard, 64 publishers", "rate", many.median, "messages/s")
        figures.add(name, "Switchboard, 64 publishers", "ratio to 1 publisher", gains.median, "x", least: 1.1)
    }

    func durableSegments(_ figures: inout Figures) async throws {
        var (bare, many, ratios): ([Double], [Double], [Double]) = ([], [], [])
        let groups = 200
        try await withTransport("durable-segments", "layout=segment") { transport in
            _ = try await publish(transport, 640, publishers: 64)
            for round in 0..<7 {
                let path = "\(directory)/appends-\(round)"
                let seconds = durable_appends(path, Int32(groups), Int32(Self.size))
                guard seconds > 0 else { throw Failed(description: "The C loop failed with error \(errno).") }
                try FileManager.default.removeItem(atPath: path)
                bare.append(Double(groups * 64) / seconds)
                many.append(try await publish(transport, groups * 64, publishers: 64))
                ratios.append(many[round] / bare[round])
            }
        }
        let name = "durable publish, segments"
        figures.add(name, "C loop, fdatasync per 64", "rate", bare.median, "messages/s")
        figures.add(name, "Switchboard, 64 publishers", "rate", many.median, "messages/s")
        figures.add(name, "Switchboard, 64 publishers", "ratio to the C loop", ratios.median, "x", least: 0.7)
    }

    // MARK: Calls

    /// RPC with the whole stack: two more processes, one answers, one calls. Beside it two processes in C that only make
    /// the files of the maildir layout, of the same sizes, and wait for them by inotify.
    func calls(_ figures: inout Figures, program: String) async throws {
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw Failed(description: "There is no rpc-bench at \(program): build it, or name it with --rpc-bench.")
        }
        let name = "RPC call of another process, durability=none"
        for layout in ["maildir", "segment"] {
            let url = "spool://\(directory)/calls-\(layout)?layout=\(layout)&durability=none"
            let (server, input, output) = try start(program, ["serve", url])
            _ = output.fileHandleForReading.availableData
            let (client, _, result) = try start(program, ["call", url, "3000", "1", "100"])
            let data = try result.fileHandleForReading.readToEnd() ?? Data()
            client.waitUntilExit()
            try input.fileHandleForWriting.close()
            server.waitUntilExit()
            guard let report = try? JSONDecoder().decode([String: Double].self, from: data),
                let middle = report["p50_us"], let high = report["p99_us"]
            else { throw Failed(description: "rpc-bench said \(String(decoding: data, as: UTF8.self))") }
            figures.add(name, "Switchboard, \(layout)", "p50", middle / 1000, "ms", most: 0.5)
            figures.add(name, "Switchboard, \(layout)", "p99", high / 1000, "ms")
        }
        let bare = "\(directory)/calls-loop"
        try FileManager.default.createDirectory(atPath: bare, withIntermediateDirectories: false)
        let floor = file_calls(bare, 3000, 1500, 500)
        guard floor > 0 else { throw Failed(description: "The C loop failed with error \(errno).") }
        figures.add(name, "C loop, files alone", "p50", floor * 1000, "ms")
    }

    private func start(_ program: String, _ arguments: [String]) throws -> (Process, Pipe, Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        return (process, input, output)
    }

    // MARK: Peers

    /// One after another, as they do it, beside the spool in both durabilities.
    func peers(_ figures: inout Figures, python: String, script: String) async throws {
        let count = 2000
        for layout in ["maildir", "segment"] {
            for durability in ["full", "none"] {
                let options = "layout=\(layout)&durability=\(durability)"
                try await withTransport("peers-\(layout)-\(durability)", options) { transport in
                    let put = try await publish(transport, count, publishers: 1)
                    let (_, take) = try await consume(transport, count)
                    let who = "Switchboard, \(layout), durability=\(durability)"
                    figures.add("put one after another", who, "rate", put, "messages/s")
                    figures.add("take and acknowledge", who, "rate", take, "messages/s")
                }
            }
        }
        let folder = "\(directory)/peers"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let (process, _, output) = try start(python, [script, folder, "\(count)", "\(Self.size)"])
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(description: "\(script) failed.") }
        try figures.add(json: data)
    }

    // MARK: Long queues

    /// The same work with an empty spool, and with so many messages waiting.
    ///
    /// The messages are on the disk when they are taken, in both: to remove a file is much cheaper before the kernel has
    /// written it back, and of a long queue it has.
    func backlog(_ figures: inout Figures, layout: String, count: Int) async throws {
        let options = "layout=\(layout)&durability=none"
        let (some, more) = (20_000, min(count / 2, 200_000))
        let empty = try await withTransport("empty-\(layout)", options) { transport in
            _ = try await publish(transport, 1000, publishers: 1, size: 100)
            _ = try await consume(transport, 1000)
            let put = try await publish(transport, some, publishers: 1, size: 100)
            try writeBack()
            let (_, take) = try await consume(transport, some)
            return (put, take)
        }
        let (put, first, take) = try await withTransport("full-\(layout)", options) { transport in
            _ = try await publish(transport, count, publishers: 64, size: 100)
            let put = try await publish(transport, some, publishers: 1, size: 100)
            try writeBack()
            let (first, take) = try await consume(transport, more)
            return (put, first, take)
        }
        let who = "Switchboard, \(layout)"
        let long = "with \(count) messages waiting"
        figures.add("publish, empty spool", who, "rate", empty.0, "messages/s")
        figures.add("publish, \(long)", who, "rate", put, "messages/s")
        figures.add("publish, \(long)", who, "ratio to the empty spool", put / empty.0, "x", least: 0.5)
        figures.add("take and accept, empty spool", who, "rate", empty.1, "messages/s")
        figures.add("take and accept, \(long)", who, "time to the first", first * 1000, "ms")
        figures.add("take and accept, \(long)", who, "rate", take, "messages/s")
        figures.add("take and accept, \(long)", who, "ratio to the empty spool", take / empty.1, "x", least: 0.5)
    }

    /// Has the kernel write what it holds of this file system.
    private func writeBack() throws {
        guard write_back(directory) == 0 else { throw Failed(description: "syncfs failed with error \(errno).") }
    }

    // MARK: Work

    private func withTransport<Result: Sendable>(
        _ name: String, _ options: String, _ body: (Transport) async throws -> Result
    ) async throws -> Result {
        let path = "\(directory)/\(name)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let transport = try Transport(
            TransportURL("spool://\(path)?\(options)"), drivers: DriverRegistry(.spool()),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await transport.run() }
        defer { running.cancel() }
        let result = try await body(transport)
        running.cancel()
        try await running.value
        return result
    }

    /// Messages a second.
    private func publish(
        _ transport: Transport, _ count: Int, publishers: Int, size: Int = size
    ) async throws -> Double {
        let message = Message(body: [UInt8](repeating: 0x78, count: size))
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for publisher in 0..<publishers {
                group.addTask {
                    for _ in 0..<(count / publishers + (publisher < count % publishers ? 1 : 0)) {
                        try await transport.publish(message, to: Self.topic)
                    }
                }
            }
            try await group.waitForAll()
        }
        return Double(count) / ((.now - start) / .seconds(1))
    }

    /// Seconds to the first message, and messages a second, the first included.
    private func consume(_ transport: Transport, _ count: Int) async throws -> (first: Double, rate: Double) {
        let start = ContinuousClock.now
        return try await transport.withSubscription(to: Self.topic) { deliveries in
            var first: Double?
            var left = count
            for try await delivery in deliveries {
                if first == nil { first = (.now - start) / .seconds(1) }
                try await delivery.accept()
                left -= 1
                if left == 0 { break }
            }
            return (first ?? 0, Double(count) / ((.now - start) / .seconds(1)))
        }
    }
}
