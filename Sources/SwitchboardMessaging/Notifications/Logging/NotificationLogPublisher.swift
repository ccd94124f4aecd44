public import Logging
public import ServiceLifecycle
import SwitchboardCore

/// Publishes what the log handlers that it makes are given, one record after another, as events of type `logrecord`.
///
///     let publisher = NotificationLogPublisher(notifier)
///     LoggingSystem.bootstrap { MultiplexLogHandler([StreamLogHandler.standardError(label: $0),
///                                                    publisher.handler(label: $0, level: .warning)]) }
///
/// Over its capacity, records are dropped and counted; the next notification says how many. What publishing itself
/// logs is not published again; give the connection that it uses a logger without these handlers all the same, for its
/// driver logs from tasks of its own.
public final class NotificationLogPublisher: Service {
    private struct State {
        var dropped: UInt64 = 0
        /// Since the last notification that said so.
        var droppedUnreported: UInt64 = 0
        /// Set at graceful shutdown.
        var drainDeadline: ContinuousClock.Instant?
    }

    @TaskLocal private static var isPublishing = false

    private let notifier: Notifier
    private let drainTimeout: Duration
    private let records: AsyncStream<LogRecord>
    private let source: AsyncStream<LogRecord>.Continuation
    private let state = Locked(State())

    /// - Parameters:
    ///   - notifier: sends the notifications; its retry says how long one record may hold up the others.
    ///   - capacity: how many records wait to be published, at most.
    ///   - drainTimeout: how long graceful shutdown goes on publishing what waits, the record under way included.
    public init(_ notifier: Notifier, capacity: Int = 1000, drainTimeout: Duration = .seconds(5)) {
        precondition(capacity >= 1, "A log publisher's capacity is at least 1.")
        self.notifier = notifier
        self.drainTimeout = drainTimeout
        (records, source) = AsyncStream.makeStream(of: LogRecord.self, bufferingPolicy: .bufferingOldest(capacity))
    }

    /// How many records were dropped: over the capacity, not sent, or left over at shutdown.
    public var droppedRecords: UInt64 {
        state.withLock { $0.dropped }
    }

    /// A handler for one logger.
    public func handler(label: String, level: Logger.Level = .info) -> NotificationLogHandler {
        NotificationLogHandler(label: label, level: level, publisher: self)
    }

    /// Publishes until graceful shutdown, and then what waits; or until cancelled. Called once.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await record in self.records { await self.publish(record) } }
                group.addTask { await self.waitForEndOfDrain() }
                // Cancelled at the end of the drain, the record under way is dropped, and what waits behind it.
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.drainDeadline = .now + self.drainTimeout }
            self.source.finish()
        }
        source.finish()
    }

    /// Returns when the time that graceful shutdown has is over, or when cancelled.
    private func waitForEndOfDrain() async {
        guard (try? await gracefulShutdown()) != nil else { return }
        try? await Task.sleep(for: drainTimeout)
    }

    func take(_ record: LogRecord) {
        guard !Self.isPublishing else { return }
        guard case .enqueued = source.yield(record) else { return drop(1) }
    }

    private func drop(_ count: UInt64) {
        state.withLock { state in
            state.dropped += count
            state.droppedUnreported += count
        }
    }

    private func publish(_ record: LogRecord) async {
        let deadline = state.withLock { $0.drainDeadline }
        var notifier = notifier
        if let deadline {
            let rest = ContinuousClock.now.duration(to: deadline)
            guard rest > .zero else { return drop(1) }
            notifier.retry.timeout = min(notifier.retry.timeout, rest)
        }
        do {
            try await Self.$isPublishing.withValue(true) {
                try await reportDropped(notifier)
                try await send(record.payload, record.priority, record.timestamp, notifier)
            }
        } catch {
            drop(1)
        }
    }

    private func reportDropped(_ notifier: Notifier) async throws {
        let count = state.withLock { state in
            defer { state.droppedUnreported = 0 }
            return state.droppedUnreported
        }
        guard count > 0 else { return }
        do {
            let event = LogEvent(
                level: .warning, message: "Log records were dropped", metadata: nil, source: "SwitchboardMessaging",
                file: #fileID, function: #function, line: #line)
            let record = LogRecord(
                event, label: "switchboard.notifications", metadata: ["log.dropped": "\(count)"])
            try await send(record.payload, record.priority, record.timestamp, notifier)
        } catch {
            state.withLock { $0.droppedUnreported += count }
            throw error
        }
    }

    private func send(
        _ payload: JSONValue, _ priority: NotificationPriority, _ timestamp: WireTimestamp, _ notifier: Notifier
    ) async throws {
        var event = NotificationEvent(
            LogRecord.eventType, priority: priority, publisherID: notifier.publisherID, payload: payload)
        event.timestamp = timestamp
        try await notifier.send(event)
    }
}
