internal import Glibc
internal import SwitchboardCore

extension SpoolStore {
    /// How many files it must be possible to make when publishing no longer is.
    private static let reservedInodes: UInt64 = 64

    /// Checks that there is enough of the disk left, so that settling works when publishing no longer does.
    func checkSpace(for size: Int) throws(TransportError) {
        let now = ContinuousClock.now
        if allowance.withLock({ $0.take(UInt64(size), at: now) }) { return }
        var status = statvfs()
        guard operations.freeSpace(root.descriptor, &status) == 0 else { return }
        let free = FreeSpace(status)
        let needed = UInt64(configuration.reservedBytes) + UInt64(size)
        if free.bytes < needed {
            throw TransportError(
                .exhausted,
                "The disk of the spool \(configuration.directory) is full: \(free.bytes) bytes are free and "
                    + "\(configuration.reservedBytes) are reserved for settling. Make room, or drain the spool.")
        }
        if let inodes = free.inodes, inodes < Self.reservedInodes {
            throw TransportError(
                .exhausted,
                "The file system of the spool \(configuration.directory) has too few inodes left: \(inodes) of "
                    + "\(status.f_files), and \(Self.reservedInodes) are reserved for settling (\(free.bytes) bytes are "
                    + "free). Remove files there, drain the spool, or use a file system with more inodes.")
        }
        let files = (free.inodes ?? .max) - Self.reservedInodes
        allowance.withLock { $0.renew(bytes: free.bytes - needed, files: files, at: now) }
    }
}
