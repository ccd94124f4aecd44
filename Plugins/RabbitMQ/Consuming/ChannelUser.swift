#if RabbitMQ
/// What uses a channel of a consuming connection: it gets what comes on that channel.
protocol ChannelUser: AnyObject {
    func received(_ method: IncomingMethod) throws(ProtocolViolation)
    func received(_ header: ContentHeader) throws(ProtocolViolation)
    func received(_ body: UnsafeRawBufferPointer) throws(ProtocolViolation)
}

/// A channel that this side has closed, until the broker answers. What still comes on it is of no concern.
final class ClosingChannel: ChannelUser {
    private let number: UInt16
    private let context: ConsumerContext

    init(_ number: UInt16, _ context: ConsumerContext) {
        self.number = number
        self.context = context
    }

    func received(_ method: IncomingMethod) {
        switch method {
        case .channelCloseOK: context.channels.free(number)
        // Both sides closed: ours is still to be answered, and frees the number.
        case .channelClose: context.send([.channelCloseOK], number)
        default: break
        }
    }

    func received(_ header: ContentHeader) {}
    func received(_ body: UnsafeRawBufferPointer) {}
}
#endif
