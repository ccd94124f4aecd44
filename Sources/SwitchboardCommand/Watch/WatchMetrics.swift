/// A watch in Prometheus' text format. A value without I/O.
struct WatchMetrics {
    let states: HostStates
    let summary: SweepSummary
    /// How many changes of hosts there were since the start, by what they are since.
    let changes: [HostClass: Int]
    /// Whether the directory could be read.
    let readsDirectory: Bool

    private struct Metric {
        let name: String
        let type: String
        let help: String
        var samples: [(labels: [(String, String)], value: Double)] = []

        var text: String {
            let lines = samples.map { labels, value in
                let pairs = labels.map { "\($0.0)=\"\(PrometheusText.escaped($0.1))\"" }.joined(separator: ",")
                return "\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(PrometheusText.number(value))\n"
            }
            return samples.isEmpty ? "" : "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(lines.joined())"
        }
    }

    var text: String {
        (hostMetrics + cellMetrics + sweepMetrics).map(\.text).joined()
    }

    private var hostMetrics: [Metric] {
        var state = Metric(
            name: "switchboard_watch_host_state", type: "gauge",
            help: "What a mapped host is: 1 for the label state that it has")
        var roundTrip = Metric(
            name: "switchboard_watch_host_round_trip_seconds", type: "gauge",
            help: "How long the host took for its last answer; only hosts that answer")
        for cell in states.sortedCells {
            for (name, host) in cell.hosts.sorted(by: { $0.key < $1.key }) {
                let labels = [("cell", cell.cell.label), ("host", name)]
                let kind = cell.hostClass(of: host)
                state.samples.append((labels + [("state", kind.rawValue)], 1))
                if kind.isWell || kind == .slow, let time = host.last?.roundTrip {
                    roundTrip.samples.append((labels, time / .seconds(1)))
                }
            }
        }
        return [state, roundTrip]
    }

    private var cellMetrics: [Metric] {
        var hosts = Metric(
            name: "switchboard_watch_hosts", type: "gauge", help: "How many mapped hosts of a cell are in a state")
        var reachable = Metric(
            name: "switchboard_watch_cell_reachable", type: "gauge",
            help: "Whether messages come through the cell's queue: 1 they do, 0 they don't")
        var roundTrip = Metric(
            name: "switchboard_watch_cell_round_trip_seconds", type: "gauge",
            help: "How long a message takes through the cell's queue and back")
        for cell in states.sortedCells {
            let labels = [("cell", cell.cell.label)]
            let counts = cell.counts
            for kind in HostClass.allCases {
                hosts.samples.append((labels + [("state", kind.rawValue)], Double(counts[kind] ?? 0)))
            }
            if cell.reach != .unknown { reachable.samples.append((labels, cell.isUnreachable ? 0 : 1)) }
            if let time = cell.roundTrip { roundTrip.samples.append((labels, time / .seconds(1))) }
        }
        return [hosts, reachable, roundTrip]
    }

    private var sweepMetrics: [Metric] {
        func one(_ name: String, _ type: String, _ help: String, _ value: Double) -> Metric {
            Metric(name: "switchboard_watch_\(name)", type: type, help: help, samples: [([], value)])
        }
        return [
            Metric(
                name: "switchboard_watch_changes_total", type: "counter",
                help: "How many times a host was found to be in another state, by the new state",
                samples: HostClass.allCases.filter { $0 != .unknown && $0 != .unreachable }
                    .map { ([("state", $0.rawValue)], Double(changes[$0] ?? 0)) }),
            one("sweeps_total", "counter", "How many sweeps over all mapped hosts have ended", Double(summary.number)),
            one(
                "sweep_duration_seconds", "gauge", "How long the last sweep took", summary.duration / .seconds(1)),
            one(
                "sweep_timestamp_seconds", "gauge", "When the last sweep ended, in seconds since 1970", summary.time),
            one(
                "directory_readable", "gauge", "Whether the mappings could be read for the last sweep: 1 or 0",
                readsDirectory ? 1 : 0),
            one("directory_defects", "gauge", "How many mappings have a defect", Double(summary.defects.count)),
        ]
    }
}
