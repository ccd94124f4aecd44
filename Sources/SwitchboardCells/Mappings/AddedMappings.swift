/// What became of hosts that were to be added to a cell. Those that it doesn't name were in the cell already.
public struct AddedHosts: Sendable, Hashable {
    /// The hosts that no cell had.
    public var added: [String]
    /// The hosts that another cell has, with that cell. They stay there.
    public var elsewhere: [HostMapping]

    public init(added: [String] = [], elsewhere: [HostMapping] = []) {
        self.added = added
        self.elsewhere = elsewhere
    }
}

/// What became of instances that were to be added to a cell.
public struct AddedInstances: Sendable, Hashable {
    /// The number of instances that had no mapping.
    public var added: Int
    /// The number of instances that were mapped to the cell already, or that wait to be scheduled.
    public var unchanged: Int
    /// The number of instances that are mapped to another cell. They stay there.
    public var elsewhere: Int

    public init(added: Int = 0, unchanged: Int = 0, elsewhere: Int = 0) {
        self.added = added
        self.unchanged = unchanged
        self.elsewhere = elsewhere
    }
}

/// How far the mapping of a cell's instances from its database has come: up to which instance.
///
/// Nova keeps it as a row among the instances' mappings, between runs of `nova-manage cell_v2 map_instances --max-count`.
public struct InstanceMarker: Sendable, Hashable {
    /// A change of a marker: where it was and where it is to be. `nil` means that there is none.
    public struct Step: Sendable, Hashable {
        public var from: String?
        public var to: String?

        public init(from: String?, to: String?) {
            self.from = from
            self.to = to
        }
    }

    /// The last instance that is mapped, in the order of ``CellDatabase/instances(after:limit:)``.
    public var instanceUUID: String
    /// The cell that the instance is mapped to; `nil` if it has no mapping any more.
    public var cell: CellID?

    public init(instanceUUID: String, cell: CellID?) {
        self.instanceUUID = instanceUUID
        self.cell = cell
    }
}

extension MutableCellDirectory {
    /// Looks each host up, and maps those that have no mapping. Another writer may come in between.
    public func addHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> AddedHosts {
        var result = AddedHosts()
        for host in hosts {
            do {
                let mapping = try await location(ofHost: host).mapping
                if mapping.cell != cell { result.elsewhere.append(mapping) }
            } catch  where error.code == .unknownHost {
                if !result.added.contains(host) { result.added.append(host) }
            } catch  where error.code == .unknownCell {
                result.elsewhere.append(HostMapping(host: host, cell: nil))
            }
        }
        if !result.added.isEmpty { try await mapHosts(result.added, to: cell) }
        return result
    }

    /// Looks each instance up, and maps those that have no mapping. Another writer may come in between.
    public func addInstances(
        _ mappings: [InstanceMapping], to cell: CellID, marker: InstanceMarker.Step?
    ) async throws(CellError) -> AddedInstances {
        if marker != nil {
            throw CellError(.unsupported, "This directory can't note how far the mapping of instances has come.")
        }
        var result = AddedInstances()
        var missing: [InstanceMapping] = []
        for var mapping in mappings {
            do {
                let found = try await location(ofInstance: mapping.instanceUUID)
                if let other = found.cell, other.id != cell {
                    result.elsewhere += 1
                } else {
                    result.unchanged += 1
                }
            } catch  where error.code == .unknownInstance {
                mapping.placement = .cell(cell)
                missing.append(mapping)
            } catch  where error.code == .unknownCell {
                result.elsewhere += 1
            }
        }
        if !missing.isEmpty { result.added = try await mapInstances(missing).added }
        return result
    }

    public var keepsInstanceMarkers: Bool { false }

    /// None.
    public func instanceMarkers() async throws(CellError) -> [InstanceMarker] { [] }
}
