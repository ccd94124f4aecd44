import Foundation
import Glibc
import Logging
import SwitchboardCore
import SwitchboardSpool

/// One deed in one layout: what was there before, the peer that does it, and what must be true afterwards.
struct FaultScene: Sendable {
    private let executable: String
    private let layout: SpoolConfiguration.Layout
    private let deed: FaultMatrix.Deed
    private let options: String
    /// A spool as it is before the deed; copied for each point.
    private let template: String

    init(_ matrix: FaultMatrix, _ layout: SpoolConfiguration.Layout, _ deed: FaultMatrix.Deed, template: String) {
        executable = matrix.executable
        options = matrix.options
        self.layout = layout
        self.deed = deed
        self.template = template
    }

    private var quiet: Logger { Logger(label: "matrix") { _ in SwiftLogNoOpLogHandler() } }

    private func url(_ place: String) -> String {
        "spool://\(place)?layout=\(layout.rawValue)&segment_bytes=4096&max_attempts=20\(options)"
    }

    /// The messages that were accepted before the deed.
    private var given: [String] {
        switch deed {
        case .open, .publish: []
        case .accept, .requeue, .discard, .forward, .retry: ["m0", "m1", "m2"]
        case .compete: ["m0", "m1", "m2", "m3", "m4", "m5"]
        case .reap: ["m0", "m1", "m2", "u0", "u1"]
        }
    }

    // MARK: Before

    func prepare() async throws {
        try? FileManager.default.removeItem(atPath: template)
        switch deed {
        case .open, .publish: return
        // A consumer ends with a stop message; one of them may be taken for damaged, when reading it fails.
        case .accept, .requeue, .discard: try await publish(given + ["stop", "stop"])
        case .compete: try await publish(given + ["stop", "stop", "stop"])
        case .forward: try await publish(given)
        case .retry:
            try await publish(given + ["stop"])
            _ = try await peers(["discard", url(template)])
        case .reap:
            try await publish(["m0", "m1", "m2"])
            _ = try await peers(["hold", url(template), "count=2", "prefetch=2"])
            _ = try await peers(["publish", url(template), "prefix=u", "count=2", "vanish=1"])
            _ = try await peers(["publish", url(template), "prefix=x", "count=1", "kill=1", "only=sync"])
        }
    }

    private func publish(_ names: [String]) async throws {
        try await withTransport(template, options.isEmpty ? "&durability=none" : "") { transport in
            for name in names {
                let text = "\(name) " + String(repeating: ".", count: 3000)
                try await transport.publish(Message(body: Array(text.utf8)), to: SpoolPeer.topic)
            }
        }
    }

    private func withTransport<Result: Sendable>(
        _ place: String, _ options: String = "", _ body: (Transport) async throws -> Result
    ) async throws -> Result {
        let transport = try Transport(
            TransportURL(url(place) + options), drivers: DriverRegistry(.spool()), logger: quiet)
        let running = Task { try await transport.run() }
        let result: Result
        do {
            result = try await body(transport)
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
        running.cancel()
        try await running.value
        return result
    }

    // MARK: The deed

    /// What the peer says until it ends, however it does.
    func act(in place: String, _ fault: String) async throws -> [String] {
        // What a run before this one may have left.
        for path in [place, "\(place)-to"] { try? FileManager.default.removeItem(atPath: path) }
        if FileManager.default.fileExists(atPath: template) {
            try FileManager.default.copyItem(atPath: template, toPath: place)
        }
        switch deed {
        case .open, .reap: return try await peers(["open", url(place), fault])
        case .publish: return try await peers(["publish", url(place), "size=3000", fault])
        case .accept, .requeue, .discard: return try await peers([deed.rawValue, url(place), "count=99", fault])
        case .compete:
            return try await peers(
                ["requeue", url(place), "count=99", fault], ["accept", url(place), "count=99", "as=rival"])
        case .forward: return try await peers(["forward", url(place), "to=\(url("\(place)-to"))", fault])
        case .retry: return try await peers(["retry", url(place), fault])
        }
    }

    /// Runs peers side by side; their lines come in the order in which they were written, as they share one pipe.
    private func peers(_ commands: [String]...) async throws -> [String] {
        let output = Foundation.Pipe()
        let processes = try commands.map { arguments in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: executable)
            process.arguments = arguments
            process.standardOutput = output.fileHandleForWriting
            try process.run()
            return process
        }
        try output.fileHandleForWriting.close()
        // Reading blocks, so it has a thread of its own.
        let reading = output.fileHandleForReading.fileDescriptor
        let bytes = await withCheckedContinuation { continuation in
            startThread {
                var bytes: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 4096)
                while case let count = read(reading, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
                continuation.resume(returning: bytes)
            }
        }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        for process in processes {
            process.waitUntilExit()
            if process.terminationReason == .uncaughtSignal && process.terminationStatus != SIGKILL {
                lines.append("signal \(process.terminationStatus)")
            }
        }
        return lines
    }

    // MARK: Afterwards

    /// What is wrong; `nil` when nothing is.
    func problem(in place: String, _ lines: [String]) async throws -> String? {
        if let signal = lines.first(where: { $0.hasPrefix("signal") }) { return "\(signal); it said \(lines)" }
        if deed == .forward { return try await problemOfForwarding(place, lines) ?? litter(place) }
        // All stop messages have one name, and mean nothing.
        let found = try await drain(place).filter { $0.name != "stop" }
        var report = FaultReport(lines: lines, found: found, buried: buried(place))
        report.given = given
        // What is put back from dead/ may be in both places for a moment.
        report.copies = deed == .retry ? 2 : 1
        return try report.problem ?? litter(place)
    }

    /// Takes everything that a start finds: the names, and how often each had been delivered.
    private func drain(_ place: String) async throws -> [(name: String, attempt: Int)] {
        try await withTransport(place) { transport in
            // Published last, so it comes when everything else has come.
            try await transport.publish(Message(body: Array("end".utf8)), to: SpoolPeer.topic)
            return try await transport.withSubscription(
                to: SpoolPeer.topic, options: SubscriptionOptions(prefetch: 1)
            ) { deliveries in
                var found: [(String, Int)] = []
                for try await delivery in deliveries {
                    let text = String(decoding: delivery.message.body, as: UTF8.self)
                    try await delivery.accept()
                    if text == "end" { break }
                    found.append((String(text.prefix { $0 != " " }), delivery.attempt ?? 0))
                }
                return found
            }
        }
    }

    private func buried(_ place: String) -> Set<String> {
        let dead = (try? FileManager.default.contentsOfDirectory(atPath: "\(place)/dead")) ?? []
        return Set(
            dead.filter { !$0.hasSuffix(".reason") }.compactMap { file in
                let text = try? String(contentsOfFile: "\(place)/dead/\(file)", encoding: .utf8)
                return text?.components(separatedBy: "\n\n").last?.components(separatedBy: " ").first
            })
    }

    /// Forwards again, without faults: then everything is on the other side, once, or twice at the most.
    private func problemOfForwarding(_ place: String, _ lines: [String]) async throws -> String? {
        let target = "\(place)-to"
        try await withTransport(target) { destination in
            _ = try await SpoolForwarder(from: SpoolConfiguration(TransportURL(url(place))), logger: quiet)
                .run(to: destination)
        }
        let left = try await drain(place)
        if !left.isEmpty { return "after a second run \(left) are left; the peer said \(lines)" }
        let arrived = try await drain(target).map(\.name)
        // What could not be read is taken for damaged.
        let buried = buried(place)
        for name in given where !arrived.contains(name) && !buried.contains(name) {
            return "\(name) was lost; the peer said \(lines)"
        }
        // The message that was on its way when the fault struck may have come to both sides.
        if arrived.count > given.count + 1 { return "there arrived \(arrived)" }
        return nil
    }

    /// What a start should have cleared away, or a check put right.
    private func litter(_ place: String) throws -> String? {
        let files = FileManager.default
        for folder in ["tmp", "owners"] {
            if let rest = try? files.contentsOfDirectory(atPath: "\(place)/\(folder)"), !rest.isEmpty {
                return "\(folder) holds \(rest)"
            }
        }
        let inspector = try SpoolInspector(SpoolConfiguration(directory: place), logger: quiet)
        defer { inspector.close() }
        for queue in try inspector.queues() where queue.waiting + queue.claimed + queue.consumers > 0 {
            return "the queue is not empty: \(queue)"
        }
        _ = try inspector.check(repairing: true)
        let findings = try inspector.check(repairing: true)
        return findings.isEmpty ? nil : "a check still finds \(findings.map(\.sentence))"
    }
}
