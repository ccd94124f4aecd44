import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

/// A driver whose publishes fail in turn, until the failures are used up.
func failingDriver(_ failures: [TransportError.Code]) -> StandInDriver {
    let left = Locked(failures)
    return StandInDriver { _ in
        let code = left.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        return code.map { .failed(TransportError($0, "told to fail")) } ?? .accepted
    }
}

/// Keeps log records.
private final class LogKeeper: Sendable {
    let records = Locked<[LogEvent]>([])

    var logger: Logger {
        Logger(label: "kept") { _ in Handler(keeper: self) }
    }

    private struct Handler: LogHandler {
        let keeper: LogKeeper
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            keeper.records.withLock { $0.append(event) }
        }
    }
}

@Suite("The notifier and its drivers", .timeLimit(.minutes(5)))
struct NotifierTests {
    /// Sends through the driver for as long as `body` runs.
    private func withNotifier(
        _ driver: StandInDriver, topics: [Topic] = [Topic("notifications")], retry: NotificationRetry,
        _ body: (Notifier) async throws -> Void
    ) async throws {
        var retry = retry
        retry.initialDelay = .milliseconds(1)
        let connection = MessageQueueConnection(
            Transport(driver: driver, url: try TransportURL("fake://failing"), logger: quietLogger),
            logger: quietLogger)
        let notifier = Notifier(
            publisherID: "p", drivers: [.messagingV2(connection, topics: topics)], retry: retry, logger: quietLogger)
        try await withRunning(connection) { try await body(notifier) }
    }

    @Test("What may pass is tried again, with the same bytes")
    func retry() async throws {
        let driver = failingDriver([.indeterminate, .exhausted, .unavailable])
        try await withNotifier(driver, retry: NotificationRetry()) { try await $0.send(.info, "e") }
        #expect(driver.published.count == 4)
        #expect(Set(driver.published.map(\.message)).count == 1)
        #expect(driver.published.first?.address == .notifications(Topic("notifications.info")))
    }

    @Test("A bounded number of attempts is kept to; what does not pass is not tried again")
    func boundedRetry() async throws {
        let driver = failingDriver([.unavailable, .unavailable, .unavailable])
        try await withNotifier(driver, retry: NotificationRetry(maximumAttempts: 2)) { notifier in
            let error = await #expect(throws: NotificationError.self) { try await notifier.send(.info, "e.type") }
            #expect(error?.code == .unavailable && error?.message.contains("e.type") == true)
        }
        #expect(driver.published.count == 2)
        let refused = failingDriver([.refused])
        try await withNotifier(refused, retry: NotificationRetry()) { notifier in
            let refusal = await #expect(throws: NotificationError.self) { try await notifier.send(.info, "e") }
            #expect(refusal?.code == .refused && refused.published.count == 1)
        }
    }

    @Test("A topic that fails does not keep the next from its copy")
    func topicsFailApart() async throws {
        let driver = failingDriver([.refused])
        try await withNotifier(driver, topics: [Topic("a"), Topic("b")], retry: .none) { notifier in
            await #expect(throws: NotificationError.self) { try await notifier.send(.warn, "e") }
        }
        #expect(
            driver.published.map(\.address) == [.notifications(Topic("a.warn")), .notifications(Topic("b.warn"))])
    }

    @Test("A notifier whose queue is not there logs and does not fail its caller; send does")
    func failures() async throws {
        let keeper = LogKeeper()
        let connection = try SwitchboardMessagingTests.makeConnection(network: InProcessNetwork())
        let notifier = Notifier(
            publisherID: "p", drivers: [.messagingV2(connection)],
            retry: NotificationRetry(timeout: .milliseconds(100)), logger: keeper.logger)
        await notifier.info("lost", ["password": "5ecret"])
        let record = try #require(keeper.records.withLock { $0.first })
        #expect(record.level == .error && "\(record.metadata ?? [:])".contains("lost"))
        #expect(!"\(record.metadata ?? [:])".contains("5ecret"))
        let error = await #expect(throws: NotificationError.self) { try await notifier.send(.info, "lost") }
        #expect(error?.code == .unavailable)
    }

    @Test("A driver that fails does not keep the others from the notification")
    func driversFailApart() async throws {
        let (bad, good) = (NotificationSink(), NotificationSink())
        bad.fail(with: NotificationError(.transport, "told to fail"))
        let notifier = Notifier(publisherID: "p", drivers: [.sink(bad), .sink(good)], logger: quietLogger)
        await #expect(throws: NotificationError.self) { try await notifier.send(.info, "e") }
        #expect(good.events.count == 1)
        bad.fail(with: nil)
        try await notifier.send(.info, "e")
        #expect(bad.removeAll().count == 1 && bad.events.isEmpty)
    }

    @Test("A notifier with nothing but noop is not enabled")
    func noop() async {
        #expect(!Notifier(publisherID: "p", drivers: [], logger: quietLogger).isEnabled)
        #expect(!Notifier(publisherID: "p", drivers: [.noop, .noop], logger: quietLogger).isEnabled)
        let sink = NotificationSink(capacity: 2)
        let notifier = Notifier(publisherID: "p", drivers: [.noop, .sink(sink)], logger: quietLogger)
        #expect(notifier.isEnabled)
        for number in 0..<3 { await notifier.info("\(number)") }
        #expect(sink.events.map(\.eventType) == ["1", "2"])
    }

    @Test("The log driver logs each priority at its level, with secrets masked")
    func log() async throws {
        let keeper = LogKeeper()
        let notifier = Notifier(publisherID: "p", drivers: [.log(keeper.logger)], logger: quietLogger)
        for priority in NotificationPriority.allCases {
            await notifier.notify(priority, "e", ["admin_password": "5ecret", "x": 1])
        }
        let records = keeper.records.withLock { $0 }
        #expect(records.map(\.level) == [.notice, .debug, .info, .warning, .error, .critical, .info])
        let text = "\(records[2].metadata?["notification.message"] ?? "")"
        #expect(text.contains(#""admin_password": "***", "x": 1"#) && text.contains(#""priority": "INFO""#))
        #expect(!"\(records.map(\.metadata))".contains("5ecret"))
    }

    // MARK: Log records

    @Test("A log record becomes a notification with Python's twelve keys")
    func logRecord() async throws {
        let seen = Recorder<NotificationEvent>()
        let publisher = NotificationLogPublisher(
            Notifier(
                publisherID: "lh", drivers: [NotificationDriver("seen") { event, _ in seen.record(event) }],
                logger: quietLogger))
        try await withRunning(publisher) {
            var logger = Logger(label: "my.logger") { publisher.handler(label: $0) }
            logger[metadataKey: "a"] = "1"
            logger.debug("below the level")
            logger.warning("w x", metadata: ["b": ["c", "d"]])
            let event = try await seen.next()
            #expect(event.eventType == "logrecord" && event.priority == .warn && event.publisherID == "lh")
            guard case .object(let payload) = event.payload else {
                Issue.record("the payload is no object")
                return
            }
            #expect(
                payload.keys == [
                    "name", "levelno", "levelname", "exc_info", "pathname", "lineno", "msg", "funcName", "thread",
                    "processName", "process", "extra",
                ])
            #expect(payload["name"] == "my.logger" && payload["levelno"] == 30 && payload["levelname"] == "WARNING")
            #expect(payload["msg"] == "w x" && payload["extra"] == ["a": "1", "b": ["c", "d"]])
            #expect(payload["pathname"]?.string?.hasSuffix("NotifierTests.swift") == true)
            logger.critical("c")
            #expect(try await seen.next().priority == .critical)
        }
    }

    @Test("Records over the capacity are dropped and counted, and the next notification says so")
    func logOverflow() async throws {
        let sink = NotificationSink()
        let publisher = NotificationLogPublisher(
            Notifier(publisherID: "lh", drivers: [.sink(sink)], logger: quietLogger), capacity: 3)
        let logger = Logger(label: "l") { publisher.handler(label: $0) }
        for number in 0..<10 { logger.info("\(number)") }
        #expect(publisher.droppedRecords == 7)
        let group = ServiceGroup(services: [publisher], gracefulShutdownSignals: [], logger: quietLogger)
        async let run: Void = group.run()
        try await yieldsWhile { sink.events.count < 4 }
        logger.info("after")
        await group.triggerGracefulShutdown()
        try await run
        let messages = sink.events.compactMap { $0.payload["msg"]?.string }
        #expect(messages == ["Log records were dropped", "0", "1", "2", "after"])
        #expect(sink.events[0].payload["extra"]?["log.dropped"] == "7")
    }

    @Test("What publishing a record logs is not published")
    func logRecursion() async throws {
        let seen = Recorder<NotificationEvent>()
        let relay = Locked<Logger?>(nil)
        let publisher = NotificationLogPublisher(
            Notifier(
                publisherID: "lh",
                drivers: [
                    NotificationDriver("chatty") { event, _ in
                        relay.withLock { $0 }?.error("I am publishing")
                        seen.record(event)
                    }
                ], logger: quietLogger))
        let logger = Logger(label: "l") { publisher.handler(label: $0) }
        relay.withLock { $0 = logger }
        defer { relay.withLock { $0 = nil } }
        try await withRunning(publisher) {
            logger.info("1")
            logger.info("2")
            let events = try await seen.take(2)
            #expect(events.map { $0.payload["msg"] } == ["1", "2"])
        }
    }
}
