#if RabbitMQ
import Logging
import NIOCore
import SwitchboardCore

/// The publishing side of a connection: one channel publishes and confirms, another declares.
final class Publisher: ConnectionClient {
    typealias Command = Publish

    /// Routes that are remembered; mailboxes come and go.
    private static let routeLimit = 4096

    private let topology: Topology
    private let demands: BrokerDemands
    private let outcomes = PublishOutcomes()
    private let control: ControlChannel
    private let channel: PublishChannel
    private let signals: ConnectionSignals
    // The properties on the path of each message are marked `exclusivity(unchecked)`: one thread touches them, and no access
    // lasts while another function of this class runs. The check at run time costs more than most of the accesses.
    @exclusivity(unchecked) private var connection: AMQPConnection?
    @exclusivity(unchecked) private var routes: [Address: PublishRoute] = [:]
    /// What of ``demands`` is in the routes.
    @exclusivity(unchecked) private var adaptedRevision = 0
    private(set) var wasSettingUpNews = false

    init(
        topology: Topology, demands: BrokerDemands, memory: DeclarationMemory, metrics: DriverMetrics,
        errors: BrokerErrors, answerTime: Duration, unread: UnreadConfirms, signals: ConnectionSignals, logger: Logger
    ) {
        self.topology = topology
        self.demands = demands
        self.signals = signals
        control = ControlChannel(
            demands: demands, memory: memory, metrics: metrics, errors: errors, outcomes: outcomes,
            answerTime: answerTime, logger: logger)
        channel = PublishChannel(
            control: control, errors: errors, outcomes: outcomes, metrics: metrics, answerTime: answerTime,
            unread: unread)
    }

    /// A broker that takes no messages answers nothing either; what is set up then is set up when it does.
    var isReady: Bool { channel.isReady && control.isReady || connection?.blockedReason != nil }
    var isIdle: Bool { channel.isIdle }

    var canReadLater: Bool {
        channel.canReadLater && control.answerDeadline == nil && connection?.blockedReason == nil
    }

    var nextDeadline: Moment? {
        [channel.answerDeadline, control.answerDeadline, channel.probeDeadline].compactMap(\.self).min()
    }

    func perform(_ publish: Publish) {
        channel.add(publish)
        pump()
    }

    /// `Transport` has taken it back when it heard of the loss.
    func abandon(_ publish: Publish) {}

    private func pump() {
        adaptRoutes()
        channel.pump(route)
    }

    private func route(to address: Address) throws(TransportError) -> PublishRoute {
        if let route = routes[address] { return route }
        if routes.count >= Self.routeLimit { routes.removeAll() }
        var plan = try topology.plan(publishingTo: address)
        plan.declarations = demands.adapted(plan.declarations, for: address)
        let route = try PublishRoute(plan, channel: PublishChannel.number)
        routes[address] = route
        return route
    }

    /// Plans again what the broker doesn't take as planned.
    private func adaptRoutes() {
        let revision = demands.revision
        guard revision != adaptedRevision else { return }
        adaptedRevision = revision
        routes.removeAll()
        control.adapt()
    }

    // MARK: The connection

    func opened(_ connection: AMQPConnection) {
        guard connection.tuning.channelMax >= ControlChannel.firstNumber else {
            return connection.end("the broker permits one channel on a connection, and publishing needs two")
        }
        self.connection = connection
        adaptRoutes()
        channel.open(connection)
        control.open(connection)
    }

    func closed(_ loss: ConnectionLoss) {
        connection = nil
        wasSettingUpNews = control.isDeclaringNews
        channel.closed()
        control.closed(loss)
    }

    func blocked(_ reason: String?) {
        signals.send(.blocked(reason: reason))
        guard reason == nil else { return }
        postponeAnswers()
        pump()
    }

    func writable() { pump() }

    /// Nothing more is handed over: `Transport` keeps it for the next connection.
    func drain() {
        signals.send(.window(messages: 0, bytes: 0))
        channel.drain()
    }

    func stop() {}

    func expire(_ now: Moment) {
        expireAnswers(now)
        pump()
    }

    /// A broker that does not open a channel is given up.
    private func expireAnswers(_ now: Moment) {
        guard let connection else { return }
        // It reads nothing meanwhile.
        if connection.blockedReason != nil { return postponeAnswers() }
        if let deadline = channel.answerDeadline, deadline <= now {
            connection.end("the broker did not answer the opening of a channel")
        } else if let deadline = control.answerDeadline, deadline <= now, let reason = control.answerIsLate() {
            connection.end(reason)
        }
    }

    private func postponeAnswers() {
        channel.postponeAnswer()
        control.postponeAnswer()
    }

    @discardableResult
    func finishTurn() -> Int {
        channel.finishTurn()
        return outcomes.tell()
    }

    // MARK: Frames

    func received(_ method: IncomingMethod, channel number: UInt16) throws(ProtocolViolation) {
        switch number {
        case PublishChannel.number: try channel.received(method)
        case ControlChannel.firstNumber...control.number:
            let declared = try control.received(method, channel: number)
            channel.addFirst(declared)
        default:
            throw ProtocolViolation("the broker sent \(method) on the publishing connection's channel \(number)")
        }
        pump()
    }

    func received(_ header: ContentHeader, channel number: UInt16) throws(ProtocolViolation) {
        try channel.received(header)
    }

    func received(_ body: UnsafeRawBufferPointer, channel number: UInt16) throws(ProtocolViolation) {
        try channel.received(body)
    }
}
#endif
