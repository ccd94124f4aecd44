import ArgumentParser
import SwitchboardCells

/// Makes a cell of the hosts that a database has, unless they are in one already.
struct CellWithHosts {
    enum Outcome {
        case noHosts
        /// All hosts were mapped before; with the cell of the last one.
        case allMapped(CellMapping)
        case mapped(CellMapping, isNew: Bool, hosts: [String])
    }

    var name: String?
    var transportURL: URLTemplate
    var databaseConnection: URLTemplate
    var base: BaseURLs
    var opening: CellDatabaseOptions

    /// The cell as it would be made; throws where its URLs cannot be used.
    @discardableResult
    func draft() throws -> CellMapping {
        let draft = CellMapping(
            id: .random(), name: name, transportURL: transportURL, databaseConnection: databaseConnection)
        try checkURLs(of: draft, base: base, exit: 1, isNew: true)
        return draft
    }

    func run(in directory: any MutableCellDirectory, verbose: Bool = false) async throws -> Outcome {
        let draft = try draft()
        let hosts = try await reachingCellDatabase(advice: "No cell was made.") {
            try await self.hosts(of: opening.open(draft, base: base))
        }
        if hosts.isEmpty { return .noHosts }
        let (missing, known) = try await mapped(hosts, in: directory, verbose: verbose)
        if missing.isEmpty, let known { return .allMapped(known) }
        let (cell, isNew) = try await cell(known, or: draft, in: directory)
        let result = try await directory.addHosts(missing, to: cell.id)
        return .mapped(cell, isNew: isNew, hosts: result.added)
    }

    /// The hosts that are in no cell, and the cell of the last one that is in one.
    private func mapped(
        _ hosts: [String], in directory: any MutableCellDirectory, verbose: Bool
    ) async throws -> (missing: [String], cell: CellMapping?) {
        var missing: [String] = []
        var cell: CellMapping?
        for host in hosts {
            guard let location = try await location(of: host, in: directory) else {
                missing.append(host)
                continue
            }
            if verbose { complain("The host \(host) is mapped to the cell \(location.cell.identity) already.") }
            cell = location.cell
        }
        return (missing, cell)
    }

    private func location(of host: String, in directory: any MutableCellDirectory) async throws -> HostLocation? {
        do {
            return try await directory.location(ofHost: host)
        } catch {
            if error.code == .unknownHost { return nil }
            throw error
        }
    }

    /// The cell that the hosts go to.
    private func cell(
        _ known: CellMapping?, or draft: CellMapping, in directory: any MutableCellDirectory
    ) async throws -> (CellMapping, isNew: Bool) {
        if let known { return (known, false) }
        // A run that was interrupted has made the cell, and mapped no host yet.
        if let same = try await cellWithSameDatabase(as: draft, in: directory) { return (same, false) }
        return (try await directory.createCell(draft), true)
    }

    /// The names of the hosts, each once.
    private func hosts(of database: any CellDatabase) async throws(CellError) -> [String] {
        var names: [String] = []
        var known: Set<String> = []
        var token: PageToken?
        repeat {
            let page = try await database.computeNodes(matching: .all, after: token, limit: 1000)
            for node in page.elements where known.insert(node.host).inserted { names.append(node.host) }
            token = page.next
        } while token != nil
        return names
    }

    private func cellWithSameDatabase(
        as draft: CellMapping, in directory: any MutableCellDirectory
    ) async throws -> CellMapping? {
        let database = try draft.database(base: base)
        return try await directory.cells().cells.first { cell in
            !cell.isCell0 && (try? cell.database(base: base)) == database
        }
    }
}
