internal import SwitchboardCells

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Which file a path stands for at the moment.
struct FileIdentity: Hashable {
    private let device: UInt64
    private let inode: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    init(path: String) throws(CellError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let number = errno
            throw CellError(
                .directoryUnavailable,
                "There is no cell directory at \(path) (\(SystemError(number).text)). \(SystemError(number).advice)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CellError(.directoryUnavailable, "\(path) is no file, so no SQLite database.")
        }
        self.init(status)
    }
}

/// What a file is like at the moment: it differs after every change of its content.
struct FileStamp: Hashable {
    let identity: FileIdentity
    let size: Int64
    private let seconds: Int64
    private let nanoseconds: Int64

    /// `nil` when there is none.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        identity = FileIdentity(status)
        size = Int64(status.st_size)
        #if canImport(Darwin)
            seconds = Int64(status.st_mtimespec.tv_sec)
            nanoseconds = Int64(status.st_mtimespec.tv_nsec)
        #else
            seconds = Int64(status.st_mtim.tv_sec)
            nanoseconds = Int64(status.st_mtim.tv_nsec)
        #endif
    }
}

/// A number of the system's, with its text and what helps against it.
struct SystemError: CustomStringConvertible {
    let number: CInt

    init(_ number: CInt) {
        self.number = number
    }

    var text: String { String(cString: strerror(number)) }
    var description: String { "\(text) (error \(number))" }

    var advice: String {
        switch number {
        case ENOENT: "Check the path, or let one be made there."
        case EACCES, EPERM: "Check the owner and the permissions of the file and of the folders before it."
        case ENOTDIR: "A part of the path is not a folder."
        case ELOOP: "The path leads through too many symbolic links."
        case ENAMETOOLONG: "The path is too long for the system."
        case EMFILE: "This process has no file descriptors left: raise its limit (ulimit -n)."
        case ENFILE: "The system has no file handles left: raise fs.file-max, or end what holds them."
        case EROFS: "The file system is mounted read-only."
        case ENOSPC: "The disk is full, or has no inodes left: make room."
        case EDQUOT: "The disk quota of this user is used up: make room, or have the quota raised."
        case EIO: "The disk failed: look into the system's log."
        default: "Look into the system's log."
        }
    }

    /// What keeps a database from being opened, as far as the system says so when asked again. `nil`: nothing does now.
    static func obstacle(to path: String, writing: Bool) -> SystemError? {
        if access(path, writing ? R_OK | W_OK : R_OK) != 0 { return SystemError(errno) }
        // SQLite needs some at a time. Never the database's own: closing one of those drops all its locks.
        var descriptors: [CInt] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        for _ in 0..<8 {
            let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
            if descriptor < 0 { return SystemError(errno) }
            descriptors.append(descriptor)
        }
        return nil
    }

    /// Whether files can be made beside `path`; the number when not.
    static func folderObstacle(of path: String) -> SystemError? {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return access(folder, W_OK) == 0 ? nil : SystemError(errno)
    }
}
