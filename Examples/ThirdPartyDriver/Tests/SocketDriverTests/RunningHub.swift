import Foundation
import SocketDriver
import SwitchboardCore
import Synchronization

/// A hub that runs in this process, at a socket of its own.
final class RunningHub: Sendable {
    let path: String
    private let current: Mutex<(hub: SocketHub, run: Task<Void, any Error>)?> = Mutex(nil)

    init(path: String) {
        self.path = path
    }

    func start() async throws {
        let hub = try SocketHub(path: path, logger: quiet)
        let (listening, source) = AsyncThrowingStream.makeStream(of: Void.self)
        let run = Task {
            do {
                try await hub.run { source.finish() }
            } catch {
                source.finish(throwing: error)
                throw error
            }
        }
        for try await _ in listening {}
        current.withLock { $0 = (hub, run) }
    }

    func stop() async throws {
        let run = current.withLock { current in
            defer { current = nil }
            return current?.run
        }
        run?.cancel()
        try await run?.value
    }

    func restart() async throws {
        try await stop()
        try await start()
    }

    func dropConnections() {
        current.withLock { $0?.hub.dropConnections() }
    }
}

/// Runs a hub for as long as `body` runs.
func withHub(_ body: (RunningHub) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString.prefix(12)).sock")
        .path
    let hub = RunningHub(path: path)
    try await hub.start()
    do {
        try await body(hub)
    } catch {
        try? await hub.stop()
        throw error
    }
    try await hub.stop()
}
