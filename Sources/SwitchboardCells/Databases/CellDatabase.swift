/// A cell's own database, as far as an operator of the cells needs it: its compute nodes, services and instances.
///
/// A ``DatabaseRegistry`` opens it. All requirements may be called concurrently, from any task, and return what is
/// committed at the time of the call. None waits forever: a database that can't answer in time throws
/// ``CellError/Code/directoryUnavailable``, and one without Nova's tables ``CellError/Code/directoryInvalid``. Errors name
/// the cell.
public protocol CellDatabase: Sendable {
    /// A page of at most `limit` compute nodes that aren't deleted, in the order of their numbers. `limit` is at least 1.
    func computeNodes(
        matching filter: ComputeNodeFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<ComputeNode>

    /// Notes that compute nodes are mapped, or that they aren't. Numbers that no node has are ignored.
    func setMapped(_ isMapped: Bool, ofComputeNodes ids: [Int64]) async throws(CellError)

    /// Notes that no compute node of a host is mapped any more, so that it can be discovered again; without a host, none of
    /// the cell. Returns how many nodes there are.
    @discardableResult
    func unmapComputeNodes(ofHost host: String?) async throws(CellError) -> Int

    /// A page of at most `limit` services that aren't deleted, in the order of their numbers; without a binary, of all
    /// programs. `limit` is at least 1.
    func services(
        of binary: String?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<CellService>

    /// The lowest version of a program's services that are neither deleted nor forced down, including disabled ones;
    /// `nil` if there are none. Nova's `[upgrade_levels]compute = auto` uses the same number.
    func oldestServiceVersion(of binary: String) async throws(CellError) -> Int?

    /// At most `limit` instances, deleted ones included, in the order in which Nova maps them: by time of creation, then by
    /// number. `limit` is at least 1; fewer than that come only at the end.
    ///
    /// - Parameters:
    ///   - instanceUUID: the instance behind which to begin; `nil` begins with the first. Throws
    ///     ``CellError/Code/unknownInstance`` if the database doesn't have it.
    ///   - limit: how many instances to return at most.
    func instances(after instanceUUID: String?, limit: Int) async throws(CellError) -> [CellInstance]

    /// An instance, also a deleted one; `nil` if the database doesn't have it, for example because it is archived.
    func instance(_ instanceUUID: String) async throws(CellError) -> CellInstance?

    /// How many instances there are on a host that aren't deleted; without a host, in the cell.
    ///
    /// - Parameters:
    ///   - host: the host; `nil` counts those of the whole cell.
    ///   - includesDeleted: whether instances count that are deleted and wait to be archived.
    func instanceCount(onHost host: String?, includesDeleted: Bool) async throws(CellError) -> Int
}

extension CellDatabase {
    /// How many instances there are on a host that aren't deleted; without a host, in the cell.
    public func instanceCount(onHost host: String? = nil) async throws(CellError) -> Int {
        try await instanceCount(onHost: host, includesDeleted: false)
    }
}

/// A compute node, as its service has registered it in its cell.
public struct ComputeNode: Hashable, Sendable {
    /// The database's number of the node.
    public var id: Int64
    /// The host of the nova-compute that manages the node: what a ``HostMapping`` maps.
    public var host: String
    public var hypervisorHostname: String?
    public var uuid: String?
    /// Whether discovery has seen the node. It says nothing about which cell its host is mapped to.
    public var isMapped: Bool

    public init(id: Int64, host: String, hypervisorHostname: String? = nil, uuid: String? = nil, isMapped: Bool = false)
    {
        self.id = id
        self.host = host
        self.hypervisorHostname = hypervisorHostname
        self.uuid = uuid
        self.isMapped = isMapped
    }
}

/// Which compute nodes to list. A criterion that is `nil` matches all of them.
public struct ComputeNodeFilter: Hashable, Sendable {
    public var host: String?
    /// Whether the node is noted as mapped. As in Nova, a NULL is neither.
    public var isMapped: Bool?

    public init(host: String? = nil, isMapped: Bool? = nil) {
        self.host = host
        self.isMapped = isMapped
    }

    public static let all = ComputeNodeFilter()
}

/// A service, as it has registered itself in its cell.
public struct CellService: Hashable, Sendable {
    public var host: String
    /// The service's program, such as `nova-compute`.
    public var binary: String
    public var topic: String?
    /// What the service understands: a number that Nova raises with every change.
    public var version: Int
    /// Whether an operator has taken the service out of use.
    public var isDisabled: Bool
    /// Whether an operator has declared the service dead.
    public var isForcedDown: Bool
    public var lastSeen: MappingTimestamp?

    public init(
        host: String, binary: String, topic: String? = nil, version: Int = 0, isDisabled: Bool = false,
        isForcedDown: Bool = false, lastSeen: MappingTimestamp? = nil
    ) {
        self.host = host
        self.binary = binary
        self.topic = topic
        self.version = version
        self.isDisabled = isDisabled
        self.isForcedDown = isForcedDown
        self.lastSeen = lastSeen
    }
}

/// An instance, as its cell knows it.
public struct CellInstance: Hashable, Sendable {
    public var uuid: String
    public var projectID: String?
    public var userID: String?
    /// The host that it is on; `nil` before it is scheduled.
    public var host: String?
    /// Whether the instance is deleted, and its row waits to be archived.
    public var isDeleted: Bool
    /// Whether the row is the spare copy of an instance that moves between cells. Nova doesn't show such rows.
    public var isHidden: Bool

    public init(
        uuid: String, projectID: String?, userID: String?, host: String? = nil, isDeleted: Bool = false,
        isHidden: Bool = false
    ) {
        self.uuid = uuid
        self.projectID = projectID
        self.userID = userID
        self.host = host
        self.isDeleted = isDeleted
        self.isHidden = isHidden
    }
}
