internal import Glibc
package import SwitchboardCore

/// A system call on a file that failed.
package struct FileError: Error, CustomStringConvertible {
    /// What was tried, with the path.
    package var operation: String
    /// The system's error number.
    package var number: CInt

    package init(_ operation: String, _ number: CInt) {
        self.operation = operation
        self.number = number
    }

    package var description: String {
        // The system's text for what we found out by ourselves would only puzzle.
        isOutOfPlace ? operation : "\(operation): \(String(cString: strerror(number))) (error \(number))"
    }

    package var isNotFound: Bool { number == ENOENT }
    package var exists: Bool { number == EEXIST || number == ENOTEMPTY }
    package var isDiskFull: Bool { number == ENOSPC || number == EDQUOT }
    package var isDeviceError: Bool { number == EIO }
    package var isHeldElsewhere: Bool { number == EWOULDBLOCK || number == EACCES }
    /// Whether what is held open is not what its path names any more.
    package var isOutOfPlace: Bool { number == ESTALE }
    /// Whether a want of this process or system is in the way, and not the file.
    package var isOurWant: Bool { [EMFILE, ENFILE, ENOMEM].contains(number) }
    package var isRefusal: Bool { [EACCES, EPERM, EROFS, ELOOP, ENOTDIR, ENAMETOOLONG].contains(number) }

    /// The error for callers; `what` says what could not be done.
    ///
    /// - Parameter directory: whose file system is asked what it lacks, when it is full.
    package func transportError(_ what: String, at directory: String? = nil) -> TransportError {
        let code: TransportError.Code =
            if isDiskFull { .exhausted } else if isRefusal { .refused } else { .unavailable }
        let advice = advice(directory)
        let hint = advice.isEmpty ? "" : " \(advice)"
        return TransportError(code, "\(what): \(self).\(hint)", cause: self)
    }

    /// What to do about it: for this number, and no other.
    private func advice(_ directory: String?) -> String {
        switch number {
        case ENOSPC:
            directory.flatMap { FreeSpace(path: $0)?.shortage } ?? "The disk is full: make room, or drain the spool."
        case EDQUOT: "The disk quota of this user is used up: make room, or have the quota raised."
        case EMFILE: "This process has no file descriptors left: raise its limit (ulimit -n)."
        case ENFILE: "The system has no file handles left: raise fs.file-max, or end what holds them."
        case ENOMEM: "The system is short of memory."
        case EROFS: "The file system is mounted read-only: mount it for writing, or use another directory."
        case ENAMETOOLONG: "The name is too long for the file system: use a shorter one."
        case EACCES, EPERM: "Check the owner and the permissions of that path."
        case ENOTDIR: "A part of that path is not a directory."
        case ELOOP: "That path is a symbolic link, or leads through too many of them: name the directory itself."
        case EIO: "The disk failed: look into the system's log."
        default: ""
        }
    }
}

/// What a file system has left.
package struct FreeSpace: Sendable {
    package let bytes: UInt64
    /// `nil` where the file system has no fixed number of them.
    package let inodes: UInt64?

    init(_ status: statvfs) {
        bytes = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue
        inodes = status.f_files > 0 ? UInt64(status.f_favail) : nil
    }

    /// Of the file system of `path`, or of what is there of it. `nil` when the system does not tell.
    init?(path: String) {
        var path = path
        var status = statvfs()
        while statvfs(path, &status) != 0 {
            guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return nil }
            path = String(path[..<slash])
        }
        self.init(status)
    }

    /// Why nothing can be written, in a sentence with what to do.
    var shortage: String {
        if let inodes, inodes == 0 {
            return
                "No inodes are left on its file system (\(bytes) bytes are free): remove files there, or make one with "
                + "more inodes."
        }
        if bytes < 1 << 20 { return "The disk is full (\(bytes) bytes are free): make room, or drain the spool." }
        let count = inodes.map { " and \($0) inodes" } ?? ""
        return
            "Its file system has \(bytes) bytes\(count) free: a limit of the directory or of the system may be reached."
    }
}
