#if MariaDB
    public import Logging
    public import SwitchboardCells
    internal import SwitchboardSQL

    /// A directory in Nova's API database on MariaDB or MySQL.
    ///
    /// It reads and writes the same rows as Nova, at the same time as Nova. Nothing is cached: an answer is what any program
    /// had committed when it was given. It connects when it is first used, over a few connections that it opens as they are
    /// needed and closes when it goes; there is nothing to run.
    ///
    /// Every call has a deadline, whatever the server does. A lost connection is replaced, and what it kept from being read
    /// is read again; an outage that is shorter than ``MariaDBConfiguration/lookupTimeout`` only makes calls slower. A change
    /// is never repeated unless nothing of it took effect: if that isn't known, the call throws `indeterminate`.
    public final class MariaDBCellDirectory: MutableCellDirectory {
        /// Where the directory is, for people: database, host and port, without credentials.
        public var name: String { database.name }

        private let database: MariaDBDatabase
        private let mappings: SQLDirectory<MariaDBDatabase>

        /// Creates a directory in the database that a URL names. It connects with the first call.
        ///
        /// The URL is what `[api_database] connection` of `nova.conf` has, and means what it means to SQLAlchemy and PyMySQL:
        /// `mysql+pymysql://user:password@host:3306/nova_api?charset=utf8`. Throws `badURL` if it is malformed.
        ///
        /// - Parameters:
        ///   - url: `mysql://`, `mysql+pymysql://`, `mariadb://` and so on.
        ///   - configuration: the number of connections, the deadlines, and what is allowed.
        ///   - logger: is told of outages, once each, and of options of the URL that mean nothing here.
        public init(
            _ url: String, configuration: MariaDBConfiguration = MariaDBConfiguration(),
            logger: Logger = Logger(label: "switchboard")
        ) throws(CellError) {
            let schema = MariaDBSchema(
                name: try MariaDBDatabase.name(of: url),
                createsIfMissing: configuration.createsIfMissing && !configuration.isReadOnly)
            database = try MariaDBDatabase(url, configuration: configuration, logger: logger, prepare: schema.prepare)
            mappings = SQLDirectory(database, dialect: .mariaDB)
        }

        /// Whether a text is a URL that ``init(_:configuration:logger:)`` takes: one of MariaDB or MySQL.
        public static func takes(_ url: String) -> Bool {
            MariaDBAddress.takes(url)
        }

        /// Connects, checks that the tables are there, and creates them if the configuration says so.
        ///
        /// Every first call does that. Call it to learn at the start of a program that something is wrong.
        public func check() async throws(CellError) {
            try await database.look { _ in }
        }

        // MARK: - Reading

        public func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
            try await mappings.location(ofInstance: instanceUUID)
        }

        public func location(ofHost host: String) async throws(CellError) -> HostLocation {
            try await mappings.location(ofHost: host)
        }

        public func cell(_ id: CellID) async throws(CellError) -> CellMapping {
            try await mappings.cell(id)
        }

        public func cells() async throws(CellError) -> CellListing {
            try await mappings.cells()
        }

        public func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
            try await mappings.cells(ofProject: projectID)
        }

        public func instanceMappings(
            matching filter: InstanceFilter, after token: PageToken?, limit: Int
        ) async throws(CellError) -> Page<InstanceMapping> {
            try await mappings.instanceMappings(matching: filter, after: token, limit: limit)
        }

        public func hostMappings(
            in cell: CellID?, after token: PageToken?, limit: Int
        ) async throws(CellError) -> Page<HostMapping> {
            try await mappings.hostMappings(in: cell, after: token, limit: limit)
        }

        public func instanceCounts(
            ofProject projectID: String, user userID: String?
        ) async throws(CellError) -> InstanceCounts {
            try await mappings.instanceCounts(ofProject: projectID, user: userID)
        }

        public func usage(of cell: CellID) async throws(CellError) -> CellUsage {
            try await mappings.usage(of: cell)
        }

        /// A value that changes with each change to a cell, by any program; changes to instances and hosts leave it.
        ///
        /// It is made of all rows of the cells by one statement, which takes some 0.6 ms with two hundred cells.
        public func version() async throws(CellError) -> DirectoryVersion {
            let numbers = try await database.look { connection in
                try connection.row(Self.versionStatement).map { row in (0..<3).map { row.integer($0) ?? 0 } } ?? [
                    0, 0, 0,
                ]
            }
            return DirectoryVersion(numbers[0], numbers[1], numbers[2])
        }

        /// Checksums are taken of digests: those of the rows themselves cancel each other out when several rows change alike,
        /// as they do when a password is replaced in all of them. MySQL 9 has no MD5 any more.
        private static let versionStatement = """
            SELECT count(*), cast(coalesce(bit_xor(crc32(sha2(t.content, 256))), 0) AS SIGNED),
            cast(coalesce(sum(crc32(sha2(concat('+', t.content), 256))), 0) AS SIGNED)
            FROM (
                SELECT concat_ws(
                    '|', id, hex(uuid), coalesce(hex(name), '-'), coalesce(hex(transport_url), '-'),
                    coalesce(hex(database_connection), '-'), coalesce(disabled, '-'), coalesce(created_at, '-'),
                    coalesce(updated_at, '-')) AS content
                FROM cell_mappings
            ) t
            """

        // MARK: - Writing

        @discardableResult
        public func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
            try await mappings.createCell(cell)
        }

        @discardableResult
        public func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
            try await mappings.updateCell(id, change)
        }

        public func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
            try await mappings.deleteCell(id, force: force)
        }

        @discardableResult
        public func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
            try await self.mappings.mapInstances(mappings)
        }

        @discardableResult
        public func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
            try await mappings.unmapInstances(instanceUUIDs)
        }

        @discardableResult
        public func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
            try await mappings.mapHosts(hosts, to: cell)
        }

        public func deleteHost(_ host: String) async throws(CellError) {
            try await mappings.deleteHost(host)
        }

        // MARK: - Adding

        public func addHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> AddedHosts {
            try await mappings.addHosts(hosts, to: cell)
        }

        public func addInstances(
            _ mappings: [InstanceMapping], to cell: CellID, marker: InstanceMarker.Step?
        ) async throws(CellError) -> AddedInstances {
            try await self.mappings.addInstances(mappings, to: cell, marker: marker)
        }

        public var keepsInstanceMarkers: Bool { true }

        public func instanceMarkers() async throws(CellError) -> [InstanceMarker] {
            try await mappings.instanceMarkers()
        }
    }
#endif
