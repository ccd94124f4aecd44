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
}
