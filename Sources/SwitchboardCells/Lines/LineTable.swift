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
        let madeAt: Instant
        /// The cells that are mapped to it, as far as they were asked for.
        var cells: Set<CellID> = []
        var users = 0
        /// Since when it has had no user; noticed by ``tick(now:)``.
        var idleSince: Instant?

        /// Nobody will be aimed at it any more.
        var isDraining: Bool { cells.isEmpty }
        var isIdle: Bool { users == 0 && line.connection.callsInFlight == 0 }

        /// Counts one more user, unless the line is silent. An entry is large: it is changed in its place, as this is done
        /// for each request.
        mutating func beginUse() -> (Line, CircuitBreaker.Silence?) {
            if let silence = line.health.silence { return (line, silence) }
            users += 1
            idleSince = nil
            return (line, nil)
        }

        /// Whether the line is to be closed.
        mutating func endUse() -> Bool {
            users -= 1
            return isDraining && isIdle
        }
    }

    /// Why a queue is not tried for now.
    struct Refusal {
        let error: any Error
        let at: Instant
        let until: Instant
    }

    /// What ``lease(_:)`` finds.
    enum Lease {
        case line(Line, title: String)
        case noQueue(title: String)
        /// What the mapping means is not known: call ``resolve(_:to:)``, and again.
        case unresolved
        /// There is no line yet: call ``makeRoom()`` and ``add(_:for:now:)``, and again.
        case missing(TransportURL, title: String)
        case refused(any Error)
        case silent(CircuitBreaker.Silence)
        /// What the cell is mapped to now cannot be used.
        case unusable(CellError)
        /// The mapping is an old one: its cell is disabled by now.
        case disabled
        /// The mapping is an old one: its cell is deleted by now.
        case deleted
        /// The manager has ended.
        case over
    }

    /// Lines that are to be closed, and lines that drain from now on.
    struct Leftovers {
        var closing: [Line] = []
        var draining: [Line] = []
    }

    private(set) var entries: [UInt64: Entry] = [:]
    private var ids: [TransportURL: UInt64] = [:]
    private var resolutions: [CellID: Resolution] = [:]
    private(set) var refusals: [TransportURL: Refusal] = [:]
    private var isDoubtful = false
    private(set) var isOver = false

    private let maximumCount: Int
    private let idleLifetime: Duration

    init(maximumCount: Int, idleLifetime: Duration) {
        self.maximumCount = maximumCount
        self.idleLifetime = idleLifetime
    }

    // MARK: Using

    /// Counts one more user of a cell's line, where there is one.
    ///
    /// - Parameter isFresh: whether the mapping was looked up just now. One that somebody has held may be older than what
    ///   is known here.
    mutating func lease(_ cell: CellMapping, isFresh: Bool, includingDisabled: Bool) -> Lease {
        if isOver { return .over }
        guard let place = resolutions.index(forKey: cell.id) else { return .unresolved }
        // Nearly always. Looked at in its place, as a resolution is large.
        if let (id, title) = resolutions.values[place].inUse(for: cell), let line = entries.index(forKey: id) {
            return lease(line, title)
        }
        let resolution = resolutions.values[place]
        guard resolution.stands(for: cell, isFresh: isFresh) else { return .unresolved }
        switch resolution.standing {
        case .inUse: break
        case _ where isFresh: return .unresolved
        case .deleted: return .deleted
        case .disabled: if !includingDisabled { return .disabled }
        }
        if let fault = resolution.fault { return isFresh ? .unresolved : .unusable(fault) }
        guard case .url(let url) = resolution.queue else { return .noQueue(title: resolution.title) }
        guard let id = resolution.line ?? ids[url], let line = entries.index(forKey: id) else {
            if let refusal = refusals[url] {
                if refusal.until > .now { return .refused(refusal.error) }
                refusals[url] = nil
            }
            return .missing(url, title: resolution.title)
        }
        if resolution.line == nil { attach(cell.id, to: id) }
        return lease(line, resolution.title)
    }

    private mutating func lease(_ place: Dictionary<UInt64, Entry>.Index, _ title: String) -> Lease {
        let (line, silence) = entries.values[place].beginUse()
        if let silence { return .silent(silence) }
        return .line(line, title: title)
    }

    /// Whether there is room for one more line; where there is not, the line that has been idle longest gives it up and
    /// is to be closed.
    mutating func makeRoom() -> (hasRoom: Bool, closing: Line?) {
        guard entries.count >= maximumCount else { return (true, nil) }
        noteUse()
        let now = Instant.now
        let idlest = entries.values.filter(\.isIdle).min { ($0.idleSince ?? now) < ($1.idleSince ?? now) }
        guard let idlest else { return (false, nil) }
        return (true, remove(idlest.line.id))
    }

    func hasLine(to url: TransportURL) -> Bool {
        ids[url] != nil
    }

    /// Adds a line that nobody uses yet.
    mutating func add(_ line: Line, for cell: CellID, now: Instant) {
        entries[line.id] = Entry(line: line, madeAt: now)
        ids[line.url] = line.id
        attach(cell, to: line.id)
    }

    /// Counts one user less. Returns the line when it is to be closed.
    mutating func release(_ line: Line) -> Line? {
        guard let place = entries.index(forKey: line.id), entries.values[place].endUse() else { return nil }
        return remove(line.id)
    }

    /// The line that a cell is on now.
    func line(of cell: CellID) -> Line? {
        resolutions[cell]?.line.flatMap { entries[$0]?.line }
    }

    // MARK: Following the mappings

    /// The cells that have been aimed at, and whether the directory had them.
    var cells: [CellID: Resolution] { resolutions }

    /// The resolution of a mapping, where it is known.
    func resolution(of cell: CellMapping) -> Resolution? {
        resolutions[cell.id].flatMap { $0.stored == cell.transportURL && $0.name == cell.name ? $0 : nil }
    }

    /// Takes note of what a cell is mapped to now. The line that it was on before drains, unless others are on it.
    ///
    /// - Parameter isFresh: whether the mapping was looked up just now. One that may be older than what was known is
    ///   compared with the directory soon.
    mutating func resolve(_ cell: CellMapping, to queue: CellQueue, isFresh: Bool) -> Leftovers {
        let old = resolutions[cell.id]
        var new = Resolution(cell, to: queue, after: old)
        // A change may have overtaken a fresh one, too.
        let isChange = if let old { old.stored != new.stored } else { false }
        if new.isListed, isChange || !isFresh { isDoubtful = true }
        let leftovers: Leftovers
        if let old, old.queue == queue {
            new.line = old.line
            leftovers = Leftovers()
        } else {
            leftovers = detach(cell.id)
        }
        resolutions[cell.id] = new
        return leftovers
    }

    /// Takes note that a cell is not to be used any more. Its line drains, unless others are on it.
    mutating func retire(_ cell: CellID, _ standing: Resolution.Standing) -> Leftovers {
        resolutions[cell]?.standing = standing
        return detach(cell)
    }

    /// Takes note that what a cell is mapped to now cannot be used. Its line drains, unless others are on it.
    mutating func fail(_ cell: CellMapping, _ error: CellError) -> Leftovers {
        let leftovers = detach(cell.id)
        var new = Resolution(cell, to: .none, after: resolutions[cell.id])
        new.fault = error
        resolutions[cell.id] = new
        return leftovers
    }

    /// Takes note that a cell's mapping cannot be read. Its line drains, unless others are on it.
    mutating func fail(_ cell: CellID, _ error: CellError) -> Leftovers {
        let leftovers = detach(cell)
        resolutions[cell] = resolutions[cell]?.unreadable(error)
        return leftovers
    }

    /// Has the mappings compared with the directory soon.
    mutating func doubt() {
        isDoubtful = true
    }

    /// Whether a mapping that may be an old one was used, or one could not be looked at, since this was asked last.
    mutating func takeDoubt() -> Bool {
        defer { isDoubtful = false }
        return isDoubtful
    }

    // MARK: Ending

    /// Removes the lines that have been idle too long, and those that have drained; they are to be closed.
    mutating func tick(now: Instant) -> [(line: Line, reason: LineEvent.Closing)] {
        refusals = refusals.filter { $0.value.until > now }
        noteUse()
        var expired: [(Line, LineEvent.Closing)] = []
        for (id, entry) in entries where entry.isIdle {
            if entry.isDraining {
                expired.append((entry.line, .drained))
            } else if let since = entry.idleSince ?? mark(id, now), since + idleLifetime <= now {
                expired.append((entry.line, .idle))
            }
        }
        for (line, _) in expired { _ = remove(line.id) }
        if resolutions.count > 4 * maximumCount { resolutions = resolutions.filter { $0.value.line != nil } }
        return expired
    }

    /// Forgets a line whose connection has ended by itself; its queue is not tried again until `pause` is over.
    mutating func end(_ line: Line, error: (any Error)?, pause: Duration, now: Instant) {
        _ = remove(line.id)
        if let error { refusals[line.url] = Refusal(error: error, at: now, until: now + pause) }
    }

    /// Nobody is aimed at anything from now on.
    mutating func close() {
        isOver = true
    }

    // MARK: Inside

    private mutating func mark(_ id: UInt64, _ now: Instant) -> Instant? {
        entries[id]?.idleSince = now
        return now
    }

    /// A line that something was sent through is not idle, also where only plain copies of contexts refer to it.
    private mutating func noteUse() {
        for (id, entry) in entries where entry.line.health.takeUse() { entries[id]?.idleSince = nil }
    }

    private mutating func attach(_ cell: CellID, to id: UInt64) {
        entries[id]?.cells.insert(cell)
        resolutions[cell]?.line = id
    }

    private mutating func detach(_ cell: CellID) -> Leftovers {
        guard let id = resolutions[cell]?.line else { return Leftovers() }
        resolutions[cell]?.line = nil
        entries[id]?.cells.remove(cell)
        guard let entry = entries[id], entry.isDraining else { return Leftovers() }
        guard entry.isIdle else { return Leftovers(draining: [entry.line]) }
        return Leftovers(closing: [remove(id)].compactMap(\.self), draining: [entry.line])
    }

    @discardableResult
    private mutating func remove(_ id: UInt64) -> Line? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if ids[entry.line.url] == id { ids[entry.line.url] = nil }
        for cell in entry.cells where resolutions[cell]?.line == id { resolutions[cell]?.line = nil }
        return entry.line
    }
}
