#if RabbitMQ
import CRabbitMQ
import NIOCore
import SwitchboardCore

/// Appends AMQP frames to a buffer. librabbitmq encodes methods and properties; the frame around them is eight bytes.
extension ByteBuffer {
    /// What a connection begins with: "AMQP", then 0, 0, 9, 1.
    mutating func writeProtocolHeader() {
        writeStaticString("AMQP")
        writeBytes([0, 0, 9, 1] as [UInt8])
    }

    mutating func writeHeartbeat() {
        writeBytes([8, 0, 0, 0, 0, 0, 0, 0xCE] as [UInt8])
    }

    /// Throws `internalError` when librabbitmq refuses to encode the method (a name over 255 bytes, for example).
    mutating func write(_ method: OutgoingMethod, channel: UInt16) throws(TransportError) {
        var arena = EncodingArena()
        switch method {
        case .startOK(let properties, let mechanism, let response):
            try write(
                AMQP_CONNECTION_START_OK_METHOD,
                amqp_connection_start_ok_t(
                    client_properties: arena.table(properties), mechanism: arena.bytes(mechanism),
                    response: arena.bytes(response), locale: arena.bytes("en_US")),
                channel, room: 4096 + response.count)
        case .tuneOK(let channelMax, let frameMax, let heartbeat):
            try write(
                AMQP_CONNECTION_TUNE_OK_METHOD,
                amqp_connection_tune_ok_t(channel_max: channelMax, frame_max: frameMax, heartbeat: heartbeat), channel)
        case .open(let virtualHost):
            try write(
                AMQP_CONNECTION_OPEN_METHOD,
                amqp_connection_open_t(
                    virtual_host: arena.bytes(virtualHost), capabilities: arena.bytes(""), insist: 0), channel)
        case .updateSecret(let secret, let reason):
            writeUpdateSecret(secret, reason)
        case .close(let code, let text):
            try write(
                AMQP_CONNECTION_CLOSE_METHOD,
                amqp_connection_close_t(
                    reply_code: code, reply_text: arena.bytes(text), class_id: 0, method_id: 0), channel)
        case .closeOK:
            try write(AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t(), channel)
        case .channelOpen:
            try write(AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t(out_of_band: arena.bytes("")), channel)
        case .channelClose(let code, let text):
            try write(
                AMQP_CHANNEL_CLOSE_METHOD,
                amqp_channel_close_t(
                    reply_code: code, reply_text: arena.bytes(text), class_id: 0, method_id: 0), channel)
        case .channelCloseOK:
            try write(AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t(), channel)
        case .channelFlowOK(let active):
            try write(AMQP_CHANNEL_FLOW_OK_METHOD, amqp_channel_flow_ok_t(active: active ? 1 : 0), channel)
        case .confirmSelect:
            try write(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t(nowait: 0), channel)
        case .prefetch(let count):
            try write(
                AMQP_BASIC_QOS_METHOD, amqp_basic_qos_t(prefetch_size: 0, prefetch_count: count, global: 0), channel)
        case .declareExchange(let exchange):
            try write(
                AMQP_EXCHANGE_DECLARE_METHOD,
                amqp_exchange_declare_t(
                    ticket: 0, exchange: arena.bytes(exchange.name), type: arena.bytes(exchange.type.rawValue),
                    passive: 0, durable: exchange.isDurable ? 1 : 0, auto_delete: exchange.deletesItself ? 1 : 0,
                    internal: 0, nowait: 0, arguments: arena.table(FieldTable())), channel)
        case .declareQueue(let queue):
            try write(
                AMQP_QUEUE_DECLARE_METHOD,
                amqp_queue_declare_t(
                    ticket: 0, queue: arena.bytes(queue.name), passive: 0, durable: queue.isDurable ? 1 : 0,
                    exclusive: queue.isExclusive ? 1 : 0, auto_delete: queue.deletesItself ? 1 : 0, nowait: 0,
                    arguments: arena.table(queue.arguments)), channel, room: 4096)
        case .inspectQueue(let queue):
            try write(
                AMQP_QUEUE_DECLARE_METHOD,
                amqp_queue_declare_t(
                    ticket: 0, queue: arena.bytes(queue), passive: 1, durable: 0, exclusive: 0, auto_delete: 0,
                    nowait: 0, arguments: arena.table(FieldTable())), channel)
        case .inspectExchange(let exchange):
            try write(
                AMQP_EXCHANGE_DECLARE_METHOD,
                amqp_exchange_declare_t(
                    ticket: 0, exchange: arena.bytes(exchange), type: arena.bytes("topic"), passive: 1, durable: 0,
                    auto_delete: 0, internal: 0, nowait: 0, arguments: arena.table(FieldTable())), channel)
        case .unbind(let binding):
            try write(
                AMQP_QUEUE_UNBIND_METHOD,
                amqp_queue_unbind_t(
                    ticket: 0, queue: arena.bytes(binding.queue), exchange: arena.bytes(binding.exchange),
                    routing_key: arena.bytes(binding.key), arguments: arena.table(FieldTable())), channel)
        case .unbindExchange(let destination, let source, let key):
            try write(
                AMQP_EXCHANGE_UNBIND_METHOD,
                amqp_exchange_unbind_t(
                    ticket: 0, destination: arena.bytes(destination), source: arena.bytes(source),
                    routing_key: arena.bytes(key), nowait: 0, arguments: arena.table(FieldTable())), channel)
        case .bind(let binding):
            try write(
                AMQP_QUEUE_BIND_METHOD,
                amqp_queue_bind_t(
                    ticket: 0, queue: arena.bytes(binding.queue), exchange: arena.bytes(binding.exchange),
                    routing_key: arena.bytes(binding.key), nowait: 0, arguments: arena.table(FieldTable())), channel)
        case .deleteQueue(let queue):
            try write(
                AMQP_QUEUE_DELETE_METHOD,
                amqp_queue_delete_t(ticket: 0, queue: arena.bytes(queue), if_unused: 0, if_empty: 0, nowait: 0),
                channel)
        case .deleteIdleQueue(let queue):
            try write(
                AMQP_QUEUE_DELETE_METHOD,
                amqp_queue_delete_t(ticket: 0, queue: arena.bytes(queue), if_unused: 1, if_empty: 1, nowait: 0),
                channel)
        case .deleteUnusedExchange(let exchange):
            try write(
                AMQP_EXCHANGE_DELETE_METHOD,
                amqp_exchange_delete_t(ticket: 0, exchange: arena.bytes(exchange), if_unused: 1, nowait: 0), channel)
        case .consume(let queue, let tag, let arguments):
            try write(
                AMQP_BASIC_CONSUME_METHOD,
                amqp_basic_consume_t(
                    ticket: 0, queue: arena.bytes(queue), consumer_tag: arena.bytes(tag), no_local: 0, no_ack: 0,
                    exclusive: 0, nowait: 0, arguments: arena.table(arguments)), channel, room: 4096)
        case .watch(let queue, let tag):
            try write(
                AMQP_BASIC_CONSUME_METHOD,
                amqp_basic_consume_t(
                    ticket: 0, queue: arena.bytes(queue), consumer_tag: arena.bytes(tag), no_local: 0, no_ack: 1,
                    exclusive: 1, nowait: 0, arguments: arena.table(FieldTable())), channel, room: 4096)
        case .cancel(let tag):
            try write(
                AMQP_BASIC_CANCEL_METHOD, amqp_basic_cancel_t(consumer_tag: arena.bytes(tag), nowait: 0), channel)
        case .ack(let tag, let multiple):
            try write(
                AMQP_BASIC_ACK_METHOD, amqp_basic_ack_t(delivery_tag: tag, multiple: multiple ? 1 : 0), channel,
                room: 64)
        case .nack(let tag, let multiple, let requeue):
            try write(
                AMQP_BASIC_NACK_METHOD,
                amqp_basic_nack_t(delivery_tag: tag, multiple: multiple ? 1 : 0, requeue: requeue ? 1 : 0), channel,
                room: 64)
        case .reject(let tag, let requeue):
            try write(
                AMQP_BASIC_REJECT_METHOD, amqp_basic_reject_t(delivery_tag: tag, requeue: requeue ? 1 : 0), channel,
                room: 64)
        }
    }

    /// `connection.update-secret`, class 10, method 70: RabbitMQ's own, and newer than librabbitmq 0.11.
    private mutating func writeUpdateSecret(_ secret: [UInt8], _ reason: String) {
        let reason = reason.utf8.prefix(255)
        writeInteger(UInt8(AMQP_FRAME_METHOD))
        writeInteger(0 as UInt16)
        writeInteger(UInt32(4 + 4 + secret.count + 1 + reason.count))
        writeInteger(10 as UInt16)
        writeInteger(70 as UInt16)
        writeInteger(UInt32(secret.count))
        writeBytes(secret)
        writeInteger(UInt8(reason.count))
        writeBytes(reason)
        writeInteger(UInt8(AMQP_FRAME_END))
    }

    /// The frame of a `basic.publish`; for one route it is always the same bytes.
    mutating func writePublish(
        exchange: String, routingKey: String, mandatory: Bool, channel: UInt16
    ) throws(TransportError) {
        var arena = EncodingArena()
        try write(
            AMQP_BASIC_PUBLISH_METHOD,
            amqp_basic_publish_t(
                ticket: 0, exchange: arena.bytes(exchange), routing_key: arena.bytes(routingKey),
                mandatory: mandatory ? 1 : 0, immediate: 0), channel)
    }

    /// Encoded beside the buffer and copied: with room for the longest method in it, every connection would keep several
    /// KiB that it never needs again.
    private mutating func write<Method>(
        _ id: UInt32, _ method: Method, _ channel: UInt16, room: Int = 1024
    ) throws(TransportError) {
        var method = method
        try withUnsafeTemporaryAllocation(byteCount: room + 12, alignment: 8) { frame throws(TransportError) in
            guard let start = frame.baseAddress else { return }
            let length = withUnsafeMutableBytes(of: &method) { method in
                amqp_encode_method(id, method.baseAddress, amqp_bytes_t(len: room, bytes: start + 11))
            }
            guard length >= 0 else { throw ByteBuffer.refusedByEncoder(length) }
            frame[0] = UInt8(AMQP_FRAME_METHOD)
            frame.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
            frame.storeBytes(of: UInt32(length + 4).bigEndian, toByteOffset: 3, as: UInt32.self)
            frame.storeBytes(of: id.bigEndian, toByteOffset: 7, as: UInt32.self)
            frame[11 + Int(length)] = UInt8(AMQP_FRAME_END)
            writeBytes(UnsafeRawBufferPointer(rebasing: frame[..<(12 + Int(length))]))
        }
    }

    fileprivate static func refusedByEncoder(_ status: Int32) -> TransportError {
        let reason = String(cString: amqp_error_string2(status))
        return TransportError(.internalError, "librabbitmq cannot encode a frame: \(reason).")
    }
}

extension ByteBuffer {
    /// The properties of oslo.messaging (oslo-wire.md §3.1), the body's length, and the body in frames of at most
    /// `frameMax` bytes. The body of a message is always split by ourselves: librabbitmq's own publish delays the last
    /// frame of a body that is an exact multiple.
    mutating func writeContent(of message: Message, channel: UInt16, frameMax: Int) throws(TransportError) {
        try writeContentHeader(of: message, channel: channel)
        let largest = frameMax - 8
        message.body.withUnsafeBytes { body in
            var offset = 0
            while offset < body.count {
                let length = Swift.min(largest, body.count - offset)
                writeWithUnsafeMutableBytes(minimumWritableBytes: length + 8) { frame in
                    frame[0] = UInt8(AMQP_FRAME_BODY)
                    frame.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
                    frame.storeBytes(of: UInt32(length).bigEndian, toByteOffset: 3, as: UInt32.self)
                    UnsafeMutableRawBufferPointer(rebasing: frame[7..<7 + length])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[offset..<offset + length]))
                    frame[7 + length] = UInt8(AMQP_FRAME_END)
                    return length + 8
                }
                offset += length
            }
        }
    }

    private mutating func writeContentHeader(of message: Message, channel: UInt16) throws(TransportError) {
        var arena = EncodingArena()
        var properties = amqp_basic_properties_t()
        var flags =
            AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_HEADERS_FLAG
            | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG
        properties.delivery_mode = 2
        properties.priority = 0
        if !message.headers.isEmpty {
            var table = FieldTable()
            for (name, value) in message.headers.sorted(by: { $0.key < $1.key }) {
                table.append(name, .string(value))
            }
            properties.headers = arena.table(table)
        }
        var expiration = ""
        if let timeToLive = message.timeToLive {
            flags |= AMQP_BASIC_EXPIRATION_FLAG
            expiration = String(timeToLive.wholeMilliseconds)
        }
        var contentType = message.contentType
        var contentEncoding = message.contentEncoding
        properties._flags = UInt32(flags)
        let room = 1024 + message.headers.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 16 }
        let bodySize = UInt64(message.body.count)
        var failure: Int32 = 0
        writeWithUnsafeMutableBytes(minimumWritableBytes: room + 20) { frame in
            let start = frame.baseAddress!
            let length = contentType.withUTF8 { type in
                contentEncoding.withUTF8 { encoding in
                    expiration.withUTF8 { expiration in
                        properties.content_type = amqp_bytes_t(type)
                        properties.content_encoding = amqp_bytes_t(encoding)
                        properties.expiration = amqp_bytes_t(expiration)
                        return withUnsafeMutableBytes(of: &properties) { properties in
                            amqp_encode_properties(
                                UInt16(AMQP_BASIC_CLASS), properties.baseAddress,
                                amqp_bytes_t(len: room, bytes: start + 19))
                        }
                    }
                }
            }
            guard length >= 0 else {
                failure = length
                return 0
            }
            frame[0] = UInt8(AMQP_FRAME_HEADER)
            frame.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
            frame.storeBytes(of: UInt32(length + 12).bigEndian, toByteOffset: 3, as: UInt32.self)
            frame.storeBytes(of: UInt16(AMQP_BASIC_CLASS).bigEndian, toByteOffset: 7, as: UInt16.self)
            frame.storeBytes(of: 0, toByteOffset: 9, as: UInt16.self)
            frame.storeBytes(of: bodySize.bigEndian, toByteOffset: 11, as: UInt64.self)
            frame[19 + Int(length)] = UInt8(AMQP_FRAME_END)
            return 20 + Int(length)
        }
        if failure < 0 { throw ByteBuffer.refusedByEncoder(failure) }
    }
}

extension Message {
    /// Why AMQP cannot carry the properties of this message in frames of at most `frameMax` bytes; `nil`: it can. They come in
    /// one frame, whatever their size, and a broker that gets a larger one closes the connection on all others.
    func framingDefect(frameMax: Int) -> String? {
        if contentType.utf8.count > 255 { return Self.tooLong("content type", contentType) }
        if contentEncoding.utf8.count > 255 { return Self.tooLong("content encoding", contentEncoding) }
        guard !headers.isEmpty else { return nil }
        if let name = headers.keys.first(where: { $0.utf8.count > 255 }) {
            return "the name of its header \(name.prefix(40))… has \(name.utf8.count) bytes, and AMQP's limit is 255"
        }
        // Around the table: frame, class and length of the body, flags, two short texts, mode, priority, expiration.
        let others = 8 + 12 + 2 + 2 + contentType.utf8.count + contentEncoding.utf8.count + 2 + 21
        let size = headers.reduce(others + 4) { $0 + $1.key.utf8.count + $1.value.utf8.count + 6 }
        guard size > frameMax else { return nil }
        return "its headers take \(size) bytes, and the broker takes \(frameMax) in one frame"
    }

    private static func tooLong(_ what: String, _ text: String) -> String {
        "its \(what) has \(text.utf8.count) bytes, and AMQP's limit is 255"
    }
}

extension amqp_bytes_t {
    /// Valid as long as `buffer` is.
    fileprivate init(_ buffer: UnsafeBufferPointer<UInt8>) {
        self.init(len: buffer.count, bytes: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
    }
}

extension Duration {
    /// Milliseconds, rounded down, not below zero: AMQP's unit for expiration, as oslo.messaging computes it.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? Int64.max : milliseconds + attoseconds / 1_000_000_000_000_000
    }
}
#endif
