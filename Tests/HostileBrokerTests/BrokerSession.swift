#if RabbitMQ
import NIOCore
import SwitchboardCore
import SwitchboardTesting

/// One connection at a ``HostileBroker``: reads what the client sends, and answers it.
final class BrokerSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let mischief: Mischief?
    private let record: Locked<HostileBroker.Record>
    private var input = ByteBuffer()
    private var hasGreeted = false
    private var isSilent = false
    /// While it sends single bytes, nothing gets in between: what comes waits.
    private var isDripping = false
    private var afterDripping: (() -> Void)?
    /// Of the message that is being published.
    private var missing: UInt64?
    private var confirmTag: UInt64 = 0
    private var deliveryTags: [UInt16: UInt64] = [:]

    init(_ mischief: Mischief?, _ record: Locked<HostileBroker.Record>) {
        self.mischief = mischief
        self.record = record
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        read(context)
    }

    private func read(_ context: ChannelHandlerContext) {
        if !hasGreeted {
            guard input.readBytes(length: 8) != nil else { return }
            hasGreeted = true
            answer(.start, AMQPBytes.start(), channel: 0, context)
        }
        while !isDripping, let length = input.getInteger(at: input.readerIndex + 3, as: UInt32.self),
            var frame = input.readSlice(length: Int(length) + 8)
        {
            let type = frame.readInteger(as: UInt8.self)!
            let channel = frame.readInteger(as: UInt16.self)!
            frame.moveReaderIndex(forwardBy: 4)
            switch type {
            case 1:
                let (classID, id) = (frame.readInteger(as: UInt16.self)!, frame.readInteger(as: UInt16.self)!)
                received(classID, id, channel, &frame, context)
            case 2:
                frame.moveReaderIndex(forwardBy: 4)
                let size = frame.readInteger(as: UInt64.self)!
                missing = size
                if size == 0 { published(channel, context) }
            case 3:
                missing! -= UInt64(length)
                if missing == 0 { published(channel, context) }
            default: break
            }
        }
    }

    private func received(
        _ classID: UInt16, _ id: UInt16, _ channel: UInt16, _ arguments: inout ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        func method(_ id: UInt16, _ arguments: [UInt8] = []) -> [UInt8] {
            AMQPBytes.method(classID, id, channel: channel, arguments)
        }
        switch (classID, id) {
        case (10, 11): answer(.tune, AMQPBytes.tune(), channel: 0, context)
        case (10, 31):
            let frameMax = arguments.getInteger(at: arguments.readerIndex + 2, as: UInt32.self)!
            record.withLock { $0.frameMax = frameMax }
        case (10, 40): answer(.open, AMQPBytes.openOK, channel: 0, context)
        case (10, 50): answer(.close, method(51), channel: 0, context)
        case (20, 10): answer(.channelOpen, method(11, [0, 0, 0, 0]), channel: channel, context)
        case (20, 40): answer(.channelClose, method(41), channel: channel, context)
        case (40, 10), (50, 20): answer(.declare, method(id + 1), channel: channel, context)
        case (50, 10):
            let counts = AMQPBytes.integer(0 as UInt32) + AMQPBytes.integer(1 as UInt32)
            answer(.declare, method(11, AMQPBytes.shortText("q") + counts), channel: channel, context)
        case (50, 40): answer(.declare, method(41, [0, 0, 0, 0]), channel: channel, context)
        case (60, 10): answer(.prefetch, method(11), channel: channel, context)
        case (60, 20):
            arguments.moveReaderIndex(forwardBy: 2)
            let queueLength = Int(arguments.readInteger(as: UInt8.self)!)
            arguments.moveReaderIndex(forwardBy: queueLength)
            let length = Int(arguments.readInteger(as: UInt8.self)!)
            let consumer = arguments.readString(length: length)!
            answer(.consume, method(21, AMQPBytes.shortText(consumer)), channel: channel, context)
            if isDripping {
                afterDripping = { self.deliver(channel, consumer, context) }
            } else {
                deliver(channel, consumer, context)
            }
        case (60, 30): answer(.prefetch, method(31, AMQPBytes.shortText("1")), channel: channel, context)
        case (60, 80), (60, 90), (60, 120):
            let tag = arguments.readInteger(as: UInt64.self)!
            let flags = arguments.readInteger(as: UInt8.self)!
            let requeues = id == 90 ? flags & 1 != 0 : flags & 2 != 0
            record.withLock { record in
                if id == 80 { record.acknowledged.append(tag) } else if !requeues { record.rejected.append(tag) }
            }
        case (85, 10): answer(.confirmSelect, method(11), channel: channel, context)
        default: break
        }
    }

    /// Something that only a consumer gets: the mischief of ``Stage/delivery``, and then a message that is in order.
    private func deliver(_ channel: UInt16, _ consumer: String, _ context: ChannelHandlerContext) {
        func nextTag() -> UInt64 {
            deliveryTags[channel, default: 0] += 1
            return deliveryTags[channel]!
        }
        if let mischief, mischief.stage == .delivery {
            perform(
                mischief, .init(channel: channel, consumer: consumer, right: [], nextTag: nextTag, confirmTag: 0),
                context)
        }
        guard !isSilent else { return }
        write(
            AMQPBytes.deliver(channel: channel, consumer: consumer, tag: nextTag())
                + AMQPBytes.content(channel: channel, Array("good".utf8)), context)
    }

    private func published(_ channel: UInt16, _ context: ChannelHandlerContext) {
        missing = nil
        confirmTag += 1
        record.withLock { $0.published += 1 }
        let right = AMQPBytes.method(60, 80, channel: channel, AMQPBytes.integer(confirmTag) + [0])
        answer(.publish, right, channel: channel, context)
    }

    private func answer(_ stage: Stage, _ right: [UInt8], channel: UInt16, _ context: ChannelHandlerContext) {
        guard !isSilent else { return }
        guard let mischief, mischief.stage == stage else { return write(right, context) }
        perform(
            mischief,
            .init(channel: channel, consumer: "1", right: right, nextTag: { 1 }, confirmTag: confirmTag), context)
    }

    private func perform(_ mischief: Mischief, _ situation: Mischief.Situation, _ context: ChannelHandlerContext) {
        let seed = record.withLock { record in
            record.mischiefs += 1
            return UInt64(record.mischiefs)
        }
        var generator = SeededGenerator(seed &* 31 &+ mischief.seed)
        let bytes = mischief.bytes(situation, &generator)
        switch mischief.manner {
        case .atOnce: write(bytes, context)
        case .thenSilence:
            write(bytes, context)
            isSilent = true
        case .thenClose:
            write(bytes, context)
            context.close(promise: nil)
            isSilent = true
        case .drip: drip(bytes[...], context)
        }
    }

    /// A byte at a time.
    private func drip(_ bytes: ArraySlice<UInt8>, _ context: ChannelHandlerContext) {
        guard let first = bytes.first else {
            isDripping = false
            afterDripping.take()?()
            return read(context)
        }
        isDripping = true
        write([first], context)
        let channel = context.channel
        let session = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        channel.eventLoop.scheduleTask(in: .milliseconds(2)) {
            guard channel.isActive else { return }
            session.value.0.drip(bytes.dropFirst(), session.value.1)
        }
    }

    private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
#endif
