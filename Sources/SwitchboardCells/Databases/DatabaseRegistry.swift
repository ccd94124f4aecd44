public import SwitchboardCore

/// How a database is opened.
public struct DatabaseConfiguration: Sendable {
    /// Whether to refuse writes. Nothing is ever created then.
    public var isReadOnly = false

    /// Whether to create a directory if there is none at that place, and if that kind of database can.
    public var createsIfMissing = false

    /// How long a call waits for the database before it throws.
    public var timeout: Duration = .seconds(5)

    public init() {}

    public init(isReadOnly: Bool = false, createsIfMissing: Bool = false, timeout: Duration = .seconds(5)) {
        self.isReadOnly = isReadOnly
        self.createsIfMissing = createsIfMissing
        self.timeout = timeout
    }
}

/// A kind of database as a value: the URL schemes it serves, and how to open what is behind a URL.
///
/// A plug-in adds a static function to this type, so that a registry reads `DatabaseRegistry(.sqlite())`.
public struct DatabasePlugin: Sendable {
    /// Opens a directory. The URL is as given, and may be a file's path for the plug-in that serves those.
    public typealias DirectoryOpener =
        @Sendable (Secret, DatabaseConfiguration) async throws(CellError) -> any MutableCellDirectory

    /// Opens a cell's database. Parses and validates, and connects no sooner than at the first call.
    public typealias CellDatabaseOpener =
        @Sendable (Secret, CellIdentity, DatabaseConfiguration) throws(CellError) -> any CellDatabase

    /// The URL schemes, in lower case, without the driver that SQLAlchemy lets follow (`mysql`, not `mysql+pymysql`).
    public let schemes: [String]

    /// Whether a text that is no URL is the path of a file of this kind. At most one plug-in of a registry has it.
    public let opensPaths: Bool

    public let openDirectory: DirectoryOpener
    public let openCellDatabase: CellDatabaseOpener

    public init(
        schemes: String..., opensPaths: Bool = false, openDirectory: @escaping DirectoryOpener,
        openCellDatabase: @escaping CellDatabaseOpener
    ) {
        self.schemes = schemes.map { $0.lowercased() }
        self.opensPaths = opensPaths
        self.openDirectory = openDirectory
        self.openCellDatabase = openCellDatabase
    }
}

/// The kinds of databases of a program, by URL scheme. A value: nothing registers as a side effect.
public struct DatabaseRegistry: Sendable {
    private var plugins: [String: DatabasePlugin] = [:]
    private var pathPlugin: DatabasePlugin?
    private var absences: [String: String] = [:]

    /// Traps if two plug-ins claim the same scheme, because the order must not decide which one wins.
    public init(_ plugins: DatabasePlugin...) {
        for plugin in plugins { register(plugin) }
    }

    public mutating func register(_ plugin: DatabasePlugin) {
        for scheme in plugin.schemes {
            precondition(plugins[scheme] == nil, "The scheme \(scheme):// is registered twice.")
            plugins[scheme] = plugin
        }
        if plugin.opensPaths {
            precondition(pathPlugin == nil, "Two kinds of databases are to open paths.")
            pathPlugin = plugin
        }
    }

    /// States why this program doesn't serve some schemes, and what to do about it. The error for a URL with such a
    /// scheme repeats the sentence. Use it for databases that your application was built without.
    public mutating func explainAbsence(of schemes: String..., because sentence: String) {
        for scheme in schemes { absences[scheme.lowercased()] = sentence }
    }

    /// The registered schemes, sorted.
    public var schemes: [String] {
        plugins.keys.sorted()
    }

    /// Opens the directory at a URL, as Nova's `[api_database] connection` has it (`sqlite:////var/lib/nova/api.sqlite`), or
    /// in a file, given by its path.
    ///
    /// Throws ``CellError/Code/badURL`` for a scheme that isn't registered, and what the plug-in throws:
    /// ``CellError/Code/directoryUnavailable``, ``CellError/Code/directoryInvalid``.
    public func openDirectory(
        _ url: Secret, configuration: DatabaseConfiguration = DatabaseConfiguration()
    ) async throws(CellError) -> any MutableCellDirectory {
        try await plugin(for: url, of: "The directory").openDirectory(url, configuration)
    }

    /// Opens a cell's database by the cell's mapping, with templates filled in from `base`. Never connects.
    ///
    /// Throws ``CellError/Code/badURL``, naming the cell, when it has no database connection, or one that can't be used.
    public func openCellDatabase(
        of cell: CellMapping, base: BaseURLs = BaseURLs(),
        configuration: DatabaseConfiguration = DatabaseConfiguration()
    ) throws(CellError) -> any CellDatabase {
        guard let url = try cell.database(base: base) else {
            throw CellError(
                .badURL, "The cell \(cell.identity) has no database connection. Store one.", cell: cell.identity)
        }
        let plugin: DatabasePlugin
        do {
            plugin = try self.plugin(for: url, of: "The database of the cell \(cell.identity)")
        } catch {
            throw CellError(error.code, error.message, cell: cell.identity)
        }
        return try plugin.openCellDatabase(url, cell.identity, configuration)
    }

    private func plugin(for url: Secret, of what: String) throws(CellError) -> DatabasePlugin {
        guard let scheme = Self.scheme(of: url.reveal()) else {
            if let pathPlugin { return pathPlugin }
            throw CellError(.badURL, "\(what) is given by a URL (\(known)); what is stored or given is none.")
        }
        if let plugin = plugins[scheme] { return plugin }
        var sentence = "\(what) has a \(scheme):// URL, and no such database is registered (registered: \(known))."
        if let absence = absences[scheme] {
            sentence += " \(absence)"
        } else if let near = URLOptions.nearest(to: scheme, in: schemes) {
            sentence += " Did you mean \(near)://?"
        } else {
            sentence += " Add the library for it to the program, and its plug-in to the registry."
        }
        throw CellError(.badURL, sentence)
    }

    private var known: String {
        schemes.isEmpty ? "none" : schemes.map { "\($0)://" }.joined(separator: ", ")
    }

    /// The kind of database that a URL names, without its driver; `nil` for what is no URL.
    private static func scheme(of url: String) -> String? {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return nil }
        let scheme = url[..<colon].lowercased()
        let isScheme = scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
        guard isScheme, let first = scheme.first, first.isLetter else { return nil }
        return String(scheme.prefix { $0 != "+" })
    }
}
