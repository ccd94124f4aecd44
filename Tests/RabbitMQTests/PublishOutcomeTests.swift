#if RabbitMQ
import NIOCore
import NIOEmbedded
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

/// Every way in which a publish ends without a confirm, for one that was never written, and for one that an earlier
/// connection may have carried. A publisher without a socket: the broker's answers are given to it by hand.
@Suite("What is said of a publish that was not confirmed")
struct PublishOutcomeTests {
    enum Ending: String, CaseIterable, Sendable {
        case negative, unroutable, channelRefused, channelConflict, tooLarge, exchangeGone, declarationConflict,
            declarationRefused, cancelled, cancelledInFlight, closed, refused, deadlineUnsent, deadlineBlocked,
            deadlineInFlight
    }

    /// The codes that say that a message was certainly not taken.
    private static let promises: Set<TransportError.Code> = [
        .unavailable, .refused, .unroutable, .exhausted, .cancelled, .messageTooLarge, .conflict, .invalidAddress,
        .unsupported, .closed, .internalError,
    ]

    private static let mailbox = Address.mailbox(Mailbox(named: "reply_x"))
    private static let topic = Address.topic(Topic("t", exchange: "e"))

    /// A publisher, its present connection, and what its callers were told.
    private final class Bench {
        let publisher: Publisher
        private(set) var link: Link
        let answers = Locked<[TransportError?]>([])

        init() {
            let monitor = TransportMonitor()
            publisher = Publisher(
                topology: Topology(RabbitMQTopology()), demands: BrokerDemands(RabbitMQTopology()),
                metrics: DriverMetrics(),
                bounds: Publisher.Bounds(RabbitMQConfiguration()),
                place: Place(url: "rabbit://x", monitor: monitor, topology: RabbitMQTopology()), logger: quietLogger)
            link = Self.makeLink(publisher)
        }

        private static func makeLink(_ publisher: Publisher) -> Link {
            let link = Link(
                Login(method: .plain, username: "u", password: "p", virtualHost: "/", properties: [:], heartbeat: 0),
                client: publisher)
            link.connected(EmbeddedChannel())
            return link
        }

        func connect() throws {
            link = Self.makeLink(publisher)
            link.received(Self.handshake())
            #expect(link.isOpen)
            try publisher.received(.confirmSelectOK, channel: Publisher.publishChannel)
            try publisher.received(.channelOpenOK, channel: publisher.controlChannel)
        }

        /// What a broker sends until the connection is open: start, tune, open-ok.
        private static func handshake() -> ByteBuffer {
            let start: [UInt8] =
                [0, 9, 0, 0, 0, 0, 0, 0, 0, 5] + Array("PLAIN".utf8) + [0, 0, 0, 5] + Array("en_US".utf8)
            let methods: [(UInt8, [UInt8])] = [(10, start), (30, [0x07, 0xFF, 0, 2, 0, 0, 0, 0]), (41, [0])]
            return ByteBuffer(
                bytes: methods.flatMap { id, arguments in
                    [1, 0, 0, 0, 0, 0, UInt8(4 + arguments.count), 0, 10, 0, id] + arguments + [0xCE]
                })
        }

        /// The connection is lost; what was flushed may be at the broker.
        func lose(flushed: Bool = true) {
            if flushed { link.flush() }
            publisher.closed(ConnectionLoss("the connection was cut"))
        }

        func publish(to address: Address, within time: Duration = .seconds(60)) -> PublishRequest {
            let request = PublishRequest(
                Message(body: [1, 2, 3]), to: address,
                options: PublishOptions(deadline: .now + time, mandatory: true, allowsDuplicates: true))
            publisher.perform(
                .publish(request, .function { [answers] error in answers.withLock { $0.append(error) } }))
            return request
        }

        func declared() throws {
            if publisher.declaring.first != nil {
                try publisher.received(.exchangeDeclareOK, channel: publisher.controlChannel)
            }
        }

        var told: [TransportError?] {
            publisher.finishTurn()
            return answers.withLock(\.self)
        }
    }

    private func close(_ code: UInt16, _ text: String) -> IncomingMethod {
        .channelClose(.init(code: code, text: text))
    }

    /// Has a publish that is waiting or in flight on a live connection end in that way.
    private func end(_ ending: Ending, _ bench: Bench, _ request: PublishRequest) throws {
        let publisher = bench.publisher
        let channel = Publisher.publishChannel
        switch ending {
        case .negative:
            try publisher.received(.nack(tag: 1, multiple: false), channel: channel)
            publisher.expire(request.options.deadline)
        case .unroutable:
            try publisher.received(
                .returned(.init(code: 312, text: "NO_ROUTE", exchange: "", routingKey: "reply_x")), channel: channel)
            try publisher.received(
                ContentHeader(bodySize: 3, contentType: "", contentEncoding: "", headers: [:]), channel: channel)
            try [UInt8](arrayLiteral: 1, 2, 3).withUnsafeBytes { try publisher.received($0, channel: channel) }
            try publisher.received(.ack(tag: 1, multiple: false), channel: channel)
        case .channelRefused: try publisher.received(close(403, "ACCESS_REFUSED - no"), channel: channel)
        case .channelConflict: try publisher.received(close(406, "PRECONDITION_FAILED - no"), channel: channel)
        case .tooLarge:
            try publisher.received(
                close(406, "PRECONDITION_FAILED - message size 3 is larger than configured max size 2"),
                channel: channel)
        case .exchangeGone:
            // As often as it is tried again at once; then it waits for its next turn until its deadline.
            for _ in 0..<4 {
                try publisher.received(close(404, "NOT_FOUND - no exchange '' in vhost '/'"), channel: channel)
                try publisher.received(.confirmSelectOK, channel: channel)
            }
            publisher.expire(request.options.deadline)
        case .declarationConflict:
            try publisher.received(
                close(406, "PRECONDITION_FAILED - inequivalent arg"), channel: publisher.controlChannel)
        case .declarationRefused:
            try publisher.received(close(403, "ACCESS_REFUSED - no"), channel: publisher.controlChannel)
        case .cancelled, .cancelledInFlight: publisher.perform(.cancel(request))
        case .closed: publisher.ended(TransportError(.closed, "Shut down."))
        case .refused: publisher.ended(TransportError(.refused, "The password is another one."))
        case .deadlineUnsent, .deadlineInFlight: publisher.expire(request.options.deadline)
        case .deadlineBlocked: publisher.expire(request.options.deadline)
        }
    }

    private func address(for ending: Ending) -> Address {
        switch ending {
        case .declarationConflict, .declarationRefused: Self.topic
        default: Self.mailbox
        }
    }

    /// Whether a publish ends so on a connection, and not while there is none.
    private func needsConnection(_ ending: Ending) -> Bool {
        switch ending {
        case .cancelled, .closed, .refused, .deadlineUnsent: false
        default: true
        }
    }

    @Test("One that was never written ends with a code that says so", arguments: Ending.allCases)
    func before(_ ending: Ending) throws {
        let bench = Bench()
        if needsConnection(ending) { try bench.connect() }
        let request = bench.publish(to: address(for: ending))
        try end(ending, bench, request)
        let error = try #require(bench.told.first ?? nil)
        let isInFlight = ending == .cancelledInFlight || ending == .deadlineInFlight || ending == .deadlineBlocked
        #expect(Self.promises.contains(error.code) == !isInFlight, "\(ending): \(error)")
        if isInFlight { #expect(error.code == .indeterminate) }
    }

    /// Without a declaration that is not permitted any more: one that was made before is gone without, and ends nothing.
    @Test(
        "One that an earlier connection may have carried was maybe sent, however it ends",
        arguments: Ending.allCases.filter { $0 != .declarationRefused })
    func after(_ ending: Ending) throws {
        let bench = Bench()
        try bench.connect()
        let request = bench.publish(to: address(for: ending))
        // A request's exchange is declared first.
        try bench.declared()
        #expect(bench.publisher.window.count == 1)
        bench.lose()
        #expect(bench.told.isEmpty)
        if needsConnection(ending) { try bench.connect() }
        try end(ending, bench, request)
        let error = try #require(bench.told.first ?? nil)
        #expect(error.code == .indeterminate, "\(ending): \(error)")
        #expect(bench.told.count == 1)
    }

    @Test("One that was encoded and not written counts as never sent, and nothing of it goes out afterwards")
    func encodedOnly() throws {
        let bench = Bench()
        try bench.connect()
        bench.link.flush()
        _ = bench.publish(to: Self.mailbox)
        #expect(bench.link.hasOutput)
        bench.link.end("the broker was silent")
        #expect(!bench.link.hasOutput)
        bench.lose(flushed: false)
        bench.publisher.ended(TransportError(.closed, "Shut down."))
        #expect(bench.told.map { $0?.code } == [.closed])
    }

    @Test("Without leave to send twice, one that has left is never written again")
    func once() throws {
        let bench = Bench()
        try bench.connect()
        let request = PublishRequest(
            Message(body: [1]), to: Self.mailbox, options: PublishOptions(deadline: .now + .seconds(60)))
        bench.publisher.perform(
            .publish(request, .function { [answers = bench.answers] error in answers.withLock { $0.append(error) } }))
        bench.lose()
        #expect(bench.told.map { $0?.code } == [.indeterminate])
        try bench.connect()
        #expect(bench.publisher.window.count == 0)
    }

    @Test("A fanout that one of its queues refused may be in the others")
    func refusedFanout() throws {
        let bench = Bench()
        try bench.connect()
        let request = bench.publish(to: .fanout(Topic("t", exchange: "e")))
        try bench.declared()
        #expect(bench.publisher.window.count == 1)
        try end(.negative, bench, request)
        #expect(bench.told.map { $0?.code } == [.indeterminate])
    }
}
#endif
