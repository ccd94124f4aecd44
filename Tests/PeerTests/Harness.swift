import Logging
import ServiceLifecycle
import SwitchboardMessaging

/// Runs services for as long as `body` runs.
func withRunning<Result: Sendable>(
    _ services: any Service..., body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        defer { group.cancelAll() }
        return try await body()
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits until a server listens, by asking it.
func waitForServer(_ client: RPCClient) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while true {
        do {
            _ = try await client.call("oslo_rpc_server_ping", context: RequestContext())
            return
        } catch let error as RPCError where error.code == .unroutable && .now < end {
            await Task.yield()
        }
    }
}
