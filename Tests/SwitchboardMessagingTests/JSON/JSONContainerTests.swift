import Testing

@testable import SwitchboardMessaging

@Suite("Codable's containers on JSON values")
struct JSONContainerTests {
    /// Asks for every kind of container, and sets one member twice.
    private struct Nested: Codable, Equatable {
        enum Keys: String, CodingKey { case object, array, twice, after }

        init() {}

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var lost = container.nestedContainer(keyedBy: Keys.self, forKey: .twice)
            var object = container.nestedContainer(keyedBy: Keys.self, forKey: .object)
            var array = container.nestedUnkeyedContainer(forKey: .array)
            try container.encode(1, forKey: .twice)
            try container.encode("x", forKey: .after)
            try lost.encode(2, forKey: .after)
            try object.encode(3, forKey: .after)
            try array.encode(4)
            var inner = array.nestedContainer(keyedBy: Keys.self)
            try array.encodeNil()
            try inner.encode(["a", "b"], forKey: .array)
            var again = encoder.container(keyedBy: Keys.self)
            try again.encode([String: Int](), forKey: .after)
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            let object = try container.nestedContainer(keyedBy: Keys.self, forKey: .object)
            var array = try container.nestedUnkeyedContainer(forKey: .array)
            #expect(try container.decode(Int.self, forKey: .twice) == 1)
            #expect(try object.decode(Int.self, forKey: .after) == 3)
            #expect(try array.decode(Int.self) == 4)
            let inner = try array.nestedContainer(keyedBy: Keys.self)
            #expect(try inner.decode([String].self, forKey: .array) == ["a", "b"])
            #expect(try array.decodeNil())
            #expect(array.isAtEnd)
        }
    }

    @Test("What nested containers hold stands where they were asked for, in the order of the asking")
    func nested() throws {
        let json = try JSONValue(encoding: Nested())
        #expect(
            json.description
                == #"{"twice": 1, "object": {"after": 3}, "array": [4, {"array": ["a", "b"]}, null], "after": {}}"#)
        #expect(try json.decode(Nested.self) == Nested())
    }

    /// Is encoded as the path to where it is.
    private struct Path: Codable {
        let keys: [String]

        init() { keys = [] }
        init(from decoder: any Decoder) { keys = decoder.codingPath.map(\.stringValue) }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(encoder.codingPath.map(\.stringValue))
        }
    }

    private struct Wrapped<Content: Codable>: Codable {
        var content: Content

        init(_ content: Content) { self.content = content }

        init(from decoder: any Decoder) throws {
            content = try decoder.singleValueContainer().decode(Content.self)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(content)
        }
    }

    @Test("Paths are those of the containers, whatever lies between")
    func paths() throws {
        let json = try JSONValue(encoding: ["a": [Wrapped(["b": [Path(), Path()]])]])
        #expect(json == ["a": [["b": [["a", "[0]", "b", "[0]"], ["a", "[0]", "b", "[1]"]]]]])
        let read = try json.decode([String: [Wrapped<[String: [Path]]>]].self)
        #expect(read["a"]?[0].content["b"]?[1].keys == ["a", "[0]", "b", "[1]"])
    }

    private struct Optionals: Codable, Equatable {
        var text: String?
        var number: Int?
        var flag: Bool?
        var list: [String]?
        var inner: Wrapped<String>?

        static func == (one: Self, other: Self) -> Bool {
            one.text == other.text && one.number == other.number && one.flag == other.flag && one.list == other.list
                && one.inner?.content == other.inner?.content
        }
    }

    @Test("What is missing or null is nothing; what has a wrong type is an error with its path")
    func optionals() throws {
        #expect(try ([:] as JSONValue).decode(Optionals.self) == Optionals())
        let nulls: JSONValue = ["text": nil, "number": nil, "flag": nil, "list": nil, "inner": nil]
        #expect(try nulls.decode(Optionals.self) == Optionals())
        let full = Optionals(text: "t", number: 1, flag: true, list: ["l"], inner: Wrapped("i"))
        #expect(try JSONValue(encoding: full).decode(Optionals.self) == full)
        let wrong: [(JSONValue, [String])] = [
            (["text": 1], ["text"]), (["number": "1"], ["number"]), (["flag": 0], ["flag"]),
            (["list": ["a", 1]], ["list", "[1]"]), (["list": "a"], ["list"]), (["inner": [:]], ["inner"]),
        ]
        for (json, path) in wrong {
            do {
                _ = try json.decode(Optionals.self)
                Issue.record("\(json) was decoded.")
            } catch DecodingError.typeMismatch(_, let context) {
                #expect(context.codingPath.map(\.stringValue) == path)
            }
        }
    }

    @Test("A member that a type does not ask for is told, among few and among many")
    func unused() throws {
        #expect(try JSONValueDecoder.decode(Optionals.self, from: ["text": "t", "number": nil]).unused == nil)
        #expect(try JSONValueDecoder.decode(Optionals.self, from: ["text": "t", "other": 1]).unused == "other")
        var many = JSONObject()
        for index in 0..<100 { many["k\(index)"] = .integer(Int64(index)) }
        #expect(try JSONValueDecoder.decode([String: Int].self, from: many).unused == nil)
        #expect(try JSONValueDecoder.decode(Optionals.self, from: many).unused == "k0")
    }
}
