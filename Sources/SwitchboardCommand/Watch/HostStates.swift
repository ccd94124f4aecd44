import SwitchboardCells

/// What is known of all mapped hosts, sweep after sweep. A value without I/O.
///
/// A host is announced when it is certain what it is:
///
///     answer, no ping, absent ────────────────▶ at once: an answer and a returned request are certain
///     deaf, slow ──▶ one sweep: suspected ────▶ the second in a row: announced as what it is then
///     the cell isn't reached ─────────────────▶ says nothing of its hosts, and ends their suspicion
///
/// A cell is unreachable at once where its broker refuses, else with the second sweep in a row.
struct HostStates: Sendable {
    struct Host: Hashable, Sendable {
        /// What it was announced as last; `unknown` until then. Its cell may be unreachable all the same.
        fileprivate(set) var judged = HostClass.unknown
        /// When that began, in seconds since 1970.
        fileprivate(set) var since: Double
        /// What the last sweep found that could ask it.
        fileprivate(set) var last: HostFinding?
        /// How many sweeps in a row found it deaf or slow.
        fileprivate var misses = 0

        /// Whether something is wrong that isn't announced yet.
        var isSuspected: Bool { misses > 0 && judged != last?.hostClass }
    }

    struct Cell: Hashable, Sendable {
        enum Reach: Hashable, Sendable {
            case unknown, reachable
            case unreachable(reason: String)
        }

        fileprivate(set) var cell: WatchedCell
        fileprivate(set) var reach = Reach.unknown
        fileprivate(set) var roundTrip: Duration?
        fileprivate(set) var hosts: [String: Host] = [:]
        fileprivate var misses = 0

        var isUnreachable: Bool {
            if case .unreachable = reach { true } else { false }
        }

        /// What a host is to be shown as.
        func hostClass(of host: Host) -> HostClass { isUnreachable ? .unreachable : host.judged }

        /// How many hosts are of each class; classes without any are left out.
        var counts: [HostClass: Int] {
            hosts.values.reduce(into: [:]) { $0[hostClass(of: $1), default: 0] += 1 }
        }
    }

    /// How many sweeps in a row make certain what one alone doesn't; at least 1.
    let confirmations: Int
    private(set) var cells: [CellID: Cell] = [:]
    private var hasListing = false

    init(confirmations: Int = 2) {
        self.confirmations = max(1, confirmations)
    }

    var counts: [HostClass: Int] {
        cells.values.reduce(into: [:]) { $0.merge($1.counts, uniquingKeysWith: +) }
    }

    /// In the order of their labels.
    var sortedCells: [Cell] {
        cells.values.sorted { ($0.cell.label, $0.cell.id.description) < ($1.cell.label, $1.cell.id.description) }
    }

    /// Takes over what is mapped now. The first listing is no news.
    mutating func follow(_ mapped: [(cell: WatchedCell, hosts: [String])], at time: Double) -> [WatchEvent] {
        var events: [WatchEvent] = []
        var next: [CellID: Cell] = [:]
        for (watched, names) in mapped {
            var cell = cells[watched.id] ?? Cell(cell: watched)
            cell.cell = watched
            let old = cell.hosts
            cell.hosts = Dictionary(
                names.map { ($0, old[$0] ?? Host(since: time)) }, uniquingKeysWith: { first, _ in first })
            if hasListing {
                events += cell.hosts.keys.filter { old[$0] == nil }.sorted()
                    .map { WatchEvent(time: time, cell: watched, kind: .mapped($0)) }
            }
            next[watched.id] = cell
        }
        for cell in sortedCells {
            let kept = next[cell.cell.id]?.hosts ?? [:]
            events += cell.hosts.keys.filter { kept[$0] == nil }.sorted()
                .map { WatchEvent(time: time, cell: cell.cell, kind: .unmapped($0)) }
        }
        cells = next
        hasListing = true
        return events
    }

    /// Takes over what a sweep has found in a cell. Hosts that aren't mapped any more are left out.
    mutating func apply(_ observation: CellObservation, at time: Double) -> [WatchEvent] {
        guard var cell = cells[observation.cell.id] else { return [] }
        var events: [WatchEvent] = []
        switch observation.outcome {
        case .reached(let roundTrip):
            if cell.isUnreachable { events.append(WatchEvent(time: time, cell: cell.cell, kind: .cellReachable)) }
            (cell.reach, cell.misses, cell.roundTrip) = (.reachable, 0, roundTrip)
        case .failed(let reason, let isCertain):
            cell.misses += 1
            cell.roundTrip = nil
            if cell.isUnreachable {
                cell.reach = .unreachable(reason: reason)
            } else if isCertain || cell.misses >= confirmations {
                cell.reach = .unreachable(reason: reason)
                events.append(
                    WatchEvent(
                        time: time, cell: cell.cell,
                        kind: .cellUnreachable(reason: reason, hosts: cell.hosts.count)))
            }
        }
        for name in cell.hosts.keys.sorted() {
            guard var host = cell.hosts[name] else { continue }
            if let finding = observation.hosts[name], finding.hostClass != .unreachable {
                let old = host.judged
                if judge(&host, finding, at: time), !(old == .unknown && host.judged.isWell) {
                    events.append(
                        WatchEvent(time: time, cell: cell.cell, kind: .host(name, from: old, to: finding)))
                }
            } else {
                host.misses = 0
            }
            cell.hosts[name] = host
        }
        cells[observation.cell.id] = cell
        return events
    }

    /// Returns whether the host is something else now.
    private func judge(_ host: inout Host, _ finding: HostFinding, at time: Double) -> Bool {
        let isCertain = finding.hostClass.isWell || finding.hostClass == .absent
        host.misses = isCertain ? 0 : host.misses + 1
        host.last = finding
        guard isCertain || host.misses >= confirmations, host.judged != finding.hostClass else { return false }
        host.judged = finding.hostClass
        host.since = time
        return true
    }
}
