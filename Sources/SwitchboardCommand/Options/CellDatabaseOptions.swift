import ArgumentParser
import SwitchboardCells

/// How cells' own databases are opened.
struct CellDatabaseOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: .time("How long a cell's database may take to answer"))
    var databaseTimeout: TimeSpan = 10

    func validate() throws {
        try databaseTimeout.validate(as: "--database-timeout", to: .day)
    }

    var timeout: Duration { databaseTimeout.duration }

    /// Opens a cell's database.
    func open(_ cell: CellMapping, base: BaseURLs, forWriting: Bool = false) throws(CellError) -> any CellDatabase {
        try DatabaseRegistry.all.openCellDatabase(
            of: cell, base: base, configuration: DatabaseConfiguration(isReadOnly: !forWriting, timeout: timeout))
    }
}

/// For commands that ask a cell's database whether they may go ahead.
struct CellDatabaseChecks: ParsableArguments {
    @OptionGroup var opening: CellDatabaseOptions

    @Flag(help: "Don't ask the cell's database, which may be gone: go by the mappings alone.")
    var withoutCellDatabase = false

    /// The cell's database; `nil` if it has none, or isn't to be asked.
    func open(_ cell: CellMapping, base: BaseURLs, forWriting: Bool) throws -> (any CellDatabase)? {
        guard !withoutCellDatabase, let connection = cell.databaseConnection, !connection.isEmpty else { return nil }
        return try reachingCellDatabase { () throws(CellError) in
            try opening.open(cell, base: base, forWriting: forWriting)
        }
    }

    static let advice = "Give --without-cell-database to go by the mappings alone."
}

/// What a cell's database answers. What keeps it from answering ends the command with 255, whatever else the error's code
/// means to it.
func reachingCellDatabase<Value>(
    advice: String = CellDatabaseChecks.advice, _ body: () async throws -> Value
) async throws -> Value {
    do {
        return try await body()
    } catch let error as CellError where error.code != .cancelled {
        throw Failure("\(error.message) \(advice)", exit: 255)
    }
}

/// The same for what doesn't wait.
func reachingCellDatabase<Value>(
    advice: String = CellDatabaseChecks.advice, _ body: () throws(CellError) -> Value
) throws -> Value {
    do {
        return try body()
    } catch {
        throw Failure("\(error.message) \(advice)", exit: 255)
    }
}
