import SwitchboardCells
import SwitchboardCore
import Testing

@Suite("Cell mappings")
struct CellMappingTests {
    let id = CellID("aec77cd5-6fe5-49e4-960d-04769343f6b8")!

    @Test("A cell's identifier is read in every usual form and written in one")
    func identifiers() throws {
        for text in ["AEC77CD5-6FE5-49E4-960D-04769343F6B8", "aec77cd56fe549e4960d04769343f6b8"] {
            #expect(CellID(text) == id)
        }
        #expect(id.description == "aec77cd5-6fe5-49e4-960d-04769343f6b8")
        #expect(CellID.cell0.description == "00000000-0000-0000-0000-000000000000")
        #expect(CellID.cell0.isCell0 && !id.isCell0)
        for text in ["", "x", "aec77cd5 6fe5 49e4 960d 04769343f6b8", "aec77cd5-6fe5-49e4-960d-04769343f6bg", "é"] {
            #expect(CellID(text) == nil)
        }
        let random = CellID.random()
        #expect(CellID(random.description) == random)
        #expect(Array(random.description)[14] == "4")
    }

    @Test("A cell is named as uuid (name)")
    func identity() {
        #expect(CellMapping(id: id, name: "one").identity.description == "\(id) (one)")
        #expect(CellMapping(id: id).identity.description == id.description)
    }

    @Test("Exactly the scheme none means no queue", arguments: ["none:///", "none://", "none:/"])
    func noQueue(url: String) throws {
        #expect(try CellMapping(id: id, transportURL: URLTemplate(url)).queue() == .none)
    }

    @Test("A scheme that only begins with none is a scheme like any other (Nova's D6)")
    func nonesuch() throws {
        let cell = CellMapping(id: id, transportURL: "nonesuch://h/v")
        #expect(try cell.queue() == .url(TransportURL("nonesuch://h/v")))
    }

    @Test("An empty or missing URL is an error, never another queue (Nova's D5)", arguments: ["", nil])
    func emptyURL(url: String?) {
        let cell = CellMapping(id: id, name: "one", transportURL: url.map { URLTemplate($0) })
        let error = #expect(throws: CellError.self) { try cell.queue() }
        #expect(error?.code == .badURL)
        #expect(error?.message.contains("\(id) (one)") == true)
    }

    @Test("A template's queue comes from the base URL, and errors name cell and variable")
    func template() throws {
        let cell = CellMapping(
            id: id, name: "cell2",
            transportURL: "{scheme}://{username}:{password}@rabbit-cell2.example:{port}/c2?{query}")
        let base = BaseURLs(transportURL: "rabbit://apiuser:api-s3kret@rabbit-api.example:5672/nova_api?ssl=0")
        #expect(
            try cell.queue(base: base)
                == .url(TransportURL("rabbit://apiuser:api-s3kret@rabbit-cell2.example:5672/c2?ssl=0")))
        let error = #expect(throws: CellError.self) { try cell.queue() }
        #expect(error?.code == .badURL)
        #expect(error?.message.contains("(cell2)") == true)
        #expect(error?.message.contains("{scheme}") == true)
    }

    @Test("A fragment that a template leaves empty is no error")
    func emptyFragment() throws {
        let cell = CellMapping(id: id, transportURL: "{scheme}://h/v#{fragment}")
        #expect(try cell.queue(base: BaseURLs(transportURL: "rabbit://x/y")) == .url(TransportURL("rabbit://h/v")))
    }

    @Test("A bad URL's error says what is wrong and hides the password")
    func badURL() {
        let cell = CellMapping(id: id, transportURL: "rabbit://u:CANARY/w@h:5672/v")
        let error = #expect(throws: CellError.self) { try cell.queue() }
        #expect(error?.code == .badURL)
        #expect(error.map { "\($0)" }?.contains("CANARY") == false)
    }

    @Test(
        "Timestamps are read and written in the form of Nova's databases",
        arguments: [
            ("2026-11-23 16:47:37.658485", "2026-11-23 16:47:37.658485"),
            ("2026-01-01 00:00:00", "2026-01-01 00:00:00.000000"),
            ("2024-02-29T23:59:59.5", "2024-02-29 23:59:59.500000"),
            ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
            ("0001-01-01 00:00:00", "0001-01-01 00:00:00.000000"),
            ("9999-12-31 23:59:59", "9999-12-31 23:59:59.000000"),
        ])
    func timestamps(text: String, expected: String) throws {
        #expect(try #require(MappingTimestamp(text)).description == expected)
    }

    @Test(
        "What is no timestamp is none",
        arguments: [
            "", "now", "2026-13-01 00:00:00", "2026-01-01", "2026-01-01 00:00:00.", "2026-01-01 00:00:00.1234567",
        ])
    func badTimestamps(text: String) {
        #expect(MappingTimestamp(text) == nil)
    }

    @Test("The epoch is zero")
    func epoch() {
        #expect(MappingTimestamp("1970-01-01 00:00:00")?.microsecondsSinceEpoch == 0)
        #expect(MappingTimestamp("2000-03-01 00:00:00")?.microsecondsSinceEpoch == 951_868_800_000_000)
    }
}
