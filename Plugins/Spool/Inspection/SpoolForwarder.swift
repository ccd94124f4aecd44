public import Logging
public import SwitchboardCore

/// Moves the messages of a spool to another transport: store and forward.
///
/// A message leaves the spool when the other transport has accepted it, so each arrives at least once. To continue
/// after an interruption, start again.
public struct SpoolForwarder: Sendable {
    /// The progress of forwarding.
    public struct Progress: Sendable, Hashable {
        public var forwarded = 0
        /// How many messages there were at the start, including those forwarded since. Messages that expire or that
        /// others take are never forwarded.
        public var total = 0
    }

    public var configuration: SpoolConfiguration
    /// How many messages are in flight at a time. With 1 they arrive in the order of their queues.
    public var concurrency = 1
    private let operations: any FileOperations
    private let logger: Logger

    public init(from configuration: SpoolConfiguration, logger: Logger) {
        self.init(from: configuration, operations: SystemFileOperations(), logger: logger)
    }

    package init(from configuration: SpoolConfiguration, operations: any FileOperations, logger: Logger) {
        self.configuration = configuration
        self.operations = operations
        self.logger = logger
    }

    /// Forwards what waits in the queues of topics, servers and notifications, and returns when that has gone.
    ///
    /// What comes while it runs may stay, for the next time. Pools and subscribers of fanouts have copies that belong to
    /// them; they are not forwarded.
    ///
    /// - Parameters:
    ///   - destination: a transport that is running.
    ///   - timeout: how long the destination may take for one message.
    ///   - report: called after every message.
    /// - Throws: what the destination says of a message it does not take; that message stays in the spool.
    @discardableResult
    public func run(
        to destination: Transport, timeout: Duration = .seconds(30),
        report: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        // First, for it makes no spool where there is none.
        let inspector = try SpoolInspector(configuration, operations: operations, logger: logger)
        defer { inspector.close() }
        let spool = Transport(
            driver: SpoolDriver(configuration: configuration, operations: operations, logger: logger),
            url: TransportURL(scheme: "spool", virtualHost: configuration.directory), logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await spool.run() }
            defer { group.cancelAll() }
            // What a dead process held, an earlier run of this one perhaps, must be back before it is counted.
            var isOpen = false
            for await state in spool.states() {
                switch state {
                case .ready, .blocked: isOpen = true
                case .idle, .connecting, .closed: continue
                }
                break
            }
            if !isOpen {
                try Task.checkCancellation()
                try await group.next()
            }
            let queues = try inspector.queues().filter { queue in
                switch queue.address {
                case .topic, .server, .notifications: queue.waiting > 0
                default: false
                }
            }
            let progress = Locked(Progress(total: queues.reduce(0) { $0 + $1.waiting }))
            report(progress.withLock { $0 })
            let forwarding = Forwarding(destination: destination, timeout: timeout) {
                report(
                    progress.withLock { progress in
                        progress.forwarded += 1
                        return progress
                    })
            }
            for queue in queues {
                guard let address = queue.address else { continue }
                try await drain(address, queue.waiting, of: spool, forwarding)
            }
            return progress.withLock { $0 }
        }
    }

    /// Ends after `count` messages, so that it keeps up with those who go on publishing, or when there are no more: some
    /// may have expired or been taken by others.
    private func drain(
        _ address: Address, _ count: Int, of spool: Transport, _ forwarding: Forwarding
    ) async throws {
        let concurrency = max(1, concurrency)
        var options = SubscriptionOptions(prefetch: concurrency + 1, deadline: .now + forwarding.timeout)
        options.isDrain = true
        try await spool.withSubscription(to: address, options: options) { deliveries in
            try await withThrowingTaskGroup(of: Void.self) { group in
                var iterator = deliveries.makeAsyncIterator()
                var started = 0
                while started < count, let delivery = try await iterator.next() {
                    if started >= concurrency { try await group.next() }
                    group.addTask { try await forwarding.forward(delivery, to: address) }
                    started += 1
                }
                try await group.waitForAll()
            }
            // The deliveries of a cancelled task end early.
            try Task.checkCancellation()
        }
    }

    /// What happens to one message.
    private struct Forwarding: Sendable {
        let destination: Transport
        let timeout: Duration
        let done: @Sendable () -> Void

        func forward(_ delivery: Delivery, to address: Address) async throws {
            do {
                try await destination.publish(
                    delivery.message, to: address, deadline: .now + timeout, allowsDuplicates: true)
            } catch {
                try await delivery.requeue()
                throw error
            }
            try await delivery.accept()
            done()
        }
    }
}
