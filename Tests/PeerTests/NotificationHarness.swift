#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting

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
    }

    /// A virtual host of a real broker, and a connection to it that runs.
    struct NotificationWorld: Sendable {
        let broker: TestBroker
        let virtualHost: String
        let url: TransportURL
        let connection: MessageQueueConnection

        static func withWorld(_ body: @escaping @Sendable (NotificationWorld) async throws -> Void) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                let url = broker.url(virtualHost: name)
                let connection = try MessageQueueConnection(
                    url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                let world = NotificationWorld(broker: broker, virtualHost: name, url: url, connection: connection)
                try await withRunning(connection) { try await body(world) }
            }
        }

        func notifier(
            _ driver: String = "messagingv2", topics: [String] = ["notifications"], publisherID: String = "swift.host"
        ) -> Notifier {
            let topics = topics.map { Topic($0) }
            return Notifier(
                publisherID: publisherID,
                drivers: [
                    driver == "messaging"
                        ? .messaging(connection, topics: topics) : .messagingV2(connection, topics: topics)
                ], logger: quietLogger)
        }

        /// Runs listeners for as long as `body` runs, which begins when they listen.
        func withListeners(
            _ listeners: NotificationListener..., body: @escaping @Sendable () async throws -> Void
        ) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for listener in listeners { group.addTask { try await listener.run() } }
                defer { group.cancelAll() }
                for listener in listeners { try await listener.waitUntilListening() }
                try await body()
            }
        }

        func listener(
            topics: [String] = ["notifications"], configuration: NotificationListenerConfiguration = .init(),
            _ router: NotificationRouter
        ) -> NotificationListener {
            NotificationListener(
                connection, topics: topics.map { Topic($0) }, router: router, configuration: configuration,
                logger: quietLogger)
        }

        /// Runs an oslo notifier.
        func withOsloNotifier(
            _ driver: String = "messagingv2", topics: [String] = ["notifications"],
            _ body: (PythonPeer) async throws -> Void
        ) async throws {
            let arguments = ["--url", url.formatted(revealingSecrets: true), "--driver", driver]
            try await PythonPeer.withPeer("oslo_notifier.py", arguments + topics.flatMap { ["--topic", $0] }, body)
        }

        /// Runs an oslo listener.
        func withOsloListener(
            topics: [String] = ["notifications"], _ more: [String] = [],
            _ body: (PythonPeer) async throws -> Void
        ) async throws {
            let arguments = ["--url", url.formatted(revealingSecrets: true)] + more
            try await PythonPeer.withPeer("oslo_listener.py", arguments + topics.flatMap { ["--topic", $0] }, body)
        }

        /// Waits until a queue holds so many messages, none of them with a consumer.
        func waitForQueue(_ name: String, ready: Int, unacknowledged: Int = 0) async throws {
            let end = ContinuousClock.now + .seconds(20)
            while true {
                let queue = try await broker.queue(name, in: virtualHost)
                if let queue, queue.ready == ready, queue.unacknowledged == unacknowledged { return }
                guard ContinuousClock.now < end else {
                    throw TestBrokerError("The queue \(name) is \(queue.map { "\($0)" } ?? "not there").")
                }
            }
        }
    }

    extension PythonPeer {
        /// Has an oslo notifier send.
        func notify(_ priority: String, _ eventType: String, _ payload: JSONValue = [:]) async throws {
            _ = try await result([
                "publisher": "python.host", "priority": .string(priority), "event_type": .string(eventType),
                "payload": payload,
            ])
        }

        /// The next notifications of an oslo listener.
        func notifications(_ count: Int) async throws -> [JSONValue] {
            var events: [JSONValue] = []
            while events.count < count { events.append(try await event { $0["event"]?.string == "notification" }) }
            return events
        }

        /// The next batches of an oslo listener, as event types, until they hold so many notifications.
        func batches(of count: Int) async throws -> [[String]] {
            var batches: [[String]] = []
            while batches.reduce(0, { $0 + $1.count }) < count {
                let batch = try await event { $0["event"]?.string == "batch" }
                guard case .array(let types)? = batch["event_types"] else {
                    throw TestBrokerError("No batch: \(batch)")
                }
                batches.append(types.compactMap(\.string))
            }
            return batches
        }
    }
#endif
