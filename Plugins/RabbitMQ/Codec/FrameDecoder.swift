#if RabbitMQ
import NIOCore

/// Cuts received bytes into frames and holds them against what was agreed on, before anything is read of them. No I/O.
///
///     betweenFrames ──body frame that is cut off──▶ inBody ──its end──▶ betweenFrames
///     betweenFrames ──content header that is too large──▶ inLargeHeader ──its end──▶ betweenFrames
///
/// A frame that breaks the agreement is a ``ProtocolViolation``, as nothing behind it can be trusted. A message that can't be
/// taken isn't one: its bytes are read past, and the receiver is told of its ``ContentDefect``.
///
/// Not Sendable, like the C memory that ``PayloadDecoder`` owns; it lives in its connection's actor. Bodies are handed out as
/// they come; of methods and content headers, one at a time waits for its rest.
final class FrameDecoder {
    private enum State {
        case betweenFrames
        /// So many bytes of the payload are to come, then the frame's end.
        case inBody(channel: UInt16, missing: Int)
        case inLargeHeader(ContentHeader, channel: UInt16, missing: Int)
    }

    /// What the peer may send.
    private struct Limits {
        var channelMax: UInt16
        /// With the eight bytes around the payload.
        var frameMax: Int
    }

    /// Of a frame: type, channel, length of the payload.
    private static let prefixLength = 7
    /// Those, and the mark at its end.
    private static let overhead = 8
    private static let endMark: UInt8 = 0xCE
    /// The fixed part of a content header: class, weight, length of the body; then two bytes of flags at least.
    private static let headerPrefixLength = 12
    /// A content header beyond this is not a large one but bytes that are not AMQP: RabbitMQ takes none over its frame size,
    /// and each time that it dead-letters a message adds a few hundred bytes.
    private static let largestHeader = 16 * 1024 * 1024
    /// What is held between two reads is given back when it grew beyond this.
    private static let keptCapacity = 16 * 1024

    // The properties on the path of each message are marked `exclusivity(unchecked)`: one thread touches them, and no access
    // lasts while another function of this class runs. The check at run time costs more than most of the accesses.
    /// Before both sides have agreed on anything: the connection's own channel, and more room than `connection.start` needs.
    @exclusivity(unchecked) private var limits = Limits(channelMax: 0, frameMax: 64 * 1024)
    @exclusivity(unchecked) private var state = State.betweenFrames
    private let payloads = PayloadDecoder()
    /// The beginning of what has not come whole.
    @exclusivity(unchecked) private var held = ByteBuffer()

    /// See ``PayloadDecoder/readsRoutes``.
    func readRoutes() {
        payloads.readsRoutes = true
    }

    /// Takes over what both sides agreed on.
    func tune(channelMax: UInt16, frameMax: UInt32) {
        limits = Limits(channelMax: channelMax, frameMax: Int(frameMax))
    }

    /// Consumes all of `buffer`; a frame that is cut off waits inside for its rest.
    func decode(_ buffer: ByteBuffer, into receiver: some FrameReceiver) throws(ProtocolViolation) {
        var buffer = buffer
        guard held.readableBytes > 0 else {
            let consumed = try decodeAll(buffer, into: receiver)
            buffer.moveReaderIndex(forwardBy: consumed)
            if buffer.readableBytes > 0 { held.writeBuffer(&buffer) }
            return
        }
        held.writeBuffer(&buffer)
        let consumed = try decodeAll(held, into: receiver)
        held.moveReaderIndex(forwardBy: consumed)
        if held.readableBytes == 0, held.capacity > Self.keptCapacity {
            held = ByteBuffer()
        } else if consumed > 0 {
            held.discardReadBytes()
        }
    }

    /// How many bytes were consumed. What is left is the beginning of something that has not come whole.
    private func decodeAll(_ buffer: ByteBuffer, into receiver: some FrameReceiver) throws(ProtocolViolation) -> Int {
        var offset = 0
        var failure: ProtocolViolation?
        buffer.withUnsafeReadableBytes { bytes in
            do throws(ProtocolViolation) {
                while offset < bytes.count {
                    let consumed = try step(UnsafeRawBufferPointer(rebasing: bytes[offset...]), into: receiver)
                    if consumed == 0 { return }
                    offset += consumed
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return offset
    }

    /// Takes the next piece off the front: a whole frame, or a part of one that need not be whole. 0 when it is to wait.
    private func step(
        _ bytes: UnsafeRawBufferPointer, into receiver: some FrameReceiver
    ) throws(ProtocolViolation) -> Int {
        switch state {
        case .betweenFrames: return try begin(bytes, into: receiver)
        case .inBody(let channel, let missing): return try continueBody(bytes, channel, missing, into: receiver)
        case .inLargeHeader(let header, let channel, let missing):
            // The mark at the end goes with the last byte.
            guard bytes.count > missing else {
                let passed = min(bytes.count, missing)
                state = .inLargeHeader(header, channel: channel, missing: missing - passed)
                return passed
            }
            try checkEnd(bytes[missing])
            state = .betweenFrames
            try receiver.received(header, channel: channel)
            return missing + 1
        }
    }

    private func begin(
        _ bytes: UnsafeRawBufferPointer, into receiver: some FrameReceiver
    ) throws(ProtocolViolation) -> Int {
        guard let type = FrameType(rawValue: bytes[0]) else { throw Self.unknownType(bytes[0]) }
        guard bytes.count >= Self.prefixLength else { return 0 }
        let channel = bytes.loadUnaligned(fromByteOffset: 1, as: UInt16.self).bigEndian
        let length = Int(bytes.loadUnaligned(fromByteOffset: 3, as: UInt32.self).bigEndian)
        try check(type, channel, length)
        let payload = UnsafeRawBufferPointer(rebasing: bytes[Self.prefixLength...])
        switch type {
        case .body:
            state = .inBody(channel: channel, missing: length)
            return Self.prefixLength
        case .header where length + Self.overhead > limits.frameMax:
            guard payload.count >= Self.headerPrefixLength else { return 0 }
            var header = try payloads.headerPrefix(payload)
            header.defect = .headerTooLarge(bytes: length, limit: limits.frameMax)
            state = .inLargeHeader(header, channel: channel, missing: length - Self.headerPrefixLength)
            return Self.prefixLength + Self.headerPrefixLength
        case .method, .header, .heartbeat:
            guard payload.count > length else { return 0 }
            try checkEnd(payload[length])
            let content = UnsafeRawBufferPointer(rebasing: payload[..<length])
            switch type {
            case .method: try receiver.received(payloads.method(content), channel: channel)
            case .header: try receiver.received(payloads.header(content), channel: channel)
            // Any byte counts as life; the connection has noted it.
            case .heartbeat, .body: break
            }
            return length + Self.overhead
        }
    }

    /// The last byte is held back until the frame's end has come with it: no message is complete before its frames are.
    private func continueBody(
        _ bytes: UnsafeRawBufferPointer, _ channel: UInt16, _ missing: Int, into receiver: some FrameReceiver
    ) throws(ProtocolViolation) -> Int {
        if bytes.count > missing {
            try checkEnd(bytes[missing])
            state = .betweenFrames
            try receiver.received(UnsafeRawBufferPointer(rebasing: bytes[..<missing]), channel: channel)
            return missing + 1
        }
        let length = min(bytes.count, missing - 1)
        guard length > 0 else { return 0 }
        state = .inBody(channel: channel, missing: missing - length)
        try receiver.received(UnsafeRawBufferPointer(rebasing: bytes[..<length]), channel: channel)
        return length
    }

    // MARK: What was agreed

    private func check(_ type: FrameType, _ channel: UInt16, _ length: Int) throws(ProtocolViolation) {
        guard channel <= limits.channelMax else {
            throw ProtocolViolation(
                "the broker sent a frame on channel \(channel), and the highest one is \(limits.channelMax)")
        }
        let (belongs, range): (Bool, ClosedRange<Int>) =
            switch type {
            case .method: (true, 4...(limits.frameMax - Self.overhead))
            case .header: (channel > 0, (Self.headerPrefixLength + 2)...Self.largestHeader)
            case .body: (channel > 0, 0...(limits.frameMax - Self.overhead))
            case .heartbeat: (channel == 0, 0...0)
            }
        guard belongs else { throw ProtocolViolation("the broker sent a \(type) on channel \(channel)") }
        guard range.contains(length) else {
            throw ProtocolViolation(
                "the broker sent a \(type) of \(length) bytes, where \(range.lowerBound) to \(range.upperBound) are agreed"
            )
        }
    }

    private func checkEnd(_ byte: UInt8) throws(ProtocolViolation) {
        guard byte == Self.endMark else {
            throw ProtocolViolation("the broker sent bytes that are no AMQP frame (the mark at its end is missing)")
        }
    }

    private static func unknownType(_ byte: UInt8) -> ProtocolViolation {
        ProtocolViolation(
            byte == UInt8(ascii: "A")
                ? "the peer answered with an AMQP protocol header: it speaks another version than 0-9-1"
                : "the broker sent bytes that are no AMQP frame (the unknown type \(byte))")
    }
}

/// The kinds of frame of AMQP 0-9-1.
private enum FrameType: UInt8, CustomStringConvertible {
    case method = 1
    case header = 2
    case body = 3
    case heartbeat = 8

    var description: String {
        switch self {
        case .method: "method"
        case .header: "content header"
        case .body: "piece of a body"
        case .heartbeat: "heartbeat"
        }
    }
}
#endif
