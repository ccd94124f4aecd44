import SwitchboardCore
import Testing

@Suite("The options of a driver's URL")
struct URLOptionsTests {
    private enum Layout: String, CaseIterable {
        case maildir, segment
    }

    private func options(_ query: String, dropsEmpty: Bool = false) throws -> URLOptions {
        try URLOptions(TransportURL("x://h/?\(query)"), dropsEmpty: dropsEmpty)
    }

    @Test("Each option is read by its name, and one that the URL doesn't have is nil")
    func reading() throws {
        var options = try options("text=a%20b&number=0.5&integer=7&flag=Yes&layout=segment")
        #expect(options.text("text") == "a b")
        #expect(try options.number("number", in: 0...1) == 0.5)
        #expect(try options.integer("integer", in: 1...10) == 7)
        #expect(try options.flag("flag") == true)
        #expect(try options.choice("layout", of: Layout.self) == .segment)
        #expect(options.text("missing") == nil)
        #expect(try options.flag("missing") == nil)
        try options.finish()
    }

    @Test("An option that is given twice is refused by its name, whatever its values", arguments: ["1", "2", ""])
    func twice(value: String) {
        let error = #expect(throws: TransportError.self) { try options("limit=1&other=1&limit=\(value)") }
        #expect(error?.code == .invalidOption)
        #expect(error?.message == "The option limit of the x:// URL can't be used: it is given twice.")
    }

    @Test("Where options without a value count as absent, they are neither a second one nor known by that")
    func dropped() throws {
        var options = try options("limit=&limit=1&flag=", dropsEmpty: true)
        #expect(try options.integer("limit", in: 0...1) == 1)
        let error = #expect(throws: TransportError.self) { try options.finish() }
        #expect(error?.message.contains("has no option \"flag\"") == true)
        #expect(try options.flag("flag") == nil)
        try options.finish()
        #expect(throws: TransportError.self) { try self.options("limit=0&limit=&limit=1", dropsEmpty: true) }
    }

    @Test("An option that nothing reads is refused, with the known one that looks like it")
    func unknown() throws {
        var options = try options("limt=1")
        #expect(try options.integer("limit", in: 0...1) == nil)
        let error = #expect(throws: TransportError.self) { try options.finish() }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains("did you mean limit?") == true)
    }
}
