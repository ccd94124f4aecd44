import Foundation
import Logging
import NIOCore
import NIOEmbedded

@testable import SwitchboardCore
@testable import SwitchboardRabbitMQ

/// What a broker sends, as any bytes: with the first bit of the first byte from the handshake on, else into a connection with
/// publishes or with subscriptions under way; the second bit tells which. The second byte is how many come at a time.
///
/// However it goes, every frame that leaves is whole, and when the connection is over everybody that waited has an answer.
func checkBroker(_ bytes: [UInt8]) -> CInt {
    guard bytes.count > 2 else { return 0 }
    let isRaw = bytes[0] & 1 != 0
    let piece = Int(bytes[1]) + 1
    let input = bytes.dropFirst(2)
    if bytes[0] & 2 != 0 {
        FuzzedPublisher().meet(input, piece, isRaw: isRaw)
    } else {
        FuzzedConsumer().meet(input, piece, isRaw: isRaw)
    }
    return 0
}

private let loop = EmbeddedEventLoop()
private let quiet = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
private let topic = Topic("t", exchange: "e")

/// One side of a driver on a connection that is no socket.
private protocol FuzzedSide {
    associatedtype Client: ConnectionClient
    var client: Client { get }
    /// Answers of a good broker to what the side sets up.
    var setUp: [UInt8] { get }
    /// Work that is under way when the bytes come, and when they have come.
    func begin()
    func opened()
    func goOn()
    /// Ends the process when somebody still waits.
    func checkAnswers()
}

extension FuzzedSide {
    func opened() {}

    func meet(_ input: ArraySlice<UInt8>, _ piece: Int, isRaw: Bool) {
        let login = Login(
            method: .plain, username: "u", password: "p", virtualHost: "/", properties: [:], heartbeat: 60)
        let link = AMQPConnection(login, client: client)
        let channel = EmbeddedChannel(loop: loop)
        begin()
        link.connected(channel)
        turn(link, channel)
        if !isRaw {
            link.received(ByteBuffer(bytes: Good.handshake))
            opened()
            turn(link, channel)
            link.received(ByteBuffer(bytes: setUp))
            turn(link, channel)
            precondition(link.loss == nil && client.isReady)
        }
        var rest = input
        while !rest.isEmpty {
            link.received(ByteBuffer(bytes: rest.prefix(piece)))
            rest = rest.dropFirst(piece)
            goOn()
            turn(link, channel)
            link.ticked()
        }
        link.end("it is over")
        turn(link, channel)
        checkAnswers()
        _ = try? channel.finish()
    }

    private func turn(_ link: AMQPConnection, _ channel: EmbeddedChannel) {
        client.expire(.now)
        client.finishTurn()
        link.flush()
        loop.run()
        while let written = try? channel.readOutbound(as: ByteBuffer.self) { checkFrames(written) }
    }
}

/// The publishing side: requests, a fanout, notifications.
private final class FuzzedPublisher: FuzzedSide {
    private final class Answers: Sendable {
        /// How often each publish has ended.
        let counts = Locked<[Int: Int]>([:])
    }

    let client = Publisher(
        topology: Topology(.osloDefaults), demands: BrokerDemands(.osloDefaults), memory: DeclarationMemory(),
        metrics: DriverMetrics(), errors: errors, answerTime: .seconds(30),
        unread: UnreadConfirms(ofWindow: 2048, bytes: 16 * 1024 * 1024), signals: ConnectionSignals { _ in },
        logger: quiet)
    let setUp =
        Good.method(20, 11, 1, [0, 0, 0, 0]) + Good.method(85, 11, 1) + Good.method(20, 11, 2, [0, 0, 0, 0])
        + Good.method(40, 11, 2) + Good.method(40, 11, 2)
    private let answers = Answers()
    private var published: [Publish] = []

    func begin() {
        let messages: [(Address, Bool)] = [
            (.topic(topic), false), (.topic(topic), true), (.fanout(topic), true), (.notifications(topic), false),
            (.mailbox(Mailbox(named: "m")), true),
        ]
        for (address, mandatory) in messages {
            let number = published.count
            let publish = Publish(
                Message(body: [UInt8](repeating: 7, count: 3)), to: address, mandatory: mandatory,
                allowsDuplicates: number % 2 == 0
            ) { [answers] _ in answers.counts.withLock { $0[number, default: 0] += 1 } }
            published.append(publish)
            client.perform(publish)
            // Its caller gives it up.
            if number == 1 { publish.finish(.accepted) }
        }
    }

    func goOn() {}

    /// What has no end when the connection is over, a transport takes back.
    func checkAnswers() {
        precondition(answers.counts.withLock { $0.values.allSatisfy { $0 == 1 } }, "A publish has two answers.")
        precondition(client.isIdle, "The publisher keeps publishes of a connection that is over.")
    }
}

/// The consuming side: a server's queue and a mailbox, with deliveries being settled.
private final class FuzzedConsumer: FuzzedSide {
    let client: Consumer
    let setUp: [UInt8]
    private let inbox = Inbox<ConsumeCommand>(eventLoop: loop)
    private var subscriptions: [(Subscription, SubscriptionHistory)] = []
    private let live = Locked<Set<UInt64>>([])

    init() {
        client = Consumer(
            ConsumerContext(
                .init(
                    maximumMessageSize: 1000, prefetchLimit: 100, selfCheckInterval: .seconds(30),
                    answerTimeout: .seconds(30)),
                errors: errors, inbox: inbox, demands: BrokerDemands(.osloDefaults), metrics: DriverMetrics(),
                signals: ConnectionSignals { [live] signal in
                    if case .live(let subscription) = signal { live.withLock { _ = $0.insert(subscription.id) } }
                }, logger: quiet))
        var setUp: [UInt8] = []
        let topology = Topology(.osloDefaults)
        let addresses: [Address] = [.topic(topic), .mailbox(Mailbox(named: "m"))]
        for (index, address) in addresses.enumerated() {
            guard let plan = try? topology.plan(subscribingTo: address, fanoutSuffix: "s"),
                let name = try? QueueNames(.osloDefaults).next(for: address)
            else { fatalError("An address of this check can't be subscribed to.") }
            subscriptions.append(
                (
                    Subscription(UInt64(index + 1), to: address, prefetch: 5) { _ in true },
                    SubscriptionHistory(plan, name: name)
                ))
            let channel = UInt16(index + 1)
            setUp += Good.method(20, 11, channel, [0, 0, 0, 0]) + Good.method(60, 11, channel)
            for declaration in plan.declarations {
                switch declaration {
                case .exchange: setUp += Good.method(40, 11, channel)
                case .queue: setUp += Good.method(50, 11, channel, [1, 113, 0, 0, 0, 0, 0, 0, 0, 1])
                case .binding: setUp += Good.method(50, 21, channel)
                }
            }
            setUp += Good.method(60, 21, channel, [1, UInt8(ascii: "1") + UInt8(index)])
        }
        self.setUp = setUp
    }

    /// A connection gets its subscriptions when it is open.
    func begin() {}

    func opened() {
        for (subscription, history) in subscriptions { client.perform(.subscribe(subscription, history)) }
    }

    func goOn() {
        for (subscription, history) in subscriptions {
            let settlers = [
                client.consumptions[subscription.id]?.channel?.settler,
                ChannelSettler(subscription, history, inbox, errors),
            ]
            for (tag, settlement) in [
                (1, Settlement.accept), (2, .requeue), (3, .discard(reason: "")), (4, .release),
            ] {
                for case let settler? in settlers {
                    client.perform(.settle(settler, tag: UInt64(tag), settlement, nil))
                }
            }
        }
    }

    func checkAnswers() {
        precondition(client.consumptions.isEmpty, "The consumer keeps subscriptions of a connection that is over.")
    }
}

private let errors = BrokerErrors(url: "rabbit://127.0.0.1/", topology: .osloDefaults)

/// What a good broker says.
private enum Good {
    static func method(_ classID: UInt8, _ id: UInt8, _ channel: UInt16 = 0, _ arguments: [UInt8] = []) -> [UInt8] {
        let length = UInt16(4 + arguments.count)
        return [1, UInt8(channel >> 8), UInt8(channel & 0xFF), 0, 0, UInt8(length >> 8), UInt8(length & 0xFF)]
            + [0, classID, 0, id] + arguments + [0xCE]
    }

    static let handshake =
        method(10, 10, 0, [0, 9, 0, 0, 0, 0, 0, 0, 0, 5] + Array("PLAIN".utf8) + [0, 0, 0, 5] + Array("en_US".utf8))
        + method(10, 30, 0, [0x07, 0xFF, 0, 2, 0, 0, 0, 60]) + method(10, 41, 0, [0])
}

/// What leaves is whole frames, after the protocol header.
private func checkFrames(_ buffer: ByteBuffer) {
    var buffer = buffer
    if buffer.readableBytesView.starts(with: Array("AMQP".utf8)) { buffer.moveReaderIndex(forwardBy: 8) }
    while buffer.readableBytes > 0 {
        guard let type = buffer.readInteger(as: UInt8.self), [1, 2, 3, 8].contains(type),
            buffer.readInteger(as: UInt16.self) != nil, let length = buffer.readInteger(as: UInt32.self),
            buffer.readSlice(length: Int(length)) != nil, buffer.readInteger(as: UInt8.self) == 0xCE
            // Ends the process, which is how a fuzz target reports a finding.
        else { fatalError("What was written isn't a whole frame.") }
    }
}
