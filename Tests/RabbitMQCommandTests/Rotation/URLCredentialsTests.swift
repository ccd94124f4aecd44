#if RabbitMQ && TLS
import SwitchboardCells
import SwitchboardCore
import Testing

@testable import SwitchboardCommand

/// A user and a password in the place of others.
@Suite("Credentials of a URL")
struct URLCredentialsTests {
    private let credentials = URLCredentials(username: "nova/2", password: "p@ss:w{rd},%")

    @Test(
        "They stand before every host, encoded, and nothing else changes",
        arguments: [
            ("rabbit://nova:old@h:5672/v?ssl=true", "@h:5672/v?ssl=true"), ("rabbit://h/v", "@h/v"),
            ("rabbit://u:p%40@[::1]:5672", "@[::1]:5672"), ("rabbit://{hostname}/v", "@{hostname}/v"),
        ])
    func replaced(old: String, end: String) throws {
        let new = try credentials.replacing(in: URLTemplate(old))
        #expect(new.reveal() == "rabbit://nova%2F2:p%40ss%3Aw%7Brd%7D%2C%25" + end)
    }

    @Test("Of several hosts each gets them, and they come out as they went in")
    func hosts() throws {
        let new = try credentials.replacing(in: "rabbit://a:b@h1:1,c:d@h2:2,h3/v")
        let url = try TransportURL(new.reveal())
        #expect(url.hosts.map(\.name) == ["h1", "h2", "h3"] && url.virtualHost == "v")
        #expect(url.hosts.allSatisfy { $0.username == "nova/2" && $0.password == "p@ss:w{rd},%" })
    }

    @Test(
        "A user or password of the process's own URL isn't replaced; what has no hosts neither",
        arguments: ["rabbit://{username}:{password}@h/v", "rabbit://u:{password}@h", "none"])
    func refused(text: String) {
        #expect(throws: URLCredentials.Refusal.self) { try credentials.replacing(in: URLTemplate(text)) }
    }

    @Test("A default port, and the virtual host /, are the same whether they are written or not")
    func places() throws {
        let base = try TransportURL("rabbit://a:b@h:5672/")
        #expect(try base.leadsWhere(TransportURL("rabbit://c:d@h")))
        #expect(try !base.leadsWhere(TransportURL("rabbit://c:d@h:5673")))
        #expect(try !base.leadsWhere(TransportURL("rabbit://c:d@h/w")))
        #expect(try !base.leadsWhere(TransportURL("amqps://c:d@h")))
    }
}
#endif
