import Logging
import SwitchboardCore
import SwitchboardMessaging

/// A cell's running connection, shared by everybody who is aimed at what it connects to.
final class Line: Sendable {
    let key: LineKey
    let connection: MessageQueueConnection
    private let stop: AsyncStream<Void>
    private let stopSource: AsyncStream<Void>.Continuation

    init(key: LineKey, connection: MessageQueueConnection) {
        self.key = key
        self.connection = connection
        (stop, stopSource) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs the connection until ``close()`` or cancellation. Throws what ended the connection.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.connection.run() }
            group.addTask {
                for await _ in self.stop { return }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    func close() {
        stopSource.yield()
    }
}

/// What a line connects to: the resolved URL, whole. Two mappings with one URL share a line.
///
/// The URL itself is compared, so that two URLs never share a line by accident; what is shown is a digest of it, which
/// differs from process to process and tells nothing about a password.
struct LineKey: Hashable, Sendable {
    let url: TransportURL

    /// 16 hexadecimal digits.
    var digest: String {
        var hasher = Hasher()
        hasher.combine(url)
        let digits = String(UInt(bitPattern: hasher.finalize()), radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }
}
