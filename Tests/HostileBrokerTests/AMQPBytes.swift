#if RabbitMQ
/// What a broker sends, as bytes. Built by hand, so that every byte of it can be wrong.
enum AMQPBytes {
    static func integer(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    static func shortText(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    static func longText(_ bytes: [UInt8]) -> [UInt8] { integer(UInt32(bytes.count)) + bytes }
    static func longText(_ text: String) -> [UInt8] { longText(Array(text.utf8)) }

    /// - Parameter length: what the frame says of its payload; `nil`: the truth.
    static func frame(
        type: UInt8, channel: UInt16, _ payload: [UInt8], length: UInt32? = nil, end: UInt8 = 0xCE
    ) -> [UInt8] {
        [type] + integer(channel) + integer(length ?? UInt32(payload.count)) + payload + [end]
    }

    static func method(_ classID: UInt16, _ id: UInt16, channel: UInt16 = 0, _ arguments: [UInt8] = []) -> [UInt8] {
        frame(type: 1, channel: channel, integer(classID) + integer(id) + arguments)
    }

    static let heartbeat = frame(type: 8, channel: 0, [])

    // MARK: Connections

    static func start(mechanisms: String = "PLAIN AMQPLAIN", properties: [UInt8]? = nil) -> [UInt8] {
        let product = shortText("product") + [UInt8(ascii: "S")] + longText("RabbitMQ")
        let version = shortText("version") + [UInt8(ascii: "S")] + longText("3.10.8")
        return method(
            10, 10, [0, 9] + longText(properties ?? product + version) + longText(mechanisms) + longText("en_US"))
    }

    static func tune(channelMax: UInt16 = 2047, frameMax: UInt32 = 131_072, heartbeat: UInt16 = 60) -> [UInt8] {
        method(10, 30, integer(channelMax) + integer(frameMax) + integer(heartbeat))
    }

    static let openOK = method(10, 41, [0])

    /// `connection.close` on channel 0, `channel.close` on others.
    static func close(_ code: UInt16, _ text: [UInt8], channel: UInt16 = 0) -> [UInt8] {
        let arguments = integer(code) + [UInt8(text.count)] + text + [0, 0, 0, 0]
        return channel == 0 ? method(10, 50, arguments) : method(20, 40, channel: channel, arguments)
    }

    // MARK: Content

    static func deliver(channel: UInt16, consumer: String, tag: UInt64, redelivered: Bool = false) -> [UInt8] {
        method(
            60, 60, channel: channel,
            shortText(consumer) + integer(tag) + [redelivered ? 1 : 0] + shortText("e") + shortText("t"))
    }

    static func returned(channel: UInt16, exchange: String = "e", key: String = "t") -> [UInt8] {
        method(
            60, 50, channel: channel,
            integer(UInt16(312)) + shortText("NO_ROUTE") + shortText(exchange) + shortText(key))
    }

    /// The properties of a content header: flags for the headers alone, and the table.
    static func headers(_ table: [UInt8]) -> [UInt8] { [0x20, 0x00] + longText(table) }

    static func contentHeader(
        channel: UInt16, bodySize: UInt64, properties: [UInt8] = [0, 0], classID: UInt16 = 60
    ) -> [UInt8] {
        frame(type: 2, channel: channel, integer(classID) + [0, 0] + integer(bodySize) + properties)
    }

    static func body(channel: UInt16, _ bytes: [UInt8]) -> [UInt8] { frame(type: 3, channel: channel, bytes) }

    /// Header and body of a whole message.
    static func content(channel: UInt16, _ text: [UInt8], properties: [UInt8] = [0, 0]) -> [UInt8] {
        contentHeader(channel: channel, bodySize: UInt64(text.count), properties: properties)
            + (text.isEmpty ? [] : body(channel: channel, text))
    }

    /// A table in a table, so many levels deep, or arrays.
    static func nested(_ depth: Int, array: Bool = false) -> [UInt8] {
        // From the inside out, as each length counts what is inside; written from the outside in.
        let level = array ? 5 : 6
        var bytes: [UInt8] = []
        bytes.reserveCapacity(depth * level + 2)
        bytes += array ? shortText("a") + [UInt8(ascii: "A")] + integer(UInt32((depth - 1) * level)) : []
        for remaining in stride(from: depth - 1, through: array ? 1 : 0, by: -1) {
            if array {
                bytes += [UInt8(ascii: "A")] + integer(UInt32((remaining - 1) * level))
            } else {
                bytes += [0, UInt8(ascii: "F")] + integer(UInt32(remaining * level))
            }
        }
        return bytes
    }
}
#endif
