import StandardStreams
import SwitchboardCells

/// A watch as a page of a terminal. A value without I/O.
struct WatchTable {
    let content: WatchBoard.Content
    let columns: Int
    let rows: Int
    let now: ContinuousClock.Instant

    /// At most so many lines, none longer than the page is wide.
    var lines: [String] {
        var lines = [title, ""]
        let cells = cellRows
        let hosts = hostRows
        // The cells have half of the page at most, and what the hosts leave.
        let room = max(1, rows - lines.count - 1)
        let cellRoom = max(room - (hosts.isEmpty ? 0 : min(hosts.count + 2, room / 2)), 1)
        lines += Self.cut(Self.table(cells), to: cellRoom, of: "cells")
        if hosts.count > 1 {
            lines.append("")
            lines += Self.cut(Self.table(hosts), to: rows - lines.count, of: "hosts")
        }
        let events = content.events.suffix(max(0, rows - lines.count - 2))
        if !events.isEmpty {
            lines += ["", "LAST CHANGES"]
            lines += events.reversed().map { "\(WatchEvent.text(ofTime: $0.time)) \($0.text)" }
        }
        return lines.prefix(max(0, rows)).map { String($0.printable.prefix(max(0, columns))) }
    }

    private var title: String {
        let state: String
        if let next = content.nextSweep {
            state = "next sweep in \(max(0, Int((now.duration(to: next) / .seconds(1)).rounded(.up)))) s"
        } else {
            state = "sweeping"
        }
        let directory = content.readsDirectory ? "" : "; THE DIRECTORY CAN'T BE READ"
        let defects = content.summary?.defects.count ?? 0
        let mappings = defects > 0 ? "; \(defects) defects in the mappings" : ""
        return "\(content.summary?.text ?? "first sweep"); \(state)\(directory)\(mappings)"
    }

    private var cellRows: [[String]] {
        let kinds = HostClass.allCases
        let headings = ["CELL", "ROUND TRIP", "HOSTS"] + kinds.map { $0.text.uppercased() }
        let cells = content.states.sortedCells.map { (cell: $0, counts: $0.counts) }
        func badness(_ counts: [HostClass: Int]) -> Int {
            counts.reduce(0) { $0 + ($1.key.isWell || $1.key == .unknown ? 0 : $1.value) }
        }
        // What needs somebody comes first.
        let sorted = cells.enumerated().sorted { left, right in
            let (a, b) = (badness(left.element.counts), badness(right.element.counts))
            return a != b ? a > b : left.offset < right.offset
        }.map(\.element)
        return [headings]
            + sorted.map { cell, counts in
                [
                    cell.cell.label, cell.isUnreachable ? "unreachable" : cell.roundTrip?.text ?? "-",
                    "\(cell.hosts.count)",
                ] + kinds.map { counts[$0].map(String.init) ?? "-" }
            }
    }

    /// The hosts that something is wrong with, and why cells can't be reached.
    private var hostRows: [[String]] {
        var rows = [["CELL", "HOST", "STATE", "SINCE", "DETAIL"]]
        for cell in content.states.sortedCells {
            if case .unreachable(let reason) = cell.reach {
                rows.append([cell.cell.label, "(all \(cell.hosts.count))", "unreachable", "-", reason])
                continue
            }
            for (name, host) in cell.hosts.sorted(by: { $0.key < $1.key }) {
                let isBad = host.judged == .slow || host.judged.isOut
                guard isBad || host.isSuspected else { continue }
                let state = isBad ? host.judged.text : "\(host.last?.hostClass.text ?? "-")?"
                rows.append([
                    cell.cell.label, name, state, isBad ? WatchEvent.text(ofTime: host.since) : "not certain yet",
                    host.last?.detail ?? "-",
                ])
            }
        }
        return rows.count > 1 ? rows : []
    }

    private static func table(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        var table = Table(headings: first)
        for row in rows.dropFirst() { table.add(row) }
        return table.lines
    }

    /// The first lines, and how many are left out.
    private static func cut(_ lines: [String], to count: Int, of things: String) -> [String] {
        if lines.count <= count { return lines }
        guard count > 1 else { return [] }
        return lines.prefix(count - 1) + ["… and \(lines.count - count + 1) more \(things)"]
    }
}
