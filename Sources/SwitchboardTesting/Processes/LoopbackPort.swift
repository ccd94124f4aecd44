#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#endif
import SwitchboardCore

/// Free TCP ports on 127.0.0.1.
package enum LoopbackPort {
    /// Below the range that systems take for outgoing connections (32768 and up on Linux, 49152 elsewhere): a client
    /// that keeps trying a port of that range while nobody listens can end up connected to itself.
    private static let range = 10_000..<32_768

    /// What was handed out lately, so that two brokers that start together do not get one port.
    private static let recent = Locked<[Int]>([])

    /// `count` different ports on which nobody listens now. Somebody may the next moment: whoever uses them retries.
    package static func free(_ count: Int) throws(TestBrokerError) -> [Int] {
        var ports: [Int] = []
        for _ in 0..<1_000 where ports.count < count {
            let port = Int.random(in: range)
            let isNew = recent.withLock { recent in
                if recent.contains(port) { return false }
                recent.append(port)
                if recent.count > 200 { recent.removeFirst() }
                return true
            }
            if isNew, isFree(port) { ports.append(port) }
        }
        guard ports.count == count else {
            throw TestBrokerError("There are not \(count) free TCP ports from \(range.lowerBound) on 127.0.0.1.")
        }
        return ports
    }

    /// Whether a listener can be made at the port.
    package static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, streamSocket | closeOnExec, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = withLoopbackAddress(port: port) { bind(descriptor, $0, $1) }
        return bound == 0 && listen(descriptor, 1) == 0
    }

    /// Calls `body` with the address of a port of 127.0.0.1.
    package static func withLoopbackAddress(
        port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: in_addr_t(0x7F00_0001).bigEndian)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

#if canImport(Glibc)
    let streamSocket = Int32(SOCK_STREAM.rawValue)
    let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)
#else
    let streamSocket = SOCK_STREAM
    let closeOnExec = SOCK_CLOEXEC
#endif
