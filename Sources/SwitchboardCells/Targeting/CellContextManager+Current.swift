import SwitchboardMessaging

/// Aiming what takes its context from the task, as calls of distributed actors do.
///
///     try await cells.withTargetCell(forInstance: uuid) {
///         try await compute.reboot(instance: uuid, hard: true)
///     }
///
/// What is aimed is a copy of `RequestContext.current`, or of a new context where the task has none.
extension CellContextManager {
    /// Runs `body` with the task's context aimed at the cell of an instance.
    ///
    /// Throws what ``withTargetCell(forInstance:_:includingDisabled:_:)`` throws.
    public func withTargetCell<Result>(
        forInstance instance: String, includingDisabled: Bool = false, _ body: () async throws -> Result
    ) async throws -> Result {
        try await withTargetCell(
            forInstance: instance, RequestContext.current ?? RequestContext(), includingDisabled: includingDisabled
        ) { _ in try await body() }
    }

    /// Runs `body` with the task's context aimed at the cell of a host.
    ///
    /// Throws what ``withTargetCell(forHost:_:includingDisabled:_:)`` throws.
    public func withTargetCell<Result>(
        forHost host: String, includingDisabled: Bool = false, _ body: () async throws -> Result
    ) async throws -> Result {
        try await withTargetCell(
            forHost: host, RequestContext.current ?? RequestContext(), includingDisabled: includingDisabled
        ) { _ in try await body() }
    }

    /// Runs `body` with the task's context aimed at a cell.
    ///
    /// Throws what ``withTargetCell(_:_:includingDisabled:_:)`` throws.
    public func withTargetCell<Result>(
        _ cell: CellMapping, includingDisabled: Bool = false, _ body: () async throws -> Result
    ) async throws -> Result {
        try await withTargetCell(
            cell, RequestContext.current ?? RequestContext(), includingDisabled: includingDisabled
        ) { _ in try await body() }
    }
}
