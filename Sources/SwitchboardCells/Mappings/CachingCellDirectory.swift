internal import SwitchboardCore

/// A directory that answers look-ups of instances from memory for a short time: an answer may be as old as the lifetime.
///
/// Only instances that are in a cell are remembered, and only where they are looked up by
/// ``CellDirectory/location(ofInstance:)``. What is written through this object is forgotten at once, and everything is
/// forgotten when ``CellDirectory/version()`` says that a cell has changed, which a running `CellContextManager` asks for
/// regularly. What another program does to an instance is seen when the lifetime is over.
///
/// Without it nothing is cached. ``CellDirectory/cachingInstances(limit:lifetime:)`` puts one before a directory of any type.
public struct CachingCellDirectory<Base: CellDirectory>: CellDirectory {
    /// The directory that is asked.
    public let base: Base

    private let lifetime: Duration
    private let elapsed: @Sendable () -> Duration
    private let memory: Locked<LocationMemory>

    /// Puts a memory before a directory.
    ///
    /// - Parameters:
    ///   - base: the directory.
    ///   - limit: how many instances are remembered at most. Each takes about half a kilobyte.
    ///   - lifetime: how old an answer may be.
    ///   - clock: measures the lifetime.
    public init(
        _ base: Base, limit: Int, lifetime: Duration, clock: some Clock<Duration> = ContinuousClock()
    ) {
        self.base = base
        self.lifetime = lifetime
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
        memory = Locked(LocationMemory(limit: limit))
    }

    public func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        let uuid = try canonicalInstanceUUID(instanceUUID)
        let now = elapsed()
        let (known, generation) = memory.withLock { memory in (memory.location(of: uuid, now: now), memory.generation) }
        if let known { return known }
        let location = try await base.location(ofInstance: instanceUUID)
        if location.cell != nil {
            memory.withLock { $0.remember(location, of: uuid, until: now + lifetime, readIn: generation) }
        }
        return location
    }

    public func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await base.location(ofHost: host)
    }

    public func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        try await base.cell(id)
    }

    public func cells() async throws(CellError) -> CellListing {
        try await base.cells()
    }

    public func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await base.cells(ofProject: projectID)
    }

    public func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        try await base.instanceMappings(matching: filter, after: token, limit: limit)
    }

    public func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        try await base.hostMappings(in: cell, after: token, limit: limit)
    }

    public func instanceCounts(
        ofProject projectID: String, user userID: String?
    ) async throws(CellError) -> InstanceCounts {
        try await base.instanceCounts(ofProject: projectID, user: userID)
    }

    public func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try await base.usage(of: cell)
    }

    /// The version of the directory behind it. If it has changed, all instances are forgotten.
    public func version() async throws(CellError) -> DirectoryVersion {
        let version = try await base.version()
        memory.withLock { $0.note(version) }
        return version
    }

    /// Runs a change. What it may concern is forgotten before and after it, so that no look-up in between is remembered.
    private func changing<Value>(
        _ uuids: [String]?, _ body: () async throws(CellError) -> Value
    ) async throws(CellError) -> Value {
        memory.withLock { $0.forget(uuids) }
        defer { memory.withLock { $0.forget(uuids) } }
        return try await body()
    }
}

extension CachingCellDirectory: MutableCellDirectory where Base: MutableCellDirectory {
    @discardableResult
    public func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
        try await base.createCell(cell)
    }

    @discardableResult
    public func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        try await changing(nil) { () async throws(CellError) in try await base.updateCell(id, change) }
    }

    public func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        try await changing(nil) { () async throws(CellError) in try await base.deleteCell(id, force: force) }
    }

    @discardableResult
    public func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        try await changing(mappings.map(\.instanceUUID)) { () async throws(CellError) in
            try await base.mapInstances(mappings)
        }
    }

    @discardableResult
    public func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
        try await changing(instanceUUIDs) { () async throws(CellError) in
            try await base.unmapInstances(instanceUUIDs)
        }
    }

    @discardableResult
    public func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        try await base.mapHosts(hosts, to: cell)
    }

    public func deleteHost(_ host: String) async throws(CellError) {
        try await base.deleteHost(host)
    }
}

extension CellDirectory {
    /// This directory with a memory of instances before it. See ``CachingCellDirectory`` for what that means.
    ///
    /// - Parameters:
    ///   - limit: how many instances are remembered at most. Each takes about half a kilobyte.
    ///   - lifetime: how old an answer may be.
    public func cachingInstances(limit: Int, lifetime: Duration) -> any CellDirectory {
        CachingCellDirectory(self, limit: limit, lifetime: lifetime)
    }
}

extension MutableCellDirectory {
    /// This directory with a memory of instances before it. See ``CachingCellDirectory`` for what that means.
    ///
    /// - Parameters:
    ///   - limit: how many instances are remembered at most. Each takes about half a kilobyte.
    ///   - lifetime: how old an answer may be.
    public func cachingInstances(limit: Int, lifetime: Duration) -> any MutableCellDirectory {
        CachingCellDirectory(self, limit: limit, lifetime: lifetime)
    }
}

/// What is remembered: the instances that were looked up last, in two generations, of which the older one goes as a whole.
private struct LocationMemory {
    private struct Entry {
        var location: InstanceLocation
        var end: Duration
    }

    private let limit: Int
    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]
    private var version: DirectoryVersion?

    /// Counts what was forgotten: what was read before must not be remembered after.
    private(set) var generation: UInt64 = 0

    init(limit: Int) {
        self.limit = max(2, limit)
    }

    func location(of uuid: String, now: Duration) -> InstanceLocation? {
        guard let entry = young[uuid] ?? old[uuid], now < entry.end else { return nil }
        return entry.location
    }

    mutating func remember(
        _ location: InstanceLocation, of uuid: String, until end: Duration, readIn generation: UInt64
    ) {
        guard generation == self.generation else { return }
        if young.count >= limit / 2 {
            old = young
            young = [:]
        }
        young[uuid] = Entry(location: location, end: end)
    }

    /// Forgets instances; all with `nil`.
    mutating func forget(_ uuids: [String]?) {
        generation &+= 1
        guard let uuids else {
            (young, old) = ([:], [:])
            return
        }
        for uuid in uuids {
            guard let uuid = UUIDBits(uuid)?.text else { continue }
            young[uuid] = nil
            old[uuid] = nil
        }
    }

    mutating func note(_ version: DirectoryVersion) {
        if let known = self.version, known != version { forget(nil) }
        self.version = version
    }
}
