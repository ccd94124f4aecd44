import Logging
import SwitchboardCore
import Testing

@Suite("Masked credentials")
struct MaskingTests {
    @Test(
        "What looks like a credential is masked, and the rest is unchanged",
        arguments: [
            ("rabbit:/user:s3cret@host", "rabbit:/user:***@host"),
            ("rabbit:user:s3cret@host", "rabbit:***@host"),
            ("//user:s3cret@host", "//user:***@host"),
            ("user:s3cret@host:5672", "user:***@host:5672"),
            ("RABBIT://U:S3CRET@H", "RABBIT://U:***@H"),
            ("my_odd+scheme://u:s3cret@h", "my_odd+scheme://u:***@h"),
            ("Unexpected argument 'rabbit://u:s3cret@h'.", "Unexpected argument 'rabbit://u:***@h'."),
            ("a rabbit://u:s3 cr\"et@h/v b", "a rabbit://u:***@h/v b"),
            ("a rabbit://u:s3\ncret@h/v b", "a rabbit://u:***@h/v b"),
            ("rabbit%3A%2F%2Fu%3As3cret%40h", "rabbit://u:***@h"),
            ("rabbit%253A%252F%252Fu%253As3cret%2540h", "rabbit://u:***@h"),
            ("rabbit://u:***@h:5672/v%40x:1", "rabbit://u:***@h:5672/v%40x:1"),
            (
                "url = mysql+pymysql://nova:s3cret@db/nova?charset=utf8",
                "url = mysql+pymysql://nova:***@db/nova?charset=utf8"
            ),
            ("url=rabbit://u:s3cret@h,v:t0ken@k/v", "url=rabbit://u:***@h,v:***@k/v"),
            (#"{"url": "rabbit://u:s3cret@h", "n": 1}"#, #"{"url": "rabbit://u:***@h", "n": 1}"#),
            (#"{"admin_pass": "s3 cr", "n": 1}"#, #"{"admin_pass": "***", "n": 1}"#),
            (#"{\"adminPass\": \"s3cret\", \"n\": 1}"#, #"{\"adminPass\": \"***\", \"n\": 1}"#),
            ("  password = s3 cret\nuser = me", "  password = ***\nuser = me"),
            ("with Pwd=s3cret;Uid=me now", "with Pwd=*** now"),
            ("with password=s3cret&ret&n=1 now", "with password=***&n=1 now"),
            ("header X-Auth-Token: s3cret.", "header X-Auth-Token: ***."),
            ("got Authorization: Bearer s3cret here", "got Authorization: *** here"),
            ("h?pass%77ord=s3cret", "h?pass%77ord=***"),
            ("password='s3cret' user='me'", "password='***' user='me'"),
            ("The queue of host:5672 is gone: 3 messages, vhost=/, 10:20:30", nil),
            ("compute@host1 does not answer: timeout", nil), ("rabbit://h:5672/v has no option \"x\"", nil),
            ("no password is given, and no token either", nil), ("rabbit://[::1]:5672/v", nil), ("", nil),
        ])
    func masks(_ text: String, _ expected: String?) {
        #expect(Secret.masked(in: text) == expected ?? text)
    }

    /// Where a secret stands, and the characters around it that end nothing there.
    private static let templates: [@Sendable (String) -> String] = [
        { "rabbit://user:\($0)@host:5672/v" }, { "rabbit:/user:\($0)@host" }, { "rabbit:user:\($0)@host" },
        { "user:\($0)@host" }, { "//user:\($0)@host/" }, { "RABBIT://USER:\($0)@HOST" }, { "x-y.z+1://:\($0)@h" },
        { "rabbit://a:\($0)@h1:1,b:\($0)@h2:2/v" }, { "rabbit://h1:1,b:\($0)@h2" },
        { "amqps://u:\($0)@[::1]:5671/%2F" },
        { "mysql+pymysql://nova:\($0)@db.example:3306/nova?charset=utf8" }, { "postgresql://u:\($0)@h/d?sslmode=on" },
        { "The transport URL 'rabbit://u:\($0)@h/v' cannot be used: no." },
        { "Unexpected argument 'rabbit:/u:\($0)@h'" },
        { "[DEFAULT]\ntransport_url = rabbit://u:\($0)@h:5672/\ndebug = true" },
        { "url=amqp://u:\($0)@h?ssl=1 (retry)" },
        { #"{"transport_url": "rabbit://u:\#($0)@h", "x": [1]}"# }, { "--transport-url=rabbit://u:\($0)@h" },
        { "rabbit%3A%2F%2Fu%3A\($0)%40h%2Fv" }, { "rabbit%3a//u%3a\($0)%40h" }, { "u%3A\($0)%40h" },
        { "rabbit://h/v?x=1&password=\($0)" }, { "rabbit://h/?auth_token=\($0)&x=1" },
        { "spool:///d?client_secret=\($0)" },
        { "with Password=\($0) there" }, { "db_passwd: \($0)" }, { "x pass%77ord=\($0)" }, { "token=\"\($0)\"" },
        { #"{"admin_pass": "\#($0)"}"# }, { "'secret': '\($0)'," }, { "rabbit://u:\($0)@h rabbit://v:\($0)@k" },
        { "kafka://u:\($0)@h" }, { "none://u:\($0)@h" }, { "rabbit://h/u:\($0)@k" }, { "rabbit://h/?u:\($0)@k" },
        { "rabbit://h/?x=u:\($0)@k" }, { "rabbit:///u:\($0)@k" }, { "rabbit://u%3A\($0)@k" },
        { "rabbit://u%3A\($0)%40k/v" },
        { "rabbit://u:\($0)@h:99999/" }, { "rabbit://u:\($0)@h:x/" }, { "rabbit://u:\($0)@h b/" },
        { "rabbit://u:\($0)@[::1" },
        { "rabbit://u:\($0)@h/#" }, { "1rabbit://u:\($0)@h" }, { "://u:\($0)@h" },
    ]

    @Test("No parser, description, dump, error or masked text shows a secret, wherever it stands")
    func neverShown() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<40 {
            let letters = (0..<Int.random(in: 6...12, using: &generator)).map { _ in "kqxzvwjy".randomElement() ?? "k" }
            let secret = "Z" + String(letters)
            for template in Self.templates { expectHidden(secret, in: template(secret)) }
        }
    }

    @Test("No character in a password of a URL shows a part of it")
    func separators() {
        let separators = [
            "/", "?", "#", ":", "{", "}", "%", "[", "]", "é", "://", "p", "\u{301}", "\u{200D}", "!", "$", "(", ")",
            ";",
            "~", "\\", "|", "<",
        ]
        for round in 0..<4000 {
            // With both an '@' and what would end a word or a host, nobody could tell where the password ends.
            let others = round % 2 == 0 ? ["@"] : [",", "\r\n", "\n", "\t", " ", "\"", "'"]
            var parts = (0..<Int.random(in: 1...5)).map { _ in (separators + others).randomElement() ?? "" }
            parts.insert("kCANARYk", at: Int.random(in: 0...parts.count))
            // A letter first, since a number of digits before a blank is a port.
            let text = "rabbit://user:k\(parts.joined())@host:5672/v"
            expectHidden("CANARY", in: text)
        }
    }

    private func expectHidden(_ secret: String, in text: String) {
        let masked = Secret.masked(in: text)
        #expect(!masked.contains(secret), "\(text) is masked as \(masked)")
        #expect(Secret.masked(in: masked) == masked, "\(text)")
        for shown in Self.shown(of: text) {
            #expect(!shown.contains(secret), "\(text) shows \(shown)")
        }
    }

    /// All texts that come of a URL.
    private static func shown(of text: String) -> [String] {
        var texts = ["\(TransportError(.refused, "Refused: \(text)", cause: Cause(description: text)))"]
        do throws(TransportError) {
            let url = try TransportURL(text)
            var dumped = ""
            dump(url, to: &dumped)
            texts += ["\(url)", String(reflecting: url), dumped, "\(url.hosts)", "\(url.options)"]
            texts += url.options.flatMap {
                ["\(URLOptions.unknown($0.name, known: ["one"], of: url.scheme))", "\($0)"]
            }
            do throws(TransportError) {
                _ = try DriverRegistry().makeDriver(for: url, logger: .init(label: "tests"))
            } catch {
                texts += ["\(error)", error.message]
            }
        } catch {
            texts += ["\(error)", error.message]
        }
        return texts
    }

    private struct Cause: Error, CustomStringConvertible {
        let description: String
    }

    @Test("A secret option whose value holds an '&' is refused, since its rest would be shown as an option")
    func ampersand() {
        let error = #expect(throws: TransportError.self) { try TransportURL("rabbit://h/?password=sec&ret") }
        #expect(error?.code == .invalidURL)
        #expect(error?.message.contains("%26") == true)
        #expect(throws: Never.self) { try TransportURL("rabbit://h/?password=sec&ret=1") }
    }

    @Test("What was meant as credentials and would be a virtual host or a host's name is refused")
    func misplaced() {
        for text in ["rabbit:/user:secret@host", "rabbit:/user@host/v", "rabbit://user:p@rt/2@host/v"] {
            let error = #expect(throws: TransportError.self, "\(text)") { try TransportURL(text) }
            #expect(error?.code == .invalidURL)
        }
    }
}
