/// In which cell a host is. A host's name is unique over all cells.
public struct HostMapping: Hashable, Sendable {
    public var host: String

    /// `nil` when the cell is no longer in the directory.
    public var cell: CellID?

    public var createdAt: MappingTimestamp?
    public var updatedAt: MappingTimestamp?

    public init(
        host: String, cell: CellID?, createdAt: MappingTimestamp? = nil, updatedAt: MappingTimestamp? = nil
    ) {
        self.host = host
        self.cell = cell
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A host's mapping and its cell, from one look-up.
public struct HostLocation: Hashable, Sendable {
    public var mapping: HostMapping
    public var cell: CellMapping

    public init(mapping: HostMapping, cell: CellMapping) {
        self.mapping = mapping
        self.cell = cell
    }
}
