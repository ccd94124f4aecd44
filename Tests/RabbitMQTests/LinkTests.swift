#if RabbitMQ
import NIOCore
import NIOEmbedded
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

/// A link on a channel that is no socket.
@Suite("Writing to the channel")
struct LinkTests {
    /// Calls back while a write is under way, as a socket that takes all of a large write does
    /// (`channelWritabilityChanged` comes before `writeAndFlush` returns).
    private final class Interrupter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        var onWrite: () -> Void = {}

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            context.write(data, promise: promise)
            onWrite()
        }
    }

    private final class IdleClient: ConnectionClient {
        var isReady: Bool { true }
        var isIdle: Bool { true }
        var nextDeadline: Moment? { nil }
        func perform(_ command: Never) {}
        func opened(_ link: AMQPConnection) {}
        func closed(_ loss: ConnectionLoss) {}
        func blocked(_ reason: String?) {}
        func writable() {}
        func drain() {}
        func stop() {}
        func abandon(_ command: Never) {}
        func expire(_ now: Moment) {}
        func finishTurn() -> Int { 0 }
        func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {}
        func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {}
        func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {}
    }

    private func makeLink(heartbeat: UInt16 = 0) -> AMQPConnection {
        AMQPConnection(
            Login(
                method: .plain, username: "u", password: "p", virtualHost: "/", properties: [:], heartbeat: heartbeat),
            client: IdleClient())
    }

    private func written(to channel: EmbeddedChannel) throws -> [[UInt8]] {
        var writes: [[UInt8]] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            writes.append(Array(buffer.readableBytesView))
        }
        return writes
    }

    @Test("What is encoded while a write is under way goes out once, by the next write", arguments: [1, 100, 100_000])
    func reentrancy(size: Int) throws {
        let link = makeLink()
        let interrupter = Interrupter()
        let channel = EmbeddedChannel(handler: interrupter)
        let message = Message(body: [UInt8](repeating: 7, count: size))
        var interruptions = 0
        interrupter.onWrite = {
            guard interruptions < 3 else { return }
            interruptions += 1
            try? link.encode { buffer throws(TransportError) in
                try buffer.writeContent(of: message, channel: UInt16(interruptions), frameMax: 4096)
            }
            // Not at once: that would write what is being written a second time, or grow the stack.
            link.flush()
        }
        link.connected(channel)
        for _ in 0..<4 {
            #expect(link.hasOutput)
            link.flush()
        }
        #expect(!link.hasOutput)
        var expected = ByteBuffer()
        expected.writeProtocolHeader()
        var frames = [Array(expected.readableBytesView)]
        for number in 1...3 {
            expected.clear()
            try expected.writeContent(of: message, channel: UInt16(number), frameMax: 4096)
            frames.append(Array(expected.readableBytesView))
        }
        #expect(try written(to: channel) == frames)
        #expect(link.flushes == 4)
        _ = try channel.finish()
    }

    /// A method of the broker's on channel 0.
    private func frame(_ classID: UInt8, _ methodID: UInt8, _ arguments: [UInt8]) -> ByteBuffer {
        let payload = [0, classID, 0, methodID] + arguments
        return ByteBuffer(bytes: [1, 0, 0, 0, 0, 0, UInt8(payload.count)] + payload + [206])
    }

    @Test("An idle connection sends a heartbeat each third of the interval, and lives on those of the broker")
    func heartbeats() throws {
        let link = makeLink(heartbeat: 60)
        let channel = EmbeddedChannel()
        link.connected(channel)
        let longString: (String) -> [UInt8] = { [0, 0, 0, UInt8($0.utf8.count)] + Array($0.utf8) }
        // start, tune, open-ok.
        link.received(frame(10, 10, [0, 9, 0, 0, 0, 0] + longString("PLAIN") + longString("en_US")))
        link.received(frame(10, 30, [0x07, 0xFF, 0, 2, 0, 0, 0, 60]))
        link.received(frame(10, 41, [0]))
        #expect(link.isOpen)
        link.flush()
        _ = try written(to: channel)
        #expect(link.heartbeat.tick == .seconds(20))
        let heartbeat: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 206]
        for _ in 0..<12 {
            link.ticked()
            link.flush()
            link.received(ByteBuffer(bytes: heartbeat))
        }
        #expect(try written(to: channel) == Array(repeating: heartbeat, count: 12))
        for _ in 0..<7 { link.ticked() }
        #expect(link.loss?.reason.contains("silent") == true)
        _ = try channel.finish()
    }

    @Test("A frame that cannot be encoded leaves nothing of itself behind")
    func halfEncoded() throws {
        let link = makeLink()
        let channel = EmbeddedChannel()
        link.connected(channel)
        #expect(throws: TransportError.self) {
            try link.encode { buffer throws(TransportError) in
                try buffer.write(.channelOpen, channel: 1)
                throw TransportError(.internalError, "x")
            }
        }
        link.flush()
        #expect(try written(to: channel) == [Array("AMQP".utf8) + [0, 0, 9, 1]])
        _ = try channel.finish()
    }
}
#endif
