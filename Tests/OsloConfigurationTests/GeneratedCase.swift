import Foundation
import OsloConfiguration

/// Numbers that are the same for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Some files, in an order, and the options that are read from them.
struct GeneratedCase {
    /// As oslo.config takes them.
    var arguments: [String] = []
    var sources: [OsloConfigurationSource] = []
    var files: [(path: String, bytes: [UInt8])] = []
    var options: [OsloOption] = []

    private static let groups = ["DEFAULT", "alpha", "beta"]
    private static let names = ["host", "my_ip", "port", "debug", "ratio", "topics", "url", "mode", "many", "note"]
    private static let texts = [
        "", "a", "text with blanks", "\"quoted\"", "'single'", "\"", "''", "\"open", "'mixed\"", "a=b", "a:b", "#no",
        "; no",
        "[x]", "$host", "${host}", "$my_ip", "$alpha.host", "${beta.note}", "$beta.port", "$$", "$$host", "\\$host",
        "\\\\$host",
        "$", "${", "${host", "$-", "${ host}", "$host.example", "$many", "$topics", "$nothing", "$alpha.nothing",
        "$gamma.host",
        "$alpha", "$DEFAULT.host", "$ratio", "$debug", "$old_name", "$HOST", "pre-$note-post", "$note$note",
        "\u{E9}t\u{E9}",
        "e\u{301}", "\u{130}", "$\u{131}", "\u{3000}wide\u{A0}", "a\u{85}b", "tab\tin", "x,y , z", ",,", "a,b,",
        "1,2, 3", "100%",
        "{scheme}://{username}", "rabbit://u:p@h:5672/", "none:///",
    ]
    private static let numbers = [
        "0", "1", "-1", "+5", "007", "1_000", "1__0", "_1", "65535", "65536", "4.5", "4.500001", ".5", "5.", "1e3",
        "1E-2",
        "inf", "-inf", "nan", "0x10", "1.5.2", "\u{663}\u{664}", " 12 ", "--1", "1 2", "infinity", "1_0.5", "1e",
        "1e400", "9e15",
        "123456789.125", "0.1", "-0", "1e16", "1e22", "0.0001", "0.00001",
    ]
    private static let booleans = ["true", "TRUE", "Yes", "on", "1", "0", "off", "No", "false", "t", "2", "y", "True "]
    private static let urls = [
        "http://h", "http://h:80/p", "HTTP://h", "https://[::1]:8/x", "http://[::1%25eth0]/", "http://[::1%eth0]/",
        "//h", "http:/h",
        "http://", "http:///p", "http://u:p@h/", "http://u@p@h/", "http://h:99999", "http://h:123456", "http://h:x",
        "http://256.1.1.1",
        "http://1.2.3.4", "http://1.2.3", "http://h/a b", "http://h/%41", "http://h/%4", "http://h/%zz", "http://h/\"",
        "http://a,b/",
        "http://@h/", "http://:80", "http://h\\x", "1a://h", "a+b.c-d://h", "http://h?q#f", "http://[v1.x]/",
        "http://[1:2:3:4:5:6:7:8]",
        "http://[1:2:3:4:5:6:7]", "http://[1::3:4:5:6:7:8]", "http://[::1.2.3.4]", "http://[1::2::3]", "http://[]",
        "http://[::",
        "http://h\u{E9}/", "http://[12345::]", "http://h:", "http://%41", "http://%4", "amqp://u%40:p%2F@h:1/v%2Fh",
        "http://h/a//b",
    ]

    init(seed: UInt64, folder: String) {
        var generator = SeededGenerator(seed: seed)
        options = Self.options(&generator)
        let count = Int.random(in: 1...4, using: &generator)
        for number in 0..<count {
            // A directory has two files; they are named so that their order is not that of their making.
            let isDirectory = chance(0.25, &generator)
            let place = "\(folder)/\(seed)-\(number)"
            if isDirectory {
                arguments += ["--config-dir", "\(place).d"]
                sources.append(.directory("\(place).d"))
                for name in ["10-b.conf", "2-a.conf"] {
                    files.append(("\(place).d/\(name)", fileText(&generator)))
                }
                files.append(("\(place).d/.hidden.conf", Array("[DEFAULT]\nhost = hidden\n".utf8)))
                files.append(("\(place).d/other.txt", Array("nothing".utf8)))
            } else {
                arguments += ["--config-file", "\(place).conf"]
                sources.append(.file("\(place).conf"))
                files.append(("\(place).conf", fileText(&generator)))
            }
        }
    }

    /// The files that are read, in their order.
    var readFiles: [String] {
        files.map(\.path).filter { $0.hasSuffix(".conf") && !$0.contains("/.hidden") }
    }

    func write() throws {
        for file in files {
            let folder = (file.path as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(file.bytes).write(to: URL(fileURLWithPath: file.path))
        }
    }

    private static func options(_ generator: inout SeededGenerator) -> [OsloOption] {
        var options: [OsloOption] = []
        for group in groups {
            for name in names where chance(0.8, &generator) {
                let (type, defaults) = type(for: name, &generator)
                var option = OsloOption(group: group, name: name, type: type, isRepeated: name == "many")
                if chance(0.5, &generator) { option.defaults = option.isRepeated ? [] : defaults }
                if name == "host" || name == "port", chance(0.5, &generator) {
                    option.deprecatedNames = [
                        .init(group: group, name: "old_\(name)"), .init(group: "old", name: name),
                    ]
                }
                if name == "many", chance(0.5, &generator) {
                    option.deprecatedNames = [.init(group: group, name: "old_name")]
                }
                options.append(option)
            }
        }
        return options
    }

    private static func type(
        for name: String, _ generator: inout SeededGenerator
    ) -> (type: OsloOptionType, defaults: [String]?) {
        switch name {
        case "port": (.port, ["5672"])
        case "debug": (.boolean, ["false"])
        case "ratio":
            chance(0.5, &generator)
                ? (.real(minimum: 0, maximum: 4.5), ["1.5"])
                : (.integer(minimum: chance(0.5, &generator) ? 1 : nil), ["3"])
        case "topics":
            chance(0.6, &generator) ? (.texts, ["notifications"]) : (.list(of: .integer(minimum: 0)), ["1,2"])
        case "url": (.uri(schemes: chance(0.3, &generator) ? ["http", "HTTPS"] : []), nil)
        case "mode": (.string(choices: ["plain", "Mixed"], ignoresCase: chance(0.5, &generator)), ["plain"])
        case "note":
            (.string(maximumLength: chance(0.3, &generator) ? 5 : nil), chance(0.3, &generator) ? ["$my_ip"] : nil)
        default: (.text, ["d-\(name)"])
        }
    }

    private func fileText(_ generator: inout SeededGenerator) -> [UInt8] {
        var text = ""
        let end = ["\n", "\n", "\n", "\r\n", "\r"].randomElement(using: &generator)!
        if chance(0.97, &generator) { text += "[DEFAULT]" + end }
        for _ in 0..<Int.random(in: 0...18, using: &generator) { text += line(&generator) + end }
        if chance(0.2, &generator) { text = String(text.dropLast()) }
        var bytes = Array(text.utf8)
        if chance(0.03, &generator) {
            bytes.insert(
                UInt8.random(in: 0x80...0xFF, using: &generator), at: Int.random(in: 0...bytes.count, using: &generator)
            )
        }
        return bytes
    }

    private func line(_ generator: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<200, using: &generator) {
        case 0..<30:
            let sections = ["DEFAULT", "alpha", "beta", "Alpha", "BETA", "default", " alpha ", "old", "other"]
            return "[\(sections.randomElement(using: &generator)!)]" + (chance(0.1, &generator) ? "  " : "")
        case 30..<40: return ["# a comment", "; another", "#", "## = x"].randomElement(using: &generator)!
        case 40..<48: return ["", "   ", "\t", "\u{A0}"].randomElement(using: &generator)!
        case 48..<56: return "  " + Self.texts.randomElement(using: &generator)!
        case 56:
            return ["no separator", "[unclosed", "[]", "= x", ": y", "[", "[a] # c", "\u{FEFF}[DEFAULT]", "]", "[a]b]"]
                .randomElement(using: &generator)!
        default:
            var name = Self.names.randomElement(using: &generator)!
            if chance(0.15, &generator) {
                name = ["old_host", "old_port", "old_name", "HOST", "my-ip"].randomElement(using: &generator)!
            }
            let separator = [" = ", "=", ": ", ":", " =", "\t=\t", "\u{A0}=\u{3000}"].randomElement(using: &generator)!
            return (chance(0.03, &generator) ? "\u{2003}" : "") + name + separator + value(for: name, &generator)
                + (chance(0.1, &generator) ? " \t" : "")
        }
    }

    private func value(for name: String, _ generator: inout SeededGenerator) -> String {
        let likely: [String] =
            switch name {
            case "port", "old_port", "ratio": Self.numbers
            case "debug": Self.booleans
            case "url": Self.urls
            case "mode": ["plain", "mixed", "Mixed", "PLAIN", "none"]
            case "topics": Self.numbers + Self.texts
            default: Self.texts
            }
        return (chance(0.85, &generator) ? likely : Self.texts).randomElement(using: &generator)!
    }
}

private func chance(_ probability: Double, _ generator: inout SeededGenerator) -> Bool {
    Double.random(in: 0..<1, using: &generator) < probability
}
