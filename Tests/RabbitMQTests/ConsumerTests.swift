#if RabbitMQ
import NIOEmbedded
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

/// A consumer without a socket; the broker's answers are given to it by hand.
@Suite("The channels of a consumer")
struct ConsumerTests {
    private final class Bench {
        let consumer: Consumer
        let connection: AMQPConnection
        let inbox = Inbox<ConsumeCommand>(eventLoop: EmbeddedEventLoop())
        let subscription: Subscription
        let history: SubscriptionHistory
        let delivered = Locked<[Delivery]>([])
        private let told = Locked<[ConnectionSignal]>([])

        init(_ address: Address = .topic(Topic("t", exchange: "e")), _ topology: RabbitMQTopology = .init()) throws {
            let settings = ConsumerContext.Settings(
                maximumMessageSize: 1000, prefetchLimit: 100, selfCheckInterval: .seconds(30),
                answerTimeout: .seconds(30))
            let context = ConsumerContext(
                settings, errors: BrokerErrors(url: "rabbit://x", topology: topology), inbox: inbox,
                demands: BrokerDemands(topology), metrics: DriverMetrics(),
                signals: ConnectionSignals { [told] signal in told.withLock { $0.append(signal) } },
                logger: quietLogger)
            consumer = Consumer(context)
            subscription = Subscription(1, to: address, prefetch: 10) { [delivered] delivery in
                delivered.withLock { $0.append(delivery) }
                return true
            }
            let plan = try Topology(topology).plan(subscribingTo: address, fanoutSuffix: "s")
            history = SubscriptionHistory(plan, name: try QueueNames(topology).next(for: address))
            connection = .opened(for: consumer)
            consumer.perform(.subscribe(subscription, history))
        }

        var channel: ConsumerChannel? { consumer.consumptions[1]?.channel }

        func receive(_ methods: IncomingMethod..., on channel: UInt16 = 1) throws {
            for method in methods { try consumer.received(method, channel: channel) }
            consumer.finishTurn()
        }

        /// The broker sets the subscription up.
        func setUp(on channel: UInt16 = 1) throws {
            try receive(.channelOpenOK, .prefetchOK, on: channel)
            for declaration in history.plan.declarations {
                switch declaration {
                case .exchange: try receive(.exchangeDeclareOK, on: channel)
                case .queue: try receive(.queueDeclareOK(ready: 0, consumers: 0), on: channel)
                case .binding: try receive(.queueBindOK, on: channel)
                }
            }
            try receive(.consumeOK, on: channel)
        }

        func deliver(_ tag: UInt64, on channel: UInt16 = 1) throws {
            try receive(.deliver(tag: tag, isRedelivered: false), on: channel)
            try consumer.received(
                ContentHeader(bodySize: 1, contentType: "", contentEncoding: "", headers: [:]), channel: channel)
            try [UInt8](arrayLiteral: 1).withUnsafeBytes { try consumer.received($0, channel: channel) }
        }

        /// The names of the signals since the last time.
        func signals() -> [String] {
            told.withLock { told in
                defer { told = [] }
                return told.map { signal in
                    switch signal {
                    case .live: "live"
                    case .repairing: "repairing"
                    case .ended: "ended"
                    case .failed: "failed"
                    default: "\(signal)"
                    }
                }
            }
        }
    }

    @Test("What is still on its way on a channel that the subscription has left costs nothing")
    func left() throws {
        let bench = try Bench()
        try bench.setUp()
        #expect(bench.signals() == ["live"])
        try bench.deliver(1)
        #expect(bench.delivered.withLock { $0.count } == 1)
        try bench.receive(.cancel(tag: "1"))
        #expect(bench.signals() == ["repairing"])
        #expect(bench.channel == nil)
        // The broker has sent these before it read that the channel is closed.
        try bench.deliver(2)
        try bench.receive(.queueDeclareOK(ready: 3, consumers: 1))
        try bench.receive(.channelFlow(active: true))
        #expect(bench.delivered.withLock { $0.count } == 1)
        bench.consumer.expire(.now + .seconds(10))
        #expect(bench.channel?.number == 2)
        // The number is free when the broker has answered.
        try bench.receive(.channelCloseOK)
        try bench.setUp(on: 2)
        #expect(bench.signals() == ["live"])
        try bench.receive(.cancel(tag: "1"), on: 2)
        bench.consumer.expire(.now + .seconds(10))
        #expect(bench.channel?.number == 1)
        #expect(bench.connection.loss == nil)
    }

    @Test("An acceptance is confirmed by the broker's next answer, and by its answer to the end")
    func acceptances() throws {
        let bench = try Bench()
        let outcomes = Locked<[TransportError?]>([])
        try bench.setUp()
        for tag: UInt64 in 1...2 { try bench.deliver(tag) }
        func accept(_ tag: UInt64) throws {
            let settler = try #require(bench.channel?.settler)
            bench.consumer.perform(
                .settle(settler, tag: tag, .accept) { error in outcomes.withLock { $0.append(error) } })
        }
        try accept(1)
        bench.consumer.finishTurn()
        #expect(outcomes.withLock { $0.isEmpty })
        try bench.receive(.prefetchOK)
        #expect(outcomes.withLock { $0.map { $0?.code } } == [nil])
        try accept(2)
        bench.consumer.perform(.unsubscribe(bench.subscription))
        bench.consumer.finishTurn()
        #expect(bench.signals() == ["live"])
        try bench.receive(.channelCloseOK)
        #expect(outcomes.withLock { $0.map { $0?.code } } == [nil, nil])
        #expect(bench.signals() == ["ended"])
        #expect(bench.consumer.consumptions.isEmpty)
    }

    @Test("An end that the broker doesn't answer ends in time, once, and its channel stays taken until it does")
    func silentEnd() throws {
        let bench = try Bench()
        try bench.setUp()
        bench.consumer.perform(.unsubscribe(bench.subscription))
        bench.consumer.expire(.now + .seconds(60))
        bench.consumer.finishTurn()
        #expect(bench.signals() == ["live", "ended"])
        try bench.deliver(1)
        try bench.receive(.channelCloseOK)
        #expect(bench.signals().isEmpty)
        #expect(bench.delivered.withLock { $0.isEmpty })
        #expect(throws: ProtocolViolation.self) { try bench.receive(.channelCloseOK) }
    }

    @Test("A connection that is lost frees all that belonged to it")
    func freed() throws {
        weak var consumption: Consumption?
        weak var channel: ConsumerChannel?
        do {
            let bench = try Bench()
            try bench.setUp()
            consumption = bench.consumer.consumptions[1]
            channel = bench.channel
            #expect(channel != nil)
            bench.connection.end("the connection was cut")
        }
        #expect(consumption == nil)
        #expect(channel == nil)
    }
}
#endif
