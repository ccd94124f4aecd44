import Testing

@testable import SwitchboardMessaging

@Suite("What is encoded as text at once is what a JSON value in between gives")
struct JSONTextEncoderTests {
    private struct Oops: Error {}

    /// Numbers that are the same in each run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9 ^ state >> 32
        }
    }

    private enum Scalar: Encodable, CaseIterable {
        case null, yes, text, odd, integer, small, unsigned, huge, double, float, notANumber, json, object, strings

        private static let texts = ["", "x", "a \"quoted\" \\ text\n", "grüße", "e\u{301}", "\u{7F}\u{0}"]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .null: try container.encodeNil()
            case .yes: try container.encode(true)
            case .text: try container.encode("text")
            case .odd: try container.encode(Self.texts.joined())
            case .integer: try container.encode(-42)
            case .small: try container.encode(Int8(-7))
            case .unsigned: try container.encode(UInt64.max)
            case .huge: try container.encode(Int128.min)
            case .double: try container.encode(1.5e300)
            case .float: try container.encode(Float(0.1))
            case .notANumber: try container.encode(Double.nan)
            case .json: try container.encode(JSONValue.array([1, "x", nil]))
            case .object: try JSONValue.object(["a": 1, "b": ["c": nil]]).encode(to: encoder)
            case .strings: try container.encode(["a", "b\""])
            }
        }
    }

    /// What an `encode(to:)` does, one after the other.
    private indirect enum Step {
        case member(String, Value)
        case text(String, String), number(String, Int), real(String, Double), flag(String, Bool), null(String)
        case optional(String, Value?)
        // Those that nearly no type does.
        case nestedObject(String, [Step]), nestedArray(String, [Value]), superclass([Step]), superMember(String, [Step])
        case again, path, oops, swallowed(String), kept(String), intruder(String)
    }

    private indirect enum Value: Encodable {
        case scalar(Scalar)
        case object([Step])
        case array([Value])
        case dictionary([String: Int])
        case nothing
        case wrapped(Value)

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .scalar(let scalar): try scalar.encode(to: encoder)
            case .object(let steps): try Self.encode(steps, to: encoder)
            case .array(let values):
                var container = encoder.unkeyedContainer()
                for (place, value) in values.enumerated() {
                    #expect(container.count == place)
                    try container.encode(value)
                }
            case .dictionary(let members): try members.encode(to: encoder)
            case .nothing: break
            case .wrapped(let value):
                var container = encoder.singleValueContainer()
                try container.encode(value)
            }
        }

        static func encode(_ steps: [Step], to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: JSONKey.self)
            for step in steps {
                switch step {
                case .member(let name, let value):
                    try container.encode(value, forKey: .name(name))
                case .text(let name, let value): try container.encode(value, forKey: .name(name))
                case .number(let name, let value): try container.encode(value, forKey: .name(name))
                case .real(let name, let value): try container.encode(value, forKey: .name(name))
                case .flag(let name, let value): try container.encode(value, forKey: .name(name))
                case .null(let name): try container.encodeNil(forKey: .name(name))
                case .optional(let name, let value): try container.encodeIfPresent(value, forKey: .name(name))
                case .nestedObject(let name, let steps):
                    var nested = container.nestedContainer(keyedBy: JSONKey.self, forKey: .name(name))
                    for case .text(let name, let value) in steps { try nested.encode(value, forKey: .name(name)) }
                case .nestedArray(let name, let values):
                    var nested = container.nestedUnkeyedContainer(forKey: .name(name))
                    for value in values { try nested.encode(value) }
                case .superclass(let steps): try encode(steps, to: container.superEncoder())
                case .superMember(let name, let steps):
                    try encode(steps, to: container.superEncoder(forKey: .name(name)))
                case .again: container = encoder.container(keyedBy: JSONKey.self)
                case .path: try container.encode(encoder.codingPath.map(\.stringValue), forKey: .name("path"))
                case .oops: throw Oops()
                case .swallowed(let name):
                    try? container.encode(Value.object([.number("in", 1), .oops]), forKey: .name(name))
                case .intruder(let name):
                    var outer = container
                    let intruder = Intruder { try outer.encode(1, forKey: .name("intruder")) }
                    try container.encode(intruder, forKey: .name(name))
                case .kept(let name):
                    // Written to after its value is over.
                    let kept = Kept()
                    try container.encode(kept, forKey: .name(name))
                    try kept.container?.encode(2, forKey: .name("late"))
                }
            }
        }
    }

    private final class Kept: Encodable {
        var container: KeyedEncodingContainer<JSONKey>?

        func encode(to encoder: any Encoder) throws {
            container = encoder.container(keyedBy: JSONKey.self)
            try container?.encode(1, forKey: .name("early"))
        }
    }

    /// Sets a member of the object around it.
    private struct Intruder: Encodable {
        let intrude: () throws -> Void

        func encode(to encoder: any Encoder) throws { try intrude() }
    }

    private static let names = ["a", "b", "body", "instance_uuid", "a\"b", "grüße", "é", "e\u{301}", "", "[0]"]

    private static func value(_ depth: Int, isUsual: Bool, by generator: inout Generator) -> Value {
        switch Int.random(in: 0..<(depth > 3 ? 2 : isUsual ? 6 : 8), using: &generator) {
        case 0, 1: return .scalar(Scalar.allCases.randomElement(using: &generator)!)
        case 2, 3: return .object(steps(depth + 1, isUsual: isUsual, by: &generator))
        case 4:
            return .array(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                    value(depth + 1, isUsual: isUsual, by: &generator)
                })
        case 5: return .wrapped(value(depth + 1, isUsual: isUsual, by: &generator))
        case 6: return .nothing
        default: return .dictionary(["one": 1, "two": 2, "dr\u{ED}": 3])
        }
    }

    private static func steps(_ depth: Int, isUsual: Bool, by generator: inout Generator) -> [Step] {
        (0..<Int.random(in: 0...5, using: &generator)).map { place in
            var name = "member\(place)"
            if !isUsual, Int.random(in: 0..<8, using: &generator) == 0 {
                name = names.randomElement(using: &generator)!
            }
            switch Int.random(in: 0..<(isUsual ? 7 : 30), using: &generator) {
            case 1: return .text(name, "a \"text\"")
            case 2: return .number(name, .random(in: .min ... .max, using: &generator))
            case 3: return .real(name, 0.1)
            case 4: return .flag(name, true)
            case 5: return .null(name)
            case 6: return .optional(name, Bool.random(using: &generator) ? nil : .scalar(.text))
            case 7: return .nestedObject(name, [.text("x", "y")])
            case 8: return .nestedArray(name, [.scalar(.odd)])
            case 9: return .superclass([.text("x", "y")])
            case 10: return .superMember(name, [.text("x", "y")])
            case 11: return .again
            case 12: return .path
            case 13: return .oops
            case 14: return .swallowed(name)
            case 15: return .kept(name)
            case 16: return .intruder(name)
            default: return .member(name, value(depth, isUsual: isUsual, by: &generator))
            }
        }
    }

    /// Returns whether it was written at once.
    private static func compare(_ value: some Encodable) -> Bool {
        guard let written = JSONTextEncoder.nestedObject(value) else { return false }
        do {
            let expected = try JSONValue(encoding: value)
            guard case .object = expected else {
                Issue.record("What is no object was written: \(expected)")
                return true
            }
            #expect(!expected.isNested(deeperThan: OsloEnvelope.maximumDepth))
            var writer = JSONWriter.nested()
            writer.write(expected)
            #expect(String(decoding: written, as: UTF8.self) == String(decoding: writer.bytes, as: UTF8.self))
        } catch {
            Issue.record("What throws \(error) was written.")
        }
        return true
    }

    @Test("Values of usual types, nested")
    func usual() {
        var generator = Generator(state: 3)
        for _ in 0..<2000 {
            #expect(Self.compare(Value.object(Self.steps(0, isUsual: true, by: &generator))))
        }
        #expect(Self.compare(NoArguments()))
        #expect(Self.compare(["a": ["b": [1, 2]]]))
    }

    @Test("Values that do all that an encoder allows are written the same way, or not at once")
    func unusual() {
        var (generator, written) = (Generator(state: 4), 0)
        for _ in 0..<6000 {
            if Self.compare(Value.object(Self.steps(0, isUsual: false, by: &generator))) { written += 1 }
        }
        #expect(written > 600 && written < 5400)
    }

    private struct Deep: Encodable {
        var next: [Deep]

        init(_ depth: Int) { next = depth == 0 ? [] : [Deep(depth - 1)] }
    }

    @Test("What isn't an object, is nested deep or has many members is left to others")
    func limits() {
        #expect(!Self.compare("text"))
        #expect(!Self.compare([1]))
        #expect(!Self.compare(JSONValue.object(["a": 1])))
        #expect(Self.compare(Deep(10)))
        #expect(!Self.compare(Deep(300)))
        var json = JSONValue.null
        for _ in 0..<100 { json = [json] }
        #expect(!Self.compare(["a": json]))
        for count in [0, 1, 63, 64, 65, 500] {
            let members = Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", $0) })
            #expect(Self.compare(members) == (count <= 64))
        }
    }
}
