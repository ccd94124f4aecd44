#if RabbitMQ
import NIOCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// What the decoder lets pass, however the bytes are cut.
@Suite("Frames against what was agreed")
struct FrameLimitTests {
    private typealias Bytes = AMQPBytes

    private final class Receiver: FrameReceiver {
        var seen: [String] = []

        func received(_ method: IncomingMethod, channel: UInt16) { seen.append("\(method) on \(channel)") }
        func received(_ header: ContentHeader, channel: UInt16) {
            seen.append("header \(header.bodySize) \(header.defect.map { "\($0)" } ?? "in order") on \(channel)")
        }
        /// Where a body is cut is not told apart.
        func received(_ body: UnsafeRawBufferPointer, channel: UInt16) {
            for byte in body { seen.append("byte \(byte) on \(channel)") }
        }
    }

    /// What comes out, and the reason where it ended.
    private func decode(
        _ bytes: [UInt8], tuned: Bool = true, piece: Int = .max
    ) -> (seen: [String], violation: String?) {
        let decoder = FrameDecoder()
        if tuned { decoder.tune(channelMax: 10, frameMax: 4096) }
        let receiver = Receiver()
        do throws(ProtocolViolation) {
            for start in stride(from: 0, to: bytes.count, by: min(piece, max(1, bytes.count))) {
                let end = min(bytes.count, start + min(piece, bytes.count))
                try decoder.decode(ByteBuffer(bytes: bytes[start..<end]), into: receiver)
            }
        } catch {
            return (receiver.seen, error.description)
        }
        return (receiver.seen, nil)
    }

    private static let violations: [(String, [UInt8])] = [
        ("a method above the frame size", Bytes.frame(type: 1, channel: 0, [UInt8](repeating: 0, count: 4089))),
        ("a method without its number", Bytes.frame(type: 1, channel: 0, [0, 10, 0])),
        ("a method on a channel above the highest", Bytes.method(20, 11, channel: 11, [0, 0, 0, 0])),
        ("a method that does not exist", Bytes.method(77, 1)),
        ("a method that ends too early", Bytes.method(10, 50, [1])),
        ("a heartbeat on a channel", Bytes.frame(type: 8, channel: 1, [])),
        ("a heartbeat with content", Bytes.frame(type: 8, channel: 0, [1])),
        ("a piece of a body above the frame size", Bytes.body(channel: 1, [UInt8](repeating: 0, count: 4089))),
        ("a piece of a body on channel 0", Bytes.body(channel: 0, [1])),
        ("a content header on channel 0", Bytes.contentHeader(channel: 0, bodySize: 1)),
        ("a content header of another class", Bytes.contentHeader(channel: 1, bodySize: 1, classID: 10)),
        ("a content header without flags", Bytes.contentHeader(channel: 1, bodySize: 1, properties: [])),
        ("an unknown type", Bytes.frame(type: 4, channel: 0, [])),
        ("a frame without its mark", Bytes.frame(type: 8, channel: 0, [], end: 0)),
        ("a body without its mark", Bytes.frame(type: 3, channel: 1, [1], end: 0)),
    ]

    @Test("What breaks the agreement ends the connection, and what came before it has come", arguments: violations)
    func violation(name: String, bytes: [UInt8]) {
        for piece in [1, 3, 8, .max] {
            let (seen, reason) = decode(Bytes.openOK + bytes + Bytes.openOK, piece: piece)
            #expect(reason?.isEmpty == false)
            #expect(seen.first == "openOK on 0")
            #expect(!seen.dropFirst().contains("openOK on 0"), "It went on.")
        }
    }

    @Test("Before anything is agreed, there is the connection's own channel")
    func untuned() {
        #expect(decode(Bytes.start(), tuned: false).violation == nil)
        #expect(decode(Bytes.method(20, 11, channel: 1, [0, 0, 0, 0]), tuned: false).violation != nil)
        #expect(decode(Bytes.contentHeader(channel: 1, bodySize: 1), tuned: false).violation != nil)
        #expect(decode(Bytes.start(properties: Bytes.nested(1000)), tuned: false).violation != nil)
    }

    @Test(
        "A header above the frame size is read past, and what comes after it is read",
        arguments: [4078, 4079, 100_000])
    func largeHeader(size: Int) {
        let table =
            Bytes.shortText("x") + [UInt8(ascii: "S")]
            + Bytes.longText([UInt8](repeating: 1, count: size - 12 - 2 - 4 - 7))
        let bytes =
            Bytes.contentHeader(channel: 3, bodySize: 2, properties: Bytes.headers(table))
            + Bytes.body(channel: 3, [1, 2]) + Bytes.openOK
        let isTooLarge = size + 8 > 4096
        let whole = decode(bytes)
        #expect(whole.violation == nil)
        #expect(whole.seen.count == 4 && whole.seen.last == "openOK on 0")
        #expect(whole.seen.first?.contains("more than the 4096") == isTooLarge)
        for piece in [1, 5, 4096] where size < 10_000 || piece > 1 {
            #expect(decode(bytes, piece: piece).seen == whole.seen)
        }
    }

    @Test("Any frames come out the same however the bytes are cut", arguments: 0..<200)
    func cuts(seed: UInt64) {
        var generator = SeededGenerator(seed)
        let frames: [[UInt8]] = [
            Bytes.openOK, Bytes.heartbeat, Bytes.deliver(channel: 1, consumer: "1", tag: 1),
            Bytes.contentHeader(channel: 1, bodySize: 3), Bytes.body(channel: 1, []), Bytes.body(channel: 2, [1]),
            Bytes.body(channel: 1, [1, 2, 3]), Bytes.method(10, 71), Bytes.close(320, [0xFF]),
            Bytes.contentHeader(channel: 1, bodySize: 3, properties: Bytes.headers([9])),
        ]
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...10, using: &generator) { bytes += frames.randomElement(using: &generator)! }
        if seed % 3 == 0 {
            bytes[Int.random(in: bytes.indices, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
        }
        let whole = decode(bytes)
        for piece in 1...12 {
            let cut = decode(bytes, piece: piece)
            #expect(cut.violation == whole.violation)
            #expect(complete(cut) == complete(whole))
        }
    }

    /// Of a body whose frame turns out to be broken, a part may have come.
    private func complete(_ decoded: (seen: [String], violation: String?)) -> [String] {
        guard decoded.violation != nil, let last = decoded.seen.lastIndex(where: { !$0.hasPrefix("byte") }) else {
            return decoded.violation == nil ? decoded.seen : []
        }
        return Array(decoded.seen[...last])
    }

    @Test(
        "The depth of tables and arrays is what was built", arguments: [1, 2, 63, 64, 65, 66, 5000], [false, true])
    func depth(depth: Int, array: Bool) {
        let table = Bytes.longText(Bytes.nested(depth, array: array))
        // The table that holds them is one more.
        let isTooDeep = table.withUnsafeBytes { FieldNesting.isTooDeep($0) }
        #expect(isTooDeep == (depth + 1 > FieldNesting.limit))
    }

    @Test("The depth of any bytes is found without a trap", arguments: 0..<500)
    func depthOfGarbage(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var bytes = Bytes.longText(Bytes.nested(Int.random(in: 1...70, using: &generator), array: seed % 2 == 0))
        for _ in 0..<Int.random(in: 0...5, using: &generator) {
            bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
        _ = bytes.withUnsafeBytes { FieldNesting.isTooDeep($0) }
        let decoded = decode(Bytes.contentHeader(channel: 1, bodySize: 0, properties: [0x20, 0] + bytes))
        #expect(decoded.seen.count == 1 || decoded.violation != nil)
    }
}
#endif
