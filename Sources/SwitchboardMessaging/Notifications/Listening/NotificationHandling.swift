import Logging
import SwitchboardCore

/// What becomes of the notifications of a ``NotificationListener``: checked, handled, settled.
struct NotificationHandling: Sendable {
    private let router: NotificationRouter
    private let configuration: NotificationListenerConfiguration
    private let work: NotificationWork
    private let logger: Logger
    private let ledger: NotificationLedger

    init(
        _ connection: MessageQueueConnection, router: NotificationRouter,
        configuration: NotificationListenerConfiguration, logger: Logger
    ) {
        work = NotificationWork(connection, group: configuration.pool, logger: logger)
        self.router = router
        self.configuration = configuration
        self.logger = logger
        ledger = NotificationLedger(
            capacity: configuration.duplicateWindow, lifetime: configuration.duplicateLifetime)
    }

    // MARK: Taking

    /// The notification of a delivery that is to be handled now. What is not has been settled, or is held.
    func take(_ delivery: Delivery, from queue: String) async -> ReceivedNotification? {
        let received: ReceivedNotification
        do {
            received = try ReceivedNotification(delivery, from: queue)
        } catch {
            logger.error("Unreadable notification discarded", metadata: ["error": "\(error)"])
            await settle(delivery, .discard(reason: "\(error)"))
            return nil
        }
        switch ledger.begin(received) {
        case .new:
            return received
        case .held:
            logger.debug("Notification is at work already", metadata: metadata(of: received))
        case .duplicate:
            logger.debug("Duplicate notification ignored", metadata: metadata(of: received))
            await settle(delivery, .accept)
        }
        return nil
    }

    /// Whether a notification has failed before, here or elsewhere: in a batch it might take others down with it.
    func hasFailed(_ received: ReceivedNotification) -> Bool {
        (received.delivery.attempt ?? 1) > 1 || ledger.failures(of: received) > 0
    }

    // MARK: Handling

    /// What is left to do after a batch was handled.
    struct Remains: Sendable {
        /// Notifications to be given back to the queue, each at its time.
        var returns: [Return] = []
        /// Deliveries that were held and are to be handled now.
        var next: [ReceivedNotification] = []
    }

    /// A notification that goes back to the queue: as a failure, or unhandled.
    struct Return: Sendable {
        var received: ReceivedNotification
        var at: Moment
        var isFailure = true
    }

    /// Handles notifications of one priority. Those that were handled are settled when it returns.
    func handle(_ batch: [ReceivedNotification]) async -> Remains {
        var remains = Remains()
        guard let priority = batch.first?.event.priority else { return remains }
        work.consumed(batch)
        var open = batch
        for handler in router.handlers(for: priority) {
            let matching = handler.filter.map { filter in open.indices.filter { filter.matches(open[$0].event) } }
            let indices = matching ?? Array(open.indices)
            guard !indices.isEmpty else { continue }
            var failed: [(index: Int, error: any Error)] = []
            switch handler.work {
            case .each(let body):
                for index in indices {
                    do { try await work.handle(open[index], by: body) } catch { failed.append((index, error)) }
                }
            case .batch(let body):
                do {
                    try await work.handle(indices.map { open[$0] }, by: body)
                } catch {
                    failed = indices.map { ($0, error) }
                }
            }
            for (index, error) in failed { await fail(open[index], error, &remains) }
            for (index, _) in failed.reversed() { open.remove(at: index) }
        }
        for received in open { await finish(received, .accept) }
        return remains
    }

    /// Gives a notification back to the queue, as one that has failed or that nobody has handled. Returns what is to be
    /// handled now.
    func giveBack(_ received: ReceivedNotification, isFailure: Bool) async -> [ReceivedNotification] {
        await settle(received.delivery, isFailure ? .requeue : .release)
        return ledger.finish(received, handled: false)
    }

    private func fail(_ received: ReceivedNotification, _ error: any Error, _ remains: inout Remains) async {
        switch error {
        case is CancellationError where Task.isCancelled:
            remains.next += await giveBack(received, isFailure: false)
            return
        case NotificationRejection.release:
            logger.debug("Notification released by its handler", metadata: metadata(of: received))
            remains.returns.append(
                Return(received: received, at: .now + configuration.requeueDelay(failures: 1), isFailure: false))
            return
        case NotificationRejection.discard(let reason):
            await finish(received, .discard(reason: reason))
            return
        case NotificationRejection.requeue:
            logger.debug("Notification requeued by its handler", metadata: metadata(of: received))
        default:
            var metadata = metadata(of: received)
            metadata["error"] = "\(error)"
            logger.error("Handler of a notification failed", metadata: metadata)
            if configuration.failurePolicy == .drop {
                await finish(received, .accept)
                return
            }
        }
        let failures = ledger.fail(received)
        let attempts = max(failures, received.delivery.attempt ?? 1)
        if let maximum = configuration.maximumAttempts, attempts >= maximum {
            logger.error("Notification given up", metadata: metadata(of: received))
            await finish(
                received, .discard(reason: "Its handler failed \(attempts) times; the listener's log says why."))
        } else {
            remains.returns.append(
                Return(received: received, at: .now + configuration.requeueDelay(failures: failures)))
        }
    }

    // MARK: Settling

    private func finish(_ received: ReceivedNotification, _ settlement: Settlement) async {
        if case .discard = settlement {
            // Forgotten first: whoever puts the dead letter back wants it handled, and it may come at once.
            let duplicates = ledger.forget(received)
            for discarded in [received] + duplicates { await settle(discarded.delivery, settlement) }
        } else {
            await settle(received.delivery, settlement)
            for duplicate in ledger.finish(received, handled: true) { await settle(duplicate.delivery, settlement) }
        }
    }

    private func settle(_ delivery: Delivery, _ settlement: Settlement) async {
        do {
            try await delivery.settle(settlement)
        } catch {
            // The queue delivers it again; then it is known, here, as a duplicate, or is discarded once more.
            logger.warning("Notification could not be settled", metadata: ["error": "\(error)"])
        }
    }

    private func metadata(of received: ReceivedNotification) -> Logger.Metadata {
        [
            "notification.event_type": "\(received.event.eventType ?? "")",
            "notification.priority": "\(received.event.priority)",
            "oslo.unique_id": "\(received.uniqueID ?? "")",
        ]
    }
}
