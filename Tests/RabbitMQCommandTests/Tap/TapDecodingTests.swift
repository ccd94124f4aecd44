#if RabbitMQ && TLS
import NIOCore
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

/// What a tap reads of routes and nested headers.
@Suite("Tap, decoding")
struct TapDecodingTests {
    private final class Receiver: FrameReceiver {
        var methods: [IncomingMethod] = []
        var headers: [ContentHeader] = []

        func received(_ method: IncomingMethod, channel: UInt16) { methods.append(method) }
        func received(_ header: ContentHeader, channel: UInt16) { headers.append(header) }
        func received(_ body: UnsafeRawBufferPointer, channel: UInt16) {}
    }

    private static func long(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    private static func text(_ text: String) -> [UInt8] {
        [UInt8(ascii: "S")] + long(text.utf8.count) + Array(text.utf8)
    }
    private static func table(_ entries: [(String, [UInt8])]) -> [UInt8] {
        let bytes = entries.flatMap { short($0.0) + $0.1 }
        return long(bytes.count) + bytes
    }

    private static func frame(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [type, 0, 2] + long(payload.count) + payload + [0xCE]
    }

    /// As RabbitMQ's firehose sends them.
    private static let header: [UInt8] = {
        let properties = table([
            ("content_type", text("application/json")), ("expiration", text("60000")),
            ("headers", [UInt8(ascii: "F")] + table([("compression", text("gzip"))])),
        ])
        let keys = text("compute.host1") + text("other")
        let headers = table([
            ("exchange_name", text("nova")), ("routing_keys", [UInt8(ascii: "A")] + long(keys.count) + keys),
            ("properties", [UInt8(ascii: "F")] + properties), ("redelivered", [UInt8(ascii: "I")] + long(1)),
            ("empty", [UInt8(ascii: "A")] + long(0)),
        ])
        return frame(2, [0, 60, 0, 0] + [0, 0, 0, 0] + long(0) + [0x20, 0] + headers)
    }()

    private static let deliver = frame(
        1,
        [0, 60, 0, 60] + short("tap") + [0, 0, 0, 0, 0, 0, 0, 1, 0] + short("amq.rabbitmq.trace") + short("publish."))

    private func decode(_ bytes: [UInt8], readsRoutes: Bool = true) throws -> Receiver {
        let decoder = FrameDecoder()
        decoder.tune(channelMax: 2047, frameMax: 131_072)
        if readsRoutes { decoder.readRoutes() }
        let receiver = Receiver()
        try decoder.decode(ByteBuffer(bytes: bytes), into: receiver)
        return receiver
    }

    @Test("Routes and nested tables are read where a client asks for them, and only there")
    func nested() throws {
        let receiver = try decode(Self.deliver + Self.header)
        #expect(receiver.methods == [.routed(.init(exchange: "amq.rabbitmq.trace", routingKey: "publish."))])
        let headers = try #require(receiver.headers.first).headers
        #expect(headers["exchange_name"] == "nova" && headers["routing_keys"] == "compute.host1")
        #expect(headers["properties.content_type"] == "application/json" && headers["redelivered"] == "1")
        #expect(headers["properties.expiration"] == "60000" && headers["properties.headers.compression"] == "gzip")
        let plain = try decode(Self.deliver + Self.header, readsRoutes: false)
        #expect(plain.methods == [.deliver(tag: 1, isRedelivered: false)])
        #expect(plain.headers.first?.headers == ["exchange_name": "nova", "redelivered": "1"])
    }

    @Test("Whatever bytes a broker sends in their place, nothing traps", arguments: 0..<8)
    func anyBytes(seed: Int) {
        var violations = 0
        for _ in 0..<2000 {
            var bytes = Self.header
            for _ in 0..<Int.random(in: 1...6) {
                bytes[Int.random(in: 7..<bytes.count - 1)] =
                    [0, 1, 65, 70, 83, 127, 128, 255, .random(in: 0...255)].randomElement() ?? 0
            }
            do { _ = try decode(bytes) } catch { violations += 1 }
        }
        // Most are one message's defect, and no violation.
        #expect(violations < 2000)
    }
}
#endif
