#if RabbitMQ
import Foundation
import NIOCore
import NIOPosix
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Waking the event loop", .timeLimit(.minutes(2)))
struct LoopWakeUpsTests {
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let eventLoop = Self.group.next()

    /// Its marker passes the gate once for each of its elements.
    private func makeWakeUps(
        oldAge: TimeAmount = .hours(1)
    ) -> (wakeUps: LoopWakeUps, gate: AsyncStream<Void>.Continuation) {
        let (passes, gate) = AsyncStream.makeStream(of: Void.self)
        let wakeUps = LoopWakeUps(eventLoop, oldAge: oldAge) { for await _ in passes { return } }
        return (wakeUps, gate)
    }

    /// Ends a turn of the loop.
    private func endTurn(_ wakeUps: LoopWakeUps, resumed: Int) async throws {
        try await eventLoop.submit { wakeUps.turnEnded(resumed: resumed) }.get()
    }

    /// Leaves something to be done, as callers do. The sequence ends when it was done.
    private func leave(_ wakeUps: LoopWakeUps) -> (isHeld: Bool, done: AsyncStream<Void>) {
        let (done, source) = AsyncStream.makeStream(of: Void.self)
        let isHeld = wakeUps.hold {
            #expect(eventLoop.inEventLoop)
            source.yield()
            source.finish()
        }
        return (isHeld, done)
    }

    @Test("Nothing is held while nothing was resumed, or one task was, and nothing that comes from the loop")
    func notHeld() async throws {
        let (wakeUps, gate) = makeWakeUps()
        #expect(!wakeUps.hold {})
        try await endTurn(wakeUps, resumed: 1)
        #expect(!wakeUps.hold {})
        let isHeld = try await eventLoop.submit {
            wakeUps.turnEnded(resumed: 2)
            return wakeUps.hold {}
        }.get()
        #expect(!isHeld && wakeUps.isHolding)
        gate.finish()
    }

    @Test("What is held is done when the marker is reached, and nothing is held from then on")
    func marker() async throws {
        let (wakeUps, gate) = makeWakeUps()
        for _ in 0..<20 {
            try await endTurn(wakeUps, resumed: 2)
            let (isHeld, done) = leave(wakeUps)
            let (isOtherHeld, otherDone) = leave(wakeUps)
            #expect(isHeld && isOtherHeld)
            gate.yield()
            #expect(await done.reduce(0) { count, _ in count + 1 } == 1)
            #expect(await otherDone.reduce(0) { count, _ in count + 1 } == 1)
            #expect(!leave(wakeUps).isHeld)
        }
        gate.finish()
    }

    @Test("A turn of the loop does what is held, once")
    func turn() async throws {
        let (wakeUps, gate) = makeWakeUps()
        try await endTurn(wakeUps, resumed: 5)
        let (isHeld, done) = leave(wakeUps)
        #expect(isHeld)
        try await eventLoop.submit {
            wakeUps.runHeld()
            wakeUps.runHeld()
        }.get()
        #expect(await done.reduce(0) { count, _ in count + 1 } == 1)
        gate.finish()
    }

    @Test("A hold whose marker isn't reached ends when it is old; what comes then wakes the loop")
    func old() async throws {
        let (wakeUps, gate) = makeWakeUps(oldAge: .milliseconds(1))
        for _ in 0..<20 {
            while !wakeUps.isHolding { try await endTurn(wakeUps, resumed: 2) }
            let (isHeld, done) = leave(wakeUps)
            if isHeld { for await _ in done {} }
            while wakeUps.isHolding { try await Task.sleep(for: .milliseconds(1)) }
            #expect(!leave(wakeUps).isHeld)
        }
        gate.finish()
    }

    @Test("Where holds are of no use, most turns go without one; when they are again, they are back")
    func useless() async throws {
        let (wakeUps, gate) = makeWakeUps()
        for _ in 0..<20 where wakeUps.skipped == 0 {
            try await endTurn(wakeUps, resumed: 2)
            #expect(wakeUps.isHolding)
            gate.yield()
            while wakeUps.isHolding { await Task.yield() }
        }
        #expect(wakeUps.skipped > 0)
        var turns = 0
        while !wakeUps.isHolding {
            try await endTurn(wakeUps, resumed: 2)
            turns += 1
        }
        #expect(turns > 1)
        let (isHeld, done) = leave(wakeUps)
        #expect(isHeld)
        gate.yield()
        for await _ in done {}
        #expect(wakeUps.skipped == 0)
        gate.finish()
    }

    @Test("Whatever is left at whatever moment is done, once")
    func nothingIsLost() async throws {
        let wakeUps = LoopWakeUps(eventLoop, oldAge: .microseconds(200))
        let inbox = Inbox<Int>(eventLoop: eventLoop, wakeUps: wakeUps)
        let taken = Locked<[Int]>([])
        inbox.onItems {
            var items: [Int] = []
            inbox.takeAll(into: &items)
            let all = items
            taken.withLock { $0 += all }
            wakeUps.turnEnded(resumed: all.count)
        }
        let (workers, each) = (8, 2000)
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    for number in 0..<each {
                        inbox.submit(worker * each + number)
                        if number % 7 == worker { await Task.yield() }
                        if number % 50 == 0 { eventLoop.execute { wakeUps.turnEnded(resumed: number % 3) } }
                    }
                }
            }
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while taken.withLock({ $0.count }) < workers * each, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(2))
        }
        let all = taken.withLock { $0 }
        #expect(all.count == workers * each)
        #expect(Set(all).count == all.count)
        for worker in 0..<workers {
            let own = all.filter { $0 / each == worker }
            #expect(own == own.sorted(), "In their order.")
        }
        inbox.onItems {}
    }
}
#endif
