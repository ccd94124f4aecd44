internal import SwitchboardCore

/// Maps the hosts that have registered themselves in cells' databases and are in no cell yet, as
/// `nova-manage cell_v2 discover_hosts` does.
///
/// Cells are worked on several at a time, each in pages and each in its own time: one whose database is slow or away doesn't
/// hold the others up. Two discoveries at a time do no harm; a host stays in the cell that found it first.
public struct HostDiscovery: Sendable {
    /// Where a cell's hosts are looked for.
    public enum Source: Sendable, Hashable {
        /// Among the compute nodes that aren't noted as mapped. The first node of each host that is added is noted.
        case computeNodes
        /// Among the nova-compute services. Finds hosts that have no node yet, for example of an idle Ironic.
        case services
    }

    /// What was found in a cell.
    public struct Finding: Sendable, Hashable {
        /// A host that was added, and the node that it was found by.
        public struct Host: Sendable, Hashable {
            public var name: String
            /// The UUID of the compute node; `nil` if it has none, or if services were looked for.
            public var nodeUUID: String?
        }

        /// The number of nodes or services that were looked at.
        public var checked = 0
        /// The number of hosts that were in no cell, and are in this one now.
        public var added = 0
        /// Hosts that are mapped to another cell and stay there: most likely a mistake in a host's configuration.
        public var elsewhere: [HostMapping] = []

        public init() {}
    }

    /// How hosts are discovered.
    public struct Configuration: Sendable {
        public var source: Source = .computeNodes
        /// How many cells are worked on at a time.
        public var maximumParallelism = 16
        /// How many nodes or services are read at a time. That is what needs memory, for each cell that is worked on.
        public var pageSize = 500
        /// How long a cell's database may take for one page.
        public var pageTimeout: Duration = .seconds(30)

        public init() {}
    }

    private let directory: any MutableCellDirectory
    private let open: @Sendable (CellMapping) throws(CellError) -> any CellDatabase
    private let configuration: Configuration

    /// Creates a discovery that adds hosts to `directory`. `open` opens a cell's database, for example with
    /// ``DatabaseRegistry/openCellDatabase(of:base:configuration:)``.
    public init(
        into directory: any MutableCellDirectory, configuration: Configuration = Configuration(),
        open: @escaping @Sendable (CellMapping) throws(CellError) -> any CellDatabase
    ) {
        self.directory = directory
        self.configuration = configuration
        self.open = open
    }

    /// Discovers hosts in cells. Cell0, which has none, is skipped; disabled cells are not.
    ///
    /// - Parameters:
    ///   - cells: the cells.
    ///   - found: called for each page's new hosts, with the cell and the number of nodes or services that were looked at, from
    ///     several tasks at a time.
    /// - Returns: each cell's outcome, in the order of `cells`. When the task is cancelled, some may be missing.
    public func run(
        in cells: [CellMapping],
        found: @escaping @Sendable (CellMapping, _ checked: Int, [Finding.Host]) -> Void = { _, _, _ in }
    ) async -> [CellResult<Finding>] {
        var scattering = ScatterConfiguration()
        // A cell's time is up when a page takes too long, however many pages there are.
        scattering.cellTimeout = .seconds(86_400)
        scattering.timeout = .seconds(86_400)
        scattering.maximumParallelism = configuration.maximumParallelism
        let results = Locked<[CellID: CellResult<Finding>]>([:])
        let scatter = Scatter<Finding>(
            configuration: scattering, skip: { $0.isCell0 ? .cell0 : nil },
            work: { cell in try await discover(in: cell, found: found) },
            abandon: { _, _ in }, late: { _ in })
        await scatter.run(cells) { result in results.withLock { $0[result.cell.id] = result } }
        let all = results.withLock { $0 }
        return cells.compactMap { all[$0.id] }
    }

    private func discover(
        in cell: CellMapping, found: @escaping @Sendable (CellMapping, Int, [Finding.Host]) -> Void
    ) async throws -> Finding {
        let database = try open(cell)
        var finding = Finding()
        var elsewhere: Set<String> = []
        var token: PageToken?
        repeat {
            try Task.checkCancellation()
            let page = try await inTime(of: cell) { [token] in try await read(database, after: token) }
            let added = try await add(page.elements, of: cell, database)
            finding.checked += page.elements.count
            finding.added += added.hosts.count
            // A host that has thousands of nodes is named once.
            finding.elsewhere += added.elsewhere.filter { elsewhere.insert($0.host).inserted }
            found(cell, page.elements.count, added.hosts)
            token = page.next
        } while token != nil
        return finding
    }

    /// What a host is found by.
    private struct Candidate: Sendable {
        var host: String
        var nodeUUID: String?
        var nodeID: Int64?
    }

    private func read(_ database: any CellDatabase, after token: PageToken?) async throws(CellError) -> Page<Candidate>
    {
        switch configuration.source {
        case .computeNodes:
            let page = try await database.computeNodes(
                matching: ComputeNodeFilter(isMapped: false), after: token, limit: configuration.pageSize)
            return Page(
                page.elements.map { Candidate(host: $0.host, nodeUUID: $0.uuid, nodeID: $0.id) }, next: page.next)
        case .services:
            let page = try await database.services(
                of: "nova-compute", after: token, limit: configuration.pageSize)
            return Page(page.elements.map { Candidate(host: $0.host) }, next: page.next)
        }
    }

    private func add(
        _ candidates: [Candidate], of cell: CellMapping, _ database: any CellDatabase
    ) async throws -> (hosts: [Finding.Host], elsewhere: [HostMapping]) {
        guard !candidates.isEmpty else { return ([], []) }
        let result = try await directory.addHosts(candidates.map(\.host), to: cell.id)
        var missing = Set(result.added)
        var hosts: [Finding.Host] = []
        var nodes: [Int64] = []
        for candidate in candidates where missing.remove(candidate.host) != nil {
            hosts.append(Finding.Host(name: candidate.host, nodeUUID: candidate.nodeUUID))
            if let node = candidate.nodeID { nodes.append(node) }
        }
        if !nodes.isEmpty {
            try await inTime(of: cell) { [nodes] in try await database.setMapped(true, ofComputeNodes: nodes) }
        }
        return (hosts, result.elsewhere)
    }

    private func inTime<Value: Sendable>(
        of cell: CellMapping, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withDeadline(
            configuration.pageTimeout,
            late: CellError(
                .directoryUnavailable,
                "The database of the cell \(cell.identity) did not answer within \(configuration.pageTimeout).",
                cell: cell.identity),
            body)
    }
}
