import SwitchboardCells
import SwitchboardCore
import Testing

@Suite("URL templates")
struct URLTemplateTests {
    static let bases = [
        "plain": "rabbit://apiuser:api-s3kret@Rabbit-API.example:5672/nova_api?ssl=0",
        "encoded": "rabbit://us%40er:p%2Fw%3A%40%25@h.example:05673/v%2Fhost",
        "ipv6": "rabbit://u:p@[2001:DB8::1]:5672/v",
        "several": "rabbit://a:1@h1:11,b:2@h2:22/v?x=1#frag",
        "same": "rabbit://a:1@h1:11,a:1@h2:11/v",
        "no port": "rabbit://u:p@h/v",
        "colon": "rabbit://u:p:q@h:1/v",
        "nothing": "rabbit://",
    ]

    static let everything = "{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}#{fragment}"
    static let cell2 = "{scheme}://{username}:{password}@rabbit-cell2.example:{port}/nova_cell2?{query}"
    static let numbered =
        "{scheme}://{username1}:{password1}@{hostname1}:{port1},{username2}:{password2}@{hostname2}:{port2}/{path}"

    func render(_ template: String, _ base: String) throws -> String {
        try URLTemplate(template).rendered(from: .transport(#require(Self.bases[base]))).reveal()
    }

    @Test(
        "What Nova 34.0.0 renders correctly renders equal",
        arguments: [
            ("plain", cell2, "rabbit://apiuser:api-s3kret@rabbit-cell2.example:5672/nova_cell2?ssl=0"),
            ("plain", everything, "rabbit://apiuser:api-s3kret@rabbit-api.example:5672/nova_api?ssl=0#"),
            ("plain", "rabbit://lit:p{{w}}@h/v", "rabbit://lit:p{w}@h/v"),
            ("plain", "rabbit://lit:pw@h/v", "rabbit://lit:pw@h/v"),
            ("plain", "none:///", "none:///"),
            ("encoded", cell2, "rabbit://us%40er:p%2Fw%3A%40%25@rabbit-cell2.example:5673/nova_cell2?"),
            ("encoded", everything, "rabbit://us%40er:p%2Fw%3A%40%25@h.example:5673/v%2Fhost?#"),
            (
                "ipv6", "{scheme}://{username}:{password}@[{hostname}]:{port}/x",
                "rabbit://u:p@[2001:db8::1]:5672/x"
            ),
            ("several", numbered, "rabbit://a:1@h1:11,b:2@h2:22/v"),
            ("several", everything, "rabbit://a:1@h1:11,b:2@h2:22/v?x=1#frag"),
            ("several", "{scheme}://{username2}@x/{path}", "rabbit://b@x/v"),
            ("same", "{scheme}://{username}@x/{path}", "rabbit://a@x/v"),
            ("colon", cell2, "rabbit://u:p:q@rabbit-cell2.example:1/nova_cell2?"),
        ])
    func equalsNova(base: String, template: String, expected: String) throws {
        #expect(try render(template, base) == expected)
    }

    @Test("A database's template renders as Nova renders it")
    func database() throws {
        let base = BaseURL.database("mysql+pymysql://nova:db-s3kret@db-api.example/nova_cell0?charset=utf8")
        let template = URLTemplate("{scheme}://{username}:{password}@db-cell2.example/nova_cell2?{query}")
        #expect(
            try template.rendered(from: base).reveal()
                == "mysql+pymysql://nova:db-s3kret@db-cell2.example/nova_cell2?charset=utf8")
        let file = BaseURL.database("sqlite:////var/lib/nova.sqlite")
        #expect(
            try URLTemplate("sqlite:////{path}.cell1").rendered(from: file).reveal()
                == "sqlite:////var/lib/nova.sqlite.cell1")
    }

    @Test(
        "Where Nova renders rubbish the result is right",
        arguments: [
            // Nova: no brackets, which makes the port a part of the address.
            ("ipv6", everything, "rabbit://u:p@[2001:db8::1]:5672/v?#"),
            // Nova: password `1@h1:11,a:1`.
            ("same", cell2, "rabbit://a:1@rabbit-cell2.example:11/nova_cell2?"),
            // Nova: the first host keeps its port, the second gets the new one.
            ("several", "{scheme}://{username}:{password}@{hostname}:5671/c", "rabbit://a:1@h1:5671,b:2@h2:5671/c"),
            // Nova: `h2` only.
            ("several", "{scheme}://u:p@{hostname}:{port}/c", "rabbit://u:p@h1:11,u:p@h2:22/c"),
            // Nova: KeyError, and the template itself as the URL.
            ("plain", "{scheme}://{username1}:{password1}@h/c", "rabbit://apiuser:api-s3kret@h/c"),
        ])
    func betterThanNova(base: String, template: String, expected: String) throws {
        #expect(try render(template, base) == expected)
    }

    @Test(
        "A template that cannot be filled in is an error that names the variable",
        arguments: [
            ("plain", "{scheme}://{user}@h/", "user"),
            ("plain", "{scheme}://{username0}@h/", "username0"),
            ("plain", "{scheme}://{username2}@h/", "username2"),
            ("plain", "{scheme1}://h/", "scheme1"),
            ("plain", "rabbit://{}@h/", ""),
            ("plain", "rabbit://{0}@h/", "0"),
            ("plain", "rabbit://{username!r}@h/", "username"),
            ("plain", "rabbit://h:{port:06d}/", "port"),
            ("plain", "rabbit://{username[0]}@h/", "username"),
            ("plain", "rabbit://{hostname.__class__}/", "hostname"),
            ("no port", cell2, "port"),
            ("nothing", cell2, "username"),
            ("nothing", "{scheme}://{hostname}/", "hostname"),
            ("several", "{scheme}://{username}@h/", "username"),
        ])
    func namesVariable(base: String, template: String, variable: String) {
        let problem = #expect(throws: URLTemplate.Problem.self) { try render(template, base) }
        #expect(problem?.variable == variable)
        #expect(problem?.description.contains("s3kret") == false)
    }

    @Test("A lone brace is an error that says how to write one", arguments: ["rabbit://u:a{b@h/", "rabbit://u:a}b@h/"])
    func loneBrace(template: String) {
        let problem = #expect(throws: URLTemplate.Problem.self) { try render(template, "plain") }
        #expect(problem?.description.contains("lone") == true)
        #expect(problem?.description.contains("a{b") == false)
    }

    @Test("What stands between braces and is no name is not repeated in the error")
    func noLeak() {
        let template = URLTemplate("rabbit://u:pre{s3kret-pass/word}@h/")
        let problem = #expect(throws: URLTemplate.Problem.self) { try template.checkSyntax() }
        #expect(problem?.description.contains("s3kret") == false)
    }

    @Test("Without a base URL a template is an error and a plain URL is used as it is")
    func noBase() throws {
        #expect(throws: URLTemplate.Problem.self) { try URLTemplate(Self.cell2).rendered(from: nil) }
        #expect(try URLTemplate("rabbit://u:p@h/v").rendered(from: nil).reveal() == "rabbit://u:p@h/v")
    }

    @Test("A base URL with a bad port matters only to a template that needs the port")
    func badPort() throws {
        let base = BaseURL.transport("rabbit://u:p@h:port/v")
        #expect(try URLTemplate("rabbit://{username}@x/").rendered(from: base).reveal() == "rabbit://u@x/")
        #expect(throws: URLTemplate.Problem.self) { try URLTemplate("rabbit://x:{port}/").rendered(from: base) }
    }

    @Test("No random template traps, and what renders has no variable left")
    func fuzz() throws {
        var generator = SystemRandomNumberGenerator()
        let parts = [
            "{", "}", "{{", "}}", "scheme", "username", "hostname1", "port", ":", "@", ",", "/", "?", "[", "]",
            "{path}",
            "{hostname}", "{username}", "://", "é", "\u{0}", "9999999999999999999999",
        ]
        for _ in 0..<4_000 {
            let count = Int.random(in: 0...12, using: &generator)
            let text = (0..<count).map { _ in parts.randomElement(using: &generator) ?? "" }.joined()
            for base in ["several", "plain", "nothing"] {
                _ = try? render(text, base)
            }
            _ = String(describing: URLTemplate(text))
        }
    }
}
