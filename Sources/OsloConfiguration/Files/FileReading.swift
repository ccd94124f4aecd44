#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads files and lists directories, with errors that say what to do, and without waiting for ever.
enum FileReading {
    /// How long a pipe or another file that isn't a plain one may take, in milliseconds.
    private static let patience: CInt = 10_000

    static func bytes(_ path: String) throws(OsloConfigurationError) -> [UInt8] {
        // So that a pipe that nobody writes to doesn't hold us up.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw OsloConfigurationError(
                .unreadable, "It is a directory. Name a file in it, or read it as a directory (--config-dir).", path)
        }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        var waits = 0
        while bytes.count <= OsloConfigurationFile.maximumSize {
            let count = block.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes += block[..<count]
            } else if count == 0 {
                return bytes
            } else if errno == EAGAIN, waits < 1000 {
                waits += 1
                var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&wanted, 1, patience) != 0 else {
                    throw OsloConfigurationError(.unreadable, "Nothing came from it within 10 seconds.", path)
                }
            } else if errno != EINTR {
                throw failure(path, errno)
            }
        }
        // One byte too many, which the parser refuses.
        return bytes
    }

    /// The names in a directory, without those that begin with a dot.
    static func names(in path: String) throws(OsloConfigurationError) -> [String] {
        guard let directory = opendir(path) else { throw failure(path, errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func failure(_ path: String, _ code: CInt) -> OsloConfigurationError {
        switch code {
        case ENOENT, ENOTDIR:
            OsloConfigurationError(.notFound, "There is no such file or directory. Check the path.", path)
        case EACCES:
            OsloConfigurationError(
                .unreadable, "You may not read it. Run this as a user who may, or change its permissions.", path)
        default: OsloConfigurationError(.unreadable, "It can't be read: \(String(cString: strerror(code))).", path)
        }
    }
}
