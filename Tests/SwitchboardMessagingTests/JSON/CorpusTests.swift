import Foundation
import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("Texts that Python wrote")
struct CorpusTests {
    private func load(_ name: String) throws -> JSONValue {
        let url = try #require(Bundle.module.url(forResource: "Data/\(name)", withExtension: "json"))
        return try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
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
}
