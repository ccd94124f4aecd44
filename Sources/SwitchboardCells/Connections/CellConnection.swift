import SwitchboardCore
import SwitchboardMessaging

/// A cell's running connection, shared by everybody who is aimed at what it connects to.
final class CellConnection: Sendable {
    /// Tells cells' connections apart; never used again.
    let id: UInt64
    /// What it connects to, whole: two mappings with one URL share a connection.
    let url: TransportURL
    /// What it is called in public.
    let digest: String
    let messageQueue: MessageQueueConnection
    let health: ConnectionHealth
    private let stop: AsyncStream<CellConnectionEvent.Closing>
    private let stopSource: AsyncStream<CellConnectionEvent.Closing>.Continuation

    init(id: UInt64, url: TransportURL, digest: String, messageQueue: MessageQueueConnection, health: ConnectionHealth)
    {
        self.id = id
        self.url = url
        self.digest = digest
        self.messageQueue = messageQueue
        self.health = health
        (stop, stopSource) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Runs the connection until ``close(_:)`` or cancellation, and returns why it ended. Throws what ended the
    /// connection.
    func run() async throws -> CellConnectionEvent.Closing {
        try await withThrowingTaskGroup(of: CellConnectionEvent.Closing?.self) { group in
            group.addTask {
                try await self.messageQueue.run()
                return .shutdown
            }
            group.addTask {
                for await reason in self.stop { return reason }
                return nil
            }
            group.addTask {
                for await state in self.messageQueue.transport.states() { self.health.observe(state) }
                return nil
            }
            group.addTask {
                await self.probe()
                return nil
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let ended { return ended }
            }
            return .shutdown
        }
    }

    /// Ends ``run()``. The first reason counts.
    func close(_ reason: CellConnectionEvent.Closing) {
        stopSource.yield(reason)
    }

    /// Probes the queue, whenever there is doubt, until it answers.
    private func probe() async {
        for await _ in health.alarms {
            while let timeout = health.probeTimeout, !Task.isCancelled {
                do {
                    _ = try await messageQueue.roundTrip(timeout: timeout)
                    health.sent()
                } catch is CancellationError {
                    return
                } catch {
                    health.probeFailed(error)
                    // An answer in no time is not tried in no time again.
                    try? await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }
}

/// What cells' connections are called in public: 16 hexadecimal digits that stand for a URL.
///
/// A digest that everybody can compute would let everybody try passwords on it, however good the function. This one
/// depends on 128 random bits that never leave the process: it tells connections of one process apart, equal ones are
/// equal, and it means nothing anywhere else.
struct ConnectionDigests: Sendable {
    private let salt: (UInt64, UInt64)

    init() {
        var generator = SystemRandomNumberGenerator()
        salt = (generator.next(), generator.next())
    }

    func digest(of url: TransportURL) -> String {
        var hasher = Hasher()
        hasher.combine(salt.0)
        hasher.combine(salt.1)
        hasher.combine(url)
        return UInt64(UInt(bitPattern: hasher.finalize())).hexadecimal
    }
}
