#if MariaDB
    internal import SwitchboardCore

    #if canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #else
        internal import Darwin
    #endif

    /// Ends what a connection's thread waits for, from another thread.
    final class SocketSwitch: Sendable {
        private let descriptor = Locked<CInt?>(nil)

        func set(_ descriptor: CInt) {
            self.descriptor.withLock { $0 = descriptor }
        }

        /// To be called before the descriptor is closed: its number may be another file's afterwards.
        func clear() {
            descriptor.withLock { $0 = nil }
        }

        /// Lets everything that reads or writes fail at once.
        func cut() {
            descriptor.withLock { descriptor in
                if let descriptor { _ = shutdown(descriptor, CInt(SHUT_RDWR)) }
            }
        }
    }
#endif
