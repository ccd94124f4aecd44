import Foundation
import Glibc
import SwitchboardCore
import SwitchboardSpool

/// Kills a peer, or fails its system calls, at every point of what it does, and looks at what remains.
///
/// For every point: what was accepted arrives or lies in `dead/`, what was settled does not come back, no message is with
/// two live consumers, what had been delivered is marked, and the next start leaves nothing behind.
package struct FaultMatrix: Sendable {
    let executable: String
    let directory: String
    /// For the URL of every spool.
    let options: String
    private let faults: [Fault]
    private let deeds: [Deed]
    private let isDetailed: Bool
    private let stride: Int

    /// What a peer does while the fault strikes.
    enum Deed: String, CaseIterable {
        /// Opens a new spool, subscribes, leaves.
        case open
        /// Publishes, over more than one segment.
        case publish
        /// Claims and accepts.
        case accept
        case requeue
        case discard
        /// Accepts, requeues beside a rival that lives.
        case compete
        /// Opens a spool in which a publisher, a consumer and one in the middle of a file have died.
        case reap
        /// Drains the spool into another one.
        case forward
        /// Puts dead messages back.
        case retry
    }

    enum Fault: String, CaseIterable {
        case kill, short
        case deviceError = "EIO"
        case diskFull = "ENOSPC"

        func option(at point: Int) -> String {
            switch self {
            case .kill: "kill=\(point)"
            case .deviceError: "fail=\(point):\(EIO)"
            case .diskFull: "fail=\(point):\(ENOSPC)"
            case .short: "short=\(point)"
            }
        }
    }

    /// - Parameter choices: faults and deeds (all there are when none is named), `each` for a line per point, and `every=N`
    ///   for every Nth point alone, `unsynced` for durability=none.
    package init(_ executable: String, in directory: String, choices: [String]) {
        self.executable = executable
        self.directory = directory
        let faults = choices.compactMap(Fault.init)
        let deeds = choices.compactMap(Deed.init)
        self.faults = faults.isEmpty ? Fault.allCases : faults
        self.deeds = deeds.isEmpty ? Deed.allCases : deeds
        isDetailed = choices.contains("each")
        options = choices.contains("unsynced") ? "&durability=none" : ""
        stride =
            choices.compactMap { $0.hasPrefix("every=") ? Int($0.dropFirst(6)) : nil }.first.map { max(1, $0) } ?? 1
    }

    /// A layout, a deed and a fault: a row of the matrix.
    private struct Row: Sendable {
        let layout: SpoolConfiguration.Layout
        let deed: Deed
        let fault: Fault
        let start: Int
    }

    private struct Outcome: Sendable {
        /// The calls that met the fault, in order.
        var calls: [String] = []
        var killed = 0
        /// The peer reported an error.
        var told = 0
        /// The fault changed nothing that anybody could see.
        var absorbed = 0
        var problems: [String] = []
        var details: [String] = []
    }

    /// Prints the matrix. Whether everything held.
    package func run() async throws -> Bool {
        SpoolPeer.say("layout   deed     fault   points  killed  reported  absorbed  problems  the calls")
        var rows: [Row] = []
        for layout in SpoolConfiguration.Layout.allCases {
            for deed in deeds {
                for fault in faults {
                    // Rows begin at different points, so that few points of each are different ones.
                    rows.append(Row(layout: layout, deed: deed, fault: fault, start: rows.count % stride + 1))
                }
            }
        }
        let width = max(2, ProcessInfo.processInfo.activeProcessorCount)
        var isSound = true
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            // Printed in the order of the rows, whichever is ready first.
            var outcomes: [Int: Outcome] = [:]
            var printed = 0
            for (index, row) in rows.enumerated() {
                if index >= width, let (done, outcome) = try await group.next() { outcomes[done] = outcome }
                group.addTask { (index, try await run(row)) }
                while let outcome = outcomes[printed] {
                    isSound = print(rows[printed], outcome) && isSound
                    printed += 1
                }
            }
            for try await (done, outcome) in group { outcomes[done] = outcome }
            while let outcome = outcomes[printed] {
                isSound = print(rows[printed], outcome) && isSound
                printed += 1
            }
        }
        SpoolPeer.say(isSound ? "Nothing accepted was lost at any point." : "There are problems.")
        return isSound
    }

    private func print(_ row: Row, _ outcome: Outcome) -> Bool {
        let counts = Dictionary(outcome.calls.map { ($0, 1) }, uniquingKeysWith: +)
        let cells = [
            row.layout.rawValue.padded(8), row.deed.rawValue.padded(8), row.fault.rawValue.padded(7),
            "\(outcome.calls.count)".padded(7), "\(outcome.killed)".padded(7), "\(outcome.told)".padded(9),
            "\(outcome.absorbed)".padded(9), "\(outcome.problems.count)".padded(9),
            counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "),
        ]
        SpoolPeer.say(cells.joined(separator: " "))
        if isDetailed { for detail in outcome.details { SpoolPeer.say("    \(detail)") } }
        for problem in outcome.problems { SpoolPeer.say("    PROBLEM \(problem)") }
        return outcome.problems.isEmpty
    }

    private func run(_ row: Row) async throws -> Outcome {
        let base = "\(directory)/\(row.layout.rawValue)-\(row.deed.rawValue)-\(row.fault.rawValue)"
        let scene = FaultScene(self, row.layout, row.deed, template: "\(base)-template")
        try await scene.prepare()
        var outcome = Outcome()
        for point in Swift.stride(from: row.start, to: 1000, by: stride) {
            let place = "\(base)-\(point)"
            let lines = try await scene.act(in: place, row.fault.option(at: point))
            // It is over when the peer made fewer calls than that.
            let call = lines.compactMap { $0.hasPrefix("fault ") ? String($0.dropFirst(6)) : nil }.first
            let problem = try await scene.problem(in: place, lines)
            if let problem { outcome.problems.append("at point \(point), \(call ?? "none"): \(problem)") }
            for path in [place, "\(place)-to"] { try? FileManager.default.removeItem(atPath: path) }
            guard let call else { break }
            outcome.calls.append(call)
            let said = ["refused ", "unsettled ", "error "].contains { word in lines.contains { $0.hasPrefix(word) } }
            switch (row.fault, said) {
            case (.kill, _): outcome.killed += 1
            case (_, true): outcome.told += 1
            case (_, false): outcome.absorbed += 1
            }
            outcome.details.append("\(point) \(call): \(problem ?? "sound"); \(lines.joined(separator: ", "))")
            if point + stride >= 1000 { outcome.problems.append("it made more than 1000 calls") }
        }
        try? FileManager.default.removeItem(atPath: "\(base)-template")
        return outcome
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
