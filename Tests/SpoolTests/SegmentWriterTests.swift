import Glibc
import SpoolPeer
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

@Suite struct SegmentWriterTests {
    @Test("A leader that always finds more to write gives its thread to others now and then, and goes on later")
    func turns() async throws {
        try await withDirectory { directory in
            let store = try SpoolStore(
                SpoolConfiguration(try TransportURL("spool://\(directory.spool)?layout=segment")),
                operations: SystemFileOperations(), logger: quiet)
            defer { store.owner.leave() }
            let writer = SegmentWriter(try store.queue(QueueName(.topic(Topic("t")))), store)
            let total = SegmentWriter.turn + 4
            let written = Locked(0)
            @Sendable func append() -> SegmentWriter.Reception {
                let name = store.nextName(size: 1, expires: nil)
                return writer.append(SegmentFormat.record([0x78], name), name) { failure in
                    #expect(failure == nil)
                    let count = written.withLock { written in
                        written += 1
                        return written
                    }
                    // Each record brings the next one, as a publisher does that is quicker than the disk.
                    if count < total { #expect(append() == .taken) }
                }
            }
            #expect(append() == .leads)
            #expect(writer.lead())
            #expect(written.withLock { $0 } == SegmentWriter.turn)
            // Nobody else leads meanwhile.
            #expect(!writer.close())
            #expect(!writer.lead())
            #expect(written.withLock { $0 } == total)
            #expect(writer.close())
        }
    }
    @Test("Publishers that come back when their group is on the disk share the next sync", .timeLimit(.minutes(2)))
    func comingBack() async throws {
        let faults = FaultInjection { _ in
            // Long enough for threads that a busy machine keeps waiting.
            usleep(800_000)
        }
        try await withDirectory { directory in
            let store = try SpoolStore(
                SpoolConfiguration(try TransportURL("spool://\(directory.spool)?layout=segment")),
                operations: faults, logger: quiet)
            defer { store.owner.leave() }
            let writer = SegmentWriter(try store.queue(QueueName(.topic(Topic("t")))), store)
            let written = Locked(0)
            @Sendable func append(thenAgain: Bool) -> SegmentWriter.Reception {
                let name = store.nextName(size: 1, expires: nil)
                return writer.append(SegmentFormat.record([0x78], name), name) { failure in
                    #expect(failure == nil)
                    written.withLock { $0 += 1 }
                    // As a publisher does: on a thread of its own, a moment later.
                    if thenAgain { startThread { #expect(append(thenAgain: false) == .taken) } }
                }
            }
            // A group alone, which makes the segment.
            #expect(append(thenAgain: false) == .leads)
            #expect(!writer.lead())
            for number in 0..<8 { #expect(append(thenAgain: true) == (number == 0 ? .leads : .taken)) }
            faults.arm(at: 1, .shortWrite, only: "sync", lasting: true)
            await withCheckedContinuation { continuation in
                startThread {
                    while writer.lead() {}
                    continuation.resume()
                }
            }
            faults.disarm()
            #expect(written.withLock { $0 } == 17)
            #expect(faults.calls.count == 2)
        }
    }
}
