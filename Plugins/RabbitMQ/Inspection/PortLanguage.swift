#if RabbitMQ
import NIOCore
import NIOPosix

/// What a port answers to the protocol header of AMQP 0-9-1: the cause where a connection ends before its first frame.
package enum PortLanguage: Hashable, Sendable {
    case amqp
    /// AMQP in another version than 0-9-1.
    case otherAMQP
    case tls
    case http
    /// Bytes of something else.
    case unknown
    /// It closes the connection without a byte.
    case nothing
    /// It keeps the connection and sends nothing.
    case silence
    /// No connection comes about.
    case unreachable

    fileprivate init(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.prefix(5), as: UTF8.self)
        switch bytes.first {
        case nil: self = .nothing
        // A method on channel 0.
        case 1 where bytes.dropFirst().prefix(2).allSatisfy { $0 == 0 }: self = .amqp
        // An alert, or a handshake.
        case 0x15, 0x16: self = .tls
        default: self = text.hasPrefix("AMQP") ? .otherAMQP : text.hasPrefix("HTTP/") ? .http : .unknown
        }
    }

    static func of(_ endpoint: Endpoint, within limit: Duration, on eventLoop: any EventLoop) async -> PortLanguage {
        let answer = eventLoop.makePromise(of: PortLanguage.self)
        let timer = eventLoop.scheduleTask(in: TimeAmount(clamping: limit)) { answer.succeed(.silence) }
        let connecting = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(clamping: limit))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstBytes(answer))
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
        connecting.whenFailure { _ in answer.succeed(.unreachable) }
        let language = (try? await answer.futureResult.get()) ?? .unreachable
        timer.cancel()
        connecting.whenSuccess { $0.close(promise: nil) }
        return language
    }

    /// Greets, and tells what the first bytes are.
    private final class FirstBytes: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: EventLoopPromise<PortLanguage>
        private var bytes: [UInt8] = []

        init(_ answer: EventLoopPromise<PortLanguage>) {
            self.answer = answer
        }

        func channelActive(context: ChannelHandlerContext) {
            var header = context.channel.allocator.buffer(capacity: 8)
            header.writeProtocolHeader()
            context.writeAndFlush(wrapOutboundOut(header), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += unwrapInboundIn(data).readableBytesView.prefix(5)
            if bytes.count >= 5 { answer.succeed(PortLanguage(bytes)) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            answer.succeed(PortLanguage(bytes))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
#endif
