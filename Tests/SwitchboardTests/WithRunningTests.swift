import ServiceLifecycle
import SwitchboardCore
import Testing

@Suite("Services run while a body runs", .timeLimit(.minutes(1)))
struct WithRunningTests {
    private struct Planned: Error {}

    /// Runs until it is told to end, and notes what happens to it.
    private struct Worker: Service {
        let name: String
        let log: Locked<[String]>

        func run() async throws {
            log.withLock { $0.append("\(name) runs") }
            do {
                try await gracefulShutdown()
                log.withLock { $0.append("\(name) shuts down") }
            } catch {
                log.withLock { $0.append("\(name) is cancelled") }
            }
        }
    }

    private struct Failing: Service {
        func run() async throws { throw Planned() }
    }

    private let log = Locked<[String]>([])

    private func workers() -> (Worker, Worker) {
        (Worker(name: "first", log: log), Worker(name: "second", log: log))
    }

    @Test("They shut down gracefully in the reverse order when the body returns")
    func returns() async throws {
        let (first, second) = workers()
        let result = try await withRunning(first, second) { 42 }
        #expect(result == 42)
        #expect(log.withLock { $0.suffix(2) } == ["second shuts down", "first shuts down"])
    }

    @Test("They are cancelled when the body throws")
    func throwing() async throws {
        let (first, second) = workers()
        await #expect(throws: Planned.self) {
            try await withRunning(first, second) { throw Planned() }
        }
        #expect(log.withLock { !$0.contains { $0.hasSuffix("shuts down") } })
    }

    @Test("They are cancelled when the task is")
    func cancelled() async throws {
        let (first, second) = workers()
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await withRunning(first, second) {
                beginning.yield()
                try await Task.sleep(for: .seconds(3600))
            }
        }
        for await _ in begun { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(log.withLock { !$0.contains { $0.hasSuffix("shuts down") } })
    }

    @Test("What ends a service comes out, and not what the body throws because of it")
    func serviceFails() async throws {
        struct Consequence: Error {}
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        struct Last: Service {
            let end: AsyncStream<Void>.Continuation

            func run() async throws {
                try? await gracefulShutdown()
                end.yield()
            }
        }
        await #expect(throws: Planned.self) {
            try await withRunning(Last(end: end), Failing()) {
                // The end of one ends the others.
                for await _ in ended { break }
                throw Consequence()
            }
        }
    }

    @Test("A service that fails while the body succeeds is still told of")
    func serviceFailsUnnoticed() async throws {
        await #expect(throws: Planned.self) { try await withRunning(Failing()) {} }
    }
}
