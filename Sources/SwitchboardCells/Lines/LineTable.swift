import SwitchboardCore
import SwitchboardMessaging

/// The lines there are, who uses them, and which cell each belongs to. A value without I/O: the manager acts on what its
/// methods return.
///
/// A line's life:
///
///     make ──▶ used ◀──▶ idle ──▶ closing      (idle too long, or room is needed)
///                │         │
///                └─────────┴──▶ draining ──▶ closing   (no cell is mapped to it any more; after its last user)
///     any ──▶ gone                              (its connection ended by itself)
struct LineTable {
    typealias Instant = ContinuousClock.Instant

    struct Entry {
        let line: Line
        /// The cells that are mapped to it, as far as they were asked for.
        var cells: Set<CellID>
        var users = 0
        var idleSince: Instant
        let madeAt: Instant

        /// Nobody will be aimed at it any more.
        var isDraining: Bool { cells.isEmpty }
    }

    /// Why a queue is not tried for now.
    struct Refusal {
        let error: any Error
        let until: Instant
    }

    private(set) var entries: [LineKey: Entry] = [:]
    private var keys: [CellID: LineKey] = [:]
    private var refusals: [LineKey: Refusal] = [:]

    let maximumCount: Int
    let idleLifetime: Duration

    init(maximumCount: Int, idleLifetime: Duration) {
        self.maximumCount = maximumCount
        self.idleLifetime = idleLifetime
    }

    /// What ``lease(_:for:now:)`` finds.
    enum Lease {
        case line(Line)
        /// There is none yet: make one, and call ``add(_:for:now:)``. Those in the list are to be closed for it.
        case make(closing: [Line])
        case refused(any Error)
        case full
    }

    /// Counts one more user of a cell's line, where there is one.
    mutating func lease(_ key: LineKey, for cell: CellID, now: Instant) -> Lease {
        if let refusal = refusals[key] {
            if refusal.until > now { return .refused(refusal.error) }
            refusals[key] = nil
        }
        if var entry = entries[key] {
            entry.users += 1
            entry.cells.insert(cell)
            entries[key] = entry
            move(cell, to: key)
            return .line(entry.line)
        }
        guard entries.count >= maximumCount else { return .make(closing: []) }
        let idlest = entries.filter { $0.value.users == 0 && $0.value.line.connection.callsInFlight == 0 }
            .min { $0.value.idleSince < $1.value.idleSince }
        guard let idlest else { return .full }
        return .make(closing: [remove(idlest.key)].compactMap(\.self))
    }

    /// Adds a line with one user.
    mutating func add(_ line: Line, for cell: CellID, now: Instant) {
        entries[line.key] = Entry(line: line, cells: [cell], users: 1, idleSince: now, madeAt: now)
        move(cell, to: line.key)
    }

    /// Counts one user less. Returns the line when it is to be closed.
    mutating func release(_ line: Line, now: Instant) -> Line? {
        guard var entry = entries[line.key], entry.line === line else { return nil }
        entry.users -= 1
        entry.idleSince = now
        entries[line.key] = entry
        return entry.isDraining && entry.users == 0 ? remove(line.key) : nil
    }

    /// Takes note of what a cell is mapped to now; `nil`: to no queue, or it is gone. A line that no cell is mapped to
    /// any more drains. Returns the lines that are to be closed.
    mutating func remap(_ cell: CellID, to key: LineKey?) -> [Line] {
        guard let old = keys[cell], old != key else { return [] }
        keys[cell] = nil
        guard var entry = entries[old] else { return [] }
        entry.cells.remove(cell)
        entries[old] = entry
        return entry.isDraining && entry.users == 0 ? [remove(old)].compactMap(\.self) : []
    }

    /// Removes the lines that have been idle too long, and those that have drained; they are to be closed.
    mutating func expire(now: Instant) -> [Line] {
        refusals = refusals.filter { $0.value.until > now }
        let expired = entries.filter { _, entry in
            entry.users == 0 && entry.line.connection.callsInFlight == 0
                && (entry.isDraining || entry.idleSince + idleLifetime <= now)
        }
        return expired.keys.compactMap { remove($0) }
    }

    /// Forgets a line whose connection has ended by itself; its queue is not tried again until `pause` is over.
    mutating func end(_ line: Line, error: (any Error)?, pause: Duration, now: Instant) {
        guard entries[line.key]?.line === line else { return }
        _ = remove(line.key)
        if let error { refusals[line.key] = Refusal(error: error, until: now + pause) }
    }

    /// The cells that have been aimed at.
    var cells: [CellID] {
        Array(keys.keys)
    }

    private mutating func remove(_ key: LineKey) -> Line? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        for cell in entry.cells where keys[cell] == key { keys[cell] = nil }
        return entry.line
    }

    /// Makes `key` the cell's own. Its former line is left as it was; ``remap(_:to:)`` comes first where it changed.
    private mutating func move(_ cell: CellID, to key: LineKey) {
        keys[cell] = key
    }
}
