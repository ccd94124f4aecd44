import Foundation
import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("What oslo accepts and rejects")
struct ToleranceTests {
    private func load(_ name: String) throws -> JSONValue {
        let url = try #require(Bundle.module.url(forResource: "Data/\(name)", withExtension: "json"))
        return try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
    }

    @Test("Requests are rejected and taken as by an oslo server")
    func requests() throws {
        guard case .array(let cases) = try load("request-cases") else { throw WireError("no cases") }
        #expect(cases.count > 60)
        for entry in cases {
            let name = try #require(entry["case"]?.string)
            let bytes = try entry["body"]?.string.map { Array($0.utf8) } ?? entry["bytes"]?.decode([UInt8].self)
            var message = Message(body: try #require(bytes), contentType: entry["contentType"]?.string ?? "")
            message.contentEncoding = entry["contentEncoding"]?.string ?? ""
            if let compression = entry["compression"]?.string { message.headers["compression"] = compression }
            if entry["outcome"] == "reject" || name.hasPrefix("gzip") {
                // Compressed bodies we do not take, unlike oslo.
                #expect(throws: WireError.self, "\(name)") { try OsloRequest(message) }
                continue
            }
            let request = try OsloRequest(message)
            if let arguments = entry["arguments"] {
                if name.hasPrefix("__type__ in non") {
                    #expect(request.rawArguments == ["a": "2026-01-02T03:04:05"])
                } else {
                    #expect(request.rawArguments ?? [:] == arguments, "\(name)")
                }
            }
        }
    }

    @Test("Texts and doubles of the corpus are read and written as Python does")
    func corpus() throws {
        let corpus = try load("json-corpus")
        for pair in try #require(try corpus["pairs"]?.decode([[String]].self)) {
            #expect(String(decoding: try JSONValue(parsing: pair[0]).serialized(), as: UTF8.self) == pair[1])
        }
        for pair in try #require(try corpus["floats"]?.decode([[String]].self)) {
            let value = Double(bitPattern: try #require(UInt64(pair[0])))
            #expect(String(decoding: JSONValue.double(value).serialized(), as: UTF8.self) == pair[1])
        }
        for text in try #require(try corpus["rejected"]?.decode([String].self)) {
            #expect(throws: JSONError.self, "\(text)") { try JSONValue(parsing: text) }
        }
    }

    @Test("A body of very many members takes time in proportion to them", .timeLimit(.minutes(1)))
    func manyMembers() throws {
        let body = "{" + (0..<100_000).map { "\"k\($0)\": 1" }.joined(separator: ",") + "}"
        let request = try OsloRequest(Message(body: Array(body.utf8)))
        #expect(request.rawMethod == .null)
    }
}
