import Foundation
import Glibc
import Logging
import SwitchboardCore
import SwitchboardSpool

/// Kills a peer, or fails its system calls, at every point of what it does, and looks at what remains.
///
/// For every point: what was accepted arrives or lies in `dead/`, what was settled does not come back, and the spool is
/// clean after the next start.
package struct FaultMatrix {
    private let executable: String
    private let directory: String

    package init(_ executable: String, in directory: String, faults: [String] = allFaults) {
        self.faults = faults
        self.executable = executable
        self.directory = directory
    }

    private struct Outcome {
        var points = 0
        var reached = 0
        var problems: [String] = []
    }

    private static let verbs = ["publish", "accept", "requeue", "discard"]
    package static let allFaults = ["kill", "EIO", "ENOSPC", "short"]
    private let faults: [String]

    /// Prints the matrix. Whether everything held.
    package func run() async throws -> Bool {
        var isSound = true
        SpoolPeer.say("layout   verb      fault   points  faults met  problems")
        for layout in SpoolConfiguration.Layout.allCases {
            for verb in Self.verbs {
                for fault in faults {
                    let outcome = try await run(layout.rawValue, verb, fault)
                    let cells = [
                        layout.rawValue.padded(8), verb.padded(9), fault.padded(7), "\(outcome.points)".padded(7),
                        "\(outcome.reached)".padded(11), "\(outcome.problems.count)",
                    ]
                    SpoolPeer.say(cells.joined(separator: " "))
                    for problem in outcome.problems { SpoolPeer.say("    \(problem)") }
                    if !outcome.problems.isEmpty { isSound = false }
                }
            }
        }
        SpoolPeer.say(isSound ? "Nothing accepted was lost at any point." : "There are problems.")
        return isSound
    }

    private func run(_ layout: String, _ verb: String, _ fault: String) async throws -> Outcome {
        var outcome = Outcome()
        var isOver = false
        while !isOver && outcome.points < 400 {
            outcome.points += 1
            let point = outcome.points
            let place = "\(directory)/\(layout)-\(verb)-\(fault)-\(point)"
            let url = "spool://\(place)?layout=\(layout)&segment_bytes=4096&max_attempts=20"
            if verb != "publish" { try await prepare(url) }
            let option =
                switch fault {
                case "kill": "kill=\(point)"
                case "short": "short=\(point)"
                case "EIO": "fail=\(point):\(EIO)"
                default: "fail=\(point):\(ENOSPC)"
                }
            let lines = try await peer([
                verb, url, "count=\(verb == "publish" ? 3 : 99)", "size=3000", "seconds=5", option,
            ])
            let isHung = lines.last?.hasPrefix("signal") == true
            let calls = lines.last { $0.hasPrefix("calls ") }.flatMap { Int($0.dropFirst(6)) }
            // The run is over when it made fewer calls than the point: the fault was not met any more.
            isOver = !isHung && (calls.map { $0 < point } ?? false)
            if !isOver { outcome.reached += 1 }
            if let problem = try await examine(url, place, verb, lines) {
                outcome.problems.append("at point \(point): \(problem)")
            }
            try? FileManager.default.removeItem(atPath: place)
        }
        return outcome
    }

    private func driver(_ url: String) throws -> SpoolDriver {
        try SpoolDriver(TransportURL(url), logger: Logger(label: "matrix") { _ in SwiftLogNoOpLogHandler() })
    }

    private func prepare(_ url: String) async throws {
        let driver = try driver(url)
        let running = Task { try await driver.run() }
        for name in ["m0", "m1", "m2", "stop"] {
            let text = "\(name) " + String(repeating: ".", count: 3000)
            try await driver.publish(
                Message(body: Array(text.utf8)), to: SpoolPeer.topic,
                options: PublishOptions(deadline: .now + .seconds(10)))
        }
        running.cancel()
        try await running.value
    }

    /// What is wrong; `nil` when nothing is.
    private func examine(_ url: String, _ place: String, _ verb: String, _ lines: [String]) async throws -> String? {
        let driver = try driver(url)
        let running = Task { try await driver.run() }
        var arrived: [String: Int] = [:]
        // Published last, so it comes when everything else has come.
        try await driver.publish(
            Message(body: Array("end".utf8)), to: SpoolPeer.topic,
            options: PublishOptions(deadline: .now + .seconds(10)))
        let found = try await driver.withSubscription(
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
        running.cancel()
        try await running.value
        for (name, _) in found { arrived[name, default: 0] += 1 }
        let dead = ((try? FileManager.default.contentsOfDirectory(atPath: "\(place)/dead")) ?? [])
            .filter { !$0.hasSuffix(".reason") }
        let buried = Set(
            dead.compactMap { file in
                try? String(contentsOfFile: "\(place)/dead/\(file)", encoding: .utf8).components(
                    separatedBy: "\n\n"
                ).last?.components(separatedBy: " ").first
            })
        return problem(verb, lines, arrived, buried, found) ?? litter(place)
    }

    private func problem(
        _ verb: String, _ lines: [String], _ arrived: [String: Int], _ buried: Set<String>, _ found: [(String, Int)]
    ) -> String? {
        func named(_ event: String) -> Set<String> {
            Set(lines.filter { $0.hasPrefix("\(event) ") }.map { String($0.split(separator: " ")[1]) })
        }
        if lines.last?.hasPrefix("signal") == true && !buried.contains("stop") {
            return "the peer hung or crashed; it said \(lines)"
        }
        let settled = named("settled")
        let expected = verb == "publish" ? named("accepted") : ["m0", "m1", "m2"]
        for name in expected {
            let isThere = arrived[name] != nil || buried.contains(name)
            if verb == "discard", settled.contains(name), !buried.contains(name) { return "\(name) is not in dead/" }
            if !isThere && !settled.contains(name) && !named("accepting").contains(name) {
                return "\(name) was lost; the peer said \(lines)"
            }
            if settled.contains(name) && arrived[name] != nil { return "\(name) was settled and came back" }
        }
        if let (name, count) = arrived.first(where: { $0.value > 1 }) { return "\(name) arrived \(count) times" }
        for (name, attempt) in found where named("got").contains(name) && attempt < 2 {
            return "\(name) was delivered before and is not marked"
        }
        return nil
    }

    /// What a start should have cleared away.
    private func litter(_ place: String) -> String? {
        let files = FileManager.default
        for folder in ["tmp", "owners"] {
            if let rest = try? files.contentsOfDirectory(atPath: "\(place)/\(folder)"), !rest.isEmpty {
                return "\(folder) holds \(rest)"
            }
        }
        for queue in (try? files.contentsOfDirectory(atPath: "\(place)/queues")) ?? [] {
            for folder in ["new", "claimed", "consumers"] {
                let path = "\(place)/queues/\(queue)/\(folder)"
                if let rest = try? files.contentsOfDirectory(atPath: path), !rest.isEmpty {
                    return "\(queue)/\(folder) holds \(rest)"
                }
            }
        }
        return nil
    }

    /// What a peer says until it ends, however it does: it ends itself after some seconds.
    private func peer(_ arguments: [String]) async throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let output = Foundation.Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        var lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        if process.terminationReason == .uncaughtSignal && process.terminationStatus != SIGKILL {
            lines.append("signal \(process.terminationStatus)")
        }
        return lines
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
