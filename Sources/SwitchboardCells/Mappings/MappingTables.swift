/// The tables of the directory in memory, and what changes them. A value: no lock in here.
struct MappingTables {
    struct Row<Mapping> {
        var position: Int64
        var mapping: Mapping
    }

    private(set) var cells: [CellID: CellMapping] = [:]
    private(set) var instances: [String: Row<InstanceMapping>] = [:]
    private(set) var hosts: [String: Row<HostMapping>] = [:]
    private(set) var version: Int64 = 0
    private var lastPosition: Int64 = 0
    /// How far the mapping of cells' instances has come, the newest first.
    private var markers: [String] = []

    static func order(_ left: CellMapping, _ right: CellMapping) -> Bool {
        (left.rowID ?? 0) < (right.rowID ?? 0)
    }

    func location(ofInstance uuid: String) throws(CellError) -> InstanceLocation {
        guard let mapping = instances[uuid]?.mapping else { throw CellError.unknownInstance(uuid) }
        return InstanceLocation(mapping: mapping, cell: try mapping.cell.map(cell(_:)))
    }

    func location(ofHost host: String) throws(CellError) -> HostLocation {
        guard let mapping = hosts[host]?.mapping, let id = mapping.cell else { throw CellError.unknownHost(host) }
        return HostLocation(mapping: mapping, cell: try cell(id))
    }

    func cell(_ id: CellID) throws(CellError) -> CellMapping {
        guard let cell = cells[id] else { throw CellError.unknownCell(id) }
        return cell
    }

    func usage(of cell: CellID) -> CellUsage {
        let mappings = instances.values.lazy.filter { $0.mapping.cell == cell }
        return CellUsage(
            hosts: hosts.values.count { $0.mapping.cell == cell },
            instances: mappings.count { !$0.mapping.isQueuedForDelete },
            instancesQueuedForDelete: mappings.count { $0.mapping.isQueuedForDelete })
    }

    mutating func create(_ cell: CellMapping) throws(CellError) -> CellMapping {
        try cell.checkForStorage()
        guard cells[cell.id] == nil else { throw CellError.cellExists(cell.id) }
        var cell = cell
        cell.createdAt = cell.createdAt ?? .now()
        cell.rowID = nextPosition()
        cells[cell.id] = cell
        version += 1
        return cell
    }

    mutating func update(_ id: CellID, _ change: CellChange) throws(CellError) -> CellMapping {
        let old = try cell(id)
        var new = change.applied(to: old)
        if new == old { return old }
        try new.checkForStorage(replacing: old)
        new.updatedAt = .now()
        cells[id] = new
        version += 1
        return new
    }

    mutating func delete(_ id: CellID, force: Bool) throws(CellError) {
        let cell = try cell(id)
        try usage(of: id).checkDeletion(of: cell.identity, force: force)
        hosts = hosts.filter { $0.value.mapping.cell != id }
        instances = instances.filter { $0.value.mapping.cell != id }
        cells[id] = nil
        version += 1
    }

    mutating func map(_ mappings: [InstanceMapping]) throws(CellError) -> MappingResult {
        for mapping in mappings {
            try mapping.checkForStorage()
            if let id = mapping.cell { _ = try cell(id) }
        }
        var result = MappingResult()
        for mapping in mappings {
            if let old = instances[mapping.instanceUUID] {
                guard old.mapping.differsInContent(from: mapping) else {
                    result.unchanged += 1
                    continue
                }
                var new = mapping
                new.createdAt = old.mapping.createdAt
                new.updatedAt = .now()
                instances[mapping.instanceUUID] = Row(position: old.position, mapping: new)
                result.changed += 1
            } else {
                var new = mapping
                new.createdAt = new.createdAt ?? .now()
                instances[mapping.instanceUUID] = Row(position: nextPosition(), mapping: new)
                result.added += 1
            }
        }
        version += result.added + result.changed > 0 ? 1 : 0
        return result
    }

    mutating func unmap(_ uuids: [String]) -> Int {
        let count = uuids.count { instances.removeValue(forKey: $0) != nil }
        version += count > 0 ? 1 : 0
        return count
    }

    mutating func map(_ names: [String], to id: CellID) throws(CellError) -> MappingResult {
        _ = try cell(id)
        for name in names { try HostMapping.check(name) }
        var result = MappingResult()
        for name in names {
            if let old = hosts[name] {
                if old.mapping.cell == id {
                    result.unchanged += 1
                    continue
                }
                hosts[name]?.mapping.cell = id
                hosts[name]?.mapping.updatedAt = .now()
                result.changed += 1
            } else {
                hosts[name] = Row(
                    position: nextPosition(), mapping: HostMapping(host: name, cell: id, createdAt: .now()))
                result.added += 1
            }
        }
        version += result.added + result.changed > 0 ? 1 : 0
        return result
    }

    mutating func add(_ names: [String], to id: CellID) throws(CellError) -> AddedHosts {
        _ = try cell(id)
        for name in names { try HostMapping.check(name) }
        var result = AddedHosts()
        for name in names {
            guard let old = hosts[name]?.mapping else {
                hosts[name] = Row(
                    position: nextPosition(), mapping: HostMapping(host: name, cell: id, createdAt: .now()))
                result.added.append(name)
                continue
            }
            if old.cell != id { result.elsewhere.append(old) }
        }
        version += result.added.isEmpty ? 0 : 1
        return result
    }

    mutating func add(
        _ mappings: [InstanceMapping], to id: CellID, marker: InstanceMarker.Step?
    ) throws(CellError) -> AddedInstances {
        _ = try cell(id)
        var new: [InstanceMapping] = []
        var result = AddedInstances()
        for var mapping in mappings {
            mapping.placement = .cell(id)
            try mapping.checkForStorage()
            guard let old = instances[mapping.instanceUUID]?.mapping else {
                new.append(mapping)
                continue
            }
            if let other = old.cell, other != id { result.elsewhere += 1 } else { result.unchanged += 1 }
        }
        result.added = try map(new).added
        result.unchanged += new.count - result.added
        guard let marker else { return result }
        let known = instances
        let others = markers.filter { $0 != marker.from && $0 != marker.to && known[$0] != nil }
        markers = (marker.to.map { [$0] } ?? []) + others
        version += 1
        return result
    }

    func instanceMarkers() -> [InstanceMarker] {
        markers.map { InstanceMarker(instanceUUID: $0, cell: instances[$0]?.mapping.cell) }
    }

    mutating func deleteHost(_ host: String) throws(CellError) {
        guard hosts.removeValue(forKey: host) != nil else { throw CellError.unknownHost(host) }
        version += 1
    }

    private mutating func nextPosition() -> Int64 {
        lastPosition += 1
        return lastPosition
    }
}
