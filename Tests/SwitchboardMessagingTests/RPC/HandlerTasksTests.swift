import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Tasks of handlers", .timeLimit(.minutes(1)))
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
            tasks.start(orLater: { room.yield(number) }) { place in
                await gate.pass()
                place.leave()
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

    @Test("A place is kept after its task has ended, and what goes on in it is cancelled with all others")
    func goingOn() async {
        let tasks = HandlerTasks(1) {}
        let wasCancelled = Locked<[Bool]>([])
        let begun = Gate()
        #expect(
            tasks.start(orLater: {}) { place in
                place.goOn {
                    begun.source.yield()
                    try? await Task.sleep(for: .seconds(3600))
                    wasCancelled.withLock { $0.append(Task.isCancelled) }
                    place.leave()
                }
            })
        await begun.pass()
        #expect(!tasks.start(orLater: {}) { $0.leave() })
        tasks.cancelAll()
        await tasks.waitUntilIdle()
        // What begins later is cancelled from the start.
        #expect(
            tasks.start(orLater: {}) { place in
                wasCancelled.withLock { $0.append(Task.isCancelled) }
                place.leave()
            })
        await tasks.waitUntilIdle()
        #expect(wasCancelled.withLock { $0 } == [true, true])
    }
}
