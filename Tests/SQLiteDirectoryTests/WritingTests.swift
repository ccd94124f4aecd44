import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite
import Testing

/// The same expectations for every directory that can be written.
@Suite("Writing to a directory")
struct WritingTests {
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case sqlite, nova, memory
        var testDescription: String { rawValue }
    }

    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    func directory(_ kind: Kind) throws -> any MutableCellDirectory {
        switch kind {
        case .memory: return InMemoryCellDirectory()
        case .sqlite:
            var configuration = SQLiteCellDirectory.Configuration()
            configuration.createsIfMissing = true
            return try SQLiteCellDirectory("sqlite:///" + scratch.path("new.sqlite"), configuration: configuration)
        case .nova: return try SQLiteCellDirectory(scratch.novaSample())
        }
    }

    func newCell(_ name: String, _ url: URLTemplate = "rabbit://u:p@h/v") -> CellMapping {
        CellMapping(id: .random(), name: name, transportURL: url)
    }

    @Test("A cell is read back as it was made", arguments: Kind.allCases)
    func create(kind: Kind) async throws {
        let directory = try directory(kind)
        let draft = CellMapping(
            id: .random(), name: "näme", transportURL: "{scheme}://u:p'\"w@h/{path}", databaseConnection: "mysql://x")
        let cell = try await directory.createCell(draft)
        #expect(cell.id == draft.id)
        #expect(cell.name == draft.name)
        #expect(cell.transportURL == draft.transportURL)
        #expect(cell.databaseConnection == draft.databaseConnection)
        #expect(cell.createdAt != nil && cell.updatedAt == nil && cell.rowID != nil)
        #expect(try await directory.cell(draft.id) == cell)
        #expect(try await directory.cells().cells.last == cell)
        #expect(await cellError { try await directory.createCell(draft) }?.code == .alreadyExists)
    }

    @Test("An update changes what it names and nothing else", arguments: Kind.allCases)
    func update(kind: Kind) async throws {
        let directory = try directory(kind)
        let cell = try await directory.createCell(newCell("one"))
        let renamed = try await directory.updateCell(cell.id, CellChange(name: "two"))
        #expect(renamed.name == "two")
        #expect(renamed.transportURL == cell.transportURL)
        #expect(renamed.updatedAt != nil)
        let moved = try await directory.updateCell(
            cell.id, CellChange(name: "", transportURL: "spool:///x", databaseConnection: "db", isDisabled: true))
        #expect(moved.name == nil && moved.transportURL == "spool:///x" && moved.databaseConnection == "db")
        #expect(moved.isDisabled)
        #expect(try await directory.updateCell(cell.id, CellChange()) == moved)
        #expect(
            await cellError { try await directory.updateCell(.random(), CellChange(name: "x")) }?.code == .unknownCell)
    }

    @Test("What can never work is not stored", arguments: Kind.allCases)
    func refuses(kind: Kind) async throws {
        let directory = try directory(kind)
        for url in ["", "no url", "rabbit://h:port/", "rabbit://{user}@h/", "rabbit://u:{@h/"] {
            let error = await cellError { try await directory.createCell(newCell("bad", URLTemplate(url))) }
            #expect(error?.code == .badURL, "\(url)")
        }
        let cell = try await directory.createCell(newCell("good"))
        let error = await cellError { try await directory.updateCell(cell.id, CellChange(transportURL: "")) }
        #expect(error?.code == .badURL)
        #expect(try await directory.cell(cell.id) == cell)
        let long = String(repeating: "x", count: 256)
        #expect(await cellError { try await directory.createCell(newCell(long)) }?.code == .invalidValue)
        #expect(await cellError { try await directory.mapHosts([""], to: cell.id) }?.code == .invalidValue)
    }

    @Test("Cell0 cannot be disabled", arguments: [Kind.sqlite, .memory])
    func cell0(kind: Kind) async throws {
        let directory = try directory(kind)
        try await directory.createCell(CellMapping(id: .cell0, transportURL: "none:///"))
        let error = await cellError { try await directory.updateCell(.cell0, CellChange(isDisabled: true)) }
        #expect(error?.code == .invalidValue)
    }

    @Test("Instances are mapped, moved, left and forgotten, each in one transaction", arguments: Kind.allCases)
    func instances(kind: Kind) async throws {
        let directory = try directory(kind)
        let one = try await directory.createCell(newCell("one"))
        let two = try await directory.createCell(newCell("two"))
        func mapping(_ number: Int, _ cell: CellID?) -> InstanceMapping {
            InstanceMapping(instanceUUID: instance(number), cell: cell, projectID: "p", userID: "u")
        }
        let first = try await directory.mapInstances([mapping(101, one.id), mapping(102, nil)])
        #expect(first == MappingResult(added: 2))
        let second = try await directory.mapInstances([mapping(101, two.id), mapping(102, nil), mapping(103, one.id)])
        #expect(second == MappingResult(added: 1, changed: 1, unchanged: 1))
        #expect(try await directory.cell(ofInstance: instance(101)).id == two.id)
        #expect(try await directory.location(ofInstance: instance(101)).mapping.updatedAt != nil)
        #expect(await cellError { try await directory.cell(ofInstance: instance(102)) }?.code == .notScheduled)
        let failed = await cellError {
            try await directory.mapInstances([mapping(104, one.id), mapping(105, .random())])
        }
        #expect(failed?.code == .unknownCell)
        #expect(await cellError { try await directory.location(ofInstance: instance(104)) }?.code == .unknownInstance)
        #expect(try await directory.unmapInstances([instance(101).uppercased(), instance(199)]) == 1)
        #expect(await cellError { try await directory.location(ofInstance: instance(101)) }?.code == .unknownInstance)
        #expect(try await collect(directory.instanceMappings(matching: InstanceFilter(projectID: "p"))).count == 2)
    }

    @Test("Hosts are mapped, moved and forgotten", arguments: Kind.allCases)
    func hosts(kind: Kind) async throws {
        let directory = try directory(kind)
        let one = try await directory.createCell(newCell("one"))
        let two = try await directory.createCell(newCell("two"))
        #expect(try await directory.mapHosts(["a", "b"], to: one.id) == MappingResult(added: 2))
        #expect(try await directory.mapHosts(["a", "b", "c"], to: one.id) == MappingResult(added: 1, unchanged: 2))
        #expect(try await directory.mapHosts(["a"], to: two.id) == MappingResult(changed: 1))
        #expect(try await directory.location(ofHost: "a").cell.id == two.id)
        #expect(try await collect(directory.hostMappings(in: one.id)).map(\.host) == ["b", "c"])
        try await directory.deleteHost("a")
        #expect(await cellError { try await directory.deleteHost("a") }?.code == .unknownHost)
    }

    @Test("A cell in use is not deleted; force unmaps all but living instances", arguments: Kind.allCases)
    func deletion(kind: Kind) async throws {
        let directory = try directory(kind)
        let cell = try await directory.createCell(newCell("one"))
        func map(_ number: Int, deleted: Bool) -> InstanceMapping {
            InstanceMapping(instanceUUID: instance(number), cell: cell.id, projectID: "p", isQueuedForDelete: deleted)
        }
        try await directory.mapHosts(["a"], to: cell.id)
        try await directory.mapInstances([map(101, deleted: false), map(102, deleted: true)])
        #expect(await cellError { try await directory.deleteCell(cell.id, force: false) }?.code == .hostsMapped)
        #expect(await cellError { try await directory.deleteCell(cell.id, force: true) }?.code == .instancesMapped)
        try await directory.deleteHost("a")
        #expect(await cellError { try await directory.deleteCell(cell.id, force: false) }?.code == .instancesMapped)
        try await directory.unmapInstances([instance(101)])
        let error = await cellError { try await directory.deleteCell(cell.id, force: false) }
        #expect(error?.code == .deletedInstancesMapped)
        try await directory.mapHosts(["a"], to: cell.id)
        try await directory.deleteCell(cell.id, force: true)
        #expect(await cellError { try await directory.cell(cell.id) }?.code == .unknownCell)
        #expect(await cellError { try await directory.location(ofHost: "a") }?.code == .unknownHost)
        #expect(await cellError { try await directory.deleteCell(cell.id, force: true) }?.code == .unknownCell)
    }

    @Test("Names are not unique: the error lists the cells", arguments: Kind.allCases)
    func ambiguousNames(kind: Kind) async throws {
        let directory = try directory(kind)
        let one = try await directory.createCell(newCell("twin"))
        #expect(try await directory.cell(named: "twin").id == one.id)
        let two = try await directory.createCell(newCell("twin"))
        let error = await cellError { try await directory.cell(named: "twin") }
        #expect(error?.code == .ambiguousName)
        #expect(error?.message.contains(one.id.description) == true)
        #expect(error?.message.contains(two.id.description) == true)
    }

    @Test("The version changes with every write and stays without one", arguments: Kind.allCases)
    func version(kind: Kind) async throws {
        let directory = try directory(kind)
        var last = try await directory.version()
        func changes() async throws -> Bool {
            let now = try await directory.version()
            defer { last = now }
            return now != last
        }
        #expect(try await !changes())
        let cell = try await directory.createCell(newCell("one"))
        #expect(try await changes())
        _ = try await directory.cells()
        #expect(try await !changes())
        try await directory.updateCell(cell.id, CellChange(isDisabled: true))
        #expect(try await changes())
        try await directory.mapHosts(["a"], to: cell.id)
        #expect(try await changes())
    }
}
