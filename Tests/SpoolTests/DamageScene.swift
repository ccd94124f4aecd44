import Foundation
import Logging
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

/// Runs what blocks on a thread of its own.
func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        startThread { continuation.resume(with: Result { try body() }) }
    }
}

/// What lies in `dead`, which is empty then.
func takeDead(_ store: SpoolStore) throws -> [[UInt8]] {
    var dead: [[UInt8]] = []
    for name in try store.dead.names().sorted() {
        if !name.hasSuffix(".reason") { dead.append(try store.dead.contents(of: name, limit: 1 << 24)) }
        try store.dead.unlink(name)
    }
    return dead
}

/// A segment with some messages.
struct DamagedSegment {
    var bytes: [UInt8]
    var bodies: [[UInt8]]
    var offsets: [Int] = []
    var ends: [Int] = []

    /// Which record the byte is in: none of the header is in one.
    func record(at index: Int) -> Int? { ends.firstIndex { $0 > index }.flatMap { index < 64 ? nil : $0 } }
}

struct DamageScene: Sendable {
    let store: SpoolStore
    let queue: Queue
    let log: Lines

    func segment(_ kind: SpoolDamageTests.Kind, bodies: [[UInt8]]? = nil) -> DamagedSegment {
        let bodies =
            bodies ?? (0..<6).map { number in Array("message \(number)\(String(repeating: "x", count: number))".utf8) }
        var segment = DamagedSegment(bytes: [], bodies: bodies)
        var records: [UInt8] = []
        for (number, body) in bodies.enumerated() {
            let file = MessageFile(message: Message(body: body), queue: queue.name.encoded, published: 1)
            let name = MessageName(identifier: UInt64(number + 1), tag: 9, size: 0)
            segment.offsets.append(64 + records.count)
            records += kind.isOld ? OldSegment.record(file.encoded, name) : SegmentFormat.record(file.encoded, name)
            segment.ends.append(64 + records.count)
        }
        let header = SegmentHeader(committed: 64 + records.count, isSealed: kind.isSealed)
        segment.bytes = (kind.isOld ? header.encodedAsOld : header.encoded) + records
        return segment
    }

    struct Outcome {
        var delivered: [[UInt8]] = []
        var dead: [[UInt8]] = []
        var lines: [String] = []
    }

    /// What becomes of a segment whose writer is dead.
    func drain(_ bytes: [UInt8], _ kind: SpoolDamageTests.Kind) throws -> Outcome {
        let name = "0000000000000001-1-0000000000000001.seg"
        try queue.ready.write(name, bytes, durable: false)
        try store.reap()
        var outcome = Outcome()
        let reader = SegmentReader(queue, store)
        try reader.rescan()
        while let claim = try reader.claim() {
            outcome.delivered.append(claim.message.body)
            try reader.settle(claim, .accept)
        }
        reader.close()
        // It stays as long as nobody knows that it is closed.
        try? queue.ready.unlink(name)
        outcome.dead = try takeDead(store)
        outcome.lines = log.take()
        return outcome
    }

    func check(
        _ bytes: [UInt8], _ kind: SpoolDamageTests.Kind, victim: Int?, _ segment: DamagedSegment, _ what: String
    ) throws {
        let outcome = try drain(bytes, kind)
        if outcome.delivered == segment.bodies { return }
        guard let victim else {
            Issue.record("\(what): \(outcome.delivered.count) were delivered, and it is in no record.")
            return
        }
        var others = segment.bodies
        others.remove(at: victim)
        #expect(outcome.delivered == others, "\(what): others than record \(victim) suffered.")
        let record = bytes[segment.offsets[victim]..<segment.ends[victim]]
        let isKept = outcome.dead.contains {
            $0 == Array(record) || Salvage($0).messages.first?.message.body == segment.bodies[victim]
        }
        #expect(isKept, "\(what): the record is not in dead/, which has \(outcome.dead.count).")
        #expect(outcome.lines.contains("Message dead-lettered"), "\(what): no line in the log.")
        // Only what is in the message itself cannot be taken back.
        let payload = segment.offsets[victim] + 48
        let changed = zip(bytes, segment.bytes).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
        if changed < payload {
            let salvaged = outcome.dead.flatMap { Salvage($0).messages.map(\.message.body) }
            #expect(salvaged == [segment.bodies[victim]], "\(what): it cannot be taken back.")
        }
    }
}

/// Segments as version 1 wrote them.
enum OldSegment {
    static func record(_ payload: [UInt8], _ name: MessageName) -> [UInt8] {
        var covered: [UInt8] = []
        covered.append(littleEndian: UInt32(payload.count))
        covered.append(littleEndian: name.tag)
        covered.append(littleEndian: name.identifier)
        covered += [UInt8](repeating: 0, count: 16)
        var bytes = Array("REC1".utf8)
        bytes.append(littleEndian: CRC32C.of(covered + payload))
        bytes += covered + [UInt8](repeating: 0, count: 8) + payload
        return bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
    }

    static func bytes(_ bodies: [[UInt8]], queue: String, isSealed: Bool) -> [UInt8] {
        var records: [UInt8] = []
        for (number, body) in bodies.enumerated() {
            let file = MessageFile(message: Message(body: body), queue: queue, published: 1)
            records += record(file.encoded, MessageName(identifier: UInt64(number + 1), tag: 9, size: 0))
        }
        return SegmentHeader(committed: 64 + records.count, isSealed: isSealed).encodedAsOld + records
    }
}

/// Keeps the messages that are logged.
final class Lines: LogHandler, Sendable {
    private let lines = Locked<[String]>([])
    // One for all its loggers: what they set is not kept.
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }

    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.message)") }
    }

    /// Those since the last time.
    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
