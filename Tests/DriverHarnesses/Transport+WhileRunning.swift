import SwitchboardCore

extension Transport {
    /// Runs it for as long as `body` runs.
    func whileRunning(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }
}
