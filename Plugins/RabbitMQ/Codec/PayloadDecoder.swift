#if RabbitMQ
import CRabbitMQ

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads the payloads of methods and content headers, by librabbitmq's `amqp_decode_method` and `amqp_decode_properties`.
///
/// What librabbitmq decodes lies in one pool of memory and points into the payload, so everything is copied before the pool is
/// used again, which is with the next payload. A connection that is idle keeps one page of it.
final class PayloadDecoder {
    private let pool: UnsafeMutablePointer<amqp_pool_t>
    /// A pool that grew beyond so many pages for one payload gives them back.
    private static let keptPages: Int32 = 4
    /// Payloads up to this length cannot be nested so deep that it matters.
    private static let shallowLength = 2048
    /// `connection.update-secret-ok`, which librabbitmq 0.11 does not know.
    private static let updateSecretOK: UInt32 = 10 << 16 | 71
    /// In `connection.start`, behind two bytes of a version.
    private static let serverPropertiesOffset = 6

    /// Whether routes, all properties and nested tables of headers are read too, which costs: for clients that ask for it.
    var readsRoutes = false

    init() {
        pool = .allocate(capacity: 1)
        pool.initialize(to: amqp_pool_t())
        init_amqp_pool(pool, 4096)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    private func recycle() {
        if pool.pointee.pages.num_blocks > Self.keptPages { empty_amqp_pool(pool) } else { recycle_amqp_pool(pool) }
    }

    /// The payload of a method frame, at least its four bytes of class and method.
    func method(_ payload: UnsafeRawBufferPointer) throws(ProtocolViolation) -> IncomingMethod {
        let id = payload.loadUnaligned(as: UInt32.self).bigEndian
        if id == Self.updateSecretOK { return .updateSecretOK }
        if id == UInt32(AMQP_CONNECTION_START_METHOD), payload.count > Self.shallowLength,
            FieldNesting.isTooDeep(UnsafeRawBufferPointer(rebasing: payload[Self.serverPropertiesOffset...]))
        {
            throw ProtocolViolation("the broker's properties are nested deeper than \(FieldNesting.limit) levels")
        }
        defer { recycle() }
        var decoded: UnsafeMutableRawPointer?
        let status = amqp_decode_method(id, pool, amqp_bytes_t(payload.dropFirst(4)), &decoded)
        guard status >= 0, let decoded else {
            throw ProtocolViolation(
                "the broker sent a method that cannot be read (class \(id >> 16), method \(id & 0xFFFF): "
                    + "\(Self.reason(status)))")
        }
        if readsRoutes, id == UInt32(AMQP_BASIC_DELIVER_METHOD) {
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            return .routed(.init(exchange: deliver.exchange.string, routingKey: deliver.routing_key.string))
        }
        return Self.method(id, decoded)
    }

    /// The payload of a content header's frame, at least its fixed part and two bytes of flags.
    func header(_ payload: UnsafeRawBufferPointer) throws(ProtocolViolation) -> ContentHeader {
        var header = try headerPrefix(payload)
        let properties = payload.dropFirst(12)
        if payload.count > Self.shallowLength, Self.isTooDeep(UnsafeRawBufferPointer(rebasing: properties)) {
            header.defect = .unreadableHeader(
                reason: "they are nested deeper than \(FieldNesting.limit) levels")
            return header
        }
        defer { recycle() }
        var decoded: UnsafeMutableRawPointer?
        let status = amqp_decode_properties(
            UInt16(AMQP_BASIC_CLASS), pool, amqp_bytes_t(properties), &decoded)
        guard status >= 0, let decoded else {
            header.defect = .unreadableHeader(reason: Self.reason(status))
            return header
        }
        Self.read(decoded, into: &header)
        if readsRoutes { Self.readRest(decoded, into: &header) }
        return header
    }

    /// The fixed part of a content header: how long the body is. The other properties stay empty.
    func headerPrefix(_ payload: UnsafeRawBufferPointer) throws(ProtocolViolation) -> ContentHeader {
        let classID = payload.loadUnaligned(as: UInt16.self).bigEndian
        guard classID == UInt16(AMQP_BASIC_CLASS) else {
            throw ProtocolViolation("the broker sent a content header of class \(classID), which has no content")
        }
        return ContentHeader(bodySize: payload.loadUnaligned(fromByteOffset: 4, as: UInt64.self).bigEndian)
    }

    private static func reason(_ status: Int32) -> String {
        String(cString: amqp_error_string2(status))
    }

    /// Whether the table of headers is. It comes behind content type and content encoding, each with a byte for its length.
    private static func isTooDeep(_ properties: UnsafeRawBufferPointer) -> Bool {
        let flags = Int32(properties.loadUnaligned(as: UInt16.self).bigEndian)
        var position = 2
        // More words of flags, which no property uses, come first.
        var word = flags
        while word & 1 != 0 {
            guard position + 2 <= properties.count else { return false }
            word = Int32(properties.loadUnaligned(fromByteOffset: position, as: UInt16.self).bigEndian)
            position += 2
        }
        guard flags & AMQP_BASIC_HEADERS_FLAG != 0 else { return false }
        for flag in [AMQP_BASIC_CONTENT_TYPE_FLAG, AMQP_BASIC_CONTENT_ENCODING_FLAG] where flags & flag != 0 {
            guard position < properties.count else { return false }
            position += 1 + Int(properties[position])
        }
        guard position < properties.count else { return false }
        return FieldNesting.isTooDeep(UnsafeRawBufferPointer(rebasing: properties[position...]))
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

    private static func read(_ decoded: UnsafeMutableRawPointer, into header: inout ContentHeader) {
        let properties = decoded.load(as: amqp_basic_properties_t.self)
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
    }

    /// What a tap reads besides: the expiration, under the name that the firehose's nested table gets, and nested tables.
    private static func readRest(_ decoded: UnsafeMutableRawPointer, into header: inout ContentHeader) {
        let properties = decoded.load(as: amqp_basic_properties_t.self)
        let flags = Int32(bitPattern: properties._flags)
        if flags & AMQP_BASIC_HEADERS_FLAG != 0 { addNested(properties.headers, "", to: &header.headers, depth: 0) }
        if flags & AMQP_BASIC_EXPIRATION_FLAG != 0 {
            header.headers["properties.expiration"] = properties.expiration.string
        }
    }

    /// Entries of tables in tables, as `outer.inner`; of an array of texts the first one.
    private static func addNested(
        _ table: amqp_table_t, _ prefix: String, to strings: inout [String: String], depth: Int
    ) {
        guard depth < 4, table.num_entries > 0 else { return }
        for entry in UnsafeBufferPointer(start: table.entries, count: Int(table.num_entries)) {
            let name = prefix + entry.key.string
            switch UInt32(entry.value.kind) {
            case AMQP_FIELD_KIND_TABLE.rawValue:
                for (key, text) in Self.strings(in: entry.value.value.table) { strings["\(name).\(key)"] = text }
                addNested(entry.value.value.table, name + ".", to: &strings, depth: depth + 1)
            case AMQP_FIELD_KIND_ARRAY.rawValue:
                let array = entry.value.value.array
                guard array.num_entries > 0, let first = array.entries?.pointee,
                    [AMQP_FIELD_KIND_UTF8.rawValue, AMQP_FIELD_KIND_BYTES.rawValue].contains(UInt32(first.kind))
                else { continue }
                strings[name] = first.value.bytes.string
            default: break
            }
        }
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
    /// Valid as long as what `slice` is of.
    fileprivate init(_ slice: Slice<UnsafeRawBufferPointer>) {
        let bytes = UnsafeRawBufferPointer(rebasing: slice)
        self.init(len: bytes.count, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    fileprivate var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }

    /// Decoded as UTF-8; invalid bytes become U+FFFD.
    fileprivate var string: String { String(decoding: raw, as: UTF8.self) }

    fileprivate func equals(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { $0.count == len && (len == 0 || memcmp($0.baseAddress!, bytes, len) == 0) }
    }
}
#endif
