import SwitchboardCells

/// The laws about noticing changes.
enum VersionLaws {
    static let all = [changes, rotation, rests, mappings, others]

    static let changes = DirectoryLaw("The version changes with every change to a cell", .versions) { bench in
        var versions = [try await bench.directory.version()]
        func note(_ what: String) async throws {
            let version = try await bench.directory.version()
            try bench.expect(version != versions.last, "it stays when \(what)")
            versions.append(version)
        }
        let cell = try await bench.makeCell()
        try await note("a cell is created")
        for (what, change) in [
            ("a name changes", CellChange(name: "two")), ("a name is removed", CellChange(name: "")),
            ("a URL changes", CellChange(transportURL: "rabbit://u:q@h/v")),
            ("a database changes", CellChange(databaseConnection: "mysql://x")),
            ("a cell is disabled", CellChange(isDisabled: true)), ("a cell is enabled", CellChange(isDisabled: false)),
        ] {
            try await bench.directory.updateCell(cell.id, change)
            try await note(what)
        }
        let other = try await bench.makeCell("other")
        try await note("another cell is created")
        try await bench.directory.deleteCell(cell.id, force: false)
        try await note("a cell is deleted")
        try await bench.directory.updateCell(other.id, CellChange(transportURL: "spool:///x"))
        try await note("the other cell's URL changes")
    }

    static let rotation = DirectoryLaw("The version changes when the same change is made to every cell", .versions) {
        bench in
        var cells: [CellMapping] = []
        for number in 1...4 { cells.append(try await bench.makeCell("cell\(number)")) }
        var versions = [try await bench.directory.version()]
        for password in ["q", "r", "p"] {
            for cell in cells {
                try await bench.directory.updateCell(
                    cell.id, CellChange(transportURL: URLTemplate("rabbit://u:\(password)@h/v")))
            }
            versions.append(try await bench.directory.version())
        }
        try bench.expect(zip(versions, versions.dropFirst()).allSatisfy { $0 != $1 }, "it stays after some change")
    }

    static let rests = DirectoryLaw(
        "The version stays while nothing changes, whatever is read", .versions, proves: .keepsVersion
    ) { bench in
        let cell = try await bench.makeCell()
        try await bench.directory.mapInstances([bench.instance(1, cell.id)])
        let version = try await bench.directory.version()
        _ = try await bench.directory.cells()
        _ = try await bench.directory.location(ofInstance: DirectoryBench.uuid(1))
        _ = try await bench.numbers()
        _ = try await bench.directory.usage(of: cell.id)
        try await bench.directory.updateCell(cell.id, CellChange())
        try bench.expect("the version", try await bench.directory.version(), is: version)
    }

    static let mappings = DirectoryLaw(
        "The version changes with mappings of instances and hosts", .versions, proves: .noticesMappings
    ) { bench in
        let cell = try await bench.makeCell()
        var last = try await bench.directory.version()
        func note(_ what: String) async throws {
            let version = try await bench.directory.version()
            try bench.expect(version != last, "it stays when \(what)")
            last = version
        }
        try await bench.directory.mapHosts(["a"], to: cell.id)
        try await note("a host is mapped")
        try await bench.directory.mapInstances([bench.instance(1, cell.id)])
        try await note("an instance is mapped")
        try await bench.directory.deleteHost("a")
        try await note("a host is deleted")
        try await bench.directory.unmapInstances([DirectoryBench.uuid(1)])
        try await note("an instance is forgotten")
    }

    static let others = DirectoryLaw(
        "What another program changes is seen at once, and changes the version", .versions, proves: .shared
    ) { bench in
        let (directory, other) = (bench.directory, try bench.other())
        let cell = try await bench.makeCell()
        try bench.expect("a cell, as the other one sees it", try await other.cell(cell.id), is: cell)
        var last = try await directory.version()
        try await other.updateCell(cell.id, CellChange(transportURL: "rabbit://u:q@h/new"))
        try bench.expect(try await directory.version() != last, "the version stays")
        last = try await directory.version()
        try bench.expect("the URL", try await directory.cell(cell.id).transportURL, is: "rabbit://u:q@h/new")
        try await other.mapInstances([bench.instance(1, cell.id)])
        try bench.expect("an instance", try await directory.cell(ofInstance: DirectoryBench.uuid(1)).id, is: cell.id)
        try await other.unmapInstances([DirectoryBench.uuid(1)])
        try await other.deleteCell(cell.id, force: false)
        try bench.expect(try await directory.version() != last, "the version stays when a cell is deleted")
        try bench.expect("the cells", try await directory.cells().cells, is: [])
    }
}
