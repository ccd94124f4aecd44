package import Glibc

/// The system calls that the spool makes on files: a seam, so that tests inject errors and crashes at every one of them.
///
/// Results follow the kernel: zero or more on success, `-errno` on failure. An interrupted call (EINTR) is repeated
/// inside. Directories are named by held descriptors, never by absolute paths.
package protocol FileOperations: Sendable {
    func open(_ directory: CInt, _ path: String, flags: CInt, mode: mode_t) -> CInt
    func close(_ descriptor: CInt) -> CInt
    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int
    func read(_ descriptor: CInt, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> Int
    /// `fsync`, or `fdatasync` with `dataOnly`.
    func synchronize(_ descriptor: CInt, dataOnly: Bool) -> CInt
    func rename(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt
    func link(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt
    func unlink(_ directory: CInt, _ name: String, isDirectory: Bool) -> CInt
    func makeDirectory(_ directory: CInt, _ name: String, mode: mode_t) -> CInt
    func truncate(_ descriptor: CInt, to length: Int) -> CInt
    func allocate(_ descriptor: CInt, length: Int) -> CInt
    /// `fstatat` without following a symbolic link; of the descriptor itself when `path` is empty.
    func status(_ directory: CInt, _ path: String, _ status: inout stat) -> CInt
    func freeSpace(_ descriptor: CInt, _ status: inout statvfs) -> CInt
    /// `flock(LOCK_EX | LOCK_NB)`: belongs to the open file, so it goes with the process.
    func lockWhole(_ descriptor: CInt) -> CInt
    /// A lock of one byte of an open file description (`F_OFD_SETLK`), or its release.
    func lockByte(_ descriptor: CInt, at offset: Int, locked: Bool) -> CInt
    /// Whether another open file description has that lock (`F_OFD_GETLK`): 1, or 0. Takes nothing, so it disturbs nobody.
    func testByte(_ descriptor: CInt, at offset: Int) -> CInt
}

/// The real system calls.
package struct SystemFileOperations: FileOperations {
    package init() {}

    package func open(_ directory: CInt, _ path: String, flags: CInt, mode: mode_t) -> CInt {
        repeating { openat(directory, path, flags | O_CLOEXEC, mode) }
    }

    package func close(_ descriptor: CInt) -> CInt {
        // Not repeated after EINTR: Linux has released the descriptor by then.
        Glibc.close(descriptor) == 0 || errno == EINTR ? 0 : -errno
    }

    package func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        repeating { pwrite(descriptor, bytes.baseAddress, bytes.count, offset) }
    }

    package func read(_ descriptor: CInt, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        repeating { pread(descriptor, bytes.baseAddress, bytes.count, offset) }
    }

    package func synchronize(_ descriptor: CInt, dataOnly: Bool) -> CInt {
        repeating { dataOnly ? fdatasync(descriptor) : fsync(descriptor) }
    }

    package func rename(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt {
        repeating { renameat(directory, name, target, newName) }
    }

    package func link(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt {
        repeating { linkat(directory, name, target, newName, 0) }
    }

    package func unlink(_ directory: CInt, _ name: String, isDirectory: Bool) -> CInt {
        repeating { unlinkat(directory, name, isDirectory ? AT_REMOVEDIR : 0) }
    }

    package func makeDirectory(_ directory: CInt, _ name: String, mode: mode_t) -> CInt {
        repeating { mkdirat(directory, name, mode) }
    }

    package func truncate(_ descriptor: CInt, to length: Int) -> CInt {
        repeating { ftruncate(descriptor, length) }
    }

    package func allocate(_ descriptor: CInt, length: Int) -> CInt {
        // The one call that returns its error instead of setting errno.
        -posix_fallocate(descriptor, 0, length)
    }

    package func status(_ directory: CInt, _ path: String, _ status: inout stat) -> CInt {
        repeating {
            path.isEmpty ? fstat(directory, &status) : fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW)
        }
    }

    package func freeSpace(_ descriptor: CInt, _ status: inout statvfs) -> CInt {
        repeating { fstatvfs(descriptor, &status) }
    }

    package func lockWhole(_ descriptor: CInt) -> CInt {
        repeating { flock(descriptor, LOCK_EX | LOCK_NB) }
    }

    package func lockByte(_ descriptor: CInt, at offset: Int, locked: Bool) -> CInt {
        var range = byteRange(offset, locked ? F_WRLCK : F_UNLCK)
        return repeating { fcntl(descriptor, Self.setOpenFileLock, &range) }
    }

    package func testByte(_ descriptor: CInt, at offset: Int) -> CInt {
        var range = byteRange(offset, F_WRLCK)
        let result: CInt = repeating { fcntl(descriptor, Self.getOpenFileLock, &range) }
        if result < 0 { return result }
        return range.l_type == Int16(F_UNLCK) ? 0 : 1
    }

    // F_OFD_GETLK and F_OFD_SETLK of <fcntl.h>, which Swift's Glibc module does not show (they need _GNU_SOURCE).
    private static let getOpenFileLock: CInt = 36
    private static let setOpenFileLock: CInt = 37

    private func byteRange(_ offset: Int, _ type: CInt) -> flock {
        var range = flock()
        range.l_type = Int16(type)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = offset
        range.l_len = 1
        return range
    }

    private func repeating<Result: FixedWidthInteger & SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 { return result }
            if errno != EINTR { return Result(-errno) }
        }
    }
}
