import SwitchboardCells
import SwitchboardCore

/// A user and a password that take the place of those in a stored URL.
struct URLCredentials {
    /// Why a URL's credentials can't be replaced: a sentence.
    struct Refusal: Error {
        let message: String
    }

    let username: String
    let password: Secret

    /// The URL with these before every host; the rest of it, other variables too, stays as it is.
    func replacing(in template: URLTemplate) throws(Refusal) -> URLTemplate {
        let text = template.reveal()
        guard let start = text.firstRange(of: "://")?.upperBound else {
            throw Refusal(message: "The cell's URL has no hosts: give a whole URL with --transport-url.")
        }
        let end = text[start...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
        // Braces would be variables in a stored URL, so they are always encoded.
        let own = "\(URLPassword.encoded(username)):\(URLPassword.encoded(password.reveal()))@"
        var hosts: [String] = []
        for host in text[start..<end].split(separator: ",", omittingEmptySubsequences: false) {
            let at = host.lastIndex(of: "@")
            if let at, host[..<at].contains("{") {
                throw Refusal(
                    message:
                        "The cell's URL takes its user or password from the process's own URL, where they are changed for all such "
                        + "cells. To give this cell its own, use --transport-url with a whole URL.")
            }
            hosts.append(own + (at.map { host[host.index(after: $0)...] } ?? host))
        }
        return URLTemplate(text[..<start] + hosts.joined(separator: ",") + text[end...])
    }
}

extension TransportURL {
    /// The users of all hosts.
    var usernames: Set<String> { Set(hosts.compactMap(\.username)) }

    /// Whether this URL leads to the same broker and virtual host as another one, whatever user it has.
    func leadsWhere(_ other: TransportURL) -> Bool {
        scheme == other.scheme && addresses == other.addresses && room == other.room
    }

    /// Whether a host and the virtual host are those of another URL, whatever user it has.
    func sharesBus(with other: TransportURL) -> Bool {
        room == other.room && !addresses.isDisjoint(with: other.addresses)
    }

    private var addresses: Set<String> {
        Set(hosts.map { "\($0.name):\($0.port ?? (scheme == "amqps" ? 5671 : 5672))" })
    }

    private var room: String { virtualHost.flatMap { $0.isEmpty ? nil : $0 } ?? "/" }

    /// The URL without users, passwords and options.
    var place: TransportURL {
        TransportURL(scheme: scheme, hosts: hosts.map { Host(name: $0.name, port: $0.port) }, virtualHost: virtualHost)
    }

    /// Whether this URL has hosts of another one, by their names.
    func sharesHosts(with other: TransportURL) -> Bool {
        !Set(hosts.map(\.name)).isDisjoint(with: other.hosts.map(\.name))
    }
}
