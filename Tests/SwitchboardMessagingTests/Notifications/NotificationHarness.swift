import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess

@testable import SwitchboardMessaging

/// What handlers saw, to be waited for.
final class Recorder<Element: Sendable>: Sendable {
    private let stream: AsyncStream<Element>
    private let source: AsyncStream<Element>.Continuation

    init() {
        (stream, source) = AsyncStream.makeStream(of: Element.self)
    }

    func record(_ element: Element) {
        source.yield(element)
    }

    /// The next so many; the test's time limit is the limit of the wait.
    func take(_ count: Int) async throws -> [Element] {
        var elements: [Element] = []
        var iterator = stream.makeAsyncIterator()
        while elements.count < count {
            guard let element = await iterator.next() else { throw CancellationError() }
            elements.append(element)
        }
        return elements
    }

    func next() async throws -> Element {
        try await take(1)[0]
    }
}

/// An in-process world with a notifier.
struct NotificationWorld {
    let network = InProcessNetwork()
    let connection: MessageQueueConnection
    let notifier: Notifier

    init(topics: [Topic] = [Topic("notifications")], format: NotificationFormat = .v2) throws {
        connection = try makeConnection(network: network)
        notifier = Self.makeNotifier(connection, topics: topics, format: format)
    }

    /// A world on a connection that was made before.
    init(connection: MessageQueueConnection) {
        self.connection = connection
        notifier = Self.makeNotifier(connection, topics: [Topic("notifications")])
    }

    static func makeNotifier(
        _ connection: MessageQueueConnection, topics: [Topic], format: NotificationFormat = .v2
    ) -> Notifier {
        Notifier(
            publisherID: "test.host",
            drivers: [
                format == .v2
                    ? .messagingV2(connection, topics: topics) : .messaging(connection, topics: topics)
            ], logger: quietLogger)
    }

    func notifier(to topic: String) -> Notifier {
        Self.makeNotifier(connection, topics: [Topic(topic)])
    }

    func listener(
        topics: [Topic] = [Topic("notifications")],
        configuration: NotificationListenerConfiguration = .init(),
        _ router: NotificationRouter, logger: Logger = quietLogger
    ) -> NotificationListener {
        NotificationListener(
            connection, topics: topics, router: router, configuration: configuration, logger: logger)
    }

    /// Runs a listener on a connection that runs.
    func run(
        alreadyRunning listener: NotificationListener, body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withRunning(listener) {
            try await listener.waitUntilListening()
            try await body()
        }
    }

    /// Runs the connection and listeners for as long as `body` runs, which begins when they listen.
    func run(_ listeners: NotificationListener..., body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await connection.run() }
            for listener in listeners { group.addTask { try await listener.run() } }
            defer { group.cancelAll() }
            for listener in listeners { try await listener.waitUntilListening() }
            try await body()
        }
    }
}

extension NotificationRouter {
    /// A router that records everything.
    static func recording(
        _ recorder: Recorder<NotificationEvent>, _ priorities: Set<NotificationPriority> = .all,
        matching filter: NotificationFilter? = nil
    ) -> NotificationRouter {
        var router = NotificationRouter()
        router.handle(priorities, matching: filter) { recorder.record($0) }
        return router
    }
}
