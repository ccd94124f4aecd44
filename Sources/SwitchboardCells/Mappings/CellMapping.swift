/// A cell as stored in a directory: its name, and its URLs with templates not filled in.
///
/// No description, dump or encoding shows the secrets in the URLs.
public struct CellMapping: Hashable, Sendable {
    public var id: CellID

    /// The cell's name, for people. Names aren't unique, and a cell may have none.
    public var name: String?

    /// The message queue's URL as stored; `nil` if the directory has none (a NULL). ``queue(base:)`` says what it
    /// means.
    public var transportURL: URLTemplate?

    /// The database's URL as stored. A ``DatabaseRegistry`` opens what it names; sending messages doesn't need it.
    public var databaseConnection: URLTemplate?

    /// Whether an operator has taken the cell out of use.
    public var isDisabled: Bool

    public var createdAt: MappingTimestamp?
    public var updatedAt: MappingTimestamp?

    /// The directory's own number for the cell, if it has one. Cells are listed in this order.
    public var rowID: Int64?

    public init(
        id: CellID,
        name: String? = nil,
        transportURL: URLTemplate? = nil,
        databaseConnection: URLTemplate? = nil,
        isDisabled: Bool = false,
        createdAt: MappingTimestamp? = nil,
        updatedAt: MappingTimestamp? = nil,
        rowID: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.transportURL = transportURL
        self.databaseConnection = databaseConnection
        self.isDisabled = isDisabled
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.rowID = rowID
    }

    /// Whether this is the cell for instances that couldn't be scheduled.
    public var isCell0: Bool {
        id.isCell0
    }

    /// How the cell is named in sentences: `uuid (name)`.
    public var identity: CellIdentity {
        CellIdentity(id: id, name: name)
    }
}

extension CellMapping: CustomStringConvertible {
    public var description: String {
        let url = transportURL.map(\.description) ?? "no URL"
        return "cell \(identity), \(url)\(isDisabled ? ", disabled" : "")"
    }
}

extension CellMapping: Encodable {
    private enum CodingKeys: String, CodingKey {
        case id = "uuid"
        case name
        case transportURL = "transport_url"
        case databaseConnection = "database_connection"
        case isDisabled = "disabled"
        case createdAt = "created_at"
        case updatedAt = "updated_at"
    }
}
