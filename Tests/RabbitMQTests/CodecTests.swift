#if RabbitMQ
import NIOCore
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Frames")
struct CodecTests {
    /// Collects what a decoder hands out.
    private final class Receiver: FrameReceiver {
        var methods: [IncomingMethod] = []
        var headers: [ContentHeader] = []
        var bodies: [[UInt8]] = []

        func received(_ method: IncomingMethod, channel: UInt16) { methods.append(method) }
        func received(_ header: ContentHeader, channel: UInt16) { headers.append(header) }
        func received(_ body: UnsafeRawBufferPointer, channel: UInt16) { bodies.append([UInt8](body)) }
    }

    private func tunedDecoder(frameMax: UInt32 = 131_072) -> FrameDecoder {
        let decoder = FrameDecoder()
        decoder.tune(channelMax: 2047, frameMax: frameMax)
        return decoder
    }

    private func hexadecimal(_ buffer: ByteBuffer) -> String {
        buffer.readableBytesView.map(\.hexadecimal).joined()
    }

    @Test("The content header is oslo.messaging's, byte for byte")
    func contentHeader() throws {
        var buffer = ByteBuffer()
        try buffer.writeContent(
            of: Message(body: [UInt8](repeating: 120, count: 200)), channel: 1, frameMax: 131_072)
        let header = hexadecimal(buffer.getSlice(at: 0, length: 51)!)
        #expect(
            header == "0200010000002b003c000000000000000000c8f800106170706c69636174696f6e2f6a736f6e057574662d38"
                + "000000000200ce")
    }

    @Test(
        "A time to live is the expiration in milliseconds",
        arguments: [(1.25, "1250"), (10, "10000"), (0.0004, "0"), (-1, "0")])
    func expiration(seconds: Double, text: String) throws {
        var buffer = ByteBuffer()
        try buffer.writeContent(
            of: Message(body: [], timeToLive: .seconds(seconds)), channel: 1, frameMax: 131_072)
        let bytes = Array(buffer.readableBytesView)
        #expect(bytes[19] == 0xF9)
        #expect(Array(bytes.dropLast().suffix(text.utf8.count + 1)) == [UInt8(text.utf8.count)] + Array(text.utf8))
    }

    @Test(
        "A body is cut at the largest frame, also when it fits exactly",
        arguments: [0, 1, 4087, 4088, 4089, 8176, 9000])
    func bodyFrames(size: Int) throws {
        var buffer = ByteBuffer()
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        try buffer.writeContent(of: Message(body: body), channel: 3, frameMax: 4096)
        let receiver = Receiver()
        try tunedDecoder(frameMax: 4096).decode(buffer, into: receiver)
        #expect(receiver.headers.count == 1)
        #expect(receiver.headers[0].bodySize == UInt64(size))
        #expect(receiver.bodies.flatMap(\.self) == body)
        #expect(receiver.bodies.count == (size + 4087) / 4088)
    }

    @Test("Frames come out the same however the bytes are cut", arguments: [1, 2, 7, 13, 64])
    func pieces(length: Int) throws {
        var buffer = ByteBuffer()
        try buffer.write(.close(code: 320, text: "bye"), channel: 0)
        buffer.writeHeartbeat()
        try buffer.write(.cancel(tag: "7"), channel: 2)
        try buffer.write(.ack(tag: 1 << 40, multiple: true), channel: 1)
        let receiver = Receiver()
        let decoder = tunedDecoder()
        while let piece = buffer.readSlice(length: min(length, buffer.readableBytes)), piece.readableBytes > 0 {
            try decoder.decode(piece, into: receiver)
        }
        #expect(
            receiver.methods == [
                .close(.init(code: 320, text: "bye")), .cancel(tag: "7"), .ack(tag: 1 << 40, multiple: true),
            ])
    }

    @Test("Bytes that are no frames are refused, and never trap", arguments: 0..<200)
    func garbage(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var buffer = ByteBuffer()
        // Half of them begin like a frame that the decoder knows.
        if seed % 2 == 0 {
            buffer.writeBytes([1, 0, 0, 0, 0, 0, 40, 0, 60, 0, UInt8.random(in: 0...120, using: &generator)])
        }
        for _ in 0..<300 { buffer.writeInteger(UInt8.random(in: 0...255, using: &generator)) }
        let decoder = tunedDecoder()
        let receiver = Receiver()
        do {
            try decoder.decode(buffer, into: receiver)
            #expect(receiver.methods.count < 300)
        } catch {
            #expect(!error.description.isEmpty)
        }
    }

    @Test("A server that speaks another protocol is named as such")
    func otherProtocol() {
        var buffer = ByteBuffer()
        buffer.writeBytes(Array("AMQP".utf8) + [3, 1, 0, 0])
        let error = #expect(throws: ProtocolViolation.self) { try FrameDecoder().decode(buffer, into: Receiver()) }
        #expect(error?.description.contains("another version") == true)
    }

    @Test("A name that is too long for AMQP is an error, and leaves no bytes behind")
    func longName() throws {
        var buffer = ByteBuffer()
        #expect(throws: TransportError.self) {
            try buffer.write(.deleteQueue(String(repeating: "q", count: 256)), channel: 1)
        }
        #expect(buffer.readableBytes == 0)
    }

    @Test("A message is put together from any pieces, and impossible ones are violations")
    func assembling() throws {
        var assembler = ContentAssembler<Int>()
        let header = ContentHeader(bodySize: 3)
        func piece(_ bytes: [UInt8]) throws -> [UInt8]? {
            try bytes.withUnsafeBytes { try assembler.received($0)?.body }
        }
        try assembler.began(1)
        #expect(throws: ProtocolViolation.self) { try assembler.began(2) }
        #expect(try assembler.received(header, limit: 10)?.body == nil)
        #expect(try piece([1]) == nil)
        #expect(try piece([2, 3]) == [1, 2, 3])
        #expect(throws: ProtocolViolation.self) { try piece([1]) }
        #expect(throws: ProtocolViolation.self) { try assembler.received(header, limit: 10) }
        try assembler.began(2)
        _ = try assembler.received(header, limit: 3)
        #expect(throws: ProtocolViolation.self) { try piece([1, 2, 3, 4]) }
    }

    @Test("A message above the limit comes out without its body, and the next one is as if nothing had been")
    func assemblingTooMuch() throws {
        var assembler = ContentAssembler<Int>()
        func piece(_ bytes: [UInt8]) throws -> ContentAssembler<Int>.Content? {
            try bytes.withUnsafeBytes { try assembler.received($0) }
        }
        try assembler.began(1)
        #expect(try assembler.received(ContentHeader(bodySize: 3), limit: 2) == nil)
        #expect(try piece([1, 2]) == nil)
        let content = try #require(try piece([3]))
        #expect(content.header.defect == .bodyTooLarge(bytes: 3, limit: 2))
        #expect(content.body.isEmpty)
        try assembler.began(2)
        #expect(try assembler.received(ContentHeader(bodySize: 2), limit: 2) == nil)
        let next = try #require(try piece([4, 5]))
        #expect(next.header.defect == nil && next.body == [4, 5])
    }

    @Test(
        "What AMQP cannot carry is found before a byte is written, to the byte",
        arguments: [4096, 131_072], [["x": "y"], ["aa": "bb", "x": ""]])
    func framing(frameMax: Int, headers: [String: String]) throws {
        func written(_ value: Int) throws -> (defect: String?, size: Int) {
            var message = Message(body: [], headers: headers, timeToLive: .milliseconds(Int64.max))
            message.headers["v"] = String(repeating: "v", count: value)
            var buffer = ByteBuffer()
            try buffer.writeContent(of: message, channel: 1, frameMax: frameMax)
            return (message.framingDefect(frameMax: frameMax), buffer.readableBytes)
        }
        for value in (frameMax - 200)..<frameMax {
            let (defect, size) = try written(value)
            // The longest time to live is counted, whether there is one or not.
            #expect((defect != nil) == (size + 1 > frameMax), "\(value): \(size)")
        }
        for message in [
            Message(body: [], contentType: String(repeating: "x", count: 256)),
            Message(body: [], contentEncoding: String(repeating: "x", count: 256)),
            Message(body: [], headers: [String(repeating: "x", count: 256): ""]),
        ] {
            #expect(message.framingDefect(frameMax: frameMax)?.contains("256 bytes") == true)
        }
    }
}

#endif
