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

    /// Ends a turn of the loop.
    private func endTurn(_ wakeUps: LoopWakeUps, resumed: Int) async throws {
        try await eventLoop.submit { wakeUps.turnEnded(resumed: resumed) }.get()
    }

    /// Has the loop do something as callers do; returns when it was done, and whether it was held.
    private func leave(_ wakeUps: LoopWakeUps) async -> Bool {
        let (done, source) = AsyncStream.makeStream(of: Void.self)
        let isHeld = wakeUps.hold {
            #expect(eventLoop.inEventLoop)
            source.finish()
        }
        if isHeld { for await _ in done {} }
        return isHeld
    }

    @Test("Nothing is held while nothing was resumed, or one task was, and nothing that comes from the loop")
    func notHeld() async throws {
        let wakeUps = LoopWakeUps(eventLoop)
        #expect(!wakeUps.hold {})
        try await endTurn(wakeUps, resumed: 1)
        #expect(!wakeUps.hold {})
        let isHeld = try await eventLoop.submit {
            wakeUps.turnEnded(resumed: 2)
            return wakeUps.hold {}
        }.get()
        #expect(!isHeld)
    }

    @Test("What is held is done on the loop, behind the tasks that the turn resumed")
    func held() async throws {
        let wakeUps = LoopWakeUps(eventLoop)
        // A thread of its own is sure to be there before the marker now and then.
        var holds = 0
        for _ in 0..<200 {
            let (done, source) = AsyncStream.makeStream(of: Bool.self)
            try await eventLoop.submit {
                wakeUps.turnEnded(resumed: 2)
                let thread = Thread {
                    let isHeld = wakeUps.hold { source.finish() }
                    source.yield(isHeld)
                    if !isHeld { source.finish() }
                }
                thread.start()
            }.get()
            for await isHeld in done where isHeld { holds += 1 }
        }
        #expect(holds > 0)
    }

    @Test("A turn of the loop does what is held")
    func turn() async throws {
        let wakeUps = LoopWakeUps(eventLoop, oldAge: .hours(1))
        let count = Locked(0)
        for _ in 0..<100 {
            let isHeld = try await eventLoop.submit {
                wakeUps.turnEnded(resumed: 5)
                let isHeld = Locked(false)
                let thread = Thread {
                    let taken = wakeUps.hold { count.withLock { $0 += 1 } }
                    isHeld.withLock { $0 = taken }
                }
                thread.start()
                while !thread.isFinished { usleep(100) }
                wakeUps.runHeld()
                return isHeld.withLock { $0 }
            }.get()
            if isHeld {
                #expect(count.withLock { $0 } == 1)
                return
            }
        }
        Issue.record("The marker was always faster.")
    }

    @Test("Tasks that block their threads keep nothing from the loop for long")
    func blocked() async throws {
        for _ in 0..<20 {
            let wakeUps = LoopWakeUps(eventLoop)
            let isDone = Locked(false)
            let isHeld = try await eventLoop.submit {
                for _ in 0..<(ProcessInfo.processInfo.activeProcessorCount * 2) {
                    Task.detached {
                        let deadline = ContinuousClock.now + .seconds(20)
                        while !isDone.withLock({ $0 }), ContinuousClock.now < deadline { usleep(500) }
                    }
                }
                wakeUps.turnEnded(resumed: 2)
                let isHeld = Locked(false)
                let thread = Thread {
                    let taken = wakeUps.hold { isDone.withLock { $0 = true } }
                    isHeld.withLock { $0 = taken }
                    if !taken { isDone.withLock { $0 = true } }
                }
                thread.start()
                while !thread.isFinished { usleep(100) }
                return isHeld.withLock { $0 }
            }.get()
            // This task needs a thread itself to go on: by now it was done.
            let deadline = ContinuousClock.now + .seconds(60)
            while !isDone.withLock({ $0 }), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(isDone.withLock { $0 })
            if isHeld { return }
        }
        Issue.record("The marker was always faster.")
    }

    @Test("Where holds are of no use, most turns go without one; when they are again, they are back")
    func useless() async throws {
        let wakeUps = LoopWakeUps(eventLoop)
        func holds(_ turns: Int) async throws -> Int {
            var count = 0
            for _ in 0..<turns {
                try await eventLoop.submit { wakeUps.turnEnded(resumed: 2) }.get()
                if wakeUps.isHolding { count += 1 }
                while wakeUps.isHolding { await Task.yield() }
            }
            return count
        }
        // The marker may be back before it is looked at.
        _ = try await holds(300)
        #expect(try await holds(200) < 20)
        while true {
            try await endTurn(wakeUps, resumed: 2)
            if await leave(wakeUps) { break }
        }
        while wakeUps.isHolding { await Task.yield() }
        #expect(wakeUps.skipped == 0)
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
