/// The cells, and which cell an instance or host is in: the read side of Nova's API database.
///
/// All requirements may be called concurrently, from any task. They return what is committed at the time of the call,
/// without caching. None waits forever: a directory that can't answer throws ``CellError/Code/directoryUnavailable``.
public protocol CellDirectory: Sendable {
    /// Returns the instance's mapping and its cell, in one lookup.
    ///
    /// `instanceUUID` may be in upper or lower case, with or without dashes. Throws ``CellError/Code/invalidUUID``,
    /// ``CellError/Code/unknownInstance``, or ``CellError/Code/unknownCell`` if the mapping's cell is gone.
    func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation

    /// Returns the host's mapping and its cell, in one lookup. Throws ``CellError/Code/unknownHost``, or
    /// ``CellError/Code/unknownCell`` if the mapping's cell is gone.
    func location(ofHost host: String) async throws(CellError) -> HostLocation

    /// Returns a cell. Throws ``CellError/Code/unknownCell``.
    func cell(_ id: CellID) async throws(CellError) -> CellMapping

    /// All cells, in the order in which they were created. A cell that can't be read doesn't hide the others.
    func cells() async throws(CellError) -> CellListing

    /// The cells that hold mappings of a project's instances, including cell0 and instances that wait for deletion.
    func cells(ofProject projectID: String) async throws(CellError) -> CellListing

    /// A page of at most `limit` instance mappings, in the order in which they were created. `limit` is at least 1.
    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping>

    /// A page of at most `limit` host mappings, of one cell or of all cells. `limit` is at least 1.
    func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping>

    /// How many instances a project has, and how many of them belong to a user.
    ///
    /// Counts like Nova's quotas: without instances that wait for deletion, and without rows whose flag is NULL.
    func instanceCounts(ofProject projectID: String, user userID: String?) async throws(CellError) -> InstanceCounts

    /// How many mappings refer to a cell. May scan the tables, because Nova has no index on the cell everywhere. Throws
    /// ``CellError/Code/unknownCell``.
    func usage(of cell: CellID) async throws(CellError) -> CellUsage

    /// A value that changes with every committed change to a cell, by any process. It may also change without one, for
    /// example with a change to an instance's or host's mapping. Cheap enough to be asked for several times a second.
    func version() async throws(CellError) -> DirectoryVersion
}

extension CellDirectory {
    /// The instance's cell. Throws ``CellError/Code/notScheduled`` if it isn't in a cell yet.
    public func cell(ofInstance instanceUUID: String) async throws(CellError) -> CellMapping {
        try await location(ofInstance: instanceUUID).requireCell()
    }

    /// The only cell with that name. Names aren't unique: throws ``CellError/Code/ambiguousName``, which lists the
    /// cells, or ``CellError/Code/unknownCell``.
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
    /// What is wrong with a cell that couldn't be read.
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

    /// The cells that couldn't be read. Errors in a URL appear when it is used, not here.
    public var defects: [Defect]

    public init(cells: [CellMapping], defects: [Defect] = []) {
        self.cells = cells
        self.defects = defects
    }
}

/// Which instance mappings to list. A criterion that is `nil` matches all of them.
public struct InstanceFilter: Sendable, Hashable {
    /// Whether, and where, an instance is mapped.
    public enum Placement: Sendable, Hashable {
        case cell(CellID)
        case notScheduled
    }

    public var placement: Placement?
    public var projectID: String?
    public var userID: String?
    /// Whether the mapping waits for deletion. NULL in the directory means no.
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
    /// The user's instances; `nil` if the request named no user.
    public var user: Int?

    public init(project: Int, user: Int? = nil) {
        self.project = project
        self.user = user
    }
}

/// How many mappings refer to a cell.
public struct CellUsage: Sendable, Hashable {
    public var hosts: Int
    /// Without those that wait for deletion.
    public var instances: Int
    public var instancesQueuedForDelete: Int

    public init(hosts: Int, instances: Int, instancesQueuedForDelete: Int) {
        self.hosts = hosts
        self.instances = instances
        self.instancesQueuedForDelete = instancesQueuedForDelete
    }
}

/// A state of a directory. Compare it only for equality, and only with values of the same directory object.
public struct DirectoryVersion: Hashable, Sendable {
    private let values: [Int64]

    public init(_ values: Int64...) {
        self.values = values
    }
}
