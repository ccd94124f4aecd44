#if RabbitMQ
import SwitchboardCore

/// The consuming side of a connection: its subscriptions, each on a channel of its own.
///
///     Consumer ──commands──▶ Consumption ──a channel at a time──▶ ConsumerChannel
///        └─────frames──▶ ChannelUser: ConsumerChannel, ClosingChannel, RouteKeeper
final class Consumer: ConnectionClient {
    typealias Command = ConsumeCommand

    private let context: ConsumerContext
    private let routes: RouteKeeper
    private(set) var wasSettingUpNews = false
    private var isDraining = false

    init(_ context: ConsumerContext) {
        self.context = context
        routes = RouteKeeper(context)
    }

    /// The subscriptions, by number.
    var consumptions: [UInt64: Consumption] { context.consumptions }

    var isReady: Bool { context.connection != nil }
    var isIdle: Bool { !isDraining || consumptions.values.allSatisfy { !$0.hasUnsettled } }
    var nextDeadline: Moment? { context.nextDeadline }

    // MARK: Commands

    func perform(_ command: ConsumeCommand) {
        switch command {
        case .subscribe(let subscription, let history):
            let consumption = Consumption(subscription, history, context, routes)
            context.consumptions[subscription.id] = consumption
            consumption.begin()
        case .unsubscribe(let subscription):
            guard let consumption = consumptions[subscription.id] else { return context.signal(.ended(subscription)) }
            consumption.end()
        case .settle(let settler, let tag, let settlement, let completion):
            guard let channel = context.consumptions[settler.subscription.id]?.channel, channel.settler === settler,
                channel.isLive
            else { return abandon(command) }
            channel.settle(tag, settlement, completion)
        }
    }

    func abandon(_ command: ConsumeCommand) {
        guard case .settle(let settler, _, _, let completion) = command else { return }
        completion?(AcceptanceReceipts.neverSent(settler.subscription.address))
    }

    // MARK: The connection

    func opened(_ connection: AMQPConnection) {
        context.opened(connection)
    }

    func closed(_ loss: ConnectionLoss) {
        wasSettingUpNews = consumptions.values.contains(where: \.isSettingUpNews)
        for consumption in consumptions.values { consumption.lost(loss) }
        context.closed()
    }

    func blocked(_ reason: String?) {}
    func writable() {}

    /// The broker sends nothing more; what it has sent is settled on this connection.
    func drain() {
        context.end()
        isDraining = true
        for consumption in consumptions.values { consumption.channel?.cancel() }
    }

    /// What is unsettled goes back, and nothing new is set up.
    func stop() {
        context.end()
        for consumption in consumptions.values { consumption.channel?.release() }
    }

    func expire(_ now: Moment) {
        context.forgetDeadline()
        for consumption in Array(consumptions.values) { consumption.expire(now) }
        routes.expire(now)
    }

    @discardableResult
    func finishTurn() -> Int { context.finishTurn() }

    // MARK: Frames

    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {
        try user(of: channel).received(method)
    }

    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {
        try user(of: channel).received(header)
    }

    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {
        try user(of: channel).received(body)
    }

    private func user(of channel: UInt16) throws(ProtocolViolation) -> any ChannelUser {
        guard let user = context.channels[channel] else {
            throw ProtocolViolation("the broker sent a frame on channel \(channel), which is not open")
        }
        return user
    }
}
#endif
