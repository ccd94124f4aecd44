import SwitchboardMessaging

/// What a sweep was, as a whole.
struct SweepSummary: Hashable, Sendable {
    /// The first is 1.
    var number: Int
    /// When it ended, in seconds since 1970.
    var time: Double
    var duration: Duration
    /// How many hosts are of each class.
    var counts: [HostClass: Int]
    var cells: Int
    var unreachableCells: Int
    /// What is wrong with the mappings.
    var defects: [String] = []

    var hosts: Int { counts.values.reduce(0, +) }

    /// `sweep 3: 100 hosts in 2 cells: 98 answering, 1 deaf, 1 absent (4.2 s)`
    var text: String {
        let parts = HostClass.allCases.compactMap { kind in
            counts[kind].flatMap { $0 > 0 ? "\($0) \(kind.text)" : nil }
        }
        let (hosts, cells) = (
            "\(hosts) \(hosts == 1 ? "host" : "hosts")", "\(cells) \(cells == 1 ? "cell" : "cells")"
        )
        let list = parts.isEmpty ? "" : ": \(parts.joined(separator: ", "))"
        let bad = unreachableCells > 0 ? "; \(unreachableCells) unreachable" : ""
        return "sweep \(number): \(hosts) in \(cells)\(bad)\(list) (\((duration / .seconds(1)).rounded(toPlaces: 1)) s)"
    }

    var json: JSONObject {
        var object = JSONObject()
        object["event"] = "sweep"
        object["time"] = .string(WatchEvent.text(ofTime: time))
        object["sweep"] = JSONValue(number)
        object["milliseconds"] = .double(duration.milliseconds)
        object["cells"] = JSONValue(cells)
        object["cells_unreachable"] = JSONValue(unreachableCells)
        object["hosts"] = JSONValue(hosts)
        for kind in HostClass.allCases { object[kind.rawValue] = JSONValue(counts[kind] ?? 0) }
        object["defects"] = .array(defects.map { .string($0) })
        return object
    }
}

extension Double {
    /// For people.
    func rounded(toPlaces places: Int) -> Double {
        let factor = (0..<places).reduce(1.0) { value, _ in value * 10 }
        return (self * factor).rounded() / factor
    }
}
