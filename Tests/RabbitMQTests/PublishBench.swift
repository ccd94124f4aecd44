#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// A transport over a publisher without a socket: the broker's answers are given to it by hand, and time passes when the
/// test says so. On one thread, as NIO's embedded channels demand.
@MainActor
final class PublishBench {
    let clock = TurnedClock()
    let transport: Transport
    private let driver = HandDriver()
    private let memory = DeclarationMemory()
    private let demands = BrokerDemands(RabbitMQTopology())
    private let run: Task<Void, any Error>
    private(set) var publisher: Publisher!
    private(set) var connection: AMQPConnection!
    private var hand: HandConnection!
    private let answers = Locked<[TransportError?]>([])

    init() {
        let url = TransportURL(scheme: "rabbit", hosts: [.init(name: "x")])
        let transport = Transport(
            driver: driver, url: url, configuration: TransportConfiguration(), clock: clock.clock, logger: quietLogger)
        self.transport = transport
        run = Task { try await transport.run() }
    }

    /// Connects: the handshake is done, and both channels are open. Returns when the transport has handed over `count`
    /// publishes that it kept; it says that it is ready before it does.
    func connect(handingOver count: Int = 0) async throws {
        hand = try await driver.nextConnection()
        publisher = Publisher(
            topology: Topology(RabbitMQTopology()), demands: demands, memory: memory, metrics: DriverMetrics(),
            errors: BrokerErrors(url: "rabbit://x", topology: RabbitMQTopology()), answerTime: .seconds(3600),
            unread: UnreadConfirms(ofWindow: 2048, bytes: 16 * 1024 * 1024), signals: hand.signals, logger: quietLogger)
        connection = .opened(for: publisher)
        #expect(connection.isOpen)
        try publisher.received(.confirmSelectOK, channel: PublishChannel.number)
        try publisher.received(.channelOpenOK, channel: ControlChannel.firstNumber)
        driver.answer(hand)
        try await waits { $0 == .ready }
        try await withTimeLimit(.seconds(60)) { [hand] in try await yieldsWhile { hand!.count < count } }
        turn()
    }

    /// Returns when the publisher has a publish again that was to go out once more: the transport may hand it over on
    /// another thread.
    func handedOverAgain() async throws {
        let end = ContinuousClock.now + .seconds(60)
        try await yieldsWhile {
            turn()
            return publisher.isIdle && .now < end
        }
        try #require(!publisher.isIdle)
    }

    /// Gives the publisher what the transport has handed over, and tells the transport what came of it, until nothing
    /// moves any more.
    func turn() {
        guard publisher != nil else { return }
        repeat {
            for publish in hand.takeAll() { publisher.perform(publish) }
            publisher.finishTurn()
        } while hand.count > 0
    }

    /// The connection is lost; what was flushed may be at the broker.
    func lose(flushed: Bool = true) async throws {
        turn()
        if flushed { connection.flush() }
        publisher.closed(ConnectionLoss("the connection was cut"))
        publisher.finishTurn()
        publisher = nil
        hand.signals.lost("the connection was cut")
        try await waits { $0 != .ready }
    }

    private func waits(for fits: @escaping @Sendable (TransportState) -> Bool) async throws {
        try await withTimeLimit(.seconds(60)) { [transport] in
            for await state in transport.states() where fits(state) { return }
        }
    }

    func publish(to address: Address, body: [UInt8] = [1, 2, 3], allowsDuplicates: Bool = true) throws
        -> PendingPublish?
    {
        let pending = try transport.publish(
            Message(body: body), to: address, deadline: clock.now + .seconds(60), mandatory: true,
            allowsDuplicates: allowsDuplicates
        ) { [answers] error in answers.withLock { $0.append(error) } }
        turn()
        return pending
    }

    /// The deadline of what was published passes.
    func passDeadline() async throws {
        turn()
        clock.turn(by: .seconds(61))
        _ = try await answered()
    }

    /// Ends the transport.
    func end() async throws {
        run.cancel()
        _ = await run.result
        _ = try await answered()
    }

    /// What callers were told, once at least one was.
    func answered() async throws -> [TransportError?] {
        turn()
        return try await withTimeLimit(.seconds(60)) { [answers] in
            try await yieldsWhile { answers.withLock { $0.isEmpty } }
            return answers.withLock(\.self)
        }
    }

    var told: [TransportError?] {
        turn()
        return answers.withLock(\.self)
    }

    deinit {
        run.cancel()
    }
}

/// Makes connections that the test hands it.
private final class HandDriver: TransportDriver {
    private struct State {
        var waiting: (CheckedContinuation<any DriverConnection, any Error>, ConnectionSignals)?
    }

    let capabilities: DriverCapabilities = []
    /// Without a pause between attempts, as the clock stands still.
    let backoff = ReconnectBackoff(shortest: .zero, longest: .zero)
    private let state = Locked(State())

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    state.withLock { $0.waiting = (continuation, signals) }
                    if Task.isCancelled { cancel() }
                }
            } onCancel: {
                cancel()
            }
        } catch {
            throw ConnectionFailure("cancelled")
        }
    }

    private func cancel() {
        state.withLock { $0.waiting.take() }?.0.resume(throwing: CancellationError())
    }

    /// The connection that the transport waits for.
    func nextConnection() async throws -> HandConnection {
        try await withTimeLimit(.seconds(60)) {
            try await yieldsWhile { self.state.withLock { $0.waiting == nil } }
            return HandConnection(self.state.withLock { $0.waiting!.1 })
        }
    }

    func answer(_ connection: HandConnection) {
        state.withLock { $0.waiting.take() }?.0.resume(returning: connection)
    }
}

/// Keeps what is handed over until the test looks.
private final class HandConnection: DriverConnection {
    let signals: ConnectionSignals
    private let handed = Locked<[Publish]>([])

    init(_ signals: ConnectionSignals) {
        self.signals = signals
    }

    var count: Int { handed.withLock { $0.count } }

    func takeAll() -> [Publish] {
        handed.withLock { handed in
            defer { handed = [] }
            return handed
        }
    }

    func publish(_ publish: Publish) {
        handed.withLock { $0.append(publish) }
    }

    func subscribe(_ subscription: Subscription) {
        signals.send(.live(subscription))
    }

    func unsubscribe(_ subscription: Subscription) {
        signals.send(.ended(subscription))
    }

    func close() async {}
}
#endif
