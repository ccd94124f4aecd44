#if RabbitMQ
import NIOCore
import NIOPosix
import SwitchboardCore

/// A broker on a free port of 127.0.0.1 that says what a broker says, and at one point does a ``Mischief``.
final class HostileBroker: Sendable {
    /// What has happened at it.
    struct Record {
        /// Connections that have come.
        var accepted = 0
        /// The tags that were rejected for good.
        var rejected: [UInt64] = []
        var acknowledged: [UInt64] = []
        /// Bodies that were published.
        var published = 0
        /// How often the mischief was done.
        var mischiefs = 0
        /// What the client agreed to.
        var frameMax: UInt32 = 0
    }

    let port: Int
    private let listener: any Channel
    let record: Locked<Record>

    private init(listener: any Channel, record: Locked<Record>) {
        self.listener = listener
        self.record = record
        port = listener.localAddress!.port!
    }

    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    static func withBroker<Result>(
        _ mischief: Mischief?, _ body: (HostileBroker) async throws -> Result
    ) async throws -> Result {
        let record = Locked(Record())
        let channels = Locked<[ObjectIdentifier: any Channel]>([:])
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                record.withLock { $0.accepted += 1 }
                channels.withLock { $0[ObjectIdentifier(channel)] = channel }
                channel.closeFuture.whenComplete { _ in
                    channels.withLock { $0[ObjectIdentifier(channel)] = nil }
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(BrokerSession(mischief, record))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let broker = HostileBroker(listener: listener, record: record)
        func end() async throws {
            try await listener.close()
            for channel in channels.withLock({ Array($0.values) }) { channel.close(promise: nil) }
        }
        do {
            let result = try await body(broker)
            try await end()
            return result
        } catch {
            try? await end()
            throw error
        }
    }
}
#endif
