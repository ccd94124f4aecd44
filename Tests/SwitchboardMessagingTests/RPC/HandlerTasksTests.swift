import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Tasks of handlers", .timeLimit(.minutes(5)))
struct HandlerTasksTests {
    /// Work that lasts until it is told to end, or cancelled.
    private struct Gate {
        private let opened: AsyncStream<Void>
        let source: AsyncStream<Void>.Continuation

        init() {
            (opened, source) = AsyncStream.makeStream()
        }

        func pass() async {
            for await _ in opened { return }
        }
    }

    @Test("At most so many at a time; who was refused is called when one leaves, and then there is room")
    func limit() async {
        let left = Locked(0)
        let tasks = HandlerTasks(2) { left.withLock { $0 += 1 } }
        let gate = Gate()
        let (rooms, room) = AsyncStream.makeStream(of: Int.self)
        func start(_ number: Int) -> Bool {
            tasks.start(orLater: { room.yield(number) }) { permit in
                await gate.pass()
                permit.release()
            }
        }
        #expect(start(0))
        #expect(start(1))
        #expect(!start(2))
        #expect(!start(3))
        gate.source.yield()
        var called = rooms.makeAsyncIterator()
        // Both, as the first may have nothing to start any more.
        #expect(await called.next() == 2)
        #expect(await called.next() == 3)
        #expect(left.withLock { $0 } == 1)
        #expect(start(4))
        #expect(!start(5))
        gate.source.yield()
        gate.source.yield()
        await tasks.waitUntilIdle()
        #expect(left.withLock { $0 } == 3)
        #expect(await called.next() == 5)
    }

    @Test("What goes on without a permit leaves room, is waited for, and is cancelled with all others")
    func goingOn() async {
        let tasks = HandlerTasks(1) {}
        let wasCancelled = Locked<[Bool]>([])
        let begun = Gate()
        let (leaving, left) = AsyncStream.makeStream(of: Bool.self)
        #expect(
            tasks.start(orLater: {}) { permit in
                let goesOn = permit.goOn {
                    begun.source.yield()
                    try? await Task.sleep(for: .seconds(3600))
                    wasCancelled.withLock { $0.append(Task.isCancelled) }
                }
                permit.release()
                left.yield(goesOn)
            })
        await begun.pass()
        // What goes on may begin before the permit is released.
        var hasLeft = leaving.makeAsyncIterator()
        #expect(await hasLeft.next() == true)
        let next = Gate()
        #expect(
            tasks.start(orLater: {}) { permit in
                permit.release()
                next.source.yield()
            })
        await next.pass()
        tasks.cancelAll()
        await tasks.waitUntilIdle()
        // What begins later is cancelled from the start.
        #expect(
            tasks.start(orLater: {}) { permit in
                wasCancelled.withLock { $0.append(Task.isCancelled) }
                permit.release()
            })
        await tasks.waitUntilIdle()
        #expect(wasCancelled.withLock { $0 } == [true, true])
    }

    @Test("No more than a thousand go on without a permit; one more keeps its own")
    func manyGoOn() async {
        let tasks = HandlerTasks(1) {}
        let refused = Gate()
        for number in 0...HandlerTasks.laterLimit {
            // The one before has left by now, or is about to.
            let room = Gate()
            while !tasks.start(
                orLater: { room.source.yield() },
                { permit in
                    if !permit.goOn({ try? await Task.sleep(for: .seconds(3600)) }) {
                        #expect(number == HandlerTasks.laterLimit)
                        refused.source.yield()
                    }
                    permit.release()
                })
            {
                await room.pass()
            }
        }
        await refused.pass()
        tasks.cancelAll()
        await tasks.waitUntilIdle()
    }

    @Test("A permit that is dropped is released")
    func dropped() async {
        let releases = Locked(0)
        let tasks = HandlerTasks(1) { releases.withLock { $0 += 1 } }
        for number in 1...3 {
            #expect(tasks.start(orLater: {}) { _ in })
            await tasks.waitUntilIdle()
            #expect(releases.withLock { $0 } == number)
        }
    }

    @Test("A callback's permit is held until it is called, and a second call takes nothing from the next holder")
    func deposited() async throws {
        let releases = Locked(0)
        let tasks = HandlerTasks(1) { releases.withLock { $0 += 1 } }
        let (deposits, source) = AsyncStream.makeStream(of: HandlerTasks.Deposit.self)
        var iterator = deposits.makeAsyncIterator()
        #expect(tasks.start(orLater: {}) { permit in source.yield(permit.deposited()) })
        let first = try #require(await iterator.next())
        #expect(tasks.isFull && releases.withLock { $0 } == 0)
        first.taken().release()
        #expect(tasks.start(orLater: {}) { permit in source.yield(permit.deposited()) })
        let second = try #require(await iterator.next())
        first.taken().release()
        #expect(tasks.isFull && releases.withLock { $0 } == 1)
        #expect(!tasks.start(orLater: {}) { _ in })
        second.taken().release()
        await tasks.waitUntilIdle()
        #expect(releases.withLock { $0 } == 2)
    }

    @Test("Permits are scarce once half of them are held")
    func scarce() async {
        let tasks = HandlerTasks(4) {}
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let scarce = Locked<[Bool]>([])
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        var starts = begun.makeAsyncIterator()
        for number in 0..<3 {
            _ = tasks.start(orLater: {}) { permit in
                scarce.withLock { $0.append(permit.isScarce) }
                begin.yield()
                if number == 0 { for await _ in gate {} }
                permit.release()
            }
            await starts.next()
            if number == 2 { open.finish() }
        }
        await tasks.waitUntilIdle()
        #expect(scarce.withLock { $0.first } == false && scarce.withLock { $0[1...].contains(true) })
    }

    @Test("Tasks stay for more work; one that was cancelled does nothing else, and all end with those who keep them")
    func workers() async throws {
        let tasks = HandlerTasks(2) {}
        let keeper = Task { await tasks.keepWorkers() }
        let wasCancelled = Locked<[Bool]>([])
        for number in 0..<200 {
            let (begun, begin) = AsyncStream.makeStream(of: HandlerTasks.Job.self)
            let isStarted = tasks.start(orLater: {}) { permit in
                begin.yield(permit.job)
                if number % 3 == 1 { try? await Task.sleep(for: .seconds(3600)) }
                wasCancelled.withLock { $0.append(Task.isCancelled) }
                permit.release()
            }
            #expect(isStarted)
            var jobs = begun.makeAsyncIterator()
            let job = try #require(await jobs.next())
            if number % 3 == 1 { job.cancel() }
            await tasks.waitUntilIdle()
            // It is over: whoever is at work next is not cancelled.
            job.cancel()
        }
        #expect(wasCancelled.withLock { $0 } == (0..<200).map { $0 % 3 == 1 })
        keeper.cancel()
        await keeper.value
        #expect(tasks.start(orLater: {}) { permit in permit.release() })
        await tasks.waitUntilIdle()
    }
}
