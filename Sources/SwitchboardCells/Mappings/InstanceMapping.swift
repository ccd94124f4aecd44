/// The cell that an instance is in.
public struct InstanceMapping: Hashable, Sendable {
    /// Where an instance is.
    public enum Placement: Hashable, Sendable {
        case cell(CellID)
        /// Not mapped to a cell yet.
        case notScheduled
        /// Mapped to a cell that is no longer in the directory. `row` is the number that it had there.
        case missingCell(row: Int64)
    }

    /// The instance's UUID, in lower case with dashes.
    public var instanceUUID: String

    public var placement: Placement

    public var projectID: String

    /// The instance's user; `nil` in rows that are older than the column.
    public var userID: String?

    /// Whether the instance has been deleted in its cell, and the mapping waits for its rows to be archived.
    public var isQueuedForDelete: Bool

    public var createdAt: MappingTimestamp?
    public var updatedAt: MappingTimestamp?

    /// Creates the mapping of an instance to `cell`, or, without a cell, of an instance that isn't scheduled yet.
    public init(
        instanceUUID: String,
        cell: CellID?,
        projectID: String,
        userID: String? = nil,
        isQueuedForDelete: Bool = false,
        createdAt: MappingTimestamp? = nil,
        updatedAt: MappingTimestamp? = nil
    ) {
        self.instanceUUID = UUIDBits(instanceUUID)?.text ?? instanceUUID
        self.placement = cell.map(Placement.cell) ?? .notScheduled
        self.projectID = projectID
        self.userID = userID
        self.isQueuedForDelete = isQueuedForDelete
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// The instance's cell, if it is in one that exists.
    public var cell: CellID? {
        guard case .cell(let id) = placement else { return nil }
        return id
    }
}

/// An instance's mapping and its cell, from one lookup.
public struct InstanceLocation: Hashable, Sendable {
    public var mapping: InstanceMapping

    /// The instance's cell; `nil` while it isn't scheduled.
    public var cell: CellMapping?

    public init(mapping: InstanceMapping, cell: CellMapping?) {
        self.mapping = mapping
        self.cell = cell
    }

    /// Returns the cell, or throws ``CellError/Code/notScheduled``.
    public func requireCell() throws(CellError) -> CellMapping {
        guard let cell else {
            throw CellError(
                .notScheduled,
                "The instance \(mapping.instanceUUID) is not mapped to a cell yet: it waits to be scheduled.")
        }
        return cell
    }
}
