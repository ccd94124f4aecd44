internal import GRDB
internal import SwitchboardCells

extension CellError {
    /// An error of SQLite as one of the directory at `path`.
    static func wrapping(_ error: any Error, path: String) -> CellError {
        if let error = error as? CellError { return error }
        if error is CancellationError {
            return CellError(.cancelled, "The task was cancelled while it used the directory \(path).")
        }
        guard let error = error as? DatabaseError else {
            return CellError(.directoryUnavailable, "The directory \(path) cannot be used.", cause: error)
        }
        let reason = error.message ?? "no reason given"
        if error.extendedResultCode == .SQLITE_READONLY_DBMOVED {
            return CellError(
                .directoryUnavailable, "The file \(path) was removed or replaced while it was in use; try again.")
        }
        switch error.resultCode {
        case .SQLITE_INTERRUPT, .SQLITE_ABORT:
            return CellError(.cancelled, "The task was cancelled while it used the directory \(path).")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return CellError(
                .directoryUnavailable, "The directory \(path) stayed locked by another process; try again.")
        case .SQLITE_NOTADB:
            return CellError(.directoryInvalid, "\(path) is not a SQLite database.")
        case .SQLITE_CORRUPT:
            return CellError(.directoryInvalid, "The database \(path) is damaged: \(reason).")
        case .SQLITE_READONLY:
            return CellError(
                .directoryReadOnly,
                "The directory \(path) cannot be written: \(reason)\(obstacle(path, writing: true)).")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            return CellError(
                .directoryUnavailable,
                "The directory \(path) cannot be opened: \(reason)\(obstacle(path, writing: false)).")
        case .SQLITE_FULL, .SQLITE_IOERR:
            return CellError(
                .directoryUnavailable,
                "The directory \(path) cannot be read or written: \(reason) "
                    + "(\(error.extendedResultCode))\(obstacle(path, writing: false)).")
        case .SQLITE_CONSTRAINT:
            return CellError(.invalidValue, "The directory \(path) refuses the values: \(reason).")
        case .SQLITE_ERROR:
            return CellError(.directoryInvalid, "The database \(path) is not as expected: \(reason).")
        default:
            return CellError(
                .directoryUnavailable, "The directory \(path) failed: \(reason) (\(error.resultCode.rawValue)).")
        }
    }

    /// What SQLite does not say and the system does.
    private static func obstacle(_ path: String, writing: Bool) -> String {
        let obstacle =
            SystemError.obstacle(to: path, writing: writing) ?? SystemError.folderObstacle(of: path)
        return obstacle.map { "; \($0). \($0.advice.dropLast())" } ?? ""
    }
}
