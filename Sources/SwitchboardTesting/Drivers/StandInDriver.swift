package import SwitchboardCore

/// A driver without a queue, whose attempts to connect come to what a test says.
///
/// Its connections take what is published, and their subscriptions are live and get nothing.
package final class StandInDriver: TransportDriver {
    /// One try of a publish that came to a connection.
    package struct Published: Sendable {
        package let message: Message
        package let address: Address
        package let mandatory: Bool
        package let allowsDuplicates: Bool
        package let timeLeft: Duration
    }

    package let capabilities: DriverCapabilities
    private let outcome: @Sendable (Publish) -> PublishOutcome
    private let present = Locked<ConnectionSignals?>(nil)
    private let record = Locked((published: [Published](), subscribed: [Address]()))
    private let answers: AsyncStream<ConnectionFailure?>
    private let answer: AsyncStream<ConnectionFailure?>.Continuation
    private let isScripted: Bool

    /// - Parameters:
    ///   - isScripted: whether each attempt to connect waits for ``connect()`` or ``fail(_:)``.
    ///   - outcome: what becomes of each try of a publish.
    package init(
        capabilities: DriverCapabilities = [], isScripted: Bool = false,
        outcome: @escaping @Sendable (Publish) -> PublishOutcome = { _ in .accepted }
    ) {
        self.capabilities = capabilities
        self.isScripted = isScripted
        self.outcome = outcome
        (answers, answer) = AsyncStream.makeStream()
    }

    package var published: [Published] { record.withLock { $0.published } }
    package var subscribed: [Address] { record.withLock { $0.subscribed } }

    /// The present attempt succeeds, or the next one.
    package func connect() { answer.yield(nil) }

    /// The present attempt fails, or the next one.
    package func fail(_ failure: ConnectionFailure) { answer.yield(failure) }

    /// The present connection says this.
    package func send(_ signal: ConnectionSignal) {
        present.withLock { $0 }?.send(signal)
    }

    package func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        if isScripted {
            var iterator = answers.makeAsyncIterator()
            guard let answer = await iterator.next() else { throw ConnectionFailure("the attempt was cancelled") }
            if let answer { throw answer }
        }
        present.withLock { $0 = signals }
        return Connection(self, signals)
    }

    private final class Connection: DriverConnection {
        private let driver: StandInDriver
        private let signals: ConnectionSignals

        init(_ driver: StandInDriver, _ signals: ConnectionSignals) {
            self.driver = driver
            self.signals = signals
        }

        func publish(_ publish: Publish) {
            let published = Published(
                message: publish.message, address: publish.address, mandatory: publish.mandatory,
                allowsDuplicates: publish.allowsDuplicates, timeLeft: publish.timeLeft)
            driver.record.withLock { $0.published.append(published) }
            if publish.begin() { publish.finish(driver.outcome(publish)) }
        }

        func subscribe(_ subscription: Subscription) {
            driver.record.withLock { $0.subscribed.append(subscription.address) }
            signals.send(.live(subscription))
        }

        func unsubscribe(_ subscription: Subscription) {
            signals.send(.ended(subscription))
        }

        func close() async {}
    }
}
