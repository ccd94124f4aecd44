import Synchronization
import Testing

@testable import SwitchboardSpool

/// The executor of the receiving side while it has no thread: before its start and after its end.
@Suite struct SpoolThreadTests {
    private actor Owner {
        private let thread: SpoolThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        init(_ thread: SpoolThread) {
            self.thread = thread
        }

        func work(_ done: borrowing Atomic<Int>) {
            thread.preconditionIsolated()
            done.add(1, ordering: .relaxed)
        }
    }

    private final class Count: Sendable {
        let done = Atomic<Int>(0)
    }

    /// Whoever brings a job runs it, and the caller may let go of the actor before that one is back: it used to go on with
    /// an executor that was gone, which ended the process in one run of this test out of four.
    @Test(.timeLimit(.minutes(2)))
    func jobsAfterWhichNobodyHasTheirActor() async throws {
        let count = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<20_000 {
                        let owner = Owner(try SpoolThread())
                        await Task { await owner.work(count.done) }.value
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(count.done.load(ordering: .relaxed) == 160_000)
    }
}
