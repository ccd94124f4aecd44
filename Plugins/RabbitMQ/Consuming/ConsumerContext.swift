#if RabbitMQ
import Logging
import SwitchboardCore

/// What all parts of a consuming connection share: the way to the broker, the channels, the subscriptions, the next
/// deadline, and what `Transport` is to hear.
final class ConsumerContext {
    struct Settings: Sendable {
        var maximumMessageSize: Int
        var prefetchLimit: Int
        /// `nil`: subscriptions do not check themselves.
        var selfCheckInterval: Duration?
        var answerTimeout: Duration
    }

    let settings: Settings
    let errors: BrokerErrors
    let inbox: Inbox<ConsumeCommand>
    let demands: BrokerDemands
    let metrics: DriverMetrics
    let logger: Logger
    private let signals: ConnectionSignals

    // The properties on the path of each message are marked `exclusivity(unchecked)`: one thread touches them, and no access
    // lasts while another function of this class runs. The check at run time costs more than most of the accesses.
    @exclusivity(unchecked) private(set) var connection: AMQPConnection?
    @exclusivity(unchecked) var channels = ConsumerChannels()
    @exclusivity(unchecked) var consumptions: [UInt64: Consumption] = [:]
    /// Whether nothing more is set up on this connection.
    private(set) var isEnding = false
    @exclusivity(unchecked) private(set) var nextDeadline: Moment?
    /// Those whose acceptances leave at the end of the turn.
    @exclusivity(unchecked) private var accepting: [ConsumerChannel] = []
    @exclusivity(unchecked) private var told: [ConnectionSignal] = []
    /// How many deliveries were handed out in this turn.
    @exclusivity(unchecked) private var handedOut = 0

    init(
        _ settings: Settings, errors: BrokerErrors, inbox: Inbox<ConsumeCommand>, demands: BrokerDemands,
        metrics: DriverMetrics, signals: ConnectionSignals, logger: Logger
    ) {
        self.settings = settings
        self.errors = errors
        self.inbox = inbox
        self.demands = demands
        self.metrics = metrics
        self.signals = signals
        self.logger = logger
    }

    // MARK: The connection

    func opened(_ connection: AMQPConnection) {
        self.connection = connection
    }

    /// The connection is about to end.
    func end() {
        isEnding = true
    }

    /// The connection is gone. Nothing holds on to this any more.
    func closed() {
        connection = nil
        consumptions.removeAll()
        channels = ConsumerChannels()
        accepting.removeAll()
        told.removeAll()
    }

    /// A number for a new channel; `nil` if the connection has none left.
    func takeChannel() -> UInt16? {
        connection.flatMap { channels.take(limit: $0.tuning.channelMax) }
    }

    func send(_ methods: [OutgoingMethod], _ channel: UInt16) {
        guard let connection else { return }
        do throws(TransportError) {
            for method in methods { try connection.send(method, channel: channel) }
        } catch {
            connection.end(error.message)
        }
    }

    // MARK: Time and turns

    /// Deadlines are noted again.
    func forgetDeadline() {
        nextDeadline = nil
    }

    func note(_ deadline: Moment?) {
        guard let deadline else { return }
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    /// Has the channel send its acceptances at the end of the turn.
    func sendAcceptances(of channel: ConsumerChannel) {
        accepting.append(channel)
    }

    func handOut(_ subscription: Subscription) {
        handedOut += 1
        // On this thread, which holds no lock: a subscriber that takes deliveries as they come needs no wake-up.
        subscription.handOut()
    }

    /// `Transport` hears of it at the end of the turn.
    func signal(_ signal: ConnectionSignal) {
        told.append(signal)
    }

    /// - Returns: how many deliveries were handed out in it.
    func finishTurn() -> Int {
        for channel in accepting { channel.sendAcceptances() }
        accepting.removeAll(keepingCapacity: true)
        defer { handedOut = 0 }
        guard !told.isEmpty else { return handedOut }
        let told = told
        self.told = []
        for signal in told { signals.send(signal) }
        return handedOut
    }
}
#endif
