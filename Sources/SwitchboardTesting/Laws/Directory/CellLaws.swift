import SwitchboardCells

/// The laws about cells.
enum CellLaws {
    static let all = [creation, taken, update, refusals, cell0, order, names, deletion, unknown]

    static let creation = DirectoryLaw("A cell is read back as it was created", .cells) { bench in
        let draft = CellMapping(
            id: .random(), name: "näme", transportURL: "{scheme}://u:p'\"w\\@h/{path}", databaseConnection: "mysql://x",
            isDisabled: true)
        let cell = try await bench.directory.createCell(draft)
        try bench.expect("its identifier", cell.id, is: draft.id)
        try bench.expect("its name", cell.name, is: draft.name)
        try bench.expect("its URL", cell.transportURL?.reveal(), is: draft.transportURL?.reveal())
        try bench.expect("its database", cell.databaseConnection?.reveal(), is: draft.databaseConnection?.reveal())
        try bench.expect("whether it is disabled", cell.isDisabled, is: true)
        try bench.expect(cell.createdAt != nil, "it has no time of creation")
        try bench.expect(cell.updatedAt == nil, "it has a time of change before any change")
        try bench.expect("by its identifier", try await bench.directory.cell(draft.id), is: cell)
        try bench.expect("in the list", try await bench.directory.cells().cells, is: [cell])
        let bare = try await bench.directory.createCell(CellMapping(id: .random(), transportURL: "rabbit://u:p@h/w"))
        try bench.expect("a cell without a name", bare.name, is: nil)
        try bench.expect("a cell without a database", bare.databaseConnection?.reveal(), is: nil)
    }

    static let taken = DirectoryLaw("A cell that exists is not created once more", .cells) { bench in
        let cell = try await bench.makeCell()
        var other = bench.newCell("two")
        other.id = cell.id
        let error = try await bench.expectError(.alreadyExists, "creating a cell that exists") { [other] in
            try await bench.directory.createCell(other)
        }
        try bench.expect(error.message.contains("\(cell.id)"), "the error doesn't name the cell: \(error.message)")
        try bench.expect("the cells", try await bench.directory.cells().cells, is: [cell])
    }

    static let update = DirectoryLaw("An update changes what it names and nothing else", .cells) { bench in
        let cell = try await bench.makeCell()
        let other = try await bench.makeCell("other")
        let renamed = try await bench.directory.updateCell(cell.id, CellChange(name: "two"))
        try bench.expect("the name", renamed.name, is: "two")
        try bench.expect("the URL", renamed.transportURL, is: cell.transportURL)
        try bench.expect("the time of creation", renamed.createdAt, is: cell.createdAt)
        try bench.expect("its place", renamed.rowID, is: cell.rowID)
        try bench.expect(renamed.updatedAt != nil, "it has no time of change")
        let moved = try await bench.directory.updateCell(
            cell.id, CellChange(name: "", transportURL: "spool:///x", databaseConnection: "db", isDisabled: true))
        try bench.expect("a name that was removed", moved.name, is: nil)
        try bench.expect("the new URL", moved.transportURL, is: "spool:///x")
        try bench.expect("the new database", moved.databaseConnection, is: "db")
        try bench.expect(moved.isDisabled, "it is not disabled")
        try bench.expect("what is stored", try await bench.directory.cell(cell.id), is: moved)
        let same = try await bench.directory.updateCell(cell.id, CellChange())
        try bench.expect("a cell after a change of nothing", same, is: moved)
        try bench.expect("another cell", try await bench.directory.cell(other.id), is: other)
    }

    static let refusals = DirectoryLaw("What can never work is not stored", .cells) { bench in
        for url in ["", "no url", "rabbit://h:port/", "rabbit://{user}@h/", "rabbit://u:{@h/"] {
            try await bench.expectError(.badURL, "creating a cell with the URL '\(url)'") {
                try await bench.directory.createCell(bench.newCell("bad", URLTemplate(url)))
            }
        }
        let cell = try await bench.makeCell()
        try await bench.expectError(.badURL, "an update to an empty URL") {
            try await bench.directory.updateCell(cell.id, CellChange(transportURL: ""))
        }
        try await bench.expectError(.badURL, "an update to a template that nothing fills in") {
            try await bench.directory.updateCell(cell.id, CellChange(databaseConnection: "mysql://{nobody}@h/"))
        }
        try bench.expect("the cells", try await bench.directory.cells().cells, is: [cell])
    }

    static let cell0 = DirectoryLaw("Cell0 cannot be disabled", .cells) { bench in
        let cell = try await bench.directory.createCell(CellMapping(id: .cell0, transportURL: "none:///"))
        try await bench.expectError(.invalidValue, "disabling cell0") {
            try await bench.directory.updateCell(.cell0, CellChange(isDisabled: true))
        }
        try bench.expect("cell0", try await bench.directory.cell(.cell0), is: cell)
    }

    static let order = DirectoryLaw("Cells are listed in the order in which they were created", .cells) { bench in
        var cells: [CellMapping] = []
        for number in 0..<8 { cells.append(try await bench.makeCell("c\(9 - number)")) }
        try await bench.directory.updateCell(cells[3].id, CellChange(name: "renamed"))
        let listing = try await bench.directory.cells()
        try bench.expect("the order", listing.cells.map(\.id), is: cells.map(\.id))
        try bench.expect("the defects", listing.defects, is: [])
        let rows = listing.cells.compactMap(\.rowID)
        try bench.expect(
            rows.count == cells.count && zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 },
            "the rows' numbers don't rise: \(rows)")
    }

    static let names = DirectoryLaw("Names are not unique, and the error about one lists its cells", .cells) { bench in
        let one = try await bench.makeCell("twin")
        try bench.expect("a cell by its name", try await bench.directory.cell(named: "twin").id, is: one.id)
        let two = try await bench.makeCell("twin")
        let error = try await bench.expectError(.ambiguousName, "a name of two cells") {
            try await bench.directory.cell(named: "twin")
        }
        for cell in [one, two] {
            try bench.expect(error.message.contains("\(cell.id)"), "it doesn't list \(cell.id): \(error.message)")
        }
        try await bench.expectError(.unknownCell, "a name of no cell") {
            try await bench.directory.cell(named: "other")
        }
    }

    static let deletion = DirectoryLaw("A cell in use is not deleted; force unmaps all but living instances", .cells) {
        bench in
        let directory = bench.directory
        let (cell, other) = (try await bench.makeCell(), try await bench.makeCell("other"))
        try await directory.mapHosts(["a"], to: cell.id)
        try await directory.mapHosts(["b"], to: other.id)
        try await directory.mapInstances([
            bench.instance(101, cell.id), bench.instance(102, cell.id, isDeleted: true), bench.instance(103, other.id),
        ])
        func delete(force: Bool) async throws { try await directory.deleteCell(cell.id, force: force) }
        try await bench.expectError(.hostsMapped, "deleting a cell with hosts") { try await delete(force: false) }
        try await bench.expectError(.instancesMapped, "forcing it") { try await delete(force: true) }
        try await directory.deleteHost("a")
        try await bench.expectError(.instancesMapped, "without hosts") { try await delete(force: false) }
        try await directory.unmapInstances([DirectoryBench.uuid(101)])
        try await bench.expectError(.deletedInstancesMapped, "with deleted instances") {
            try await delete(force: false)
        }
        try await directory.mapHosts(["a"], to: cell.id)
        try await delete(force: true)
        try await bench.expectError(.unknownCell, "a deleted cell") { try await directory.cell(cell.id) }
        try await bench.expectError(.unknownHost, "its host") { try await directory.location(ofHost: "a") }
        try await bench.expectError(.unknownInstance, "its instance") {
            try await directory.location(ofInstance: DirectoryBench.uuid(102))
        }
        try bench.expect("other cells' hosts", try await bench.hosts().map(\.host), is: ["b"])
        try bench.expect("other cells' instances", try await bench.numbers(), is: [103])
        try bench.expect("other cells", try await directory.cells().cells, is: [other])
    }

    static let unknown = DirectoryLaw("A cell that isn't there is an error that names it", .cells) { bench in
        let id = CellID.random()
        let directory = bench.directory
        try await bench.makeCell()
        let errors = [
            try await bench.expectError(.unknownCell, "a look-up") { try await directory.cell(id) },
            try await bench.expectError(.unknownCell, "an update") {
                try await directory.updateCell(id, CellChange(name: "x"))
            },
            try await bench.expectError(.unknownCell, "a deletion") { try await directory.deleteCell(id, force: true) },
            try await bench.expectError(.unknownCell, "its use") { try await directory.usage(of: id) },
            try await bench.expectError(.unknownCell, "mapping a host to it") {
                try await directory.mapHosts(["a"], to: id)
            },
            try await bench.expectError(.unknownCell, "mapping an instance to it") {
                try await directory.mapInstances([bench.instance(1, id)])
            },
        ]
        for error in errors {
            try bench.expect(error.message.contains("\(id)"), "the cell isn't named: \(error.message)")
        }
        try bench.expect("the hosts", try await bench.hosts(), is: [])
        try bench.expect("the instances", try await bench.numbers(), is: [])
    }
}
