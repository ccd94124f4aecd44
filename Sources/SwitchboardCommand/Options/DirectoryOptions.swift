import ArgumentParser
import Foundation
import SwitchboardCells
import SwitchboardSQLite

/// Where the directory is.
struct DirectoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The directory's SQLite file: a path or sqlite:///path. Default: SWITCHBOARD_DATABASE.",
            valueName: "path"))
    var database: String?

    func location() throws -> String {
        if let database { return database }
        if let database = environment("SWITCHBOARD_DATABASE") { return database }
        throw ValidationError("Say where the directory is: --database PATH, or set SWITCHBOARD_DATABASE.")
    }

    func open(forWriting: Bool) throws -> any MutableCellDirectory {
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.isReadOnly = !forWriting
        do {
            return try SQLiteCellDirectory(location(), configuration: configuration)
        } catch let error as CellError where error.code == .directoryUnavailable {
            throw Failure("\(error.message) 'switchboard init' makes one.", exit: 255)
        }
    }
}

/// The process's own URLs, from which templates take their values.
struct BaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The process's own transport URL, for templates such as {scheme}://{username}:{password}@host/cell. "
                + "Default: SWITCHBOARD_TRANSPORT_URL.",
            valueName: "url"))
    var baseTransportURL: String?

    @Option(
        help: ArgumentHelp(
            "The process's own database URL, for templates. Default: SWITCHBOARD_DATABASE_CONNECTION.",
            valueName: "url"))
    var baseDatabaseConnection: String?

    var urls: BaseURLs {
        BaseURLs(
            transportURL: baseTransportURL ?? environment("SWITCHBOARD_TRANSPORT_URL"),
            databaseConnection: baseDatabaseConnection ?? environment("SWITCHBOARD_DATABASE_CONNECTION"))
    }
}

/// The URLs of a cell as they are given. `-` keeps a password out of the list of processes.
struct CellURLOptions: ParsableArguments {
    @Option(
        name: [.customLong("transport-url"), .customLong("transport_url")],
        help: ArgumentHelp(
            "The URL of the cell's message queue, or a template; none:/// for a cell without one; - to read it from "
                + "standard input.", valueName: "url"))
    var transportURL: String?

    @Option(
        name: [.customLong("database-connection"), .customLong("database_connection")],
        help: ArgumentHelp(
            "The URL of the cell's database, which Nova needs; - to read it from standard input.", valueName: "url"))
    var databaseConnection: String?

    func validate() throws {
        if transportURL == "-", databaseConnection == "-" {
            throw ValidationError("Only one URL can be read from standard input.")
        }
    }

    func transportTemplate() throws -> URLTemplate? { try givenTemplate(transportURL) }
    func databaseTemplate() throws -> URLTemplate? { try givenTemplate(databaseConnection) }
}

/// A URL as it is given; read from standard input where that is `-`.
func givenTemplate(_ text: String?) throws -> URLTemplate? {
    guard text == "-" else { return text.map { URLTemplate($0) } }
    return URLTemplate(try StandardInput.url())
}

func environment(_ name: String) -> String? {
    guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
    return value
}
