import Foundation
import Testing

@testable import SwitchboardMessaging

@Suite("JSON")
struct JSONTests {
    @Test("What Python writes is read, and written again to the very text")
    func python() throws {
        guard case .array(let cases) = try JSONValue(parsing: testData("python-json.json")) else {
            Issue.record("The data is no array.")
            return
        }
        #expect(cases.count > 200)
        for case .string(let text) in cases {
            let value = try JSONValue(parsing: text)
            #expect(String(decoding: value.serialized(), as: UTF8.self) == text)
        }
    }

    @Test(
        "What is no JSON is rejected with the place and a reason",
        arguments: [
            "", " ", "{", "[", "\"", "nul", "tru", "01", "-", "1.", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]",
            "1 2",
            "\"\\x\"", "\"\\u12\"", "\"\n\"", "+1", ".5", "NaNa", "'a'", "{\"a\":1,}", "\u{FEFF}1",
        ])
    func invalid(_ text: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect((error?.offset ?? -1) >= 0)
        #expect(error?.reason.isEmpty == false)
    }

    @Test("Bytes that are not UTF-8 are rejected inside strings, raw UTF-8 is taken")
    func encodings() throws {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0x5C, 0x6E, 0xC3, 0x22]) }
        #expect(try JSONValue(parsing: "\"ü€😀\"") == "ü€😀")
    }

    @Test("An unpaired surrogate becomes U+FFFD, a pair its character")
    func surrogates() throws {
        #expect(try JSONValue(parsing: #""\ud83d\ude00""#) == "😀")
        #expect(try JSONValue(parsing: #""a\ud800b""#) == "a\u{FFFD}b")
        #expect(try JSONValue(parsing: #""\udc00\ud800""#) == "\u{FFFD}\u{FFFD}")
        #expect(try JSONValue(parsing: #""\ud800\u0041""#) == "\u{FFFD}A")
        #expect(try JSONValue(parsing: #""\ud800\ud83d\ude00""#) == "\u{FFFD}😀")
    }

    @Test("Of members with one name the last counts, however many there are")
    func duplicateKeys() throws {
        #expect(try JSONValue(parsing: #"{"a": 1, "b": 2, "a": 3}"#) == ["a": 3, "b": 2])
        let many = "{" + (0..<1000).map { "\"k\($0 % 100)\": \($0)" }.joined(separator: ",") + "}"
        let value = try JSONValue(parsing: many)
        #expect(value["k7"] == 907)
        guard case .object(let object) = value else { return }
        #expect(object.count == 100)
    }

    @Test("Nesting is bounded: a bomb is an error, not the end of the process")
    func depth() throws {
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
        }
        let fine = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        _ = try JSONValue(parsing: fine)
        #expect(throws: JSONError.self) { try JSONValue(parsing: "[" + fine + "]") }
    }

    @Test("Numbers beyond 64 bits keep every digit")
    func bigNumbers() throws {
        let text = "123456789012345678901234567890"
        let value = try JSONValue(parsing: text)
        #expect(value.description == text)
        #expect(try value.decode(Int128.self) == Int128(text))
        #expect(throws: DecodingError.self) { try value.decode(Int.self) }
        #expect(try JSONValue(encoding: UInt64.max) == .number(JSONNumber("18446744073709551615")!))
    }

    @Test("Random documents come back as they were")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            let value = Self.random(depth: 4, &generator)
            #expect(try JSONValue(parsing: value.serialized()) == value)
            let foundation = try JSONSerialization.jsonObject(
                with: Data(value.serialized()), options: .fragmentsAllowed)
            let again = try JSONSerialization.data(withJSONObject: foundation, options: .fragmentsAllowed)
            #expect(try JSONValue(parsing: Array(again)) == value)
        }
    }

    private static func random(depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .integer(Int64.random(in: -1_000_000...1_000_000, using: &generator))
        case 3, 4:
            let scalars = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                Unicode.Scalar(UInt32.random(in: 0x0...0x2FFF, using: &generator)) ?? "x"
            }
            return .string(String(String.UnicodeScalarView(scalars)))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &generator)).map { _ in random(depth: depth - 1, &generator) })
        default:
            var object = JSONObject()
            for index in 0..<Int.random(in: 0...20, using: &generator) {
                object["k\(index)"] = random(depth: depth - 1, &generator)
            }
            return .object(object)
        }
    }

    // MARK: Codable

    private struct Everything: Codable, Equatable {
        enum Kind: String, Codable { case small, large }
        struct Inner: Codable, Equatable { var list: [Int?] }
        var text: String
        var number: Double
        var small: UInt8
        var flag: Bool
        var missing: String?
        var kind: Kind
        var inner: Inner
        var table: [String: Int]
        var any: JSONValue
    }

    @Test("A type goes to JSON and back")
    func codable() throws {
        let value = Everything(
            text: "t", number: 1.5, small: 255, flag: true, missing: nil, kind: .large,
            inner: .init(list: [1, nil, 3]),
            table: ["a": 1], any: ["x": [1, 2.5, nil]])
        let json = try JSONValue(encoding: value)
        #expect(json["kind"] == "large")
        #expect(json["inner"]?["list"] == [1, nil, 3])
        #expect(try json.decode(Everything.self) == value)
        let foundation = try JSONDecoder().decode(Everything.self, from: Data(json.serialized()))
        #expect(foundation == value)
    }

    @Test("A value of a wrong type is named with its place")
    func decodingErrors() throws {
        let json: JSONValue = ["list": [1, "two"]]
        struct List: Codable { var list: [Int] }
        do {
            _ = try json.decode(List.self)
            Issue.record("It decoded.")
        } catch DecodingError.typeMismatch(_, let context) {
            #expect(context.codingPath.map(\.stringValue) == ["list", "[1]"])
            #expect(context.debugDescription.contains("a string"))
        }
    }

    private class Base: Codable {
        var base = 1
    }

    private final class Derived: Base {
        var derived = 2
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            derived = try container.decode(Int.self, forKey: .derived)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(derived, forKey: .derived)
            try super.encode(to: container.superEncoder())
        }
        enum CodingKeys: CodingKey { case derived }
    }

    @Test("A class with a superclass goes to JSON and back")
    func superclass() throws {
        let json = try JSONValue(encoding: Derived())
        #expect(json == ["derived": 2, "super": ["base": 1]])
        #expect(try json.decode(Derived.self).derived == 2)
    }
}
