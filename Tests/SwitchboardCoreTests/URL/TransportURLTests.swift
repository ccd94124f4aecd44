import SwitchboardCore
import Testing

@Suite("Transport URLs")
struct TransportURLTests {
    @Test("Null, empty and slash are three virtual hosts, and stay three")
    func virtualHosts() throws {
        for (text, virtualHost) in [("rabbit://h", nil), ("rabbit://h/", ""), ("rabbit://h//", "/")] {
            let url = try TransportURL(text)
            #expect(url.virtualHost == virtualHost)
            #expect(url.formatted(revealingSecrets: true) == text)
        }
        #expect(try TransportURL("rabbit://h/%2F") == TransportURL("rabbit://h//"))
        #expect(try TransportURL("rabbit://h/%252F").virtualHost == "%2F")
    }

    @Test("Every delimiter can stand in a user name, a password, a virtual host and an option")
    func delimiters() throws {
        let wild = "/@:,?#[]%&=+ ;\\\"'<>{}|^`ü\u{1F600}"
        let url = TransportURL(
            scheme: "rabbit",
            hosts: [
                .init(username: wild, password: Secret(wild), name: "one", port: 1),
                .init(username: wild, password: Secret(wild), name: "::1"),
            ],
            virtualHost: wild, options: [.init(wild, wild)])
        #expect(try TransportURL(url.formatted(revealingSecrets: true)) == url)
    }

    @Test(
        "IPv6 addresses are told from names",
        arguments: [
            "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "fe80::1%eth0",
            "1:2:3:4:5:6:1.2.3.4", "A::b",
        ])
    func addresses(_ address: String) throws {
        let url = TransportURL(scheme: "rabbit", hosts: [.init(name: address, port: 5672)])
        let text = url.formatted(revealingSecrets: true)
        #expect(text == "rabbit://[\(address.replacing("%", with: "%25"))]:5672")
        #expect(try TransportURL(text) == url)
        if !address.contains("%") { #expect(try TransportURL("rabbit://\(address)").hosts[0].name == address) }
    }

    @Test(
        "What only looks like an IPv6 address is refused",
        arguments: [
            "[]", "[1]", "[1:2]", "[:::]", "[1::2::3]", "[1:::2]", "[12345::]", "[1:2:3:4:5:6:7:8:9]",
            "[1:2:3:4:5:6:7]",
            "[1:]", "[:1]", "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.4:5]", "[::g]", "[::1%]", "[1.2.3.4]", "[::1",
            "1:2:3", "[::1]5672", "[::1]:", "[::1]:x",
        ])
    func noAddresses(_ host: String) {
        #expect(throws: TransportError.self) { try TransportURL("rabbit://\(host)/v") }
    }

    @Test("A refusal names the host at fault, and shows nothing of the text")
    func refusals() {
        let cases = [
            ("rabbit://u:canary@h1,u:canary@h2:x/v", "host 2"),
            ("rabbit://u:canary/more@h/v", "%2F"),
            ("rabbit://u:canary%FF@h/v", "the password of the host"),
            ("rabbit://u:99999999999999999999canary@h:99999999999999999999/v", "port"),
            ("rabbit://u:1/canary@h", "%2F"),
            ("rabbit://u:1,canary@h", "%2C"),
            ("rabbit://u:canary#@h", "%23"),
            ("canary", "scheme"),
        ]
        for (text, expected) in cases {
            let error = #expect(throws: TransportError.self) { try TransportURL(text) }
            #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
            #expect(!"\(error as Any)".contains("canary"))
        }
    }

    @Test("No description of a URL shows a password, whatever describes it")
    func masking() throws {
        let url = try TransportURL(
            "rabbit://u:canary%2F1@h1:5672,w:canary@[::1]/v?ssl_key_password=canary&ssl=1&Api_Token=canary")
        var dumped = ""
        dump(url, to: &dumped)
        dump(url.hosts, to: &dumped)
        let texts = [
            "\(url)", String(describing: url), String(reflecting: url), url.debugDescription, dumped,
            "\(Mirror(reflecting: url).children.map { "\($0)" })", "\(url.hosts)", String(reflecting: url.hosts[0]),
            "\(Optional(url) as Any)", "\([url])",
        ]
        for text in texts {
            #expect(!text.contains("canary"), "\(text)")
        }
        #expect(
            url.description == "rabbit://u:***@h1:5672,w:***@[::1]/v?ssl_key_password=***&ssl=1&Api_Token=***")
        #expect(url.formatted(revealingSecrets: true).contains("canary%2F1"))
        let options: [TransportURL.Option] = url.options + [.init("sslPwd", "canary"), .init("mode", "a b")]
        var dumpedOptions = ""
        dump(options, to: &dumpedOptions)
        for text in [dumpedOptions, "\(options)", String(reflecting: options), "\(Optional(options[0]) as Any)"] {
            #expect(!text.contains("canary"), "\(text)")
        }
        #expect(Array(options.map(\.description).suffix(2)) == ["sslPwd=***", "mode=a%20b"])
        #expect(dumpedOptions.contains("a b"))
    }

    @Test("A URL made by hand and written with its secrets is read back equal, ten thousand times")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 20_261_123)
        for _ in 0..<10_000 {
            let url = randomURL(&random)
            let text = url.formatted(revealingSecrets: true)
            #expect(try TransportURL(text) == url, "\(text.debugDescription)")
        }
    }

    @Test("Whatever text is given, it is read or refused, and what is read is written and read again the same")
    func anyText() throws {
        var random = SeededGenerator(seed: 42)
        let pieces = [
            "rabbit", "://", ":", "/", "//", "@", ",", "[", "]", "::1", "%", "%2F", "%FF", "%0", "?", "&", "=", "#",
            "h", "5672", "99999", ";", " ", "\0", "\n", "ü", "\u{301}", "\u{1F600}", "+", "secret",
        ]
        var read = 0
        for round in 0..<20_000 {
            var text = round % 4 == 0 ? "" : "rabbit://"
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                text += round % 7 == 0 ? randomText(&random) : pieces.randomElement(using: &random)!
            }
            guard let url = try? TransportURL(text) else { continue }
            read += 1
            let written = url.formatted(revealingSecrets: true)
            #expect(try TransportURL(written) == url, "\(text.debugDescription) → \(written.debugDescription)")
        }
        #expect(read > 1_000)
    }

    @Test("A long URL is read in time that grows with its length")
    func long() throws {
        let hosts = (0..<5_000).map { "user:pass%2Fword@host\($0).example.com:5672" }.joined(separator: ",")
        let url = try TransportURL("rabbit://\(hosts)/vhost")
        #expect(url.hosts.count == 5_000)
    }

    private func randomURL(_ random: inout SeededGenerator) -> TransportURL {
        let hosts = (0..<Int.random(in: 0...3, using: &random)).map { index in
            var host = TransportURL.Host(name: index == 0 ? "h" + randomText(&random) : "::\(index)")
            if Bool.random(using: &random) {
                host.username = randomText(&random)
                host.password = Secret(randomText(&random))
            }
            if Bool.random(using: &random) { host.port = .random(in: 0...65_535, using: &random) }
            return host
        }
        let options = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            TransportURL.Option("n" + randomText(&random), randomText(&random))
        }
        return TransportURL(
            scheme: "rabbit", hosts: hosts, virtualHost: Bool.random(using: &random) ? randomText(&random) : nil,
            options: options)
    }

    private func randomText(_ random: inout SeededGenerator) -> String {
        let ranges: [ClosedRange<UInt32>] = [1...0x7F, 0x20...0x7E, 0x80...0x7FF, 0x1F300...0x1F5FF]
        return String(
            String.UnicodeScalarView(
                (0..<Int.random(in: 0...8, using: &random)).map { _ in
                    Unicode.Scalar(.random(in: ranges.randomElement(using: &random)!, using: &random))!
                }))
    }
}

/// SplitMix64: the same numbers in every run, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
