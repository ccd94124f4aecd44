#if RabbitMQ
import NIOCore

/// What a socket reports to the actor that owns it.
protocol SocketOwner: Actor {
    func received(_ buffer: ByteBuffer)
    func socketEnded(_ reason: String)
    func socketWritable()
}

/// The end of the channel's pipeline. It runs on the owner's executor, which is the channel's event loop.
final class SocketHandler<Owner: SocketOwner>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let owner: Owner
    /// The first error, which says more than the end that follows it.
    private var failure: String?

    init(owner: Owner) {
        self.owner = owner
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        owner.assumeIsolated { $0.received(buffer) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            owner.assumeIsolated { $0.socketWritable() }
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = ConnectFailure.describe(error) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let reason = failure ?? "the broker closed the socket"
        owner.assumeIsolated { $0.socketEnded(reason) }
        context.fireChannelInactive()
    }
}
#endif
