#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes all of some bytes to a file descriptor, whatever kind of file it is, blocking or not.
struct DescriptorWriter {
    let descriptor: Int32

    /// What the kernel takes into a pipe at once when it says that there is room.
    private static let pieceSize = 4096

    /// Writes all bytes. Waits for room in pieces of 100 ms, and asks before each whether to give up.
    ///
    /// - Parameter givesUp: gets how long nothing was taken.
    func write(_ bytes: [UInt8], givesUp: (Duration) -> Bool) throws(OutputFailure) {
        var rest = bytes[...]
        var lastProgress = ContinuousClock.now
        var isUnsure = false
        while !rest.isEmpty {
            if isUnsure || !hasRoom(within: 0) {
                let idle = ContinuousClock.now - lastProgress
                if givesUp(idle) { throw OutputFailure(ETIMEDOUT) }
                // A file that says it has room, and takes nothing, is not asked without a pause.
                if isUnsure { usleep(10_000) }
                isUnsure = false
                guard hasRoom(within: 100) else { continue }
            }
            let count = rest.prefix(Self.pieceSize).withUnsafeBytes { piece in
                #if canImport(Glibc)
                    Glibc.write(descriptor, piece.baseAddress, piece.count)
                #elseif canImport(Musl)
                    Musl.write(descriptor, piece.baseAddress, piece.count)
                #else
                    Darwin.write(descriptor, piece.baseAddress, piece.count)
                #endif
            }
            if count > 0 {
                rest = rest.dropFirst(count)
                lastProgress = .now
            } else if count == 0 || errno == EAGAIN || errno == EWOULDBLOCK {
                isUnsure = true
            } else if errno != EINTR {
                throw OutputFailure(errno)
            }
        }
    }

    /// Whether a write would not wait; a file that can only fail has room for that.
    private func hasRoom(within milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }
}
