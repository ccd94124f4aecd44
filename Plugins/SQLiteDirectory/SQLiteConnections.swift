internal import GRDB
internal import Logging
internal import SwitchboardCells
internal import SwitchboardCore

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

    /// For single rows. Never waits for a lock: whoever meets one goes to ``scans``.
    let lookups: DatabaseQueue
    /// For listings and counts, and for look-ups that met a lock.
    let scans: DatabaseQueue
    /// For noticing changes; `PRAGMA data_version` compares with the same connection's earlier answers only.
    let watch: DatabaseQueue

    private let busyTimeout: Duration
    private let writerIfOpen = Locked<DatabaseQueue?>(nil)

    /// Opens a file that exists and checks that it is a directory.
    init(path: String, busyTimeout: Duration) throws(CellError) {
        self.path = path
        self.busyTimeout = busyTimeout
        identity = try FileIdentity(path: path)
        do {
            scans = try Self.connect(path, as: "scans", readonly: true, busyTimeout: busyTimeout)
            if let defect = try scans.read(NovaSchema.defect(of:)) {
                throw CellError(
                    .directoryInvalid,
                    "The database \(path) is no directory of cells: it \(defect). Give the file of Nova's API database, "
                        + "or let one be created in a new file.")
            }
            lookups = try Self.connect(path, as: "lookups", readonly: true, busyTimeout: .zero)
            watch = try Self.connect(path, as: "watch", readonly: true, busyTimeout: busyTimeout)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// The connection for writing, opened when first needed.
    func writer() throws -> DatabaseQueue {
        if let writer = writerIfOpen.withLock({ $0 }) { return writer }
        let opened = try Self.connect(path, as: "writes", readonly: false, busyTimeout: busyTimeout)
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
            let queue = try connect(path, as: "create", readonly: false, busyTimeout: busyTimeout)
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
        _ path: String, as label: String, readonly: Bool, busyTimeout: Duration
    ) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "switchboard.directory.\(label)"
        configuration.readonly = readonly
        configuration.busyMode = busyTimeout == .zero ? .immediateError : .timeout(busyTimeout / .seconds(1))
        configuration.maximumReaderCount = 1
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}

/// Which file a path stands for at the moment.
struct FileIdentity: Equatable {
    private let device: UInt64
    private let inode: UInt64

    init(path: String) throws(CellError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let reason = String(cString: strerror(errno))
            throw CellError(
                .directoryUnavailable,
                "There is no cell directory at \(path) (\(reason)). Check the path, or let one be made there.")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CellError(.directoryUnavailable, "\(path) is no file, so no SQLite database.")
        }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
