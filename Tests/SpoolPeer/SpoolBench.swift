import Foundation
import Glibc
import Logging
import SwitchboardCore
import SwitchboardSpool

/// Figures of the spool beside those of the bare system calls, in one run on one disk.
struct SpoolBench {
    let executable: String
    let directory: String

    private static let size = 1024

    func run() async throws {
        let bare = try files(count: 500)
        SpoolPeer.say("bare temp, fsync, rename, fsync of the directory: \(bare) /s")
        let one = try await publish("maildir", publishers: 1, each: 500)
        SpoolPeer.say("maildir, durable, 1 publisher: \(one) /s, \(one * 100 / max(1, bare)) % of bare")
        let many = try await publish("maildir", publishers: 64, each: 40)
        SpoolPeer.say("maildir, durable, 64 publishers: \(many) /s, \(many * 100 / max(1, one)) % of one")
        let appended = try appends(groups: 300)
        SpoolPeer.say("bare append, fdatasync for each 64: \(appended) /s")
        let segments = try await publish("segment", publishers: 64, each: 400)
        SpoolPeer.say("segment, durable, 64 publishers: \(segments) /s, \(segments * 100 / max(1, appended)) % of bare")
        for layout in ["maildir", "segment"] {
            SpoolPeer.say("\(layout), call of another process, durability=none: \(try await calls(layout))")
        }
        for layout in ["maildir", "segment"] {
            let rates = try await consume(layout, count: 20_000)
            SpoolPeer.say("\(layout), durability=none: publish \(rates.publish) /s, take and accept \(rates.take) /s")
        }
    }

    private func rate(_ count: Int, _ start: ContinuousClock.Instant) -> Int {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Int(Double(count) / (Double(seconds) + Double(attoseconds) / 1e18))
    }

    private func place(_ name: String) throws -> String {
        let path = "\(directory)/\(name)-\(getpid())"
        try? FileManager.default.removeItem(atPath: path)
        return path
    }

    /// The four system calls, as a program in C would make them.
    private func files(count: Int) throws -> Int {
        let path = try place("bare")
        for folder in ["", "/tmp", "/new"] { mkdir(path + folder, 0o700) }
        defer { try? FileManager.default.removeItem(atPath: path) }
        let new = open("\(path)/new", O_RDONLY | O_DIRECTORY)
        defer { close(new) }
        let body = [UInt8](repeating: 0x61, count: Self.size)
        let start = ContinuousClock.now
        for number in 0..<count {
            let file = open("\(path)/tmp/\(number)", O_WRONLY | O_CREAT | O_EXCL, 0o600)
            guard write(file, body, body.count) == body.count, fsync(file) == 0, close(file) == 0,
                rename("\(path)/tmp/\(number)", "\(path)/new/\(number)") == 0, fsync(new) == 0
            else { throw TransportError(.internalError, "A system call failed with error \(errno).") }
        }
        return rate(count, start)
    }

    private func appends(groups: Int) throws -> Int {
        let path = try place("segment-bare")
        defer { unlink(path) }
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        defer { close(file) }
        let body = [UInt8](repeating: 0x61, count: Self.size)
        let start = ContinuousClock.now
        for _ in 0..<groups {
            for _ in 0..<64 where write(file, body, body.count) != body.count {
                throw TransportError(.internalError, "A write failed with error \(errno).")
            }
            guard fdatasync(file) == 0 else {
                throw TransportError(.internalError, "fdatasync failed with error \(errno).")
            }
        }
        return rate(groups * 64, start)
    }

    private func withDriver<Result: Sendable>(
        _ url: String, _ body: (SpoolDriver) async throws -> Result
    ) async throws -> Result {
        let driver = try SpoolDriver(
            TransportURL(url), logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await driver.run() }
        let result = try await body(driver)
        running.cancel()
        try await running.value
        return result
    }

    private func publish(_ layout: String, publishers: Int, each: Int) async throws -> Int {
        let path = try place("\(layout)-\(publishers)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await withDriver("spool://\(path)?layout=\(layout)") { driver in
            let message = Message(body: [UInt8](repeating: 0x61, count: Self.size))
            try await driver.publish(
                message, to: SpoolPeer.topic, options: PublishOptions(deadline: .now + .seconds(60)))
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<publishers {
                    group.addTask {
                        for _ in 0..<each {
                            try await driver.publish(
                                message, to: SpoolPeer.topic, options: PublishOptions(deadline: .now + .seconds(60)))
                        }
                    }
                }
                try await group.waitForAll()
            }
            return rate(publishers * each, start)
        }
    }

    private func consume(_ layout: String, count: Int) async throws -> (publish: Int, take: Int) {
        let path = try place("\(layout)-take")
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await withDriver("spool://\(path)?layout=\(layout)&durability=none") { driver in
            let message = Message(body: [UInt8](repeating: 0x61, count: Self.size))
            var start = ContinuousClock.now
            for _ in 0..<count {
                try await driver.publish(
                    message, to: SpoolPeer.topic, options: PublishOptions(deadline: .now + .seconds(60)))
            }
            let published = rate(count, start)
            start = .now
            try await driver.withSubscription(to: SpoolPeer.topic, options: SubscriptionOptions()) { deliveries in
                var left = count
                for try await delivery in deliveries {
                    try await delivery.accept()
                    left -= 1
                    if left == 0 { break }
                }
            }
            return (published, rate(count, start))
        }
    }

    /// Two more processes: one answers, one calls.
    private func calls(_ layout: String) async throws -> String {
        let path = try place("\(layout)-call")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let url = "spool://\(path)?layout=\(layout)&durability=none"
        let (answering, answers) = try start(["answer", url, "count=2000", "seconds=60"])
        // It says so when it is subscribed.
        var said = ""
        while !said.contains("subscribed") {
            let data = answers.fileHandleForReading.availableData
            if data.isEmpty { break }
            said += String(decoding: data, as: UTF8.self)
        }
        let (calling, results) = try start(["call", url, "count=2000", "seconds=60"])
        let text = String(decoding: try results.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        calling.waitUntilExit()
        answering.terminate()
        answering.waitUntilExit()
        return text.split(separator: "\n").first { $0.hasPrefix("p50") }.map(String.init) ?? "failed: \(text)"
    }

    private func start(_ arguments: [String]) throws -> (Process, Foundation.Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let output = Foundation.Pipe()
        process.standardOutput = output
        try process.run()
        return (process, output)
    }
}
