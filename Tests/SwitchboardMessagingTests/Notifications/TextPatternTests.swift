import Testing

@testable import SwitchboardMessaging

@Suite("Patterns of notifications", .timeLimit(.minutes(2)))
struct TextPatternTests {
    @Test(
        "A pattern means what Python's re.match makes of it",
        arguments: [
            ("(a|b)*c", "ababc", true), ("(a|b)*c", "ababd", false), ("a{2,3}$", "aaaa", false),
            ("a{,2}b", "aab", true),
            ("a{2}b", "aab", true), ("a{2,}b", "aaaab", true), ("a{0}b", "b", true), ("a{x}", "a{x}", true),
            ("{", "{", true),
            ("a{,}b", "aaab", true), ("a{", "a{", true), ("[]a]+$", "]a]", true), ("[^]]", "]", false),
            ("[a-]", "-", true),
            ("[-a]", "-", true), (#"[\d-]+$"#, "1-2", true), (#"[\]]"#, "]", true), (#"[\w.]+$"#, "a.b_1", true),
            (#"\bfoo\b"#, "foo bar", true), (#"foo\B"#, "foobar", true), (#"foo\b"#, "foobar", false),
            (#"\Aa\Z"#, "a", true),
            (#"a\Z"#, "a\n", false), ("a$", "a\n", true), ("a$\nb", "a\nb", false), ("(?m)a$\nb", "a\nb", true),
            ("(?m)a\n^b", "a\nb", true), ("a\n^b", "a\nb", false), ("a.b", "a\nb", false), ("(?s)a.b", "a\nb", true),
            ("(?i)ÄbC", "äBc", true), ("(?i:a)b", "Ab", true), ("(?i:a)b", "AB", false), ("(?-i:a)b", "ab", true),
            ("(?x) a b # c\n d", "abd", true), (#"(?x)a\ b"#, "a b", true), ("(?P<n>a)b", "ab", true),
            ("(?:ab)+$", "abab", true),
            ("a(?#no)b", "ab", true), ("a*?b", "aab", true), ("a{1,2}?$", "aa", true),
            (#"\x41\u0042\U00000043"#, "ABC", true),
            (#"\.\*\+\?"#, ".*+?", true), (#"\D\W\S"#, "a.b", true), (#"\s"#, "\u{A0}", true), (#"\d"#, "٣", true),
            (#"\w"#, "é", true), (#"\0"#, "\0", true), (#"\t\n"#, "\t\n", true), ("()*a", "a", true),
            ("(a*)*b", "aab", true),
            ("(|a)+b", "aab", true), ("a||b", "", true),
            (
                "^(compute|volume)\\.(create|delete)\\.(start|end)$",
                "volume.create.end", true
            ), ("[[]", "[", true), ("[a-c&&b]", "&", true), ("]", "]", true), ("}", "}", true),
            ("(?i)[^a]", "A", false), ("(?i)[a-c]+$", "AbC", true), (".", "\u{1F600}", true), ("..", "e\u{301}", true),
        ])
    func meaning(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try TextPattern(pattern).matches(text) == expected, "\(pattern)")
    }

    @Test(
        "What Python does not take, and what cannot be matched in linear time, is refused with its reason and place",
        arguments: [
            ("(", "not closed"), ("a)", "closes nothing"), ("[a", "not closed"), ("*", "nothing to repeat"),
            ("a|*", "nothing to repeat"), ("^*", "nothing to repeat"), (#"\b+"#, "nothing to repeat"),
            ("a**", "is repeated"),
            ("a{2}{3}", "is repeated"), ("a{3,2}", "above the most"), (#"\"#, "stands at the end"),
            (#"\q"#, "means nothing"),
            (#"[\q]"#, "means nothing"), ("[b-a]", "range"), (#"[\d-z]"#, "range"), (#"(a)\1"#, "references"),
            ("(?P=n)", "references"),
            ("(?P<n>a)(?P=n)", "references"), ("(?=a)", "look-ahead"), ("(?!a)", "look-ahead"),
            ("(?<=a)b", "look-behind"),
            ("(?<!a)b", "look-behind"), ("(?>a)", "atomic"), ("a++", "possessive"), ("a*+b", "possessive"),
            ("(a)(?(1)b|c)", "conditional"), ("(?P<1", "no name"), ("a(?i)b", "beginning"), ("(?L)a", "not supported"),
            (#"\x4"#, "hexadecimal"), (#"\U00110000"#, "hexadecimal"), ("(?", "not closed"), ("(?i", "not closed"),
            ("(a{1000}){1000}", "too large"), ("a{99999999999999999999}", "too large"),
            ("(((a{100}){100}){100}){100}", "too large"),
            ("a{4000}", "too large"), ("(){5000}", "too large"), ("(a|b{3000}|c{3000})", "too large"),
            (String(repeating: "(", count: 5000), "nested"), (String(repeating: "a", count: 10_001) + "*", "longer"),
        ])
    func refused(_ pattern: String, _ reason: String) {
        let error = #expect(throws: PatternError.self, "\(pattern.prefix(50))") { try TextPattern(pattern) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "") for \(pattern.prefix(50))")
    }

    @Test("No pattern makes matching slow, on whatever text")
    func hostile() throws {
        let long = String(repeating: "a", count: 20_000)
        let start = ContinuousClock.now
        for pattern in [
            "(a+)+$", "(a*)*$", "(a|a)*$", "(a|aa)+$", "(.*)*x$", "(.*.*.*.*.*)x$", "([a-z]+)*#$", "(a?){50}a{50}$",
            "((a+)+)+$", "(a{0,20}){0,20}$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(?i)(A|a|aa)*b$", "(|a|)*$", "((a*)*)*b",
        ] {
            #expect(try !TextPattern(pattern).matches(long + "!"), "\(pattern)")
        }
        // Backtracking takes longer than the universe is old.
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test("Small patterns match what Swift's own expressions match")
    func property() throws {
        var compared = 0
        for _ in 0..<3000 {
            let pattern = Self.pattern(depth: 3)
            let own = try TextPattern(pattern)
            let reference = try Regex(pattern).matchingSemantics(.unicodeScalar)
            for _ in 0..<6 {
                let text = String((0..<Int.random(in: 0...6)).map { _ in "abc".randomElement() ?? "a" })
                #expect(own.matches(text) == ((try? reference.prefixMatch(in: text)) != nil), "\(pattern) on \(text)")
                compared += 1
            }
        }
        #expect(compared == 18_000)
    }

    private static func pattern(depth: Int) -> String {
        switch depth == 0 ? Int.random(in: 0...3) : Int.random(in: 0...9) {
        case 0...1: ["a", "b", "c"].randomElement() ?? "a"
        case 2: "."
        case 3: ["[ab]", "[^a]", "[b-c]", "^", "$"].randomElement() ?? "$"
        case 4...5: pattern(depth: depth - 1) + pattern(depth: depth - 1)
        case 6: "(\(pattern(depth: depth - 1))|\(pattern(depth: depth - 1)))"
        default:
            "(?:\(pattern(depth: depth - 1)))"
                + (["*", "+", "?", "{2}", "{1,2}", "{0,1}", "*?"].randomElement() ?? "*")
        }
    }
}
