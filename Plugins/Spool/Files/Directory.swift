package import Glibc

/// A directory held open, and the file operations inside it.
///
/// The descriptor is closed with the last reference: claims, publishes and subscriptions share it across threads, and
/// nothing observable depends on when that happens.
package final class Directory: Sendable {
    package let descriptor: CInt
    /// As it was when it was opened, absolute.
    package let path: String
    package let operations: any FileOperations

    package init(descriptor: CInt, path: String, operations: any FileOperations) {
        self.descriptor = descriptor
        self.path = path
        self.operations = operations
    }

    deinit {
        _ = operations.close(descriptor)
    }

    /// Opens a directory, never through a symbolic link.
    package static func open(
        _ path: String, operations: any FileOperations
    ) throws(FileError) -> Directory {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        let descriptor = try operations.open(AT_FDCWD, path, flags: flags, mode: 0).checked("open \(path)")
        return Directory(descriptor: descriptor, path: path, operations: operations)
    }

    /// Where it should be, as long as nobody removes, renames or replaces what leads there.
    package func place() throws(FileError) -> HeldPath {
        HeldPath(path, FileIdentity(try status()), operations: operations)
    }

    /// Opens a directory inside this one, never through a symbolic link.
    package func directory(_ name: String) throws(FileError) -> Directory {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        let opened = try operations.open(descriptor, name, flags: flags, mode: 0).checked("open \(path)/\(name)")
        return Directory(descriptor: opened, path: "\(path)/\(name)", operations: operations)
    }

    /// Makes a directory of mode 0700 where there is none. Whether it made it.
    @discardableResult
    package func makeDirectory(_ name: String) throws(FileError) -> Bool {
        let result = operations.makeDirectory(descriptor, name, mode: 0o700)
        if result == -EEXIST { return false }
        try result.checked("mkdir \(path)/\(name)")
        return true
    }

    package func file(_ name: String, flags: CInt, mode: mode_t = 0o600) throws(FileError) -> OpenFile {
        let opened = try operations.open(descriptor, name, flags: flags | O_NOFOLLOW | O_NONBLOCK, mode: mode)
            .checked("open \(path)/\(name)")
        return OpenFile(descriptor: opened, directory: path, name: name, operations: operations)
    }

    package func rename(_ name: String, to target: Directory, as newName: String) throws(FileError) {
        try operations.rename(descriptor, name, to: target.descriptor, newName)
            .checked("rename \(path)/\(name) to \(target.path)/\(newName)")
    }

    package func link(_ name: String, to target: Directory, as newName: String) throws(FileError) {
        try operations.link(descriptor, name, to: target.descriptor, newName)
            .checked("link \(path)/\(name) to \(target.path)/\(newName)")
    }

    package func unlink(_ name: String) throws(FileError) {
        try operations.unlink(descriptor, name, isDirectory: false).checked("unlink \(path)/\(name)")
    }

    package func removeDirectory(_ name: String) throws(FileError) {
        try operations.unlink(descriptor, name, isDirectory: true).checked("rmdir \(path)/\(name)")
    }

    package func synchronize() throws(FileError) {
        try operations.synchronize(descriptor, dataOnly: false).checked("fsync \(path)")
    }

    package func status(_ name: String = "") throws(FileError) -> stat {
        var result = stat()
        try operations.status(descriptor, name, &result).checked("stat \(path)/\(name)")
        return result
    }

    package func contains(_ name: String) throws(FileError) -> Bool {
        do throws(FileError) {
            _ = try status(name)
            return true
        } catch  where error.isNotFound || error.number == ENOTDIR {
            return false
        }
    }

    /// Calls `body` with every name but `.` and `..`, in the directory's order.
    package func forEachName(_ body: (String) -> Void) throws(FileError) {
        try forEachEntry { body(String(decoding: $0, as: UTF8.self)) }
    }

    /// The same without making strings: the bytes are valid during the call.
    package func forEachEntry(_ body: (UnsafeRawBufferPointer) -> Void) throws(FileError) {
        // An own open file description: the position in a directory belongs to that, and threads share this one.
        let flags = O_RDONLY | O_DIRECTORY
        let opened = try operations.open(descriptor, ".", flags: flags, mode: 0).checked("open \(path)")
        guard let stream = fdopendir(opened) else {
            let number = errno
            _ = operations.close(opened)
            throw FileError("read \(path)", number)
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileError("read \(path)", errno) }
                return
            }
            withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                let name = UnsafeRawBufferPointer(rebasing: bytes.prefix { $0 != 0 })
                let isSelfOrParent = name.count <= 2 && name.allSatisfy { $0 == UInt8(ascii: ".") }
                if !isSelfOrParent { body(name) }
            }
        }
    }

    package func names() throws(FileError) -> [String] {
        var names: [String] = []
        try forEachName { names.append($0) }
        return names
    }

    /// The whole of a regular file; at most `limit` bytes.
    package func contents(of name: String, limit: Int) throws(FileError) -> [UInt8] {
        let file = try file(name, flags: O_RDONLY)
        defer { file.closeQuietly() }
        return try file.contents(limit: limit)
    }

    /// The same for a file that is said to have `size` bytes: when it is small and that is true, without asking for its
    /// status.
    package func contents(of name: String, size: Int, limit: Int) throws(FileError) -> [UInt8] {
        let file = try file(name, flags: O_RDONLY)
        defer { file.closeQuietly() }
        if size < 64 * 1024, size <= limit {
            let bytes = try file.read(size + 1, at: 0)
            if bytes.count == size { return bytes }
        }
        return try file.contents(limit: limit)
    }

    /// Writes a small file whole, or not at all: under a temporary name, then by a rename that replaces.
    package func replace(
        _ name: String, with bytes: [UInt8], through temporary: Directory, temporaryName: String, durable: Bool
    ) throws(FileError) {
        try temporary.write(temporaryName, bytes, durable: durable)
        do throws(FileError) {
            try temporary.rename(temporaryName, to: self, as: name)
        } catch {
            try? temporary.unlink(temporaryName)
            throw error
        }
        if durable { try synchronize() }
    }

    /// Writes a new file (EEXIST when there is one); unlinks it again when that fails.
    package func write(_ name: String, _ bytes: [UInt8], durable: Bool) throws(FileError) {
        let file = try file(name, flags: O_WRONLY | O_CREAT | O_EXCL)
        do throws(FileError) {
            try file.write(bytes, at: 0)
            if durable { try file.synchronize(dataOnly: false) }
        } catch {
            // After a failed fsync the pages count as clean and a second fsync would lie: the file is given up.
            file.closeQuietly()
            try? unlink(name)
            throw error
        }
        do throws(FileError) {
            try file.close()
        } catch {
            try? unlink(name)
            throw error
        }
    }
}

/// An open file. Whoever opened it closes it, once.
package struct OpenFile: Sendable {
    package let descriptor: CInt
    /// The path of its directory, and its name there.
    let directory: String
    let name: String
    package let operations: any FileOperations

    /// For errors, mostly: not made for each file.
    package var path: String { "\(directory)/\(name)" }

    package func close() throws(FileError) {
        try operations.close(descriptor).checked("close \(path)")
    }

    package func closeQuietly() {
        _ = operations.close(descriptor)
    }

    package func synchronize(dataOnly: Bool) throws(FileError) {
        try operations.synchronize(descriptor, dataOnly: dataOnly)
            .checked("\(dataOnly ? "fdatasync" : "fsync") \(path)")
    }

    package func write(_ bytes: [UInt8], at start: Int) throws(FileError) {
        let failure: FileError? = bytes.withUnsafeBytes { buffer in
            do throws(FileError) {
                try write(buffer, at: start)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at start: Int) throws(FileError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
            let count = operations.write(descriptor, rest, at: start + done)
            if count < 0 { throw FileError("write \(path)", CInt(-count)) }
            if count == 0 { throw FileError("write \(path)", EIO) }
            done += count
        }
    }

    package func status() throws(FileError) -> stat {
        var result = stat()
        try operations.status(descriptor, "", &result).checked("stat \(path)")
        return result
    }

    /// Up to `count` bytes from `start`: fewer at the end of the file.
    package func read(_ count: Int, at start: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let result = operations.read(descriptor, rest, at: start + filled)
                if result < 0 { failure = FileError("read \(path)", CInt(-result)) }
                if result <= 0 { return }
                filled += result
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole of a regular file; EFBIG when it is longer than `limit`, EINVAL when it is something else.
    package func contents(limit: Int) throws(FileError) -> [UInt8] {
        let status = try status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileError("read \(path), no regular file", EINVAL) }
        guard status.st_size <= limit else { throw FileError("read \(path)", EFBIG) }
        return try read(Int(status.st_size), at: 0)
    }
}

extension CInt {
    /// Turns `-errno` into a thrown error.
    @discardableResult
    package func checked(_ operation: @autoclosure () -> String) throws(FileError) -> CInt {
        if self < 0 { throw FileError(operation(), -self) }
        return self
    }
}
