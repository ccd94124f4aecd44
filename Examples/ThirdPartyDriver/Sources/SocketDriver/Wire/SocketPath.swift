import Glibc
import SwitchboardCore

/// Where a hub listens: a path that fits into a socket's address.
struct SocketPath: Hashable, Sendable, CustomStringConvertible {
    let description: String

    /// The kernel's bound for a path, without its NUL.
    private static let maximumLength = 107

    init(_ path: String) throws(TransportError) {
        guard path.hasPrefix("/"), path.count > 1, !path.utf8.contains(0) else {
            throw TransportError(.invalidURL, "A socket's path is absolute: write unix:///run/app/hub.sock.")
        }
        guard path.utf8.count <= Self.maximumLength else {
            throw TransportError(
                .invalidURL,
                "The socket's path has \(path.utf8.count) bytes, and the kernel takes \(Self.maximumLength): \(path).")
        }
        description = path
    }

    /// Connects to the hub there, within a second.
    func connect() throws(ConnectionFailure) -> FrameSocket {
        let descriptor = makeSocket()
        setSendTimeout(1, of: descriptor)
        guard descriptor >= 0, withAddress({ Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw ConnectionFailure("no hub answers at \(self): \(reason)")
        }
        setSendTimeout(0, of: descriptor)
        return FrameSocket(descriptor)
    }

    /// How long connecting and sending may block, in seconds; 0: for ever.
    private func setSendTimeout(_ seconds: Int, of descriptor: Int32) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Listens there, for this user alone; takes the place of a hub that has died.
    func listen() throws(TransportError) -> Int32 {
        if (try? connect()) != nil {
            throw TransportError(.conflict, "A hub listens at \(self) already.")
        }
        unlink(description)
        let descriptor = makeSocket()
        let old = umask(0o177)
        let isBound = withAddress { bind(descriptor, $0, $1) } == 0
        umask(old)
        guard isBound, Glibc.listen(descriptor, 64) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw TransportError(.refused, "A hub cannot listen at \(self): \(reason).")
        }
        return descriptor
    }

    func remove() {
        unlink(description)
    }

    /// Negative if the system grants none.
    private func makeSocket() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: description.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
