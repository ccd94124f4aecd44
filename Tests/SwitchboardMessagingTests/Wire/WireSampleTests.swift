import Foundation
import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

/// A file of this target's data.
func testData(_ name: String) throws -> [UInt8] {
    let url = try #require(Bundle.module.url(forResource: "Data/\(name)", withExtension: nil))
    return Array(try Data(contentsOf: url))
}

/// Messages that real oslo.messaging and Nova programs sent, byte for byte.
struct WireSample: Sendable, CustomTestStringConvertible {
    let name: String
    let message: Message
    var testDescription: String { name }

    static let all: [WireSample] = {
        guard let bytes = try? testData("wire-samples.json"),
            case .object(let samples)? = try? JSONValue(parsing: bytes)
        else { return [] }
        return samples.map { name, sample in
            WireSample(
                name: name,
                message: Message(
                    body: Array((sample["body"]?.string ?? "").utf8),
                    contentType: sample["content_type"]?.string ?? ""))
        }
    }()

    static let replies = all.filter { $0.name.contains("reply") || $0.name.contains("heartbeat") }
    static let requests = all.filter { $0.name.contains("request") || $0.name.contains("cast") }
}

@Suite("Messages of real peers")
struct WireSampleTests {
    @Test("There are samples of every kind")
    func counts() {
        #expect(WireSample.requests.count == 13)
        #expect(WireSample.replies.count == 13)
    }

    @Test("A request decodes, and encodes to the very bytes", arguments: WireSample.requests)
    func request(_ sample: WireSample) throws {
        let request = try OsloRequest(sample.message)
        #expect(!request.method.isEmpty)
        #expect(request.uniqueID?.count == 32)
        #expect(
            String(decoding: request.message().body, as: UTF8.self)
                == String(decoding: sample.message.body, as: UTF8.self))
    }

    @Test("A reply decodes, and encodes to the very bytes", arguments: WireSample.replies)
    func reply(_ sample: WireSample) throws {
        let reply = try OsloReply(sample.message)
        #expect(reply.messageID?.string?.count == 32)
        #expect((reply.failure != nil) == sample.name.contains("failure"))
        #expect(
            String(decoding: reply.message().body, as: UTF8.self)
                == String(decoding: sample.message.body, as: UTF8.self))
    }

    @Test("A context of Nova's decodes, and encodes to the same keys in the same order")
    func novaContext() throws {
        let sample = try #require(WireSample.all.first { $0.name == "nova-call-request" })
        let object = try OsloRequest(sample.message).context
        let context = try RequestContext(wireObject: object)
        #expect(object.count == 25)
        #expect(context.wireObject() == object)
        #expect(context.wireObject().keys == object.keys)
        #expect(context.additional.isEmpty)
        guard case .own = context.mqConnection else {
            Issue.record("Decoding must not target.")
            return
        }
    }

    @Test("Every beginning of a message is rejected with a reason, and none traps", arguments: WireSample.all)
    func truncated(_ sample: WireSample) {
        for count in 0..<min(sample.message.body.count, 700) {
            let message = Message(body: Array(sample.message.body.prefix(count)))
            #expect(throws: WireError.self) { try OsloRequest(message) }
            #expect(throws: WireError.self) { try OsloReply(message) }
        }
    }

    @Test("Messages with bytes changed at random never trap")
    func mutated() {
        var generator = SeededGenerator(seed: 42)
        for sample in WireSample.all {
            for _ in 0..<300 {
                var body = sample.message.body
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    body[Int.random(in: body.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                let message = Message(body: body)
                if let request = try? OsloRequest(message) {
                    _ = request.message()
                    _ = try? RequestContext(wireObject: request.context)
                }
                if let reply = try? OsloReply(message) { _ = reply.message() }
            }
        }
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
