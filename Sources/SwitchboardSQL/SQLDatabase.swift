package import SwitchboardCells

/// A database with connections of its own. Nothing waits forever: what cannot be answered in time is
/// `directoryUnavailable`.
package protocol SQLDatabase: Sendable {
    associatedtype Connection: SQLConnection

    /// Reads a row or a few. The body runs again where a connection was lost.
    func look<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(CellError) -> Value

    /// Reads many rows, in one snapshot. The body runs again where a connection was lost.
    func scan<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(CellError) -> Value

    /// Reads and writes in one transaction: all of it takes effect, or nothing. The body runs again where the database gives
    /// way to another transaction.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(CellError) -> Value
}
