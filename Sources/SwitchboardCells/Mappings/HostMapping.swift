/// The cell that a host is in. A host's name is unique across all cells.
public struct HostMapping: Hashable, Sendable {
    public var host: String

    /// The host's cell; `nil` if it is no longer in the directory.
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

/// A host's mapping and its cell, from one lookup.
public struct HostLocation: Hashable, Sendable {
    public var mapping: HostMapping
    public var cell: CellMapping

    public init(mapping: HostMapping, cell: CellMapping) {
        self.mapping = mapping
        self.cell = cell
    }
}
