import Glibc
public import Logging
public import SwitchboardCore
import SwitchboardInProcess
import Synchronization

/// The other end of every ``SocketDriver``: holds the queues, in memory, for the clients of one socket.
///
/// The queues are those of Switchboard's in-process driver, through its public interface: what a broker does with
/// messages is written once. When the hub ends, they are gone.
public final class SocketHub: Sendable {
    private let path: SocketPath
    private let transport: Transport
    private let clients = Mutex<[ObjectIdentifier: FrameSocket]>([:])
    private let logger: Logger

    /// Throws `invalidURL` for a path that no socket can have.
    public init(path: String, logger: Logger) throws(TransportError) {
        self.path = try SocketPath(path)
        self.logger = logger
        transport = try Transport(
            TransportURL(scheme: "fake", hosts: [.init(name: "hub")]),
            drivers: DriverRegistry(.inProcess(network: InProcessNetwork())), logger: logger)
    }

    /// Serves until cancelled. Throws `conflict` when another hub listens there, `refused` when the path cannot be used.
    ///
    /// - Parameter isListening: called when clients can connect.
    public func run(isListening: @escaping @Sendable () -> Void = {}) async throws {
        let listener = try Listener(path)
        defer { path.remove() }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.transport.run() }
            isListening()
            await withTaskCancellationHandler {
                for await socket in listener.connections() {
                    group.addTask { await self.serve(socket) }
                }
            } onCancel: {
                listener.stop()
                self.dropConnections()
            }
            group.cancelAll()
        }
    }

    /// Ends every connection; the clients come back.
    public func dropConnections() {
        for socket in clients.withLock({ Array($0.values) }) { socket.shut() }
    }

    private func serve(_ socket: FrameSocket) async {
        clients.withLock { $0[ObjectIdentifier(socket)] = socket }
        await HubClient(socket, transport).run()
        clients.withLock { $0[ObjectIdentifier(socket)] = nil }
        logger.debug("Client gone", metadata: ["socket.path": "\(path)"])
    }
}
