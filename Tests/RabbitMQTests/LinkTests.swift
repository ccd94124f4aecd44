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
        var nextDeadline: ContinuousClock.Instant? { nil }
        func perform(_ command: Never) {}
        func opened(_ link: Link) {}
        func closed(_ reason: String) {}
        func blocked(_ reason: String?) {}
        func writable() {}
        func drain() {}
        func stop(_ error: TransportError) {}
        func ended(_ error: TransportError) {}
        func expire(_ now: ContinuousClock.Instant) {}
        func finishTurn() {}
        func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) {}
        func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation) {}
        func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation) {}
    }

    private func makeLink() -> Link {
        Link(
            Login(method: .plain, username: "u", password: "p", virtualHost: "/", properties: [:], heartbeat: 0),
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
