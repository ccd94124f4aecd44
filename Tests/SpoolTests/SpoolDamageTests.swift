import Foundation
import Logging
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

/// Whatever is damaged or cut short, anywhere: it costs one record at most, whose bytes end in `dead/` with a line in the
/// log, and all others are delivered.
@Suite("A damaged spool", .timeLimit(.minutes(5)))
struct SpoolDamageTests {
    /// A segment as it lies on the disk.
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case closed, open, oldClosed, oldOpen

        var isOld: Bool { self == .oldClosed || self == .oldOpen }
        var isSealed: Bool { self == .closed || self == .oldClosed }
        var testDescription: String { rawValue }
    }

    @Test("One byte that is damaged, anywhere in a segment", arguments: Kind.allCases)
    func flippedBits(kind: Kind) async throws {
        try await withScene { scene in
            let segment = scene.segment(kind)
            for index in segment.bytes.indices {
                // Each bit of the header; of the rest one of each byte, and now and then the whole byte.
                let masks = index < 64 ? (0..<8).map { 1 << $0 } : [index % 9 == 8 ? 0xFF : 1 << (index % 8)]
                for mask in masks {
                    var bytes = segment.bytes
                    bytes[index] ^= UInt8(mask)
                    let victim = segment.record(at: index)
                    // Nothing in an old record says that its state is damaged.
                    if kind.isOld, let victim, (40..<48).contains(index - segment.offsets[victim]) { continue }
                    try scene.check(bytes, kind, victim: victim, segment, "bit mask \(mask) of byte \(index)")
                }
            }
        }
    }

    @Test("A segment that was cut short, anywhere", arguments: Kind.allCases)
    func truncations(kind: Kind) async throws {
        try await withScene { scene in
            let segment = scene.segment(kind)
            for length in stride(from: 0, to: segment.bytes.count, by: 3) {
                let whole = segment.ends.prefix { $0 <= length }.count
                let outcome = try scene.drain(Array(segment.bytes[..<length]), kind)
                #expect(outcome.delivered == Array(segment.bodies.prefix(whole)), "cut at \(length)")
                // Of an open segment the torn rest was never accepted, unless its header says so.
                let start = whole == 0 ? 64 : segment.ends[whole - 1]
                if length > start, kind != .oldOpen {
                    #expect(
                        outcome.dead.contains { $0.starts(with: segment.bytes[start..<length]) }, "cut at \(length)")
                }
            }
        }
    }

    @Test("A segment whose header is lost wholly is read by its records", arguments: Kind.allCases)
    func noHeader(kind: Kind) async throws {
        try await withScene { scene in
            let segment = scene.segment(kind)
            for filling in [UInt8(0), 0xFF] {
                let outcome = try scene.drain(
                    [UInt8](repeating: filling, count: 64) + segment.bytes.dropFirst(64), kind)
                #expect(outcome.delivered == segment.bodies)
                #expect(outcome.dead.isEmpty)
            }
        }
    }

    @Test("Two records beside each other that are damaged cost two")
    func neighbours() async throws {
        try await withScene { scene in
            let segment = scene.segment(.closed)
            var bytes = segment.bytes
            for victim in [2, 3] { bytes[segment.offsets[victim] + 100] ^= 4 }
            var outcome = try scene.drain(bytes, .closed)
            #expect(
                outcome.delivered == segment.bodies.enumerated().filter { ![2, 3].contains($0.offset) }.map(\.element))
            // Where the headers are damaged, too.
            for victim in [2, 3] { bytes[segment.offsets[victim] + 8] ^= 0x40 }
            outcome = try scene.drain(bytes, .closed)
            #expect(outcome.delivered.count == segment.bodies.count - 2)
        }
    }

    @Test("What looks like a record inside a damaged message is none")
    func forgedRecord() async throws {
        try await withScene { scene in
            let name = MessageName(identifier: 7, tag: 7, size: 0)
            let inner = MessageFile(message: Message(body: Array("forged".utf8)), queue: "topic~a~b", published: 0)
            // One of the paddings puts it where a record may begin.
            for padding in 0..<8 {
                let body = [UInt8](repeating: 0x20, count: padding) + SegmentFormat.record(inner.encoded, name)
                let segment = scene.segment(.closed, bodies: [body, [1]])
                // A length that is damaged says nothing of where the next one begins.
                for index in segment.offsets[0]..<segment.ends[0] where !(8..<12).contains(index - segment.offsets[0]) {
                    var bytes = segment.bytes
                    bytes[index] ^= 1
                    let delivered = try scene.drain(bytes, .closed).delivered
                    #expect(delivered.last == [1] && !delivered.contains(Array("forged".utf8)), "byte \(index)")
                }
            }
        }
    }

    @Test("Bytes that are full of beginnings of old records are searched in bounded time")
    func manyBeginnings() async throws {
        try await withScene { scene in
            var bytes = SegmentHeader(committed: 1 << 20, isSealed: true).encoded
            var beginning: [UInt8] = []
            beginning.append(littleEndian: SegmentFormat.oldRecordMagic)
            beginning += [1, 2, 3, 4, 0, 0, 8, 0]
            while bytes.count < 1 << 20 { bytes += beginning + [UInt8](repeating: 0, count: 4) }
            let start = ContinuousClock.now
            let delivered = try scene.drain(bytes, .closed).delivered
            #expect(delivered.isEmpty)
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test("One byte of a file that is damaged costs that message")
    func maildir() async throws {
        try await withDirectory { directory in
            let log = Lines()
            let store = try store(directory, "maildir", log)
            defer { store.owner.leave() }
            let queue = try store.queue(QueueName(compute))
            let file = MessageFile(
                message: Message(body: Array("body".utf8), headers: ["a": "b"]), queue: "topic~nova~compute",
                published: 1)
            let bytes = file.encoded
            try await onThread {
                for index in bytes.indices {
                    var damaged = bytes
                    damaged[index] ^= 1 << UInt8(index % 8)
                    for (place, bytes) in [bytes, damaged, bytes].enumerated() {
                        let name = MessageName(identifier: UInt64(place), tag: 1, size: bytes.count)
                        try queue.ready.write("\(name)", bytes, durable: false)
                    }
                    let reader = MaildirReader(queue, store)
                    try reader.rescan()
                    var count = 0
                    while let claim = try reader.claim() {
                        #expect(claim.message == file.message)
                        try reader.settle(claim, .accept)
                        count += 1
                    }
                    #expect(count == 2, "byte \(index)")
                    let dead = try takeDead(store)
                    #expect(dead == [damaged], "byte \(index)")
                    #expect(log.take().count { $0 == "Message dead-lettered" } == 1)
                }
            }
        }
    }

    @Test("What lies in dead/ is taken back: a message, a damaged record, a whole segment")
    func retry() async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment") { transport in
                for number in 0..<4 { try await transport.send("message \(number)", to: compute) }
            }
            let folder = "\(directory.spool)/queues/topic~nova~compute/segments"
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            let path = URL(fileURLWithPath: "\(folder)/\(name)")
            var bytes = try Data(contentsOf: path)
            // The header of the record alone is damaged, the message in it is whole.
            let second = try #require(bytes.firstRange(of: Data("message 1".utf8)))
            let record = try #require(bytes[..<second.lowerBound].lastRange(of: Data("REC2".utf8)))
            bytes[record.lowerBound + 9] ^= 1
            try bytes.write(to: path)
            try await withTransport(directory) { transport in
                let taken = try await transport.take(3, from: compute)
                #expect(taken == ["message 0", "message 2", "message 3"])
            }
            var inspector = try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
            let letter = try #require(try inspector.deadLetters().first)
            #expect(letter.message?.body == Array("message 1".utf8))
            try inspector.retry(letter.name)
            #expect(try inspector.deadLetterNames().isEmpty)
            inspector.close()
            // A whole segment, with one message that is damaged.
            let damaged = try #require(bytes.firstRange(of: Data("message 2".utf8)))
            bytes[damaged.lowerBound] ^= 1
            try bytes.write(to: URL(fileURLWithPath: "\(directory.spool)/dead/\(name)"))
            inspector = try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
            try inspector.retry(name)
            let rest = try #require(try inspector.deadLetters().first)
            #expect(rest.name == "\(name).rest" && rest.message == nil)
            #expect(await code { try inspector.retry(rest.name) } == .invalidAddress)
            inspector.close()
            try await withTransport(directory) { transport in
                let taken = try await transport.take(4, from: compute)
                #expect(taken == ["message 1", "message 0", "message 1", "message 3"])
            }
        }
    }

    @Test("A spool of the older format is read, and marked as newer")
    func oldFormat() async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment") { try await $0.send("new", to: compute) }
            let format = URL(fileURLWithPath: "\(directory.spool)/FORMAT")
            #expect(directory.text("FORMAT") == "switchboard-spool 2 segment\n")
            try Data("switchboard-spool 1 segment\n".utf8).write(to: format)
            let owner = "1-0000000000000001"
            let old = OldSegment.bytes([Array("old".utf8)], queue: "topic~nova~compute", isSealed: false)
            try Data(old).write(
                to: URL(
                    fileURLWithPath:
                        "\(directory.spool)/queues/topic~nova~compute/segments/0000000000000001-\(owner).seg"))
            try await withTransport(directory) { transport in
                let taken = try await transport.take(2, from: compute)
                #expect(taken == ["old", "new"])
            }
            #expect(directory.text("FORMAT") == "switchboard-spool 2 segment\n")
            try Data("switchboard-spool 3 segment\n".utf8).write(to: format)
            #expect(await code { try await makeTransport("spool://\(directory.spool)").run() } == .conflict)
        }
    }

    // MARK: The scene

    private func store(_ directory: TemporaryDirectory, _ layout: String, _ log: Lines) throws -> SpoolStore {
        try SpoolStore(
            SpoolConfiguration(try TransportURL("spool://\(directory.spool)?layout=\(layout)&durability=none")),
            logger: Logger(label: "spool.test") { _ in log })
    }

    /// Runs `body` on a thread of its own: it never waits, and the threads that tasks share are few.
    private func withScene(_ body: @escaping @Sendable (DamageScene) throws -> Void) async throws {
        try await withDirectory { directory in
            let log = Lines()
            let store = try store(directory, "segment", log)
            defer { store.owner.leave() }
            let scene = DamageScene(store: store, queue: try store.queue(QueueName(compute)), log: log)
            try await onThread { try body(scene) }
        }
    }
}
