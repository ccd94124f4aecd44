import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

/// An envelope that is written as Python writes it is read in place, any other by taking its string out first. Nobody may
/// be able to tell.
@Suite("Envelopes that are read in place")
struct EnvelopeReadingTests {
    /// What the object of an envelope is with this between the quotes; `nil` when there is none.
    private func read(_ content: [UInt8], inPlace: Bool) -> String? {
        var opening = "\(OsloEnvelope.opening)"
        if !inPlace { opening.replace(": ", with: ":") }
        let body = Array(opening.utf8) + content + Array("\"}".utf8)
        return (try? OsloEnvelope.open(Message(body: body))).map { JSONValue.object($0).description }
    }

    private func expectSame(_ content: [UInt8], _ location: SourceLocation = #_sourceLocation) -> Bool {
        let (quick, slow) = (read(content, inPlace: true), read(content, inPlace: false))
        #expect(quick == slow, "\(String(decoding: content, as: UTF8.self))", sourceLocation: location)
        return slow != nil
    }

    /// As it stands inside of a string of Python's.
    private func escaped(_ text: String) -> [UInt8] {
        Array(JSONValue.string(text).serialized().dropFirst().dropLast())
    }

    private static let texts = [
        #"{}"#, #"{"a": "b"}"#, #"{"a":"b","c":null,"c":true}"#,
        #"{"a": ["", "\"", "\\", "\\\"", "\n\u00fc\ud83d\ude00"]}"#,
        #"{"\"": {"\\\\": "\\\\\""}, "a\u0000": [1, -2.5e3, 12345678901234567890, NaN, -Infinity]}"#,
        #"{"_context_user": null, "_context_user_id": "x", "long": "0123456789012345678901234567890123456789"}"#,
        "{\n  \"a\": 1,\r\t\"b\": \"ü\"\n}", #"{"a": "\/\b\f"}"#, #" {"a": "b"} "#,
        // No objects.
        "", "[]", #"{"a"}"#, #"{"a": }"#, #"{"a": "b"} x"#, #"{"a": "\x"}"#, #"{"a": "b}"#, #"{"a": "b\"#, #"{'a': 1}"#,
        String(repeating: #"{"a":"#, count: 600), "{\"a\": \"\u{1}\"}",
    ]

    @Test("They are the same objects, or none", arguments: texts)
    func same(_ text: String) {
        _ = expectSame(escaped(text))
        // With its quotes alone escaped, which is another text where it has backslashes; and not escaped at all.
        _ = expectSame(Array(text.replacing("\"", with: "\\\"").utf8))
        _ = expectSame(Array(text.utf8))
        // Cut at each place.
        let content = escaped(text)
        for length in 0..<min(content.count, 100) { _ = expectSame(Array(content[..<length])) }
    }

    @Test("Whatever byte is changed, put in or taken out, they are the same", arguments: 0..<20)
    func changed(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let interesting = Array(#"\"{}[]:, nu0\\u"#.utf8) + [0x00, 0x0A, 0x1F, 0x7F, 0x80, 0xC3, 0xFF]
        var readable = 0
        for text in Self.texts.prefix(9) {
            for _ in 0..<200 {
                var content = escaped(text)
                for _ in 0..<Int.random(in: 1...3, using: &random) where !content.isEmpty {
                    let place = Int.random(in: 0..<content.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: content[place] = interesting.randomElement(using: &random) ?? 0
                    case 1: content.insert(interesting.randomElement(using: &random) ?? 0, at: place)
                    default: content.remove(at: place)
                    }
                }
                if expectSame(content) { readable += 1 }
            }
        }
        #expect(readable > 0)
    }

    @Test("The members of a context come in whatever order, with whatever in between, once or twice")
    func contexts() throws {
        let names = RequestContext.wireNames.names
        for seed in 0..<50 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var members = names.enumerated().map { ($1, JSONValue.integer(Int64($0))) }
            members += ["project", "projects", "user_", "x", "", "a name that is longer than any of those is"].map {
                ($0, JSONValue.string($0))
            }
            members += members.shuffled(using: &random).prefix(Int(seed) % 5).map { ($0.0, .bool(true)) }
            members.shuffle(using: &random)
            var expected = JSONObject()
            for (name, value) in members { expected[name] = value }
            let message = OsloEnvelope.seal { writer in
                var isFirst = true
                for (name, value) in members {
                    writer.key("_context_" + name, isFirst: &isFirst)
                    writer.write(value)
                }
            }
            let context = try OsloRequest(message).context
            #expect(context == expected)
            #expect(context.keys == expected.keys)
            // Written again, by their expected names or not, they are the same text.
            var request = OsloRequest(method: "m")
            request.context = context
            let inner = try OsloEnvelope.open(request.message())
            #expect(inner.keys.dropFirst(2).map { String($0.dropFirst(9)) } == expected.keys)
        }
    }
}
