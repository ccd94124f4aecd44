public import SwitchboardCells
internal import SwitchboardSQL

/// A directory in a SQLite file with the schema of Nova's API database.
///
/// It reads files that `nova-manage` made, and Nova reads files that it made. Both may use the same file at the same
/// time. Nothing is cached: an answer is what any process had committed when it was given. The journal mode of an
/// existing file stays as it is.
public final class SQLiteCellDirectory: MutableCellDirectory {
    /// How a directory is opened.
    public struct Configuration: Sendable {
        /// Whether to refuse writes. Nothing is ever created then.
        public var isReadOnly = false

        /// Whether to create a directory if the file is missing or empty.
        public var createsIfMissing = false

        /// How long a call waits for another process's lock before it throws.
        public var busyTimeout: Duration = .seconds(5)

        public init() {}
    }

    /// The absolute path of the file. ``version()`` checks it each time.
    public let path: String

    private let file: SQLiteFile
    private let mappings: SQLDirectory<SQLiteFile>

    /// Opens the directory in a file, given as a path or as `sqlite:///path`.
    ///
    /// Throws `directoryUnavailable` if the file doesn't exist or can't be opened, and `directoryInvalid` if it isn't a
    /// database or lacks tables.
    public init(_ location: String, configuration: Configuration = Configuration()) throws(CellError) {
        file = try SQLiteFile(location, configuration: configuration)
        path = file.path
        mappings = SQLDirectory(file, dialect: .sqlite)
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

    /// The file's identity and SQLite's counter of commits. Reads no table, and changes with a commit by any process, also
    /// one to instances and hosts.
    ///
    /// If the file has been replaced by another one, for example by a restored copy, the new one is opened.
    public func version() async throws(CellError) -> DirectoryVersion {
        try await file.version()
    }

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
