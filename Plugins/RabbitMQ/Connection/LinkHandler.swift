#if RabbitMQ
import NIOCore

/// What a link's channel reports to the actor that owns it. `generation` tells the connections of one owner apart: an
/// event of an earlier one is ignored.
protocol LinkOwner: Actor {
    func received(_ buffer: ByteBuffer, generation: UInt64)
    func socketEnded(_ reason: String, generation: UInt64)
    func socketWritable(generation: UInt64)
}

/// The end of the channel's pipeline. It runs on the owner's executor, which is the channel's event loop.
final class LinkHandler<Owner: LinkOwner>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let owner: Owner
    private let generation: UInt64
    /// The first error, which says more than the end that follows it.
    private var failure: String?

    init(owner: Owner, generation: UInt64) {
        self.owner = owner
        self.generation = generation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        let generation = generation
        owner.assumeIsolated { $0.received(buffer, generation: generation) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let generation = generation
        if context.channel.isWritable {
            owner.assumeIsolated { $0.socketWritable(generation: generation) }
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = ConnectFailure.describe(error) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let reason = failure ?? "the broker closed the socket"
        let generation = generation
        owner.assumeIsolated { $0.socketEnded(reason, generation: generation) }
        context.fireChannelInactive()
    }
}
#endif
