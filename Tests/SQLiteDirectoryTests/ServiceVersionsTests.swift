import SwitchboardCells
import SwitchboardSQLite
import Testing

@Suite("The versions of a cell's services")
struct ServiceVersionsTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    private func cell(_ rows: String) throws -> CellMapping {
        let path = scratch.path("cell1.sqlite")
        try scratch.sqlite3(
            path,
            """
            CREATE TABLE services (id INTEGER PRIMARY KEY, host TEXT, "binary" TEXT, disabled BOOLEAN, deleted INTEGER,
              forced_down BOOLEAN, version INTEGER);
            \(rows)
            """)
        return CellMapping(
            id: .random(), name: "one", transportURL: "fake://one",
            databaseConnection: URLTemplate("sqlite:///\(path)"))
    }

    private func oldest(_ cell: CellMapping, of binary: String = "nova-compute") async throws -> Int? {
        try await DatabaseRegistry(.sqlite()).openCellDatabase(of: cell).oldestServiceVersion(of: binary)
    }

    @Test("The oldest counts, a disabled one too; the deleted, the forced down and those without a number do not")
    func oldest() async throws {
        let cell = try cell(
            """
            INSERT INTO services VALUES (1, 'a', 'nova-compute', 0, 0, 0, 66), (2, 'b', 'nova-compute', 1, 0, NULL, 61),
              (3, 'c', 'nova-compute', 0, 3, 0, 30), (4, 'd', 'nova-compute', 0, 0, 1, 31),
              (5, 'e', 'nova-compute', 0, 0, 0, 0), (6, 'f', 'nova-compute', 0, 0, 0, NULL),
              (7, 'g', 'nova-conductor', 0, 0, 0, 40);
            """)
        #expect(try await oldest(cell) == 61)
        #expect(try await oldest(cell, of: "nova-conductor") == 40)
        #expect(try await oldest(cell, of: "nova-scheduler") == nil)
    }

    @Test("A template is filled in; a database that is no SQLite file, or not there, is an error that names the cell")
    func elsewhere() async throws {
        var cell = try cell("")
        #expect(try await oldest(cell) == nil)
        cell.databaseConnection = "mysql+pymysql://n:CANARY@h/nova"
        let other = await cellError { try await oldest(cell) }
        #expect(other?.code == .badURL)
        #expect(other?.message.contains("(one)") == true)
        #expect(!"\(other!)".contains("CANARY"))
        cell.databaseConnection = URLTemplate("sqlite:///\(scratch.path("nowhere.sqlite"))")
        #expect(await cellError { try await oldest(cell) }?.code == .directoryUnavailable)
    }
}
