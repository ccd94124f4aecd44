#if MariaDB
    import Foundation
    import NovaDirectoryPeer
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardTesting
    import Testing

    @testable import SwitchboardMariaDB

    @Suite("URLs of databases", .timeLimit(.minutes(2)))
    struct AddressTests {
        struct Row: Sendable, CustomTestStringConvertible {
            var url: String
            var shown: String
            var user: String?
            var password: String?
            var testDescription: String { url }

            init(_ url: String, _ shown: String, _ user: String? = nil, _ password: String? = nil) {
                (self.url, self.shown, self.user, self.password) = (url, shown, user, password)
            }
        }

        @Test(
            "They mean what they mean to Nova",
            arguments: [
                Row(
                    "mysql+pymysql://nova:secret@host/nova_api?charset=utf8", "nova_api on host:3306", "nova", "secret"),
                Row("mysql://nova:secret@host:3307/nova_api", "nova_api on host:3307", "nova", "secret"),
                Row("mysql+mysqldb://nova@host/nova_api", "nova_api on host:3306", "nova"),
                Row("mariadb://host/nova_api", "nova_api on host:3306"),
                Row("mariadb+pymysql://:pw@host/nova_api", "nova_api on host:3306", nil, "pw"),
                Row("MySQL+PyMySQL://h/d", "d on h:3306"),
                Row("mysql://u:p%25%2Fw%40x@h/d", "d on h:3306", "u", "p%/w@x"),
                Row("mysql://u:p/w:x?y@h/d", "d on h:3306", "u", "p/w:x?y"),
                Row("mysql://u:p%zz%@h/d", "d on h:3306", "u", "p%zz%"),
                Row("mysql://u%3Ax:p+w@h/d", "d on h:3306", "u:x", "p+w"),
                Row("mysql://u:@h/d", "d on h:3306", "u", ""),
                Row("mysql://u:p@[::1]:99/d", "d on [::1]:99", "u", "p"),
                Row("mysql://u:p@[fe80::1]/d", "d on [fe80::1]:3306", "u", "p"),
                Row("mysql:///d", "d on localhost:3306"),
                Row("mysql://u:p@/d?unix_socket=%2Frun%2Fmysqld.sock", "d on /run/mysqld.sock", "u", "p"),
                Row("mysql://h/a%2Fb", "a/b on h:3306"),
            ])
        func table(_ row: Row) throws {
            let address = try MariaDBAddress(parsing: row.url)
            #expect(address.description == row.shown)
            #expect(address.username == row.user)
            #expect(address.password?.reveal() == row.password)
            #expect(address.tls == nil)
            #expect(MariaDBCellDirectory.takes(row.url))
        }

        @Test(
            "Those that can't be used are errors that quote nothing",
            arguments: [
                "", "mysql", "mysql:/u:CANARY@h/d", "sqlite:///x", "postgresql://u:CANARY@h/d", "mysqlx://u:CANARY@h/d",
                "mysql://u:CANARY@h", "mysql://u:CANARY@h/", "mysql://u:CANARY@h:port/d", "mysql://u:CANARY@h:/d",
                "mysql://u:CANARY@h:0/d",
                "mysql://u:CANARY@h:65536/d", "mysql://u:CANARY@h1,h2/d", "mysql://u:CANARY@x@h/d",
                "mysql://u:CANARY@::1/d",
                "mysql://u:CANARY@[::1/d", "mysql://u:CANARY@[::1]x/d", "mysql://u:CANARY@h/d\n",
                "mysql://u:CANARY%FF@h/d",
                "mysql://u:CANARY%00@h/d", "mysql://u:CANARY@h/d?connect_timeout=soon",
                "mysql://u:CANARY@h/d?read_timeout=0",
                "mysql://u:CANARY@h/d?ssl_crl=/x", "mysql://u:CANARY@h/d?ssl_ca=/x&ssl_disabled=true",
                "mysql://u:CANARY@h/d?ssl_ca=/x&ssl_ca=/y", "mysql://u:CANARY@h/d?ssl_cert=/x",
                "mysql://u:CANARY@h/d?ssl=maybe",
                "mysql://u:CANARY@h/d?ssl_mode=PREFERRED", "mysql://u:CANARY@h/d?ssl_check_hostname=false",
            ])
        func refused(_ url: String) {
            do {
                _ = try MariaDBCellDirectory(url)
                Issue.record("It was taken.")
            } catch {
                #expect(error.code == .badURL)
                #expect(!"\(error)".contains("CANARY"))
            }
        }

        @Test("Options decide whether and how TLS is used")
        func tls() throws {
            func tls(_ options: String) throws -> MariaDBAddress.TLS? {
                try MariaDBAddress(parsing: "mysql+pymysql://u:p@h/d?\(options)").tls
            }
            #expect(try tls("charset=utf8") == nil)
            #expect(try tls("ssl_disabled=true") == nil)
            #expect(try tls("ssl=false") == nil)
            #expect(try tls("ssl_mode=DISABLED") == nil)
            #expect(try tls("ssl=true") == MariaDBAddress.TLS())
            #expect(try tls("ssl_mode=REQUIRED")?.verification == .authorityAndHost)
            let full = try tls("ssl_ca=/ca&ssl_cert=/c&ssl_key=/k&charset=utf8mb4")
            #expect(full == MariaDBAddress.TLS(authority: "/ca", certificate: "/c", key: "/k"))
            #expect(full?.verification == .authorityAndHost)
            #expect(
                try tls("ssl_ca=/ca&ssl_verify_cert=true&ssl_verify_identity=true")?.verification == .authorityAndHost)
            #expect(try tls("ssl_ca=/ca&ssl_check_hostname=false")?.verification == .authority)
            #expect(try tls("ssl_ca=/ca&ssl_mode=verify_ca")?.verification == .authority)
            #expect(try tls("ssl_ca=/ca&ssl_verify_cert=false")?.verification == MariaDBAddress.Verification.none)
            #expect(try tls("unix_socket=/s&ssl_ca=/ca") == nil)
            let other = try MariaDBAddress(
                parsing:
                    "mysql://h/d?connect_timeout=3&read_timeout=4&write_timeout=5&autocommit=true&local_infile=1&x=")
            #expect(other.connectTimeout == .seconds(3))
            #expect(other.readTimeout == .seconds(4))
            #expect(other.writeTimeout == .seconds(5))
            #expect(other.ignoredOptions == ["autocommit", "local_infile"])
        }

        @Test("SQLAlchemy reads hundreds of URLs as we do", .enabled(if: NovaPython.isThere))
        func sqlAlchemy() throws {
            struct Theirs: Decodable {
                var error: String?
                var host: String?
                var port: Int?
                var user: String?
                var password: String?
                var database: String?
                var unixSocket: String?
                var sslCa: String?
                var connectTimeout: Int?
            }
            var generator = SeededGenerator(2022)
            let pieces = [
                "u", "nova", "p%40", "%2F", "+", "é", "%C3%A9", ".", "-", "_", "!", "$", "&x", "=", "~", "*", "(", ")",
                "'",
                ":", "/", "%25", "%zz",
            ]
            func text(_ count: ClosedRange<Int>, _ without: Set<String> = []) -> String {
                let usable = pieces.filter { !without.contains($0) }
                return (0..<Int.random(in: count, using: &generator)).map { _ in
                    usable.randomElement(using: &generator) ?? ""
                }.joined()
            }
            let urls = (0..<400).map { _ in
                var url = ["mysql+pymysql", "mariadb+pymysql"].randomElement(using: &generator) ?? ""
                url += "://"
                if Bool.random(using: &generator) {
                    url += text(1...3, [":", "/"])
                    if Bool.random(using: &generator) { url += ":" + text(1...5) }
                    url += "@"
                }
                url +=
                    ["h", "db.example.org", "127.0.0.1", "[::1]", "[2001:db8::2]"].randomElement(using: &generator)
                    ?? ""
                url += ["", ":3307", ":"].randomElement(using: &generator) ?? ""
                url += "/" + text(1...2, [":", "/", "%2F"])
                return url
                    + (["", "?charset=utf8", "?ssl_ca=%2Fa+b", "?unix_socket=/s&connect_timeout=7", "?x=1&charset="]
                        .randomElement(using: &generator) ?? "")
            }
            let output = try NovaPython.run(peer: "database_urls.py", [], input: try JSONEncoder().encode(urls))
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let theirs = try decoder.decode([Theirs].self, from: output)
            try #require(theirs.count == urls.count)
            #expect(theirs.count { $0.error == nil } > 200)
            for (url, theirs) in zip(urls, theirs) {
                let ours = try? MariaDBAddress(parsing: url)
                // We may refuse one that it takes, and not the other way round.
                guard theirs.error == nil, let ours else {
                    #expect(ours == nil, "\(url)")
                    continue
                }
                #expect(ours.host == theirs.host ?? "localhost", "\(url)")
                #expect(ours.port == theirs.port ?? 3306, "\(url)")
                #expect(ours.username == theirs.user, "\(url)")
                #expect(ours.password?.reveal() == theirs.password, "\(url)")
                #expect(ours.database == theirs.database, "\(url)")
                #expect(ours.unixSocket == theirs.unixSocket, "\(url)")
                #expect((ours.unixSocket != nil || ours.tls?.authority == theirs.sslCa), "\(url)")
                #expect(ours.connectTimeout == theirs.connectTimeout.map { .seconds($0) }, "\(url)")
            }
        }

        @Test("Any text gives an address or an error")
        func fuzz() {
            var generator = SeededGenerator(7)
            let pieces = [
                "mysql", "+", "pymysql", "://", "u", ":", "p", "@", "h", "[", "]", "::1", "/", "d", "?", "&", "=", "%",
                "ssl_ca", "%2F", "\u{0}", "é", ",", "65536", "ssl=1",
            ]
            for _ in 0..<20_000 {
                let text = (0..<Int.random(in: 0...14, using: &generator)).map { _ in
                    pieces.randomElement(using: &generator) ?? ""
                }.joined()
                if let address = try? MariaDBAddress(parsing: text) { #expect(!address.database.isEmpty) }
            }
        }
    }

    @Suite("When a server that can't be reached is tried again")
    struct OutageTests {
        private let refused = MariaDBError(number: 2002, text: "refused")
        private let wrongPassword = MariaDBError(number: 1045, text: "denied")
        private let start = ContinuousClock.now

        private func isConnect(_ advice: Outage.Advice) -> Bool { if case .connect = advice { true } else { false } }
        private func isWait(_ advice: Outage.Advice) -> Bool { if case .wait = advice { true } else { false } }

        @Test("At once, then after pauses that grow to a second")
        func pauses() {
            var outage = Outage(patience: .seconds(5))
            let before = outage.connected(now: start)
            #expect(before == nil)
            let isFirst = outage.failed(refused, now: start, jitter: 0.5)
            #expect(isFirst)
            #expect(isConnect(outage.advice(now: start)))
            var now = start
            var pauses: [Duration] = []
            for _ in 0..<8 {
                let isFirstAgain = outage.failed(refused, now: now, jitter: 0.5)
                #expect(!isFirstAgain)
                guard case .wait(let moment, _) = outage.advice(now: now) else { break }
                pauses.append(now.duration(to: moment))
                now = moment
                #expect(isConnect(outage.advice(now: now)))
            }
            #expect(pauses.prefix(6).map { $0 / .milliseconds(1) } == [50, 100, 200, 400, 800, 1000])
            let time = outage.connected(now: now)
            #expect(time == start.duration(to: now))
            #expect(isConnect(outage.advice(now: now)))
        }

        @Test("Calls don't wait for one that was never reached, is away for long, or refuses the login")
        func givingUp() {
            func givesUp(_ outage: Outage, _ now: ContinuousClock.Instant) -> Bool {
                if case .giveUp = outage.advice(now: now) { true } else { false }
            }
            var new = Outage(patience: .seconds(5))
            _ = new.failed(refused, now: start, jitter: 0)
            _ = new.failed(refused, now: start, jitter: 0)
            #expect(givesUp(new, start))
            var long = Outage(patience: .seconds(5))
            _ = long.connected(now: start)
            _ = long.failed(refused, now: start, jitter: 0)
            _ = long.failed(refused, now: start + .seconds(1), jitter: 0)
            #expect(isWait(long.advice(now: start + .seconds(1))))
            _ = long.failed(refused, now: start + .seconds(6), jitter: 0)
            #expect(givesUp(long, start + .seconds(6)))
            var denied = Outage(patience: .seconds(5))
            _ = denied.connected(now: start)
            _ = denied.failed(wrongPassword, now: start, jitter: 0)
            #expect(givesUp(denied, start))
            #expect(isConnect(denied.advice(now: start + .seconds(1))))
        }
    }
#endif
