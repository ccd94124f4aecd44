#if RabbitMQ
import NIOCore
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

/// Every way in which a publish ends without a confirm, for one that was never written, and for one that an earlier
/// connection may have carried.
@Suite("What is said of a publish that was not confirmed", .timeLimit(.minutes(2)))
@MainActor
struct PublishOutcomeTests {
    enum Ending: String, CaseIterable, Sendable {
        case negative, unroutable, channelRefused, channelConflict, tooLarge, exchangeGone, declarationConflict,
            declarationRefused, cancelled, cancelledInFlight, closed, deadlineUnsent, deadlineInFlight
    }

    /// The codes that say that a message was certainly not taken.
    private static let promises: Set<TransportError.Code> = [
        .unavailable, .refused, .unroutable, .exhausted, .cancelled, .messageTooLarge, .conflict, .invalidAddress,
        .unsupported, .closed, .internalError,
    ]

    private static let mailbox = Address.mailbox(Mailbox(named: "reply_x"))
    private static let topic = Address.topic(Topic("t", exchange: "e"))

    private func close(_ code: UInt16, _ text: String) -> IncomingMethod {
        .channelClose(.init(code: code, text: text))
    }

    /// The broker declares what a request needs, if the publisher has asked for it.
    private func declare(_ bench: PublishBench) throws {
        try bench.publisher.received(.exchangeDeclareOK, channel: ControlChannel.firstNumber)
        bench.turn()
    }

    /// Has a publish that is waiting or in flight end in that way.
    private func end(_ ending: Ending, _ bench: PublishBench, _ pending: PendingPublish?) async throws {
        let channel = PublishChannel.number
        func receive(_ method: IncomingMethod, on number: UInt16 = channel) throws {
            try bench.publisher.received(method, channel: number)
            bench.turn()
        }
        switch ending {
        case .negative:
            try receive(.nack(tag: 1, multiple: false))
            try await bench.passDeadline()
        case .unroutable:
            try receive(.returned(.init(code: 312, text: "NO_ROUTE", exchange: "", routingKey: "reply_x")))
            try bench.publisher.received(
                ContentHeader(bodySize: 3, contentType: "", contentEncoding: "", headers: [:]), channel: channel)
            try [UInt8](arrayLiteral: 1, 2, 3).withUnsafeBytes { try bench.publisher.received($0, channel: channel) }
            try receive(.ack(tag: 1, multiple: false))
        case .channelRefused: try receive(close(403, "ACCESS_REFUSED - no"))
        case .channelConflict: try receive(close(406, "PRECONDITION_FAILED - no"))
        case .tooLarge:
            try receive(close(406, "PRECONDITION_FAILED - message size 3 is larger than configured max size 2"))
        case .exchangeGone:
            // As often as it is tried again at once; then it waits for its next turn until its deadline.
            for _ in 0..<4 {
                try await bench.handedOverAgain()
                try receive(close(404, "NOT_FOUND - no exchange '' in vhost '/'"))
                try receive(.confirmSelectOK)
            }
            try await bench.passDeadline()
        case .declarationConflict:
            try receive(close(406, "PRECONDITION_FAILED - inequivalent arg"), on: ControlChannel.firstNumber)
        case .declarationRefused:
            try receive(close(403, "ACCESS_REFUSED - no"), on: ControlChannel.firstNumber)
        case .cancelled, .cancelledInFlight: pending?.cancel()
        case .closed: try await bench.end()
        case .deadlineUnsent, .deadlineInFlight: try await bench.passDeadline()
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
        case .cancelled, .closed, .deadlineUnsent: false
        default: true
        }
    }

    @Test("One that was never written ends with a code that says so", arguments: Ending.allCases)
    func before(_ ending: Ending) async throws {
        let bench = PublishBench()
        if needsConnection(ending) { try await bench.connect() }
        let pending = try bench.publish(to: address(for: ending))
        try await end(ending, bench, pending)
        let told = try await bench.answered()
        let error = try #require(told.first ?? nil)
        let isInFlight = ending == .cancelledInFlight || ending == .deadlineInFlight
        #expect(Self.promises.contains(error.code) == !isInFlight, "\(ending): \(error)")
        if isInFlight { #expect(error.code == .indeterminate) }
    }

    /// Without a declaration that is not permitted any more: one that was made before is gone without, and ends nothing.
    @Test(
        "One that an earlier connection may have carried was maybe sent, however it ends",
        arguments: Ending.allCases.filter { $0 != .declarationRefused })
    func after(_ ending: Ending) async throws {
        let bench = PublishBench()
        try await bench.connect()
        let pending = try bench.publish(to: address(for: ending))
        // A request's exchange is declared first.
        if address(for: ending) == Self.topic { try declare(bench) }
        #expect(!bench.publisher.isIdle)
        try await bench.lose()
        #expect(bench.told.isEmpty)
        if needsConnection(ending) { try await bench.connect(handingOver: 1) }
        try await end(ending, bench, pending)
        let told = try await bench.answered()
        let error = try #require(told.first ?? nil)
        #expect(error.code == .indeterminate, "\(ending): \(error)")
        #expect(bench.told.count == 1)
    }

    @Test("One that was encoded and not written counts as never sent, and nothing of it goes out afterwards")
    func encodedOnly() async throws {
        let bench = PublishBench()
        try await bench.connect()
        bench.connection.flush()
        _ = try bench.publish(to: Self.mailbox)
        #expect(bench.connection.hasOutput)
        bench.connection.end("the broker was silent")
        #expect(!bench.connection.hasOutput)
        try await bench.lose(flushed: false)
        try await bench.end()
        #expect(bench.told.map { $0?.code } == [.closed])
    }

    @Test("Without leave to send twice, one that has left is never written again")
    func once() async throws {
        let bench = PublishBench()
        try await bench.connect()
        _ = try bench.publish(to: Self.mailbox, allowsDuplicates: false)
        try await bench.lose()
        #expect(bench.told.map { $0?.code } == [.indeterminate])
        try await bench.connect()
        #expect(bench.publisher.isIdle)
    }

    @Test("A fanout that one of its queues refused may be in the others")
    func refusedFanout() async throws {
        let bench = PublishBench()
        try await bench.connect()
        let pending = try bench.publish(to: .fanout(Topic("t", exchange: "e")))
        try declare(bench)
        #expect(!bench.publisher.isIdle)
        try await end(.negative, bench, pending)
        #expect(bench.told.map { $0?.code } == [.indeterminate])
    }
}
#endif
