import ServiceLifecycle
import StandardStreams

/// Where a command prints the messages that it receives. Output that fails ends the command, and what could not be
/// printed goes back to the queue.
final class Outlet: Sendable {
    private let failures: AsyncStream<OutputFailure>
    private let source: AsyncStream<OutputFailure>.Continuation

    init() {
        (failures, source) = AsyncStream.makeStream(of: OutputFailure.self)
    }

    /// Prints lines and returns when they are written: the message may be acknowledged then. Where that fails, it ends
    /// the command and throws when its task is cancelled, which gives the message back.
    func print(_ lines: [String]) async throws {
        do throws(OutputFailure) {
            for line in lines.dropLast() { try StandardOutput.line(line) }
            try await StandardOutput.deliver(lines.last ?? "")
        } catch {
            source.yield(error)
            // Nothing else may begin here: it could not be printed either.
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
    }

    /// Returns when printing has failed, or the task is cancelled.
    fileprivate func failure() async -> OutputFailure? {
        await failures.first { _ in true }
    }
}

/// A service that is cancelled, and fails, when its outlet does.
struct PrintingService: Service {
    let service: any Service
    let outlet: Outlet

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask { [outlet] in
                if let failure = await outlet.failure() { throw failure }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
