internal import SwitchboardCore

/// A directory in memory, for tests and for programs that get their cells from elsewhere.
public final class InMemoryCellDirectory: MutableCellDirectory {
    private let state = Locked(MappingTables())

    public init() {}

    /// Creates a directory with these cells and mappings. Throws the same errors as ``createCell(_:)`` and
    /// ``mapInstances(_:)``.
    public convenience init(
        cells: [CellMapping], instances: [InstanceMapping] = [], hosts: [HostMapping] = []
    ) throws(CellError) {
        self.init()
        try state.withLock { state throws(CellError) in
            for cell in cells {
                _ = try state.create(cell)
            }
            _ = try state.map(instances)
            for host in hosts {
                guard let cell = host.cell else {
                    throw CellError(.invalidValue, "The mapping of the host \(host.host) names no cell.")
                }
                _ = try state.map([host.host], to: cell)
            }
        }
    }

    public func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        let uuid = try canonicalInstanceUUID(instanceUUID)
        return try state.withLock { state throws(CellError) in try state.location(ofInstance: uuid) }
    }

    public func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try state.withLock { state throws(CellError) in try state.location(ofHost: host) }
    }

    public func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        try state.withLock { state throws(CellError) in try state.cell(id) }
    }

    public func cells() async throws(CellError) -> CellListing {
        state.withLock { state in CellListing(cells: state.cells.values.sorted(by: MappingTables.order)) }
    }

    public func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        state.withLock { state in
            let ids = Set(
                state.instances.values.lazy.filter { $0.mapping.projectID == projectID }.compactMap(\.mapping.cell))
            return CellListing(cells: ids.compactMap { state.cells[$0] }.sorted(by: MappingTables.order))
        }
    }

    public func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        state.withLock { state in
            Page(
                of: state.instances.values.lazy.filter { filter.matches($0.mapping) }.map { ($0.position, $0.mapping) },
                after: token, limit: limit)
        }
    }

    public func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        state.withLock { state in
            Page(
                of: state.hosts.values.lazy.filter { cell == nil || $0.mapping.cell == cell }
                    .map { ($0.position, $0.mapping) },
                after: token, limit: limit)
        }
    }

    public func instanceCounts(
        ofProject projectID: String, user userID: String?
    ) async throws(CellError) -> InstanceCounts {
        state.withLock { state in
            let ofProject = state.instances.values.lazy
                .filter { $0.mapping.projectID == projectID && !$0.mapping.isQueuedForDelete }
            return InstanceCounts(
                project: ofProject.count(where: { _ in true }),
                user: userID.map { userID in ofProject.count { $0.mapping.userID == userID } })
        }
    }

    public func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try state.withLock { state throws(CellError) in
            _ = try state.cell(cell)
            return state.usage(of: cell)
        }
    }

    public func version() async throws(CellError) -> DirectoryVersion {
        state.withLock { state in DirectoryVersion(state.version) }
    }

    @discardableResult
    public func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
        try state.withLock { state throws(CellError) in try state.create(cell) }
    }

    @discardableResult
    public func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        try state.withLock { state throws(CellError) in try state.update(id, change) }
    }

    public func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        try state.withLock { state throws(CellError) in try state.delete(id, force: force) }
    }

    @discardableResult
    public func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        try state.withLock { state throws(CellError) in try state.map(mappings) }
    }

    @discardableResult
    public func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
        var uuids: [String] = []
        for uuid in instanceUUIDs {
            uuids.append(try canonicalInstanceUUID(uuid))
        }
        return state.withLock { [uuids] state in state.unmap(uuids) }
    }

    @discardableResult
    public func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        try state.withLock { state throws(CellError) in try state.map(hosts, to: cell) }
    }

    public func deleteHost(_ host: String) async throws(CellError) {
        try state.withLock { state throws(CellError) in try state.deleteHost(host) }
    }

    public func addHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> AddedHosts {
        try state.withLock { state throws(CellError) in try state.add(hosts, to: cell) }
    }

    public func addInstances(
        _ mappings: [InstanceMapping], to cell: CellID, marker: InstanceMarker.Step?
    ) async throws(CellError) -> AddedInstances {
        try state.withLock { state throws(CellError) in try state.add(mappings, to: cell, marker: marker) }
    }

    public var keepsInstanceMarkers: Bool { true }

    public func instanceMarkers() async throws(CellError) -> [InstanceMarker] {
        state.withLock { state in state.instanceMarkers() }
    }
}

extension Page {
    /// The page after `token` of elements in any order, each with its position.
    fileprivate init(of all: some Sequence<(position: Int64, element: Element)>, after token: PageToken?, limit: Int) {
        let start = token?.position ?? .min
        let sorted = all.filter { $0.position > start }.sorted { $0.position < $1.position }
        let page = sorted.prefix(Swift.max(1, limit))
        self.init(
            page.map(\.element),
            next: page.count < sorted.count ? page.last.map { PageToken(position: $0.position) } : nil)
    }
}

extension InstanceFilter {
    fileprivate func matches(_ mapping: InstanceMapping) -> Bool {
        let isPlaced =
            switch placement {
            case nil: true
            case .cell(let id): mapping.cell == id
            case .notScheduled: mapping.placement == .notScheduled
            }
        return isPlaced
            && (projectID == nil || mapping.projectID == projectID)
            && (userID == nil || mapping.userID == userID)
            && (isQueuedForDelete == nil || mapping.isQueuedForDelete == isQueuedForDelete)
    }
}
