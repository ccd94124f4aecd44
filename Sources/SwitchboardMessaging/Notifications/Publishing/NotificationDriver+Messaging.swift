public import SwitchboardCore

extension NotificationDriver {
    /// Publishes to the queues of the topics, without an envelope: oslo.messaging's `messaging`.
    ///
    /// Its readers take an object with just the keys `__type__` and `__value__` for one of kombu's typed values, anywhere
    /// in it. Prefer ``messagingV2(_:topics:)``.
    public static func messaging(
        _ connection: MessageQueueConnection, topics: [Topic] = [Topic("notifications")]
    ) -> NotificationDriver {
        publishing("messaging", connection, topics, .v1)
    }

    /// Publishes to the queues of the topics, in the envelope of all other messages: oslo.messaging's `messagingv2`.
    ///
    /// Each topic has a queue for each priority, which exists from the first notification on: nothing is lost before a
    /// listener comes. The queue is the connection's, whatever cell a context is aimed at.
    public static func messagingV2(
        _ connection: MessageQueueConnection, topics: [Topic] = [Topic("notifications")]
    ) -> NotificationDriver {
        publishing("messagingv2", connection, topics, .v2)
    }

    private static func publishing(
        _ name: String, _ connection: MessageQueueConnection, _ topics: [Topic], _ format: NotificationFormat
    ) -> NotificationDriver {
        precondition(!topics.isEmpty, "A messaging driver needs at least one topic.")
        let destinations = topics.map(Destination.init)
        return NotificationDriver(name) { event, retry in
            var failure: (any Error)?
            for destination in destinations {
                // A topic that fails does not stop the others.
                do {
                    let address = destination[event.priority]
                    if connection.tracer == nil, !connection.metrics.isEnabled {
                        try await publish(event, to: address, connection, format, retry)
                    } else {
                        try await publishObserved(event, to: address, connection, format, retry)
                    }
                } catch let error as TransportError where error.code == .cancelled {
                    throw CancellationError()
                } catch let error as TransportError {
                    failure = failure ?? NotificationError(error, during: "\(event) to topic \(destination.topic)")
                }
            }
            if let failure { throw failure }
        }
    }

    /// A topic, and the queues of its priorities.
    private struct Destination {
        let topic: Topic
        private let addresses: [NotificationPriority: Address]

        init(_ topic: Topic) {
            self.topic = topic
            addresses = .init(
                uniqueKeysWithValues: NotificationPriority.allCases.map { priority in
                    (priority, .notifications(topic.notifications(priority)))
                })
        }

        subscript(priority: NotificationPriority) -> Address {
            addresses[priority] ?? .notifications(topic.notifications(priority))
        }
    }

    /// As ``publish(_:to:_:_:_:)``, counted and traced.
    private static func publishObserved(
        _ event: NotificationEvent, to address: Address, _ connection: MessageQueueConnection,
        _ format: NotificationFormat, _ retry: NotificationRetry
    ) async throws {
        let queue = address.queueName
        try await connection.metrics.notifying(queue) {
            guard let tracer = connection.tracer else {
                return try await publish(event, to: address, connection, format, retry)
            }
            try await NotificationTracing.sending(event, to: queue, connection.endpoint, by: tracer) { event in
                try await publish(event, to: address, connection, format, retry)
            }
        }
    }

    private static func publish(
        _ event: NotificationEvent, to address: Address, _ connection: MessageQueueConnection,
        _ format: NotificationFormat, _ retry: NotificationRetry
    ) async throws {
        let deadline = Moment.now + min(retry.timeout, RPCDeadline.longestWait)
        let message = OsloNotification(event, format: format).message()
        var attempt = 1
        while true {
            do {
                return try await connection.send(message, to: address, deadline: deadline, mandatory: false)
            } catch {
                let next = Moment.now + retry.delay(after: attempt)
                guard error.mayPass, attempt < retry.maximumAttempts ?? .max, next < deadline else { throw error }
                try await Task.sleep(until: next.instant, clock: .continuous)
                attempt += 1
            }
        }
    }
}

extension Topic {
    /// The queue's name for one priority: `notifications.info`.
    func notifications(_ priority: NotificationPriority) -> Topic {
        Topic("\(name).\(priority.rawValue)", exchange: exchange)
    }
}

extension Address {
    /// What spans and metrics call the queue of notifications.
    fileprivate var queueName: String {
        if case .notifications(let topic) = self { topic.name } else { "\(self)" }
    }
}

extension TransportError {
    /// Whether sending again may help.
    fileprivate var mayPass: Bool {
        code == .unavailable || code == .indeterminate || code == .exhausted
    }
}
