internal import GRDB
internal import Logging
internal import SwitchboardCells
internal import SwitchboardCore
internal import SwitchboardSQL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The connections to one file, each for one purpose, so that a long listing holds up no look-up.
///
/// Not a `DatabasePool`: that one switches a file to write-ahead logging when it opens it, and the file may be Nova's.
final class SQLiteConnections: Sendable {
    let path: String
    let identity: FileIdentity

    /// Set where the file is read as it is, without locks and without a log: nothing can be written beside it, or what lies
    /// beside it belongs to another file. Then it must not change while it is read.
    private let snapshot: Snapshot?
    /// The log that SQLite has beside the file.
    private let log: FileIdentity?

    private struct Snapshot: Equatable {
        let file: FileStamp?
        let log: FileStamp?
        /// Why it cannot be written either.
        let reason: String

        init(_ path: String, _ reason: String) {
            file = FileStamp(path: path)
            log = FileStamp(path: path + "-wal")
            self.reason = reason
        }
    }

    /// For single rows. Never waits for a lock: whoever meets one goes to ``scans``.
    let lookups: DatabaseQueue
    /// For listings and counts, and for look-ups that met a lock.
    let scans: DatabaseQueue
    /// For noticing changes; `PRAGMA data_version` compares with the same connection's earlier answers only.
    let watch: DatabaseQueue

    private let busyTimeout: Duration
    private let writerIfOpen = Locked<DatabaseQueue?>(nil)

    /// Opens a file that exists and checks that it is a directory.
    ///
    /// - Parameter old: the connections to the file that was there before.
    init(path: String, busyTimeout: Duration, replacing old: SQLiteConnections? = nil) throws(CellError) {
        self.path = path
        self.busyTimeout = busyTimeout
        let current = try FileIdentity(path: path)
        identity = current
        do {
            let foreignLog = old.flatMap { $0.identity == current ? $0.foreignLog : $0.log ?? $0.foreignLog }
            let reason = try Self.snapshotReason(path, busyTimeout: busyTimeout, foreignLog: foreignLog)
            snapshot = reason.map { Snapshot(path, $0) }
            self.foreignLog = foreignLog
            let isSnapshot = reason != nil
            scans = try Self.connect(
                path, as: "scans", readonly: true, isSnapshot: isSnapshot, busyTimeout: busyTimeout)
            if let defect = try scans.read(NovaSchema.defect(of:)) {
                throw CellError(
                    .directoryInvalid,
                    "The database \(path) is no directory of cells: it \(defect). Give the file of Nova's API database, "
                        + "or let one be created in a new file.")
            }
            lookups = try Self.connect(
                path, as: "lookups", readonly: true, isSnapshot: isSnapshot, busyTimeout: .zero)
            watch = try Self.connect(
                path, as: "watch", readonly: true, isSnapshot: isSnapshot, busyTimeout: busyTimeout)
            // It is there from the first reading on, as long as somebody has the file open.
            log = isSnapshot ? nil : FileStamp(path: path + "-wal")?.identity
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// The log of a file that was here before, when it may still lie beside this one. SQLite would take it for this one's.
    private let foreignLog: FileIdentity?

    /// Why the file has to be read as it is; `nil` when it can be opened as usual.
    private static func snapshotReason(
        _ path: String, busyTimeout: Duration, foreignLog: FileIdentity?
    ) throws -> String? {
        let log = FileStamp(path: path + "-wal")
        if let log, log.identity == foreignLog, log.size > 0 {
            return
                "\(path) took the place of another file, whose write-ahead log \(path)-wal still lies beside it; SQLite "
                + "would mix the two. Move \(path)-wal and \(path)-shm away"
        }
        do {
            let probe = try connect(path, as: "probe", readonly: true, isSnapshot: false, busyTimeout: busyTimeout)
            try probe.read { db in _ = try Row.fetchOne(db, sql: "SELECT 1 FROM sqlite_master") }
            return nil
        } catch let error as DatabaseError
            where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode)
            && SystemError.obstacle(to: path, writing: false) == nil
        {
            // A file with a write-ahead log needs one beside it to be read.
            guard let obstacle = SystemError.folderObstacle(of: path) else { throw error }
            if let log, log.size > 0 {
                throw CellError(
                    .directoryUnavailable,
                    "The directory \(path) has changes in its write-ahead log (\(path)-wal) that cannot be read where "
                        + "nothing can be written (\(obstacle)): where it can be written, run PRAGMA "
                        + "wal_checkpoint(TRUNCATE) on it.")
            }
            return "nothing can be written beside it: \(obstacle). \(obstacle.advice)"
        }
    }

    /// Whether the path still stands for what was opened, as it was.
    ///
    /// Throws when there is nothing any more.
    func isCurrent() throws(CellError) -> Bool {
        guard try FileIdentity(path: path) == identity else { return false }
        guard let snapshot else { return true }
        return snapshot == Snapshot(path, snapshot.reason)
    }

    /// Whether somebody may have changed the file while it was read.
    var mayHaveChanged: Bool {
        guard let snapshot else { return false }
        return snapshot != Snapshot(path, snapshot.reason)
    }

    /// The connection for writing, opened when first needed.
    func writer() throws -> DatabaseQueue {
        if let snapshot {
            throw CellError(.directoryReadOnly, "The directory \(path) cannot be written: \(snapshot.reason).")
        }
        if let writer = writerIfOpen.withLock({ $0 }) { return writer }
        let opened = try Self.connect(
            path, as: "writes", readonly: false, isSnapshot: false, busyTimeout: busyTimeout)
        return writerIfOpen.withLock { writer in
            // Another task may have been faster; then ours closes unused.
            if let writer { return writer }
            writer = opened
            return opened
        }
    }

    /// Makes a new file with an empty directory in it.
    ///
    /// With write-ahead logging: look-ups then never wait for writers. Nova's SQLite engine reads such files.
    static func create(path: String, busyTimeout: Duration) throws(CellError) {
        // There will be passwords in it.
        let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
        do {
            let queue = try connect(
                path, as: "create", readonly: false, isSnapshot: false, busyTimeout: busyTimeout)
            let isEmpty = try queue.read { db in
                try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
            }
            guard isEmpty else { return }
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                try db.inTransaction(.immediate) {
                    // Another process may have been faster.
                    if try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 {
                        try NovaSchema.create(in: db)
                    }
                    return .commit
                }
            }
            try queue.close()
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    private static func connect(
        _ path: String, as label: String, readonly: Bool, isSnapshot: Bool, busyTimeout: Duration
    ) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "switchboard.directory.\(label)"
        configuration.readonly = readonly
        configuration.busyMode = busyTimeout == .zero ? .immediateError : .timeout(busyTimeout / .seconds(1))
        configuration.maximumReaderCount = 1
        return try DatabaseQueue(path: isSnapshot ? snapshotURI(path) : path, configuration: configuration)
    }

    /// SQLite then takes no lock and looks for no log.
    private static func snapshotURI(_ path: String) -> String {
        var escaped = ""
        for character in path.unicodeScalars {
            switch character {
            case "%", "?", "#":
                escaped += "%" + String(character.value, radix: 16)
            default: escaped.unicodeScalars.append(character)
            }
        }
        return "file:\(escaped)?immutable=1"
    }
}
