#if MariaDB
    import Foundation
    import SwitchboardCore
    import SwitchboardTesting

    /// A proxy between a program and a database server, as clouds have one: it leads to whatever server it is told to, and
    /// can lose what it carries.
    final class TestProxy: Sendable {
        /// What happens to the statement COMMIT.
        enum Commits: Sendable {
            case pass
            /// It reaches the server, and the connection is lost before the answer.
            case loseAnswer
            /// The connection is lost before it reaches the server.
            case loseCommit
            /// It reaches the server, and its answer doesn't come.
            case holdAnswer
        }

        private struct State {
            var target: Int
            var commits = Commits.pass
            var open: [CInt] = []
            var isStopped = false
        }

        let port: Int
        private let listener: CInt
        private let state: Locked<State>

        init(to target: Int) throws {
            state = Locked(State(target: target))
            listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr = in_addr(s_addr: in_addr_t(0x7F00_0001).bigEndian)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let listener = listener
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &size) == 0
                }
            }
            guard isBound else { throw TestBrokerError("The proxy can't listen.") }
            port = Int(UInt16(bigEndian: address.sin_port))
            Thread.detachNewThread { [self] in accept() }
        }

        /// Leads new connections to another server, and ends those that there are.
        func fail(over target: Int) {
            state.withLock { $0.target = target }
            cut()
        }

        func handle(_ commits: Commits) {
            state.withLock { $0.commits = commits }
        }

        func cut() {
            let open = state.withLock { state in
                defer { state.open = [] }
                return state.open
            }
            for descriptor in open { shutdown(descriptor, CInt(SHUT_RDWR)) }
        }

        func stop() {
            state.withLock { $0.isStopped = true }
            shutdown(listener, CInt(SHUT_RDWR))
            cut()
        }

        private func accept() {
            while true {
                let client = Glibc.accept(listener, nil, nil)
                guard client >= 0, !state.withLock(\.isStopped) else {
                    if client >= 0 { close(client) }
                    break
                }
                let target = state.withLock(\.target)
                let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
                guard LoopbackPort.withLoopbackAddress(port: target, { connect(server, $0, $1) }) == 0 else {
                    close(client)
                    close(server)
                    continue
                }
                state.withLock { $0.open += [client, server] }
                let isHeld = Locked(false)
                Thread.detachNewThread { [self] in
                    pump(from: client, to: server) { bytes in
                        guard bytes.range(of: Data([3] + "COMMIT".utf8)) != nil else { return true }
                        switch state.withLock(\.commits) {
                        case .pass: return true
                        case .loseCommit: return false
                        case .loseAnswer, .holdAnswer:
                            isHeld.withLock { $0 = true }
                            return true
                        }
                    }
                }
                Thread.detachNewThread { [self] in
                    pump(from: server, to: client) { _ in
                        guard isHeld.withLock({ $0 }) else { return true }
                        if state.withLock({ if case .holdAnswer = $0.commits { true } else { false } }) {
                            Thread.sleep(forTimeInterval: 3)
                        }
                        return false
                    }
                }
            }
            close(listener)
        }

        /// Carries bytes until one end is lost, or `passes` says that both are to be.
        private func pump(from source: CInt, to target: CInt, _ passes: (Data) -> Bool) {
            var chunk = [UInt8](repeating: 0, count: 65_536)
            pumping: while true {
                let count = recv(source, &chunk, chunk.count, 0)
                guard count > 0, passes(Data(chunk.prefix(count))) else { break }
                var rest = chunk.prefix(count)
                while !rest.isEmpty {
                    let sent = rest.withUnsafeBytes { send(target, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
                    guard sent > 0 else { break pumping }
                    rest = rest.dropFirst(sent)
                }
            }
            // The descriptors stay until the process ends: closing them here would race with the other direction.
            shutdown(source, CInt(SHUT_RDWR))
            shutdown(target, CInt(SHUT_RDWR))
        }
    }
#endif
