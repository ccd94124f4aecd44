import SwitchboardCore
import SwitchboardMessaging

/// The cells' connections there are, who uses them, and which cell each belongs to. A value without I/O: the manager
/// acts on what its methods return.
///
/// A connection's life:
///
///     make ──▶ used ◀──▶ idle ──▶ closing      (idle too long, or room is needed)
///                │         │
///                └─────────┴──▶ draining ──▶ closing   (no cell is mapped to it any more; after its last user)
///     any ──▶ gone                              (it ended by itself)
struct CellConnectionPool {
    typealias Instant = ContinuousClock.Instant

    struct Entry {
        let connection: CellConnection
        let madeAt: Instant
        /// The cells that are mapped to it, as far as they were asked for.
        var cells: Set<CellID> = []
        var users = 0
        /// Since when it has had no user; noticed by ``tick(now:)``.
        var idleSince: Instant?

        /// Nobody will be aimed at it any more.
        var isDraining: Bool { cells.isEmpty }
        var isIdle: Bool { users == 0 && connection.messageQueue.callsInFlight == 0 }

        /// Counts one more user, unless the connection is silent. An entry is large: it is changed in its place, as
        /// this is done for each request.
        mutating func beginUse() -> (CellConnection, CircuitBreaker.Silence?) {
            if let silence = connection.health.silence { return (connection, silence) }
            users += 1
            idleSince = nil
            return (connection, nil)
        }

        /// Whether the connection is to be closed.
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

    /// Connections that are to be closed, and connections that drain from now on.
    struct Leftovers {
        var closing: [CellConnection] = []
        var draining: [CellConnection] = []
        /// An idle connection that gives up its room, and is to be closed.
        var displaced: CellConnection?
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

    /// Counts one more user of a cell's connection. Finds out what the mapping means, where that is not known.
    ///
    /// - Parameters:
    ///   - isFresh: whether the mapping was looked up just now. One that somebody has held may be older than what is known
    ///     here.
    ///   - base: what the templates in mappings are filled in from.
    ///   - made: a connection that was missing before. It is added, unless there is one by now, or the mapping has changed.
    mutating func lease(
        _ cell: CellMapping, isFresh: Bool, includingDisabled: Bool, base: BaseURLs, made: CellConnection?
    ) -> (Finding, Leftovers) {
        if isOver { return (.failed(.managerEnded(cell)), Leftovers()) }
        // Nearly always. Looked at in its place, as a resolution is large.
        if let place = resolutions.index(forKey: cell.id),
            let (id, title) = resolutions.values[place].inUse(for: cell), let connection = entries.index(forKey: id)
        {
            return (use(connection, for: cell, title), Leftovers())
        }
        do throws(CellError) {
            if let known = try known(cell, isFresh: isFresh, includingDisabled: includingDisabled) {
                var leftovers = Leftovers()
                return (lease(cell, known, made, &leftovers), leftovers)
            }
            let queue = try cell.queue(base: base)
            var leftovers = resolve(cell, to: queue, isFresh: isFresh)
            let new = resolutions[cell.id] ?? Resolution(cell, to: queue, after: nil)
            return (lease(cell, new, made, &leftovers), leftovers)
        } catch {
            return (.failed(error), Leftovers())
        }
    }

    /// What is known of a mapping; `nil` where it has to be resolved.
    private func known(
        _ cell: CellMapping, isFresh: Bool, includingDisabled: Bool
    ) throws(CellError) -> Resolution? {
        guard let known = resolutions[cell.id], known.stands(for: cell, isFresh: isFresh) else { return nil }
        // What has just been looked up is newer than what was wrong before.
        if isFresh { return known.standing == .inUse && known.fault == nil ? known : nil }
        switch known.standing {
        case .inUse: break
        // The mapping is an old one.
        case .deleted: throw .unknownCell(cell.id)
        case .disabled: if !includingDisabled { throw .disabled(cell) }
        }
        if let fault = known.fault { throw fault }
        return known
    }

    private mutating func lease(
        _ cell: CellMapping, _ resolution: Resolution, _ made: CellConnection?, _ leftovers: inout Leftovers
    ) -> Finding {
        let title = resolution.title
        guard case .url(let url) = resolution.queue else {
            let reason = "it has no message queue (none://)"
            return .lease(Lease(target: .none(cell: MQCell(cell.id, title: title), reason: reason), connection: nil))
        }
        if let id = resolution.connectionID ?? ids[url], let connection = entries.index(forKey: id) {
            if resolution.connectionID == nil { attach(cell.id, to: id) }
            return use(connection, for: cell, title)
        }
        if let refusal = refusals[url] {
            if refusal.until > .now { return .failed(.refused(cell, refusal.error)) }
            refusals[url] = nil
        }
        guard let made, made.url == url else { return .missing(url, title: title) }
        let (hasRoom, displaced) = makeRoom()
        guard hasRoom else { return .failed(.exhausted(cell, maximumCount)) }
        leftovers.displaced = displaced
        add(made, for: cell.id, now: .now)
        guard let connection = entries.index(forKey: made.id) else { return .missing(url, title: title) }
        return use(connection, for: cell, title)
    }

    private mutating func use(
        _ place: Dictionary<UInt64, Entry>.Index, for cell: CellMapping, _ title: String
    ) -> Finding {
        let (connection, silence) = entries.values[place].beginUse()
        if let silence { return .failed(.silent(cell, silence)) }
        return .lease(
            Lease(target: .cell(connection.messageQueue, name: MQCell(cell.id, title: title)), connection: connection))
    }

    /// Whether there is room for one more connection; where there is not, the connection that has been idle longest gives it up and
    /// is to be closed.
    private mutating func makeRoom() -> (hasRoom: Bool, closing: CellConnection?) {
        guard entries.count >= maximumCount else { return (true, nil) }
        noteUse()
        let now = Instant.now
        let idlest = entries.values.filter(\.isIdle).min { ($0.idleSince ?? now) < ($1.idleSince ?? now) }
        guard let idlest else { return (false, nil) }
        return (true, remove(idlest.connection.id))
    }

    /// Adds a connection that nobody uses yet.
    private mutating func add(_ connection: CellConnection, for cell: CellID, now: Instant) {
        entries[connection.id] = Entry(connection: connection, madeAt: now)
        ids[connection.url] = connection.id
        attach(cell, to: connection.id)
    }

    /// Counts one user less. Returns the connection when it is to be closed.
    mutating func release(_ connection: CellConnection) -> CellConnection? {
        guard let place = entries.index(forKey: connection.id), entries.values[place].endUse() else { return nil }
        return remove(connection.id)
    }

    /// The connection that a cell is on now.
    func connection(of cell: CellID) -> CellConnection? {
        resolutions[cell]?.connectionID.flatMap { entries[$0]?.connection }
    }

    // MARK: Following the mappings

    /// The cells that have been aimed at, and whether the directory had them.
    var cells: [CellID: Resolution] { resolutions }

    /// The resolution of a mapping, where it is known.
    func resolution(of cell: CellMapping) -> Resolution? {
        resolutions[cell.id].flatMap { $0.stored == cell.transportURL && $0.name == cell.name ? $0 : nil }
    }

    /// Takes note of what a cell is mapped to now. The connection that it was on before drains, unless others are on
    /// it.
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
            new.connectionID = old.connectionID
            leftovers = Leftovers()
        } else {
            leftovers = detach(cell.id)
        }
        resolutions[cell.id] = new
        return leftovers
    }

    /// Takes note that a cell is not to be used any more. Its connection drains, unless others are on it.
    mutating func retire(_ cell: CellID, _ standing: Resolution.Standing) -> Leftovers {
        resolutions[cell]?.standing = standing
        return detach(cell)
    }

    /// Takes note that what a cell is mapped to now cannot be used. Its connection drains, unless others are on it.
    mutating func fail(_ cell: CellMapping, _ error: CellError) -> Leftovers {
        let leftovers = detach(cell.id)
        var new = Resolution(cell, to: .none, after: resolutions[cell.id])
        new.fault = error
        resolutions[cell.id] = new
        return leftovers
    }

    /// Takes note that a cell's mapping cannot be read. Its connection drains, unless others are on it.
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

    /// Removes the connections that have been idle too long, and those that have drained; they are to be closed.
    mutating func tick(now: Instant) -> [(connection: CellConnection, reason: CellConnectionEvent.Closing)] {
        refusals = refusals.filter { $0.value.until > now }
        noteUse()
        var expired: [(CellConnection, CellConnectionEvent.Closing)] = []
        for (id, entry) in entries where entry.isIdle {
            if entry.isDraining {
                expired.append((entry.connection, .drained))
            } else if let since = entry.idleSince ?? mark(id, now), since + idleLifetime <= now {
                expired.append((entry.connection, .idle))
            }
        }
        for (connection, _) in expired { _ = remove(connection.id) }
        if resolutions.count > 4 * maximumCount { resolutions = resolutions.filter { $0.value.connectionID != nil } }
        return expired
    }

    /// Forgets a connection that has ended by itself; its queue is not tried again until `pause` is over.
    mutating func end(_ connection: CellConnection, error: (any Error)?, pause: Duration, now: Instant) {
        _ = remove(connection.id)
        if let error { refusals[connection.url] = Refusal(error: error, at: now, until: now + pause) }
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

    /// A connection that something was sent through is not idle, also where only plain copies of contexts refer to it.
    private mutating func noteUse() {
        for (id, entry) in entries where entry.connection.health.takeUse() { entries[id]?.idleSince = nil }
    }

    private mutating func attach(_ cell: CellID, to id: UInt64) {
        entries[id]?.cells.insert(cell)
        resolutions[cell]?.connectionID = id
    }

    private mutating func detach(_ cell: CellID) -> Leftovers {
        guard let id = resolutions[cell]?.connectionID else { return Leftovers() }
        resolutions[cell]?.connectionID = nil
        entries[id]?.cells.remove(cell)
        guard let entry = entries[id], entry.isDraining else { return Leftovers() }
        guard entry.isIdle else { return Leftovers(draining: [entry.connection]) }
        return Leftovers(closing: [remove(id)].compactMap(\.self), draining: [entry.connection])
    }

    @discardableResult
    private mutating func remove(_ id: UInt64) -> CellConnection? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if ids[entry.connection.url] == id { ids[entry.connection.url] = nil }
        for cell in entry.cells where resolutions[cell]?.connectionID == id { resolutions[cell]?.connectionID = nil }
        return entry.connection
    }
}
