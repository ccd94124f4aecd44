#if RabbitMQ
import CRabbitMQ
import NIOCore

/// Cuts received bytes into frames, by `amqp_handle_input` alone: nothing in here reads a socket or waits.
///
/// Not Sendable, like the C state that it owns; it lives in its connection's actor. What librabbitmq decodes points into
/// its pools, so everything is copied before the pools are released, which happens after every frame: that is a boundary
/// for sure, and keeps the memory of a connection at a few pages.
final class FrameDecoder {
    private let state: amqp_connection_state_t

    /// Whether a `connection.update-secret-ok` is to come. librabbitmq 0.11 does not know this method and would take it
    /// for garbage, so it is recognised here, between two frames.
    var awaitsUpdateSecretOK = false
    private var isBetweenFrames = true
    /// The first bytes of what may be that frame, until the rest has come.
    private var held: [UInt8] = []
    private static let updateSecretOK: [UInt8] = [1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 71, 0xCE]

    init() {
        state = amqp_new_connection()
    }

    deinit {
        amqp_destroy_connection(state)
    }

    /// Takes over what both sides agreed on. A frame longer than `frameMax` is a protocol violation from then on.
    func tune(channelMax: UInt16, frameMax: UInt32) {
        // Heartbeat 0: the library's own ones are off, ours are `Heartbeat`.
        amqp_tune_connection(state, Int32(channelMax), Int32(frameMax), 0)
    }

    /// Consumes all of `buffer`; a frame that is cut off waits inside for its rest.
    func decode(_ buffer: ByteBuffer, into receiver: some FrameReceiver) throws(ProtocolViolation) {
        var buffer = buffer
        if !held.isEmpty {
            var whole = ByteBuffer(bytes: held)
            whole.writeBuffer(&buffer)
            buffer = whole
            held = []
        }
        var failure: ProtocolViolation?
        buffer.withUnsafeReadableBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                if awaitsUpdateSecretOK, isBetweenFrames {
                    let next = bytes[offset...].prefix(Self.updateSecretOK.count)
                    if next.elementsEqual(Self.updateSecretOK.prefix(next.count)) {
                        guard next.count == Self.updateSecretOK.count else {
                            held = Array(next)
                            return
                        }
                        awaitsUpdateSecretOK = false
                        offset += next.count
                        do throws(ProtocolViolation) {
                            try receiver.received(.updateSecretOK, channel: 0)
                        } catch {
                            failure = error
                            return
                        }
                        continue
                    }
                }
                var frame = amqp_frame_t()
                let rest = amqp_bytes_t(
                    len: bytes.count - offset, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress! + offset))
                let consumed = amqp_handle_input(state, rest, &frame)
                guard consumed > 0 else {
                    failure = ProtocolViolation(
                        "the broker sent bytes that are no AMQP frame (\(String(cString: amqp_error_string2(consumed))))"
                    )
                    return
                }
                offset += Int(consumed)
                isBetweenFrames = frame.frame_type != 0
                guard isBetweenFrames else { continue }
                do throws(ProtocolViolation) {
                    try dispatch(frame, to: receiver)
                } catch {
                    failure = error
                    return
                }
                amqp_maybe_release_buffers_on_channel(state, frame.channel)
            }
        }
        if let failure { throw failure }
    }

    private func dispatch(_ frame: amqp_frame_t, to receiver: some FrameReceiver) throws(ProtocolViolation) {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            let method = frame.payload.method
            try receiver.received(Self.method(method.id, method.decoded), channel: frame.channel)
        case AMQP_FRAME_HEADER:
            let properties = frame.payload.properties
            try receiver.received(
                Self.header(properties.decoded, bodySize: properties.body_size), channel: frame.channel)
        case AMQP_FRAME_BODY:
            let fragment = frame.payload.body_fragment
            try receiver.received(
                UnsafeRawBufferPointer(start: fragment.bytes, count: fragment.len), channel: frame.channel)
        case AMQP_FRAME_HEARTBEAT:
            break  // Any byte counts as life; the connection has noted it.
        case Int32(UInt8(ascii: "A")):
            throw ProtocolViolation(
                "the peer answered with an AMQP protocol header: it speaks another version than 0-9-1")
        default:
            throw ProtocolViolation("the broker sent a frame of the unknown type \(frame.frame_type)")
        }
    }

    private static func method(_ id: UInt32, _ decoded: UnsafeMutableRawPointer) -> IncomingMethod {
        switch id {
        case AMQP_BASIC_DELIVER_METHOD:
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            return .deliver(tag: deliver.delivery_tag, isRedelivered: deliver.redelivered != 0)
        case AMQP_BASIC_ACK_METHOD:
            let ack = decoded.load(as: amqp_basic_ack_t.self)
            return .ack(tag: ack.delivery_tag, multiple: ack.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let nack = decoded.load(as: amqp_basic_nack_t.self)
            return .nack(tag: nack.delivery_tag, multiple: nack.multiple != 0)
        case AMQP_BASIC_RETURN_METHOD:
            let returned = decoded.load(as: amqp_basic_return_t.self)
            return .returned(
                .init(
                    code: returned.reply_code, text: returned.reply_text.string, exchange: returned.exchange.string,
                    routingKey: returned.routing_key.string))
        case AMQP_BASIC_CONSUME_OK_METHOD: return .consumeOK
        case AMQP_BASIC_CANCEL_METHOD:
            return .cancel(tag: decoded.load(as: amqp_basic_cancel_t.self).consumer_tag.string)
        case AMQP_BASIC_CANCEL_OK_METHOD: return .cancelOK
        case AMQP_BASIC_QOS_OK_METHOD: return .prefetchOK
        case AMQP_CONFIRM_SELECT_OK_METHOD: return .confirmSelectOK
        case AMQP_EXCHANGE_DECLARE_OK_METHOD: return .exchangeDeclareOK
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            let answer = decoded.load(as: amqp_queue_declare_ok_t.self)
            return .queueDeclareOK(ready: answer.message_count, consumers: answer.consumer_count)
        case AMQP_QUEUE_BIND_OK_METHOD: return .queueBindOK
        case AMQP_QUEUE_DELETE_OK_METHOD: return .queueDeleteOK
        case AMQP_CHANNEL_OPEN_OK_METHOD: return .channelOpenOK
        case AMQP_CHANNEL_CLOSE_METHOD:
            let close = decoded.load(as: amqp_channel_close_t.self)
            return .channelClose(
                .init(
                    code: close.reply_code, text: close.reply_text.string, classID: close.class_id,
                    methodID: close.method_id))
        case AMQP_CHANNEL_CLOSE_OK_METHOD: return .channelCloseOK
        case AMQP_CHANNEL_FLOW_METHOD:
            return .channelFlow(active: decoded.load(as: amqp_channel_flow_t.self).active != 0)
        case AMQP_CONNECTION_START_METHOD:
            let start = decoded.load(as: amqp_connection_start_t.self)
            let properties = strings(in: start.server_properties)
            return .start(
                mechanisms: start.mechanisms.string, product: properties["product"], version: properties["version"])
        case AMQP_CONNECTION_SECURE_METHOD: return .secure
        case AMQP_CONNECTION_TUNE_METHOD:
            let tune = decoded.load(as: amqp_connection_tune_t.self)
            return .tune(channelMax: tune.channel_max, frameMax: tune.frame_max, heartbeat: tune.heartbeat)
        case AMQP_CONNECTION_OPEN_OK_METHOD: return .openOK
        case AMQP_CONNECTION_CLOSE_METHOD:
            let close = decoded.load(as: amqp_connection_close_t.self)
            return .close(
                .init(
                    code: close.reply_code, text: close.reply_text.string, classID: close.class_id,
                    methodID: close.method_id))
        case AMQP_CONNECTION_CLOSE_OK_METHOD: return .closeOK
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return .blocked(reason: decoded.load(as: amqp_connection_blocked_t.self).reason.string)
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        default: return .other(id: id)
        }
    }

    private static func header(_ decoded: UnsafeMutableRawPointer, bodySize: UInt64) -> ContentHeader {
        let properties = decoded.load(as: amqp_basic_properties_t.self)
        var header = ContentHeader(bodySize: bodySize, contentType: "", contentEncoding: "", headers: [:])
        let flags = Int32(bitPattern: properties._flags)
        if flags & AMQP_BASIC_CONTENT_TYPE_FLAG != 0 {
            // The type that nearly every message has is longer than a small string: no allocation for it.
            header.contentType = properties.content_type.equals(json) ? json : properties.content_type.string
        }
        if flags & AMQP_BASIC_CONTENT_ENCODING_FLAG != 0 {
            header.contentEncoding = properties.content_encoding.string
        }
        if flags & AMQP_BASIC_HEADERS_FLAG != 0, properties.headers.num_entries > 0 {
            header.headers = strings(in: properties.headers)
        }
        return header
    }

    private static let json = "application/json"

    /// The entries of a table that are text, numbers or booleans, as text. What else there is means nothing to us.
    private static func strings(in table: amqp_table_t) -> [String: String] {
        var strings: [String: String] = [:]
        for entry in UnsafeBufferPointer(start: table.entries, count: Int(table.num_entries)) {
            let value = entry.value.value
            switch UInt32(entry.value.kind) {
            case AMQP_FIELD_KIND_UTF8.rawValue, AMQP_FIELD_KIND_BYTES.rawValue:
                strings[entry.key.string] = value.bytes.string
            case AMQP_FIELD_KIND_BOOLEAN.rawValue: strings[entry.key.string] = value.boolean != 0 ? "true" : "false"
            case AMQP_FIELD_KIND_I8.rawValue: strings[entry.key.string] = String(value.i8)
            case AMQP_FIELD_KIND_U8.rawValue: strings[entry.key.string] = String(value.u8)
            case AMQP_FIELD_KIND_I16.rawValue: strings[entry.key.string] = String(value.i16)
            case AMQP_FIELD_KIND_U16.rawValue: strings[entry.key.string] = String(value.u16)
            case AMQP_FIELD_KIND_I32.rawValue: strings[entry.key.string] = String(value.i32)
            case AMQP_FIELD_KIND_U32.rawValue: strings[entry.key.string] = String(value.u32)
            case AMQP_FIELD_KIND_I64.rawValue: strings[entry.key.string] = String(value.i64)
            case AMQP_FIELD_KIND_U64.rawValue, AMQP_FIELD_KIND_TIMESTAMP.rawValue:
                strings[entry.key.string] = String(value.u64)
            default: break
            }
        }
        return strings
    }
}

extension amqp_bytes_t {
    fileprivate var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }

    /// As UTF-8; what is none becomes U+FFFD.
    fileprivate var string: String { String(decoding: raw, as: UTF8.self) }

    fileprivate func equals(_ text: String) -> Bool {
        len == text.utf8.count && raw.elementsEqual(text.utf8)
    }
}
#endif
