import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

/// Strings are read and written 32 and then eight bytes at a time: whatever is special must be seen at each place of them,
/// and at each distance from the end.
@Suite("JSON strings at every boundary")
struct JSONBoundaryTests {
    /// What is special, as Python writes it, and what it means.
    private static let specials = [
        (#"\""#, "\""), (#"\\"#, "\\"), (#"\n"#, "\n"), (#"\u0000"#, "\0"), (#"\u001f"#, "\u{1F}"),
        (#"\u007f"#, "\u{7F}"),
        (#"\u0080"#, "\u{80}"), (#"\u00fc"#, "ü"), (#"\u20ac"#, "€"), (#"\ud83d\ude00"#, "😀"), (" ", " "), ("~", "~"),
        (#"\"\\\""#, "\"\\\""),
    ]

    /// What stands before and after a place, for each place in texts of up to 40 bytes, and of about twice and three times 32.
    private static let places = [0...40, 63...66, 95...98].joined().flatMap { length in
        (0...length).map { place in
            (String(repeating: "x", count: place), String(repeating: "y", count: length - place))
        }
    }

    private func error(_ bytes: [UInt8]) -> JSONError? {
        do throws(JSONError) {
            _ = try JSONValue(parsing: bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test("What must be escaped is, and is read again", arguments: specials)
    func escapes(_ written: String, _ meant: String) throws {
        for (before, after) in Self.places {
            let text = "\"\(before)\(written)\(after)\""
            let value = JSONValue.string(before + meant + after)
            #expect(String(decoding: value.serialized(), as: UTF8.self) == text)
            #expect(value.description == text)
            #expect(try JSONValue(parsing: text) == value)
            #expect(try JSONValue(parsing: Array(text.utf8)) == value)
            #expect(try JSONValue(parsing: "{\(text): [\(text)]}") == [before + meant + after: [value]])
        }
    }

    @Test("Raw characters beyond ASCII are read", arguments: ["\u{7F}", "\u{80}", "ü", "€", "😀"])
    func raw(_ character: String) throws {
        for (before, after) in Self.places {
            let value = JSONValue.string(before + character + after)
            #expect(try JSONValue(parsing: "\"\(before)\(character)\(after)\"") == value)
            let escaped = try JSONValue(parsing: "\"\\/\(before)\(character)\(after)\"")
            #expect(escaped == .string("/" + before + character + after))
        }
    }

    @Test("What no string may hold is named with its place")
    func invalid() {
        for (before, after) in Self.places {
            let start = Array("\"\(before)".utf8)
            let end = Array("\(after)\"".utf8)
            #expect(
                error(start + [0x1F] + end)
                    == JSONError(offset: start.count, reason: "a string holds an unescaped control character"))
            #expect(
                error(start + [0x00] + end)
                    == JSONError(offset: start.count, reason: "a string holds an unescaped control character"))
            #expect(error(start + [0xFF] + end) == JSONError(offset: 1, reason: "a string is not UTF-8"))
            #expect(error(start + [0x5C, 0x6E, 0xC3] + end) == JSONError(offset: 1, reason: "a string is not UTF-8"))
            #expect(
                error(start + Array("\\x".utf8) + end)
                    == JSONError(offset: start.count + 1, reason: "no escape begins with this character"))
            #expect(
                error(start + Array("\\u00g0".utf8) + end)
                    == JSONError(
                        offset: start.count + 4, reason: "a \\u is not followed by four hexadecimal digits"))
        }
    }

    @Test(
        "A string that does not end is told before what is wrong inside of it",
        arguments: ["", "\u{1F}", "\\x", "ü"])
    func unended(_ content: String) {
        for (before, after) in Self.places {
            let text = Array("\"\(before)\(content)\(after)".utf8)
            for tail in [[], [0x5C], [0x5C, 0x22], [0x5C, 0x5C, 0x5C], Array("\\ud83".utf8), Array("\\ud83d\\".utf8)] {
                let bytes = text + tail
                #expect(error(bytes) == JSONError(offset: bytes.count, reason: "the text ends inside a string"))
            }
        }
    }

    @Test("A document within a string is read wherever its escapes are, or refused when cut short", arguments: specials)
    func envelopes(_ written: String, _ meant: String) throws {
        for (before, after) in Self.places {
            let object: JSONObject = [before: .string(after), "text": .string(before + meant + after)]
            let message = OsloEnvelope.seal { writer in
                var isFirst = true
                for (key, value) in object {
                    writer.key(key, isFirst: &isFirst)
                    writer.write(value)
                }
            }
            let text = JSONValue.object(object).description
            let twice: JSONValue = ["oslo.version": "2.0", "oslo.message": .string(text)]
            #expect(message.body == twice.serialized())
            #expect(try OsloEnvelope.open(message) == object)
        }
        let message = OsloEnvelope.seal { writer in
            var isFirst = true
            writer.key("text", isFirst: &isFirst)
            writer.write(meant)
        }
        for length in 0..<message.body.count {
            #expect(throws: WireError.self) { try OsloEnvelope.open(Message(body: Array(message.body[..<length]))) }
        }
    }

    @Test("A prefix is cut from names, escaped or not")
    func prefixes() throws {
        let text =
            #"{"_x_": 1, "_x_ab": 2, "\u005fx_c": 3, "_\u0078_\u0064": 4, "_x": 5, "\u005fy_": 6, "": 7, "_x_\n": 8}"#
        var found: [(String, Bool)] = []
        try JSONReader.withReader(of: Array(text.utf8)) { reader throws(JSONError) in
            try reader.members(expecting: ExpectedNames(prefix: "_x_", [])) { reader, name throws(JSONError) in
                found.append((name.text, name.isCut))
                _ = try reader.value()
            }
        }
        let expected = [
            ("", true), ("ab", true), ("c", true), ("d", true), ("_x", false), ("_y_", false), ("", false),
            ("\n", true),
        ]
        #expect(found.elementsEqual(expected) { $0 == $1 })
    }

    @Test("Documents nest in documents as if each had been written by itself")
    func nesting() {
        for depth in 0...6 {
            let text = "a \"quoted\" \\ \u{1} ü 😀"
            var writer = JSONWriter(in: ScratchMemory(capacity: 1))
            func write(_ level: Int, _ writer: inout JSONWriter) {
                if level == depth { writer.write(text) } else { writer.nest { write(level + 1, &$0) } }
            }
            write(0, &writer)
            var expected = JSONValue.string(text).description
            for _ in 0..<depth { expected = JSONValue.string(expected).description }
            #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
        }
    }

    @Test("Integers of every length are written with all their digits")
    func integers() {
        var magnitude: Int64 = 1
        while magnitude < Int64.max / 10 {
            for value in [magnitude - 1, magnitude, magnitude + 1, magnitude * 9] {
                #expect(JSONValue.integer(value).description == String(value))
                #expect(JSONValue.integer(-value).description == String(-value))
            }
            magnitude *= 10
        }
        #expect(JSONValue.integer(.max).description == "9223372036854775807")
        #expect(JSONValue.integer(.min).description == "-9223372036854775808")
    }

    @Test("A decimal is the double that is nearest to it")
    func decimals() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            let whole = generator.next() >> UInt64.random(in: 0...63, using: &generator)
            let fraction = String(generator.next()).prefix(Int.random(in: 1...19, using: &generator))
            let zeros = String(repeating: "0", count: Int.random(in: 0...22, using: &generator))
            for text in ["\(whole).\(fraction)", "-\(whole).\(fraction)", "0.\(zeros)\(fraction)"] {
                #expect(try JSONValue(parsing: text) == .double(try #require(Double(text))))
            }
        }
        #expect(try JSONValue(parsing: "-0.0").description == "-0.0")
    }
}
