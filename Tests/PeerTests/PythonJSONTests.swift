import SwitchboardMessaging
import Testing

@Suite("Our JSON and Python's", .timeLimit(.minutes(2)))
struct PythonJSONTests {
    /// Texts that are read and written again by Python.
    private func compare(_ texts: [String]) async throws {
        try await PythonPeer.withPeer("python_json.py", []) { peer async throws in
            let answer = try await peer.result(["texts": .array(texts.map(JSONValue.string))])
            guard case .array(let expected) = answer else { throw TestFailure("no list") }
            try #require(expected.count == texts.count)
            for (text, expected) in zip(texts, expected) {
                let ours = (try? JSONValue(parsing: text)).map { String(decoding: $0.serialized(), as: UTF8.self) }
                #expect(ours == expected.string, "\(text.prefix(300))")
            }
        }
    }

    private struct TestFailure: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    @Test("Random documents are read and written as Python does it")
    func random() async throws {
        var generator = SystemRandomNumberGenerator()
        try await compare((0..<400).map { _ in Self.document(depth: 4, &generator) })
    }

    @Test("What Python refuses is refused, what it takes is taken: documents with a byte changed")
    func mutated() async throws {
        var generator = SystemRandomNumberGenerator()
        let replacements = Array("{}[]\",:\\ 0123456789.eE+-abtrufnlsNI\t\n".unicodeScalars)
        let texts = (0..<800).map { _ in
            var scalars = Array(Self.document(depth: 2, &generator).unicodeScalars)
            if let place = scalars.indices.randomElement(using: &generator) {
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: scalars[place] = replacements.randomElement(using: &generator) ?? "x"
                case 1: scalars.remove(at: place)
                default: scalars.insert(replacements.randomElement(using: &generator) ?? "x", at: place)
                }
            }
            return String(String.UnicodeScalarView(scalars))
        }
        // An unpaired surrogate, which Python passes through, is U+FFFD here (Deviation.swift).
        try await compare(texts.filter { !$0.contains("\\ud") })
    }

    @Test("Numbers beyond 64 bits, the infinities, names that come twice, and deep nesting")
    func special() async throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        try await compare([
            "123456789012345678901234567890", "-123456789012345678901234567890", "9223372036854775808",
            "-9223372036854775808", "-9223372036854775809", "NaN", "Infinity", "-Infinity", "-NaN", "+1", "1e400",
            "-1e400",
            "1e-400", "0.1e1", "1E5", "1e+05", "-0", "-0.0", "0e0", "5e-324", "2.2250738585072014e-308", "1.0E-7",
            "123456789012345680.0", "1e16", "1e15", "0.0001", "0.00001", "00", "01", "1.", ".5", "1.5.5", "0x10",
            "1_000",
            #"{"a": 1, "a": 2, "b": 3, "a": 4}"#, #"{"\u0061": 1, "a": 2}"#, nested(512), "[1,]", "{,}", "", "  ",
            "null null",
            "\"\u{7f}\u{80}\u{2028}😀\"", #""\/\b\f\n\r\t\"\\""#, #""\v""#, "\"\t\"", "'a'", "// comment", "\u{FEFF}[]",
        ])
    }

    // MARK: Documents

    private static func document(depth: Int, _ generator: inout some RandomNumberGenerator) -> String {
        func blank() -> String { [" ", "", "", "\n", "\t"].randomElement(using: &generator) ?? "" }
        switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
        case 0:
            return ["null", "true", "false", "NaN", "Infinity", "-Infinity"].randomElement(using: &generator) ?? "0"
        case 1: return "\(Int64.random(in: .min...(.max), using: &generator))"
        case 2:
            let digits = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                String(Int.random(in: 1...9, using: &generator))
            }
            return (Bool.random(using: &generator) ? "-" : "") + digits.joined()
        case 3: return "\(Double(bitPattern: UInt64.random(in: 0...(0x7FEF_FFFF_FFFF_FFFF), using: &generator)))"
        case 4, 5: return string(&generator)
        case 6:
            let elements = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                blank() + document(depth: depth - 1, &generator) + blank()
            }
            return "[" + elements.joined(separator: ",") + "]"
        default:
            let members = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                blank() + string(&generator) + blank() + ":" + document(depth: depth - 1, &generator) + blank()
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    private static func string(_ generator: inout some RandomNumberGenerator) -> String {
        var text = "\""
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0:
                text += ["\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\ud83d\\ude00"].randomElement() ?? ""
            case 1:
                let scalar = Unicode.Scalar(UInt32.random(in: 0x80...0xFFFF, using: &generator)) ?? "x"
                text.unicodeScalars.append(scalar)
            default: text += ["a", "b", "key", " ", "0"].randomElement(using: &generator) ?? ""
            }
        }
        return text + "\""
    }
}
