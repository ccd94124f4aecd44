import Foundation
import Glibc
import SwitchboardCore

/// Accepts connections, in a thread of its own.
final class Listener: Sendable {
    private let descriptor: Int32

    init(_ path: SocketPath) throws(TransportError) {
        descriptor = try path.listen()
    }

    deinit {
        close(descriptor)
    }

    /// The connections that come, until ``stop()``. For one caller.
    func connections() -> AsyncStream<FrameSocket> {
        let (sockets, source) = AsyncStream.makeStream(of: FrameSocket.self)
        Thread.detachNewThread {
            while true {
                let client = accept(self.descriptor, nil, nil)
                if client >= 0 {
                    _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                    source.yield(FrameSocket(client))
                } else if errno != EINTR, errno != ECONNABORTED {
                    break
                }
            }
            source.finish()
        }
        return sockets
    }

    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
