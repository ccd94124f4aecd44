import Foundation
import Logging
import NIOCore
import NIOEmbedded
import SwitchboardCore

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
    func goOn()
    /// Ends the process when somebody still waits.
    func checkAnswers()
}

extension FuzzedSide {
    func meet(_ input: ArraySlice<UInt8>, _ piece: Int, isRaw: Bool) {
        let login = Login(
            method: .plain, username: "u", password: "p", virtualHost: "/", properties: [:], heartbeat: 60)
        let link = Link(login, client: client)
        let channel = EmbeddedChannel(loop: loop)
        begin()
        link.connected(channel)
        turn(link, channel)
        if !isRaw {
            for bytes in [Good.handshake, setUp] {
                link.received(ByteBuffer(bytes: bytes))
                turn(link, channel)
            }
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
        client.ended(TransportError(.closed, "It is over."))
        turn(link, channel)
        checkAnswers()
        _ = try? channel.finish()
    }

    private func turn(_ link: Link, _ channel: EmbeddedChannel) {
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
        let count = Locked(0)
    }

    let client = Publisher(
        topology: Topology(.osloDefaults), demands: BrokerDemands(.osloDefaults), metrics: DriverMetrics(),
        bounds: .init(
            unconfirmed: 4, unconfirmedBytes: 1 << 20, waiting: 100, returnedSize: .max, answer: .seconds(30)),
        place: place, logger: quiet)
    let setUp =
        Good.method(20, 11, 1, [0, 0, 0, 0]) + Good.method(85, 11, 1) + Good.method(20, 11, 2, [0, 0, 0, 0])
        + Good.method(40, 11, 2) + Good.method(40, 11, 2)
    private let answers = Answers()
    private var published = 0

    func begin() {
        let messages: [(Address, Bool)] = [
            (.topic(topic), false), (.topic(topic), true), (.fanout(topic), true), (.notifications(topic), false),
            (.mailbox(Mailbox(named: "m")), true),
        ]
        for (address, mandatory) in messages {
            published += 1
            let request = PublishRequest(
                Message(body: [UInt8](repeating: 7, count: 3)), to: address,
                options: PublishOptions(
                    deadline: .now + .seconds(60), mandatory: mandatory, allowsDuplicates: published % 2 == 0))
            client.perform(
                .publish(request, .function { [answers] _ in answers.count.withLock { $0 += 1 } }))
            if published == 2 { client.perform(.cancel(request)) }
        }
    }

    func goOn() {}

    func checkAnswers() {
        precondition(answers.count.withLock { $0 } == published, "A publish has no answer, or two.")
    }
}

/// The consuming side: a server's queue and a mailbox, with deliveries being settled.
private final class FuzzedConsumer: FuzzedSide {
    let client: Consumer
    let setUp: [UInt8]
    private let inbox = Inbox<ConsumeCommand>(eventLoop: loop)
    private var requests: [SubscriptionRequest] = []
    private let answers = Locked(0)
    private let sources: [Deliveries]

    init() {
        client = Consumer(
            place: place, maximumMessageSize: 1000, inbox: inbox, selfCheckInterval: .seconds(30),
            answerTimeout: .seconds(30), demands: BrokerDemands(.osloDefaults), metrics: DriverMetrics(), logger: quiet)
        var setUp: [UInt8] = []
        var sources: [Deliveries] = []
        let topology = Topology(.osloDefaults)
        let addresses: [Address] = [.topic(topic), .mailbox(Mailbox(named: "m"))]
        for (index, address) in addresses.enumerated() {
            let (deliveries, source) = Deliveries.makeSequence()
            sources.append(deliveries)
            guard let plan = try? topology.plan(subscribingTo: address, fanoutSuffix: "s") else { fatalError() }
            requests.append(
                SubscriptionRequest(
                    id: UInt64(index + 1), address: address, plan: plan, prefetch: 5, deadline: nil, source: source))
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
        self.sources = sources
    }

    func begin() {
        for request in requests {
            client.perform(.open(request, continuation { [answers] in answers.withLock { $0 += 1 } }))
        }
    }

    func goOn() {
        for request in requests {
            for (tag, settlement) in [
                (1, Settlement.accept), (2, .requeue), (3, .discard(reason: "")), (4, .release),
            ] {
                client.perform(.settle(request, epoch: 0, tag: UInt64(tag), settlement, whenKnown: nil))
                client.perform(.settle(request, epoch: 1, tag: UInt64(tag), settlement, whenKnown: nil))
            }
        }
    }

    func checkAnswers() {
        // Continuations resume on another thread.
        for _ in 0..<2000 where answers.withLock({ $0 }) < requests.count { usleep(1000) }
        precondition(answers.withLock { $0 } == requests.count, "A subscription has no answer.")
    }

    /// One that can be handed to what is not async.
    private func continuation(
        _ answered: @escaping @Sendable () -> Void
    ) -> CheckedContinuation<TransportError?, Never> {
        let handedOut = Locked<CheckedContinuation<TransportError?, Never>?>(nil)
        let isThere = DispatchSemaphore(value: 0)
        Task.detached {
            _ = await withCheckedContinuation { continuation in
                handedOut.withLock { $0 = continuation }
                isThere.signal()
            }
            answered()
        }
        isThere.wait()
        guard let continuation = handedOut.withLock({ $0 }) else { fatalError() }
        return continuation
    }
}

private var place: Place {
    Place(url: "rabbit://127.0.0.1/", monitor: TransportMonitor(), topology: .osloDefaults)
}

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
        else { fatalError("What left is no frame.") }
    }
}
