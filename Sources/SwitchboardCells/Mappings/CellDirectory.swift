/// Which cell an instance or host is in, and what the cells are: the read side of Nova's API database.
///
/// All requirements may be called concurrently, from any task. They read what is committed at the time of the call; nothing
/// is cached beyond it. None waits for ever: a directory that cannot answer throws ``CellError/Code/directoryUnavailable``.
public protocol CellDirectory: Sendable {
    /// The instance's mapping and its cell, in one look-up.
    ///
    /// `instanceUUID` may be in either case, with or without dashes. Throws ``CellError/Code/invalidUUID``,
    /// ``CellError/Code/unknownInstance``, or ``CellError/Code/unknownCell`` when the mapping's cell is gone.
    func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation

    /// The host's mapping and its cell, in one look-up. Throws ``CellError/Code/unknownHost``, or
    /// ``CellError/Code/unknownCell`` when the mapping's cell is gone.
    func location(ofHost host: String) async throws(CellError) -> HostLocation

    /// Throws ``CellError/Code/unknownCell``.
    func cell(_ id: CellID) async throws(CellError) -> CellMapping

    /// All cells, in the order in which they were made. One that cannot be read never hides the others.
    func cells() async throws(CellError) -> CellListing

    /// The cells that hold mappings of a project's instances, cell0 and instances that wait for deletion included.
    func cells(ofProject projectID: String) async throws(CellError) -> CellListing

    /// A page of at most `limit` mappings of instances (at least 1), in the order in which they were made.
    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping>

    /// A page of at most `limit` mappings of hosts (at least 1), of one cell or of all.
    func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping>

    /// How many instances a project has, and how many of them are a user's.
    ///
    /// Counts as Nova's quotas do: instances that wait for deletion are left out, and so are rows whose flag is NULL.
    func instanceCounts(ofProject projectID: String, user userID: String?) async throws(CellError) -> InstanceCounts

    /// What refers to a cell. May scan: Nova has no index on the cell.
    func usage(of cell: CellID) async throws(CellError) -> CellUsage

    /// A value that differs after every committed change to the directory, by whichever process. Cheap: meant to be asked
    /// several times a second. It may also differ without a change.
    func version() async throws(CellError) -> DirectoryVersion
}

extension CellDirectory {
    /// The cell in which the instance is; ``CellError/Code/notScheduled`` while it is in none.
    public func cell(ofInstance instanceUUID: String) async throws(CellError) -> CellMapping {
        try await location(ofInstance: instanceUUID).requireCell()
    }

    /// The one cell of that name. Names are not unique: throws ``CellError/Code/ambiguousName``, which lists the cells, or
    /// ``CellError/Code/unknownCell``.
    public func cell(named name: String) async throws(CellError) -> CellMapping {
        let cells = try await cells().cells.filter { $0.name == name }
        guard let cell = cells.first else {
            throw CellError(.unknownCell, "No cell is named \(name).")
        }
        if cells.count > 1 {
            let ids = cells.map(\.id.description).joined(separator: ", ")
            throw CellError(
                .ambiguousName, "\(cells.count) cells are named \(name): \(ids). Give the UUID of the one you mean.")
        }
        return cell
    }
}

/// The cells of a directory.
public struct CellListing: Sendable, Hashable {
    /// What is wrong with a cell that could not be read.
    public struct Defect: Error, Sendable, Hashable {
        public var rowID: Int64?
        /// One sentence.
        public var message: String

        public init(rowID: Int64?, message: String) {
            self.rowID = rowID
            self.message = message
        }
    }

    public var cells: [CellMapping]

    /// The cells that could not be read. What is wrong with a URL shows when it is used, not here.
    public var defects: [Defect]

    public init(cells: [CellMapping], defects: [Defect] = []) {
        self.cells = cells
        self.defects = defects
    }
}

/// Which instances' mappings to list; a criterion that is `nil` lets all pass.
public struct InstanceFilter: Sendable, Hashable {
    /// In which state of being mapped.
    public enum Placement: Sendable, Hashable {
        case cell(CellID)
        case notScheduled
    }

    public var placement: Placement?
    public var projectID: String?
    public var userID: String?
    /// Whether the mapping waits for deletion; a NULL in the directory reads as no.
    public var isQueuedForDelete: Bool?

    public init(
        placement: Placement? = nil, projectID: String? = nil, userID: String? = nil, isQueuedForDelete: Bool? = nil
    ) {
        self.placement = placement
        self.projectID = projectID
        self.userID = userID
        self.isQueuedForDelete = isQueuedForDelete
    }

    public static let all = InstanceFilter()
}

public struct InstanceCounts: Sendable, Hashable {
    public var project: Int
    /// `nil` when no user was asked for.
    public var user: Int?

    public init(project: Int, user: Int? = nil) {
        self.project = project
        self.user = user
    }
}

/// How many mappings refer to a cell.
public struct CellUsage: Sendable, Hashable {
    public var hosts: Int
    /// Those that wait for deletion left out.
    public var instances: Int
    public var instancesQueuedForDelete: Int

    public init(hosts: Int, instances: Int, instancesQueuedForDelete: Int) {
        self.hosts = hosts
        self.instances = instances
        self.instancesQueuedForDelete = instancesQueuedForDelete
    }
}

/// A state of a directory; compare for equality only, and only with values of the same directory object.
public struct DirectoryVersion: Hashable, Sendable {
    private let values: [Int64]

    public init(_ values: Int64...) {
        self.values = values
    }
}
