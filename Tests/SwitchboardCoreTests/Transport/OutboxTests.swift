import Testing

@testable import SwitchboardCore

@Suite("The publishes of a transport")
struct OutboxTests {
    private let now = Moment.now
    private let core = TransportCore(ScriptedDriver(), url: "test://", maximumWaiting: 1, clock: .real)
    private let refusal = TransportError(.exhausted, "The peer has no room.")

    private func outbox(_ window: Outbox.Window? = .unlimited, maximumWaiting: Int = 100) -> Outbox {
        var outbox = Outbox(PublishErrors(url: "test://"), maximumWaiting: maximumWaiting)
        if let window { outbox.setWindow(window) }
        return outbox
    }

    private func record(
        _ body: UInt8, bytes: Int = 1, within time: Duration = .seconds(30), allowsDuplicates: Bool = false
    ) -> PublishRecord {
        PublishRecord(
            Message(body: Array(repeating: body, count: bytes)), to: .topic(Topic("t")), deadline: now + time,
            started: now, mandatory: false, allowsDuplicates: allowsDuplicates, isAwaited: true, core: core)
    }

    private func handed(_ step: Outbox.Step) -> Publish? {
        if case .hand(let publish) = step { publish } else { nil }
    }

    private func isQueued(_ step: Outbox.Step) -> Bool {
        if case .queued = step { true } else { false }
    }

    /// Hands over what may be.
    private func pump(_ outbox: inout Outbox) -> [Publish] {
        var all: [Publish] = []
        while let next = outbox.next() { all.append(next) }
        return all
    }

    private func bodies(_ publishes: [Publish]) -> [UInt8] { publishes.compactMap(\.message.body.first) }

    private func code(_ record: PublishRecord) -> TransportError.Code? { record.error?.code }

    // MARK: Window

    @Test("What finds room is handed over, the rest waits in order, and a finished one makes room")
    func window() throws {
        var outbox = outbox(.init(messages: 2, bytes: .max))
        let first = try unwrap(handed(outbox.accept(record(1))))
        let second = try unwrap(handed(outbox.accept(record(2))))
        for body: UInt8 in 3...5 { check(isQueued(outbox.accept(record(body)))) }
        check(!outbox.isReady && outbox.next() == nil)
        check(outbox.finished(second, .accepted, { now }) != nil)
        #expect(second.isOver && second.record.isOver && !first.isOver)
        check(bodies(pump(&outbox)) == [3])
        outbox.setWindow(.unlimited)
        check(bodies(pump(&outbox)) == [4, 5])
    }

    @Test("Bytes are counted while there is room for any")
    func bytes() throws {
        var outbox = outbox(.init(messages: .max, bytes: 10))
        let large = try unwrap(handed(outbox.accept(record(1, bytes: 25))))
        check(isQueued(outbox.accept(record(2, bytes: 0))))
        check(outbox.finished(large, .accepted, { now }) != nil)
        check(bodies(pump(&outbox)).isEmpty)
        check(handed(outbox.accept(record(3, bytes: 9))) != nil)
        check(handed(outbox.accept(record(4))) != nil)
        check(isQueued(outbox.accept(record(5))))
    }

    @Test("What is known to have been taken ends as accepted, wherever it is, and is not sent again")
    func concluded() throws {
        var outbox = outbox(.init(messages: 1, bytes: .max))
        let records: [PublishRecord] = (1...3).map { record($0, allowsDuplicates: true) }
        let sent = try unwrap(handed(outbox.accept(records[0])))
        for record in records[1...] { check(isQueued(outbox.accept(record))) }
        check(sent.begin())
        let first = outbox.conclude(records[0])
        #expect(first != nil && first?.error == nil)
        #expect(records[0].isOver && records[0].error == nil)
        // Its confirm comes after all.
        check(outbox.finished(sent, .accepted, { now }) == nil && outbox.conclude(records[0]) == nil)
        let second = try unwrap(outbox.next())
        #expect(second.message.body == [2])
        check(second.begin())
        check(outbox.lost("cut").isEmpty)
        let returned = outbox.conclude(records[1])
        #expect(returned != nil && returned?.error == nil && records[1].isOver)
        outbox.setWindow(.unlimited)
        check(bodies(pump(&outbox)) == [3])
    }

    @Test("A publish that its caller gives up makes room, wherever it is")
    func cancelled() throws {
        var outbox = outbox(.init(messages: 1, bytes: 1))
        let sent = try unwrap(handed(outbox.accept(record(1))))
        let waiting = record(2)
        check(isQueued(outbox.accept(waiting)))
        check(outbox.cancel(waiting) != nil)
        #expect(code(waiting) == .cancelled)
        #expect(sent.begin())
        check(outbox.cancel(sent.record) != nil)
        #expect(code(sent.record) == .indeterminate)
        check(outbox.cancel(sent.record) == nil)
        #expect(sent.isOver && !sent.begin())
        check(outbox.finished(sent, .accepted, { now }) == nil)
        check(handed(outbox.accept(record(3))) != nil)
    }

    @Test("No more wait than may")
    func full() {
        var outbox = outbox(nil, maximumWaiting: 2)
        check(isQueued(outbox.accept(record(1))))
        check(isQueued(outbox.accept(record(2))))
        guard case .full = outbox.accept(record(3)) else { return check(Bool(false)) }
    }

    // MARK: Losses

    @Test("After a loss what may be repeated comes first, in its order, and the rest has ended")
    func loss() throws {
        var outbox = outbox(.init(messages: 4, bytes: .max))
        var sent: [Publish] = []
        for body: UInt8 in 1...4 {
            sent.append(try unwrap(handed(outbox.accept(record(body, allowsDuplicates: body == 3)))))
        }
        for body: UInt8 in 5...6 { check(isQueued(outbox.accept(record(body)))) }
        // 1 has not begun, 2 and 3 have, 4 is taken.
        #expect(sent[1].begin() && sent[2].begin() && sent[3].begin())
        check(outbox.finished(sent[3], .accepted, { now }) != nil)
        check(bodies(pump(&outbox)) == [5])
        let ended = outbox.lost("the peer left")
        #expect(ended.map { $0.error?.code } == [.indeterminate])
        #expect(sent[1].record.error?.message.contains("the peer left") == true)
        #expect(sent.allSatisfy { $0.isOver && !$0.begin() })
        check(isQueued(outbox.accept(record(7))))
        check(outbox.next() == nil)
        outbox.setWindow(.unlimited)
        let again = pump(&outbox)
        #expect(bodies(again) == [1, 3, 5, 6, 7])
        // What the lost connection still says of them changes nothing.
        check(outbox.finished(sent[0], .failed(refusal), { now }) == nil)
        #expect(!again[0].isOver && again[0].begin())
        check(outbox.finished(again[0], .accepted, { now }) != nil)
        #expect(code(again[0].record) == nil)
    }

    @Test("A publish that an earlier try may have sent never ends as certainly not sent")
    func afterSending() throws {
        for ending in 0..<4 {
            var outbox = outbox()
            let first = try unwrap(handed(outbox.accept(record(1, allowsDuplicates: true))))
            #expect(first.begin())
            check(outbox.lost("gone").isEmpty)
            outbox.setWindow(.unlimited)
            switch ending {
            case 0: check(outbox.expire(now + .seconds(60), .ready).ended.count == 1)
            case 1: check(outbox.cancel(first.record) != nil)
            case 2: check(outbox.close(TransportError(.closed, "Closed.")).count == 1)
            default:
                let second = try unwrap(outbox.next())
                check(outbox.finished(second, .failed(refusal), { now }) != nil)
            }
            #expect(code(first.record) == .indeterminate, "\(ending)")
        }
    }

    @Test("A try that its connection has begun and says was not taken is repeated without permission")
    func notTaken() throws {
        var outbox = outbox()
        let first = try unwrap(handed(outbox.accept(record(1))))
        #expect(first.begin())
        check(outbox.finished(first, .again(wasSent: false, otherwise: refusal), { now }) == nil)
        let second = try unwrap(outbox.next())
        // Sent, says the connection; but nothing had left.
        check(outbox.finished(second, .again(wasSent: true, otherwise: refusal), { now }) == nil)
        let third = try unwrap(outbox.next())
        #expect(third.begin())
        check(outbox.finished(third, .again(wasSent: true, otherwise: refusal), { now }) != nil)
        #expect(code(third.record) == .indeterminate)
    }

    // MARK: Time

    @Test("What is postponed comes back before what waits, when its time has come")
    func postponed() throws {
        var outbox = outbox(.init(messages: 1, bytes: .max))
        let first = try unwrap(handed(outbox.accept(record(1))))
        check(isQueued(outbox.accept(record(2))))
        let again = PublishOutcome.again(wasSent: false, after: .seconds(1), otherwise: refusal)
        check(outbox.finished(first, again, { now }) == nil)
        let second = try unwrap(outbox.next())
        #expect(second.message.body == [2])
        check(isQueued(outbox.accept(record(3))))
        check(outbox.expire(now, .ready).next == now + .seconds(1))
        check(outbox.expire(now + .seconds(1), .ready).ended.isEmpty)
        check(outbox.finished(second, .accepted, { now }) != nil)
        outbox.setWindow(.unlimited)
        check(bodies(pump(&outbox)) == [1, 3])
    }

    @Test("The error at a deadline tells where the message was")
    func deadlines() throws {
        let late = now + .seconds(60)
        var waiting = outbox(nil)
        let unconnected = record(1)
        check(isQueued(waiting.accept(unconnected)))
        check(waiting.expire(now, .idle).next == now + .seconds(30))
        check(waiting.expire(late, .idle).ended.count == 1)
        #expect(code(unconnected) == .unavailable)
        #expect(unconnected.error?.message.contains("60.0 s") == true)

        // Its connection hasn't come to the first: that is no limit that was met. The second waits behind it.
        var slow = outbox(.init(messages: 1, bytes: .max))
        let first = try unwrap(handed(slow.accept(record(1))))
        let next = record(2)
        check(isQueued(slow.accept(next)))
        check(slow.expire(late, .ready).ended.count == 2)
        #expect(code(first.record) == .unavailable)
        #expect(first.record.error?.message.contains("did not come to it within 60.0 s") == true)
        #expect(code(next) == .exhausted)

        var outbox = outbox()
        let unbegun = try unwrap(handed(outbox.accept(record(1))))
        let begun = try unwrap(handed(outbox.accept(record(2))))
        let held = try unwrap(handed(outbox.accept(record(3))))
        let postponed = try unwrap(handed(outbox.accept(record(4))))
        #expect(begun.begin())
        held.record.reason = refusal
        let again = PublishOutcome.again(wasSent: false, after: .seconds(90), otherwise: refusal)
        check(outbox.finished(postponed, again, { now }) == nil)
        outbox.setWindow(.init(messages: 1, bytes: .max))
        let behind = record(5)
        check(isQueued(outbox.accept(behind)))
        check(outbox.setAdmission(.blocked("a memory alarm")).isEmpty)
        check(outbox.expire(late, .ready).ended.count == 5)
        #expect(code(unbegun.record) == .exhausted)
        #expect(code(begun.record) == .indeterminate)
        for kept in [held, postponed] {
            #expect(code(kept.record) == .exhausted)
            #expect(kept.record.error?.message.contains("The peer has no room; it has waited 60.0 s") == true)
        }
        #expect(code(behind) == .exhausted)
        #expect(behind.error?.message.contains("a memory alarm") == true)
        #expect(!unbegun.begin())
        #expect(outbox.hasNothingUnderWay)
    }

    // MARK: Admission and the end

    @Test("A blocked connection gets nothing more, and what is under way may finish")
    func blocked() throws {
        var outbox = outbox()
        let sent = try unwrap(handed(outbox.accept(record(1))))
        check(outbox.setAdmission(.blocked("alarm")).isEmpty)
        check(isQueued(outbox.accept(record(2))))
        check(outbox.finished(sent, .accepted, { now }) != nil)
        check(outbox.next() == nil)
        check(outbox.setAdmission(.open).isEmpty)
        check(bodies(pump(&outbox)) == [2])
    }

    @Test("A broken connection ends what waits and what comes, until it is lost")
    func broken() throws {
        var outbox = outbox(.init(messages: 2, bytes: .max))
        let sent = try unwrap(handed(outbox.accept(record(1))))
        let returning = try unwrap(handed(outbox.accept(record(2))))
        check(isQueued(outbox.accept(record(3))))
        check(outbox.setAdmission(.broken(refusal)).map { $0.error?.code } == [.exhausted])
        guard case .ended(let error) = outbox.accept(record(4)) else { return check(Bool(false)) }
        #expect(error.code == .exhausted)
        let again = PublishOutcome.again(wasSent: false, otherwise: TransportError(.unavailable, "Not now."))
        check(outbox.finished(returning, again, { now })?.error?.code == .exhausted)
        check(outbox.finished(sent, .accepted, { now }) != nil)
        check(outbox.lost("gone").isEmpty)
        check(isQueued(outbox.accept(record(5))))
        outbox.setWindow(.unlimited)
        check(bodies(pump(&outbox)) == [5])
    }

    @Test("After closing nothing is let in, whatever the connection says of its window")
    func closing() throws {
        var outbox = outbox(.init(messages: 1, bytes: .max))
        let closed = TransportError(.closed, "Closed.")
        let sent = try unwrap(handed(outbox.accept(record(1))))
        let waiting = record(2)
        check(isQueued(outbox.accept(waiting)))
        check(outbox.close(closed).count == 1)
        #expect(code(waiting) == .closed)
        outbox.setWindow(.unlimited)
        guard case .ended(let error) = outbox.accept(record(3)) else { return check(Bool(false)) }
        #expect(error.code == .closed)
        #expect(!outbox.hasNothingUnderWay)
        let again = PublishOutcome.again(wasSent: false, otherwise: refusal)
        check(outbox.finished(sent, again, { now })?.error?.code == .closed)
        #expect(outbox.hasNothingUnderWay)
    }

    @Test("A list keeps the order of numbers, and lets go of what is taken out", arguments: 0..<10)
    func list(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let list = PublishList()
        var expected: [UInt64] = []
        var records: [UInt64: PublishRecord] = [:]
        for _ in 0..<300 {
            if let number = expected.randomElement(using: &generator), Bool.random(using: &generator) {
                list.remove(records.removeValue(forKey: number)!)
                expected.removeAll { $0 == number }
            } else {
                let number = UInt64.random(in: 0...UInt64.max, using: &generator)
                records[number] = record(1)
                records[number]!.sequence = number
                list.insert(records[number]!)
                expected = (expected + [number]).sorted()
            }
            var found: [UInt64] = []
            list.forEach { found.append($0.sequence) }
            #expect(found == expected && list.count == expected.count && list.isEmpty == expected.isEmpty)
        }
        let all = list
        all.forEach { list.remove($0) }
        #expect(list.isEmpty)
    }
}
