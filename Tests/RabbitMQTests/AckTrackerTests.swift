#if RabbitMQ
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Acknowledgements")
struct AckTrackerTests {
    private func tracker(_ count: UInt64) throws -> AckTracker {
        var tracker = AckTracker()
        for tag in 1...count { try tracker.delivered(tag) }
        return tracker
    }

    @Test("Everything accepted in a row leaves as one acknowledgement")
    func row() throws {
        var tracker = try tracker(5)
        for tag: UInt64 in [3, 1, 2] { tracker.accept(tag) }
        #expect(tracker.drain() == [.ack(tag: 3, multiple: true)])
        #expect(tracker.count == 2)
        #expect(tracker.drain() == [])
    }

    @Test("Behind a delivery that is still at work, acknowledgements are single")
    func gap() throws {
        var tracker = try tracker(4)
        tracker.accept(1)
        tracker.accept(3)
        tracker.accept(4)
        #expect(
            tracker.drain() == [
                .ack(tag: 1, multiple: true), .ack(tag: 3, multiple: false), .ack(tag: 4, multiple: false),
            ])
        tracker.accept(2)
        #expect(tracker.drain() == [.ack(tag: 2, multiple: true)])
        #expect(tracker.count == 0)
        try tracker.delivered(5)
        tracker.accept(5)
        #expect(tracker.drain() == [.ack(tag: 5, multiple: true)])
    }

    @Test("What was given back is never acknowledged alone, and does not stop the row")
    func rejected() throws {
        var tracker = try tracker(3)
        let first = tracker.reject(2)
        let second = tracker.reject(2)
        #expect(first)
        #expect(!second)
        tracker.accept(2)
        tracker.accept(1)
        #expect(tracker.drain() == [.ack(tag: 1, multiple: true)])
        tracker.accept(3)
        #expect(tracker.drain() == [.ack(tag: 3, multiple: true)])
    }

    @Test("Tags that never came, or came before, are ignored")
    func unknown() throws {
        var tracker = try tracker(1)
        tracker.accept(0)
        tracker.accept(7)
        tracker.accept(1)
        tracker.accept(1)
        #expect(tracker.drain() == [.ack(tag: 1, multiple: true)])
        tracker.accept(1)
        #expect(tracker.drain() == [])
    }

    @Test("A delivery out of turn is a violation")
    func outOfTurn() throws {
        var tracker = try tracker(2)
        #expect(throws: ProtocolViolation.self) { try tracker.delivered(5) }
    }

    @Test("Any order of settlements settles each tag exactly once", arguments: 0..<20)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        var tracker = AckTracker()
        var outstanding: Set<UInt64> = []
        var settled: Set<UInt64> = []
        var next: UInt64 = 1
        for _ in 0..<500 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1:
                try tracker.delivered(next)
                outstanding.insert(next)
                next += 1
            case 2:
                if let tag = outstanding.randomElement(using: &generator) { tracker.accept(tag) }
            default:
                for method in tracker.drain() {
                    guard case .ack(let tag, let multiple) = method else { continue }
                    // What RabbitMQ checks: the tag itself is still outstanding.
                    #expect(outstanding.contains(tag))
                    let acknowledged = multiple ? outstanding.filter { $0 <= tag } : [tag]
                    outstanding.subtract(acknowledged)
                    settled.formUnion(acknowledged)
                }
                #expect(tracker.count <= outstanding.count)
            }
        }
        #expect(settled.count + outstanding.count == Int(next - 1))
    }
}
#endif
