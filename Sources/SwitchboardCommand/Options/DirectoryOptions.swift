import ArgumentParser
import Foundation
import OsloConfiguration
import SwitchboardCells

/// Where the directory is.
struct DirectoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The directory: the path of a SQLite file, sqlite:///path, or the URL of a MariaDB or MySQL database. Default: "
                + "SWITCHBOARD_DATABASE, the profile's, or that of [api_database] in a configuration file.",
            valueName: "location"))
    var database: String?

    func location() throws -> String {
        if let location = try CommandSettings.current.text(.directory, given: database, option: "--database") {
            return location
        }
        throw ValidationError(
            "Say where the directory is: --database PATH, or set SWITCHBOARD_DATABASE. --profile, and --config-file with an "
                + "[api_database] connection, say it too.")
    }

    func open(forWriting: Bool) async throws -> any MutableCellDirectory {
        try await Directories.open(location(), for: forWriting ? .writing : .reading)
    }
}

/// The process's own URLs, from which templates take their values.
struct BaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The process's own transport URL, for templates such as {scheme}://{username}:{password}@host/cell. Default: "
                + "SWITCHBOARD_TRANSPORT_URL, the profile's, or transport_url of a configuration file.",
            valueName: "url"))
    var baseTransportURL: String?

    @Option(
        help: ArgumentHelp(
            "The process's own database URL, for templates. Default: SWITCHBOARD_DATABASE_CONNECTION, the profile's, or "
                + "that of [database] in a configuration file.", valueName: "url"))
    var baseDatabaseConnection: String?

    var urls: BaseURLs {
        get throws {
            let settings = CommandSettings.current
            return BaseURLs(
                transportURL: try transportURL(.transportURL),
                databaseConnection: try settings.text(
                    .databaseConnection, given: baseDatabaseConnection, option: "--base-database-connection"))
        }
    }

    /// The process's own queue, or that of its notifications.
    func transportURL(_ name: CommandSettings.Name) throws -> String? {
        try CommandSettings.current.text(name, given: baseTransportURL, option: "--base-transport-url")
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

    @Flag(
        name: .customLong("from-config"),
        help: "Take a URL that isn't given from the configuration files: transport_url, and connection of [database].")
    var fromConfiguration = false

    /// Whether the options say anything.
    var isGiven: Bool { transportURL != nil || databaseConnection != nil || fromConfiguration }

    func validate() throws {
        if transportURL == "-", databaseConnection == "-" {
            throw ValidationError("Only one URL can be read from standard input.")
        }
    }

    func transportTemplate() throws -> URLTemplate? {
        try givenTemplate(transportURL) ?? configured(.transportURL)
    }

    func databaseTemplate() throws -> URLTemplate? {
        try givenTemplate(databaseConnection) ?? configured(.databaseConnection)
    }

    private func configured(_ name: CommandSettings.Name) throws -> URLTemplate? {
        guard fromConfiguration else { return nil }
        do {
            return try CommandSettings.current.configuration.candidate(name).map { URLTemplate($0.text) }
        } catch {
            throw Failure.configuration(error.message)
        }
    }
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
