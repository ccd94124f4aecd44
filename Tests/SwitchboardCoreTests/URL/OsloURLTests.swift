import Foundation
import SwitchboardCore
import Testing

/// A URL and what oslo.messaging 18.3.1 makes of it, as `Tests/Peers/oslo_urls.py` printed it.
struct OsloURL: Decodable, Sendable, CustomTestStringConvertible {
    struct Host: Decodable, Sendable {
        var username: String?
        var password: String?
        var name: String?
        var port: Int?
    }

    var url: String
    var error: String?
    var scheme: String?
    var virtualHost: String?
    var hosts: [Host]?
    var query: [String: String]?

    var testDescription: String { url.debugDescription }

    static let all: [OsloURL] = {
        let file = Bundle.module.url(forResource: "Data/transport-urls", withExtension: "json")!
        return try! JSONDecoder().decode([OsloURL].self, from: Data(contentsOf: file))
    }()
}

/// Where we read a URL otherwise than oslo.messaging, and why. Everything that is not here is read the same.
private let differences: [String: Difference] = [
    // Refused, because oslo alters or drops a part in silence.
    "rabbit://u:p@h:5672/vh#frag": .refused("contains a '#'", because: "oslo drops what follows the #"),
    "rabbit://u:p@h:5672/vh?a=1#frag": .refused("contains a '#'", because: "oslo drops what follows the #"),
    "rabbit://u:p@h\n:5672/vh": .refused("control character", because: "oslo drops the line's end"),
    "rabbit://u:p@h:5672\t/vh": .refused("control character", because: "oslo drops the tab"),
    "rabbit://u:%FF@host:5672/vh": .refused("not UTF-8", because: "oslo logs in with U+FFFD for a password"),
    "fake:name": .refused("no // follows its scheme", because: "oslo drops the name"),
    "localhost:5672": .refused("no // follows its scheme", because: "oslo takes the host for a scheme"),
    "u:p@h:5672/vh": .refused("no // follows its scheme", because: "oslo takes the user for a scheme"),

    // Refused, because nothing can be meant by it; oslo fails when it connects, or never says.
    "rabbit://u:p@h:-1/vh": .refused("0 to 65535", because: "there is no such port"),
    "rabbit://u:p@h:99999/vh": .refused("0 to 65535", because: "there is no such port"),
    "rabbit://u:p@h:5_672/vh": .refused("0 to 65535", because: "Python's spelling of numbers"),
    "rabbit://u:p@h:+5672/vh": .refused("0 to 65535", because: "Python's spelling of numbers"),
    "rabbit://u:p@h: 5672/vh": .refused("0 to 65535", because: "Python's spelling of numbers"),
    "rabbit://u:p@h:５６７２/vh": .refused("0 to 65535", because: "Python's spelling of numbers"),
    "rabbit://h:1:2/v": .refused("not an IPv6 address", because: "oslo looks up a host named h:1:2"),
    "rabbit://u:p@ho st:5672/vh": .refused("contains a blank", because: "no host has such a name"),
    "rabbit://h1:5672, h2:5672/vh": .refused("contains a blank", because: "oslo looks up a host named ' h2'"),
    "rabbit://u:p@h;5672/vh": .refused("another character", because: "oslo looks up a host named h;5672"),
    "rabbit://u:p@h\\:5672/vh": .refused("another character", because: "no host has such a name"),
    "rabbit://u:p@h:5672/vh\0": .refused("control character", because: "no broker has such a virtual host"),
    "rabbit://u:%00@h/v": .refused("contains a NUL", because: "NUL separates user and password in SASL PLAIN"),
    "rabbit://u:p@h/v?=x": .refused("no name", because: "an option without a name means nothing"),
    "": .refused("is empty", because: "a default belongs to the configuration, not to the parser"),

    // Refused, because a part of a password would be shown as something else.
    "rabbit://u:1/secret@h/v": .refused("write / as %2F", because: "oslo takes secret@h/v for the virtual host"),
    "rabbit://u:1?secret@h/v": .refused("? as %3F", because: "oslo takes secret@h/v for an option"),
    "rabbit://u:1,secret@h/v": .refused("write it as %2C", because: "oslo takes secret for a user's name"),

    // Read, where oslo fails or reads wrongly.
    "rabbit://u:[x@h/v": .read("rabbit://u:%5Bx@h/v", because: "a [ in a password is no address"),
    "rabbit://u:p@1.2.3.4:5672,[::ffff:1.2.3.4]:1/v": .read(
        "rabbit://u:p@1.2.3.4:5672,[::ffff:1.2.3.4]:1/v", because: "Python checks the brackets of one host only"),
    "rabbit://u:p@h%20x/v": .read("rabbit://u:p@h%20x/v", name: "h x", because: "oslo does not decode names"),
    "rabbit://u:p@[fe80::1%25eth0]/v": .read(
        "rabbit://u:p@[fe80::1%25eth0]/v", name: "fe80::1%eth0", because: "RFC 6874; oslo decodes when it connects"),
    "rabbit://[fe80::1%25eth0]:5672/vh": .read(
        "rabbit://[fe80::1%25eth0]:5672/vh", name: "fe80::1%eth0", because: "RFC 6874; oslo decodes when it connects"),
]

private enum Difference: Sendable {
    case refused(String, because: String)
    case read(String, name: String? = nil, because: String)
}

@Suite("Transport URLs as oslo.messaging reads them")
struct OsloURLTests {
    @Test("A URL means what oslo makes of it, or is in the table of differences", arguments: OsloURL.all)
    func same(_ oslo: OsloURL) throws {
        switch differences[oslo.url] {
        case .refused(let reason, because: _):
            let error = #expect(throws: TransportError.self) { try TransportURL(oslo.url) }
            #expect(error?.code == .invalidURL)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "read")")
        case .read(let text, let name, because: _):
            let url = try TransportURL(oslo.url)
            #expect(url.formatted(revealingSecrets: true) == text)
            if let name { #expect(url.hosts[0].name == name) }
        case nil:
            if oslo.error != nil {
                #expect(throws: TransportError.self) { try TransportURL(oslo.url) }
            } else {
                try expectSame(try TransportURL(oslo.url), oslo)
            }
        }
    }

    private func expectSame(_ url: TransportURL, _ oslo: OsloURL) throws {
        #expect(url.scheme == oslo.scheme)
        #expect(url.virtualHost == oslo.virtualHost)
        #expect(url.hosts.map(\.username) == oslo.hosts?.map(\.username))
        #expect(url.hosts.map { $0.password?.reveal() } == oslo.hosts?.map(\.password))
        #expect(url.hosts.map(\.name) == oslo.hosts?.map { $0.name ?? "" })
        #expect(url.hosts.map(\.port) == oslo.hosts?.map(\.port))
        let joined = Dictionary(
            url.options.filter { !$0.value.isEmpty }.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0),\($1)" })
        #expect(joined == oslo.query)
        let again = try TransportURL(url.formatted(revealingSecrets: true))
        #expect(again == url)
    }

    @Test("Every entry of the table of differences is a case, and differs")
    func tableIsTrue() throws {
        let urls = Set(OsloURL.all.map(\.url))
        #expect(differences.keys.filter { !urls.contains($0) && !$0.isEmpty }.isEmpty)
        for case let oslo in OsloURL.all where oslo.error != nil {
            if case .refused? = differences[oslo.url] {
                Issue.record("oslo refuses \(oslo.url) as well.")
            }
        }
        #expect(OsloURL.all.count > 180)
    }
}
