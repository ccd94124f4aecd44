// Records casts that pass through one broker with `switchboard record`, and replays them to another with `switchboard replay`.
//
//     record-bench PROGRAM URL OTHER COUNT RATE
//
// PROGRAM is `switchboard`. COUNT casts of 1 KiB, each with a number and a password, go to URL, RATE a second; they have no
// server, so only the recording has them. What comes to OTHER has to be every one of them, once and in the same order, and no
// password may be in the recording's files.

import BenchSupport
import Foundation
import Logging
import SwitchboardCore
import SwitchboardMessaging

prepareOutput()

#if RabbitMQ
    import SwitchboardRabbitMQ

    struct BenchFailure: Error, CustomStringConvertible {
        let description: String
    }

    let canary = "canary-of-the-recording"
    let topic = Topic("recorded")

    func makeTransport(_ url: String) throws -> Transport {
        try Transport(
            TransportURL(url), drivers: DriverRegistry(.rabbitMQ()),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
    }

    func withTransport(_ url: String, _ body: @escaping @Sendable (Transport) async throws -> Void) async throws {
        let transport = try makeTransport(url)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await transport.run() }
            try await body(transport)
        }
    }

    /// A cast as oslo.messaging would send it.
    func cast(_ number: Int) -> Message {
        let content =
            #"{\"method\": \"note\", \"args\": {\"number\": \#(number), \"admin_password\": \"\#(canary)\", "#
            + #"\"text\": \"\#(filling)\"}, \"version\": \"1.0\", \"_unique_id\": \"\#(id(of: number))\"}"#
        return Message(
            body: Array(#"{"oslo.version": "2.0", "oslo.message": "\#(content)"}"#.utf8),
            contentType: "application/json",
            contentEncoding: "utf-8")
    }

    let filling = String(repeating: "x", count: 700)

    func id(of number: Int) -> String { "id-\(number)" }

    /// Publishes the casts, paced, and returns when the broker has them all.
    func publishAll(_ count: Int, rate: Double, to url: String) async throws {
        try await withTransport(url) { transport in
            let confirmed = Progress()
            let start = ContinuousClock.now
            for number in 0..<count {
                if number % 50 == 0 {
                    try await Task.sleep(until: start + .seconds(Double(number) / rate), clock: .continuous)
                    while number - confirmed.count > 5000 { try await Task.sleep(for: .milliseconds(1)) }
                }
                _ = try transport.publish(
                    cast(number), to: .topic(topic), isAwaited: false
                ) { error in confirmed.add(error) }
            }
            while confirmed.count < count { try await Task.sleep(for: .milliseconds(5)) }
            try confirmed.check()
            figure("rate of casts", Double(count) / ((ContinuousClock.now - start) / .seconds(1)), "1/s")
        }
    }

    /// How many are over, and the first error.
    final class Progress: Sendable {
        private let state = Locked((count: 0, error: TransportError?.none))

        var count: Int { state.withLock { $0.count } }

        func add(_ error: TransportError?) {
            state.withLock { state in
                state.count += 1
                state.error = state.error ?? error
            }
        }

        func check() throws {
            if let error = state.withLock({ $0.error }) { throw error }
        }
    }

    /// `switchboard`, running.
    final class Command {
        private let process = Process()
        private let errors = Pipe()

        init(_ program: String, _ arguments: [String]) throws {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = errors
            try process.run()
        }

        /// Waits for the first line on standard error.
        func waitForLine() async throws {
            guard !errors.fileHandleForReading.availableData.isEmpty else {
                throw BenchFailure(description: "switchboard ended with \(try await end()).")
            }
        }

        /// Waits for its end; returns its exit code.
        func end() async throws -> Int32 {
            while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
            return process.terminationStatus
        }

        func stop() {
            if process.isRunning { process.terminate() }
            process.waitUntilExit()
        }
    }

    /// Takes what comes to a broker until `count` have come, and says how many weren't the next one in order.
    ///
    /// - Parameter onLive: called when the queue is there.
    func receive(_ count: Int, from transport: Transport, onLive: @Sendable () -> Void) async throws -> Int {
        try await transport.withSubscription(
            to: .topic(topic), options: SubscriptionOptions(prefetch: 1000)
        ) { deliveries in
            onLive()
            var (next, misplaced) = (0, 0)
            for try await delivery in deliveries {
                try await delivery.accept()
                let envelope = try JSONValue(parsing: delivery.message.body)
                let request = try JSONValue(parsing: Array((envelope["oslo.message"]?.string ?? "").utf8))
                let isNext =
                    request["args"]?["number"]?.integer == Int64(next) && request["_unique_id"]?.string == id(of: next)
                if !isNext { misplaced += 1 }
                next += 1
                if next == count { break }
            }
            return misplaced
        }
    }

    /// How many files of a folder have a text in them.
    func files(in folder: String, with text: String) throws -> (all: Int, found: Int) {
        let (text, size) = (Data(text.utf8), 1 << 24)
        var (all, found) = (0, 0)
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            guard let file = FileHandle(forReadingAtPath: "\(folder)/\(name)") else { continue }
            defer { try? file.close() }
            all += 1
            var rest = Data()
            while let chunk = try? file.read(upToCount: size), !chunk.isEmpty {
                rest += chunk
                if rest.firstRange(of: text) != nil {
                    found += 1
                    break
                }
                rest = Data(rest.suffix(text.count - 1))
            }
        }
        return (all, found)
    }

    func measure(_ program: String, _ url: String, _ other: String, _ count: Int, _ rate: Double) async throws {
        let folder = NSTemporaryDirectory() + "switchboard-record-bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // The exchange has to be there before it can be tapped.
        try await withTransport(url) { try await $0.publish(cast(0), to: .topic(topic)) }
        let recording = try Command(
            program,
            [
                "record", "--transport-url", url, "--exchange", topic.exchange, "--to", folder, "--count", "\(count)",
            ])
        defer { recording.stop() }
        try await recording.waitForLine()
        var cpu = Usage.cpuSecondsOfChildren
        try await publishAll(count, rate: rate, to: url)
        figure("exit code of record", Double(try await recording.end()), "")
        figure("record cpu", (Usage.cpuSecondsOfChildren - cpu) / Double(count) * 1e6, "us")
        let found = try files(in: folder, with: canary)
        figure("files of the recording", Double(found.all), "")
        figure("files with a password", Double(found.found), "")
        cpu = Usage.cpuSecondsOfChildren
        try await withTransport(other) { transport in
            let (live, isLive) = AsyncStream.makeStream(of: Never.self)
            async let misplaced = receive(count, from: transport) { isLive.finish() }
            // The replay sends to the queue that the subscription declares.
            for await _ in live {}
            let start = ContinuousClock.now
            let replay = try Command(
                program,
                ["replay", folder, "--transport-url", other, "--pace", "max", "--answers", "ignore", "--yes"])
            defer { replay.stop() }
            figure("exit code of replay", Double(try await replay.end()), "")
            figure("rate of replay", Double(count) / ((ContinuousClock.now - start) / .seconds(1)), "1/s")
            figure("out of order, lost or twice", Double(try await misplaced), "")
        }
        figure("replay cpu", (Usage.cpuSecondsOfChildren - cpu) / Double(count) * 1e6, "us")
    }
#endif

let words = CommandLine.arguments
guard words.count == 6, let count = Int(words[4]), count > 0, let rate = Double(words[5]), rate > 0 else {
    complain("usage: record-bench PROGRAM URL OTHER COUNT RATE")
    exit(64)
}
#if RabbitMQ
    do {
        try await measure(words[1], words[2], words[3], count, rate)
    } catch {
        complain(error)
        exit(1)
    }
#else
    complain("record-bench needs the trait RabbitMQ.")
    exit(64)
#endif
