/// The write side of a directory. Every call is one transaction: it takes effect completely or not at all.
public protocol MutableCellDirectory: CellDirectory {
    /// Adds a cell and returns it as stored.
    ///
    /// Throws ``CellError/Code/alreadyExists`` for a taken UUID, ``CellError/Code/badURL`` for URLs that can never work
    /// (``CellMapping/checkForStorage(replacing:)``), ``CellError/Code/invalidValue``.
    @discardableResult
    func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping

    /// Changes what `change` names, and nothing else; returns the cell as stored.
    @discardableResult
    func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping

    /// Deletes a cell that isn't referred to. `force` also unmaps its hosts and the instances that wait for deletion.
    ///
    /// Throws ``CellError/Code/unknownCell``, ``CellError/Code/hostsMapped``, ``CellError/Code/instancesMapped`` (also
    /// with `force`) and ``CellError/Code/deletedInstancesMapped``.
    func deleteCell(_ id: CellID, force: Bool) async throws(CellError)

    /// Maps instances; one that is mapped already is moved. Returns how many were added and how many changed.
    @discardableResult
    func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult

    /// Forgets instances; returns how many there were.
    @discardableResult
    func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int

    /// Maps hosts to a cell; one that is mapped already is moved. Returns how many were added and how many changed.
    @discardableResult
    func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult

    /// Removes a host. Throws ``CellError/Code/unknownHost``.
    func deleteHost(_ host: String) async throws(CellError)

    /// Maps hosts that no cell has to a cell. One that is mapped already stays where it is.
    ///
    /// Throws ``CellError/Code/unknownCell`` and ``CellError/Code/invalidValue``.
    func addHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> AddedHosts

    /// Maps instances that have no mapping to a cell. One that has a mapping keeps it as it is.
    ///
    /// - Parameters:
    ///   - mappings: the instances; the placement in them isn't looked at.
    ///   - cell: the cell.
    ///   - marker: how far the mapping of the cell's instances has come with these, noted in the same transaction. Markers of
    ///     other cells stay; those whose instance has no mapping any more are removed, because no run can continue there.
    /// - Throws: ``CellError/Code/unknownCell``, ``CellError/Code/invalidValue``, and ``CellError/Code/unsupported`` for a
    ///   marker where ``keepsInstanceMarkers`` is `false`.
    func addInstances(
        _ mappings: [InstanceMapping], to cell: CellID, marker: InstanceMarker.Step?
    ) async throws(CellError) -> AddedInstances

    /// Whether the directory can note how far the mapping of a cell's instances has come. `false` by default.
    var keepsInstanceMarkers: Bool { get }

    /// The notes of how far the mapping of cells' instances has come, ours and Nova's, in the order in which Nova reads them.
    func instanceMarkers() async throws(CellError) -> [InstanceMarker]
}

/// A change to a cell. `nil` leaves a value as it is. (Nova's `update_cell` overwrites URLs that aren't given.)
public struct CellChange: Sendable, Hashable {
    /// The new name; an empty one removes the name.
    public var name: String?
    public var transportURL: URLTemplate?
    public var databaseConnection: URLTemplate?
    public var isDisabled: Bool?

    public init(
        name: String? = nil,
        transportURL: URLTemplate? = nil,
        databaseConnection: URLTemplate? = nil,
        isDisabled: Bool? = nil
    ) {
        self.name = name
        self.transportURL = transportURL
        self.databaseConnection = databaseConnection
        self.isDisabled = isDisabled
    }

    /// Returns the cell with the change applied. The directory sets the time of the change.
    public func applied(to cell: CellMapping) -> CellMapping {
        var cell = cell
        if let name { cell.name = name.isEmpty ? nil : name }
        if let transportURL { cell.transportURL = transportURL }
        if let databaseConnection { cell.databaseConnection = databaseConnection }
        if let isDisabled { cell.isDisabled = isDisabled }
        return cell
    }
}

public struct MappingResult: Sendable, Hashable {
    public var added: Int
    public var changed: Int
    /// The number of mappings that existed already.
    public var unchanged: Int

    public init(added: Int = 0, changed: Int = 0, unchanged: Int = 0) {
        self.added = added
        self.changed = changed
        self.unchanged = unchanged
    }
}

extension CellMapping {
    /// Checks that every directory makes before it stores a cell, without knowing a base URL: the length of the name,
    /// the syntax of templates, that there is a URL, that it is well formed if it isn't a template, and that cell0
    /// isn't disabled.
    ///
    /// - Parameter old: what is stored. Unchanged values aren't checked, so a cell with a bad URL can still be renamed
    ///   or disabled.
    public func checkForStorage(replacing old: CellMapping? = nil) throws(CellError) {
        if let name, name != old?.name, name.unicodeScalars.count > 255 {
            throw CellError(.invalidValue, "The cell's name has more than 255 characters.", cell: identity)
        }
        if isCell0, isDisabled {
            throw CellError(.invalidValue, "Cell0 cannot be disabled.", cell: identity)
        }
        if old == nil || transportURL != old?.transportURL {
            try checkTransportURL()
        }
        if databaseConnection != old?.databaseConnection {
            try checkSyntax(of: databaseConnection, named: "database connection")
        }
    }

    private func checkTransportURL() throws(CellError) {
        if let transportURL, transportURL.isTemplate {
            try checkSyntax(of: transportURL, named: "transport URL")
        }
        if transportURL?.variables.isEmpty ?? true {
            _ = try queue()
        }
    }

    private func checkSyntax(of template: URLTemplate?, named what: String) throws(CellError) {
        do {
            try template?.checkSyntax()
        } catch {
            throw CellError(
                .badURL, "The \(what) of the cell \(identity) cannot be stored. \(error.description)", cell: identity,
                cause: error)
        }
    }
}
