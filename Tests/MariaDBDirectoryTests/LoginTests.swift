#if MariaDB
    import Foundation
    import InMemoryLogging
    import Logging
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting
    import Testing

    /// Passwords, rights, certificates.
    @Suite("Getting into a server", .timeLimit(.minutes(5)))
    struct LoginTests {
        @Test("Wrong passwords, users, databases and rights are errors that say what to do, and show no password")
        func refusals() async throws {
            let server = try await TestDatabase.shared()
            let log = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in log }
            try await withDirectory(on: server) { directory, cell, name in
                func error(_ url: String, _ body: (MariaDBCellDirectory) async throws -> Void) async throws -> CellError
                {
                    let directory = try MariaDBCellDirectory(url, logger: logger)
                    return try #require(await cellError { try await body(directory) })
                }
                let canary = Secret("CANARY%/w@")
                let user = "u_\(name)"
                try await server.execute(
                    "CREATE USER \(user)@'127.0.0.1' IDENTIFIED BY 'CANARY-right'; GRANT SELECT ON \(name).* TO \(user)@'127.0.0.1'"
                )
                var errors = [
                    try await error(server.url(database: name, password: canary)) { try await $0.check() },
                    try await error(server.url(database: name, username: "nobody", password: canary)) {
                        try await $0.check()
                    },
                ]
                #expect(errors.allSatisfy { $0.code == .directoryUnavailable && $0.message.contains("login") })
                let missing = try await error(server.url(database: "missing_\(name)")) { try await $0.check() }
                #expect(missing.code == .directoryUnavailable && missing.message.contains("Create it"))
                let others = try await error(
                    server.url(database: "mysql", username: user, password: "CANARY-right")
                ) { try await $0.check() }
                #expect(others.code == .directoryUnavailable && others.message.contains("grant"))
                let reading = try MariaDBCellDirectory(
                    server.url(database: name, username: user, password: "CANARY-right"), logger: logger)
                #expect(try await reading.cell(cell.id) == cell)
                let writing = try #require(await cellError { try await reading.mapHosts(["a"], to: cell.id) })
                #expect(writing.code == .directoryReadOnly && writing.message.contains("Grant"))
                let closed = try await error("mysql://u:CANARY@127.0.0.1:1/d") { try await $0.check() }
                #expect(closed.code == .directoryUnavailable && closed.message.contains("127.0.0.1:1"))
                let unknown = try await error("mysql://u:CANARY@nowhere.invalid/d") { try await $0.check() }
                #expect(unknown.code == .directoryUnavailable && unknown.message.contains("nowhere.invalid"))
                errors += [missing, others, writing, closed, unknown]
                for error in errors { #expect(!"\(error)".contains("CANARY")) }
                for entry in log.entries { #expect(!"\(entry)".contains("CANARY")) }
                #expect(log.entries.count >= 4)
            }
        }

        @Test("A password that is changed ends no connection; new ones need the new one")
        func rotation() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { _, cell, name in
                let user = "r_\(name)"
                try await server.execute(
                    "CREATE USER \(user)@'127.0.0.1' IDENTIFIED BY 'old'; GRANT ALL ON \(name).* TO \(user)@'127.0.0.1'"
                )
                let old = try MariaDBCellDirectory(
                    server.url(database: name, username: user, password: "old"), logger: quiet)
                #expect(try await old.cell(cell.id) == cell)
                try await server.execute("ALTER USER \(user)@'127.0.0.1' IDENTIFIED BY 'new'")
                #expect(try await old.cell(cell.id) == cell)
                let ids = try await server.execute(
                    "SELECT id FROM information_schema.processlist WHERE user = '\(user)'")
                for id in ids.split(separator: "\n") { try await server.execute("KILL \(id)") }
                let error = await cellError { try await old.cell(cell.id) }
                #expect(error?.code == .directoryUnavailable && error?.message.contains("login") == true)
                let new = try MariaDBCellDirectory(
                    server.url(database: name, username: user, password: "new"), logger: quiet)
                #expect(try await new.cell(cell.id) == cell)
                try await server.execute("ALTER USER \(user)@'127.0.0.1' IDENTIFIED BY 'old'")
                try await waitUntil { await cellError { try await old.cell(cell.id) } == nil }
            }
        }

        @Test("A socket on this machine is used instead of a port")
        func socket() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { _, cell, name in
                let url = server.url(database: name, options: "unix_socket=\(server.socket)", host: "nowhere.invalid")
                let directory = try MariaDBCellDirectory(url, logger: quiet)
                #expect(try await directory.cell(cell.id) == cell)
                #expect(directory.name.contains(server.socket))
            }
        }

        @Test("With TLS, the certificate's authority and host are checked unless the URL says otherwise")
        func tls() async throws {
            let certificates = try Certificates()
            var configuration = TestDatabaseConfiguration()
            configuration.tls = .init(
                certificate: certificates.path("server.pem"), key: certificates.path("server.key"),
                authority: certificates.path("ca.pem"))
            try await TestDatabase.withServer(configuration) { server in
                try await withDirectory(on: server) { _, cell, name in
                    try await server.execute(
                        """
                        CREATE USER secure@'127.0.0.1' IDENTIFIED BY 'CANARY' REQUIRE SSL;
                        GRANT ALL ON *.* TO secure@'127.0.0.1';
                        CREATE USER certified@'127.0.0.1' IDENTIFIED BY 'CANARY' REQUIRE X509;
                        GRANT ALL ON *.* TO certified@'127.0.0.1';
                        """)
                    func open(_ options: String, user: String = "secure", host: String = "localhost") async
                        -> CellError?
                    {
                        await cellError {
                            let url = server.url(
                                database: name, username: user, password: "CANARY", options: options, host: host)
                            let found = try await MariaDBCellDirectory(url, logger: quiet).cell(cell.id)
                            #expect(found == cell)
                        }
                    }
                    let (right, wrong) = (certificates.path("ca.pem"), certificates.path("other.pem"))
                    #expect(await open("ssl_ca=\(right)") == nil)
                    #expect(await open("ssl_ca=\(right)&ssl_check_hostname=false", host: "127.0.0.1") == nil)
                    #expect(await open("ssl_verify_cert=false", host: "127.0.0.1") == nil)
                    #expect(
                        await open(
                            "ssl_ca=\(right)&ssl_cert=\(certificates.path("client.pem"))&ssl_key=\(certificates.path("client.key"))",
                            user: "certified") == nil)
                    let refusals = [
                        ("another host's", await open("ssl_ca=\(right)", host: "127.0.0.1")),
                        ("another authority's", await open("ssl_ca=\(wrong)")),
                        ("another authority's, by name", await open("ssl_ca=\(wrong)&ssl_check_hostname=false")),
                        ("one that the system doesn't know", await open("ssl=true")),
                        ("no file", await open("ssl_ca=/nonexistent.pem")),
                        ("a login without TLS", await open("")),
                        ("a login without a certificate", await open("ssl_ca=\(right)", user: "certified")),
                    ]
                    for (what, error) in refusals {
                        #expect(error?.code == .directoryUnavailable, "\(what): \(error?.description ?? "it got in")")
                        #expect(error.map { "\($0)".contains("CANARY") } != true)
                    }
                }
            }
        }

        @Test("A server that has no TLS is not talked to by a URL that wants it")
        func noTLS() async throws {
            let server = try await TestDatabase.shared()
            try await withDirectory(on: server) { _, cell, name in
                for options in ["ssl=true", "ssl_verify_cert=false"] {
                    let directory = try MariaDBCellDirectory(
                        server.url(database: name, options: options, host: "localhost"), logger: quiet)
                    let error = await cellError { try await directory.cell(cell.id) }
                    #expect(error?.code == .directoryUnavailable)
                    #expect(error?.message.contains("TLS") == true, "\(error?.description ?? "it got in")")
                }
            }
        }
    }

    /// An authority, a server's certificate for `localhost`, a client's, and another authority. Made by `openssl`.
    private final class Certificates {
        private let folder: String

        init() throws {
            folder = NSTemporaryDirectory() + "switchboard-certificates-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for name in ["ca", "other"] {
                try openssl(
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-keyout",
                    path("\(name).key"), "-out", path("\(name).pem"))
            }
            try "subjectAltName=DNS:localhost".write(toFile: path("server.ext"), atomically: true, encoding: .utf8)
            try "extendedKeyUsage=clientAuth".write(toFile: path("client.ext"), atomically: true, encoding: .utf8)
            for name in ["server", "client"] {
                try openssl(
                    "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout", path("\(name).key"),
                    "-out",
                    path("\(name).csr"))
                try openssl(
                    "x509", "-req", "-in", path("\(name).csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                    "-CAcreateserial", "-days", "2", "-extfile", path("\(name).ext"), "-out", path("\(name).pem"))
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func path(_ name: String) -> String { "\(folder)/\(name)" }

        private func openssl(_ arguments: String...) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["openssl"] + arguments
            let errors = Pipe()
            process.standardError = errors
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "openssl failed: \(said)")
        }
    }
#endif
