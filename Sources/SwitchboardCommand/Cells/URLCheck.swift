import Logging
import SwitchboardCells
import SwitchboardCore

/// What can be said of a cell's URLs without connecting anywhere.
struct URLCheck {
    /// What makes them useless.
    var errors: [String] = []
    /// What may be wrong, or could not be checked.
    var warnings: [String] = []

    init(_ cell: CellMapping, base: BaseURLs) {
        do {
            if base.transport == nil, let url = cell.transportURL, !url.variables.isEmpty {
                try cell.checkForStorage()
                warnings.append(
                    "The transport URL of the cell \(cell.identity) is a template; give --base-transport-url to check "
                        + "what it becomes.")
            } else {
                try checkQueue(cell.queue(base: base), of: cell)
            }
        } catch {
            errors.append(error.message)
        }
        guard let connection = cell.databaseConnection else { return }
        do {
            if base.database == nil, !connection.variables.isEmpty {
                try connection.checkSyntax()
            } else {
                _ = try connection.rendered(from: base.database)
            }
        } catch {
            errors.append("The database connection of the cell \(cell.identity) cannot be filled in. \(error)")
        }
    }

    private mutating func checkQueue(_ queue: CellQueue, of cell: CellMapping) {
        switch queue {
        case .none:
            if !cell.isCell0 { warnings.append("The cell \(cell.identity) has no message queue (none:///).") }
        case .url(let url):
            do {
                let silent = Logger(label: "switchboard", factory: { _ in SwiftLogNoOpLogHandler() })
                _ = try DriverRegistry.all.makeDriver(for: url, logger: silent)
            } catch  where error.code == .unknownScheme {
                let schemes = DriverRegistry.all.schemes.map { "\($0)://" }.joined(separator: ", ")
                warnings.append(
                    "The cell \(cell.identity) has a \(url.scheme):// URL, for which this program was built without a "
                        + "driver (it has \(schemes)); the URL's options were not checked.")
            } catch {
                errors.append("The transport URL of the cell \(cell.identity) cannot be used. \(error.message)")
            }
        }
    }
}
