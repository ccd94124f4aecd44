#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension NotificationRoutingRules {
    /// The most that a file of rules has, in bytes.
    private static let maximumFileSize = 1024 * 1024

    /// Reads the rules of a file; waits for the disk. Throws ``NotificationError/Code/invalidRules``.
    public init(file path: String) throws(NotificationError) {
        guard let file = fopen(path, "rbe") else {
            let reason = String(cString: strerror(errno))
            throw NotificationError(.invalidRules, "The routing rules in \(path) cannot be opened: \(reason).")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.maximumFileSize + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw NotificationError(.invalidRules, "The routing rules in \(path) cannot be read.")
        }
        guard count <= Self.maximumFileSize else {
            throw NotificationError(
                .invalidRules, "The routing rules in \(path) have more than \(Self.maximumFileSize) bytes.")
        }
        do {
            try self.init(parsing: String(decoding: bytes[..<count], as: UTF8.self))
        } catch {
            throw NotificationError(.invalidRules, "\(path): \(error.message)")
        }
    }
}
