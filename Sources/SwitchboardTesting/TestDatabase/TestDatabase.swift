#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
public import SwitchboardCore

/// A real MariaDB server of one's own, for tests.
///
/// It listens on 127.0.0.1 alone, at a port that was free, and at a socket in its own directory; nothing of it outlives
/// the process that started it. A start takes a second or two, so a test run shares one (``shared()``), and each test has a
/// database (``withDatabase(characterSet:_:)``, some 20 ms):
///
///     let server = try await TestDatabase.shared()
///     try await server.withDatabase { name in
///         let url = server.url(database: name)
///         …
///     }
///
/// A test that stops, pauses or restarts the server starts its own with ``withServer(_:_:)``.
public final class TestDatabase: Sendable {
    let configuration: TestDatabaseConfiguration
    let server: String
    let client: String
    let directory: ScratchDirectory
    let node = Locked<GuardedProcess?>(nil)

    /// A user with all rights, from this machine.
    public let username = "switchboard"

    /// The user's password. It has characters that a URL needs encoded.
    public let password: Secret

    /// Where the server listens, on 127.0.0.1; the same after a restart.
    public let port: Int

    /// The path of the server's socket.
    public var socket: String { "\(directory.path)/socket" }

    /// The server's log, for a person to read.
    public var logFile: String { "\(directory.path)/server.log" }

    /// Starts a server, and stops it when `body` ends.
    public static func withServer<Result>(
        _ configuration: TestDatabaseConfiguration = TestDatabaseConfiguration(),
        _ body: (TestDatabase) async throws -> Result
    ) async throws -> Result {
        let server = try await start(configuration)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Starts a server; returns when it answers. The caller stops it with ``stop()``; when the process ends without, it
    /// is stopped all the same.
    public static func start(
        _ configuration: TestDatabaseConfiguration = TestDatabaseConfiguration()
    ) async throws -> TestDatabase {
        var lastError = TestBrokerError("The database server was not started.")
        // Somebody else may take a port between our look and the server's.
        for _ in 0..<5 {
            let server = try TestDatabase(configuration)
            do {
                try await server.makeData()
                try await server.startNode()
                return server
            } catch let error as TestBrokerError {
                await server.stop()
                guard error.description.contains("Address already in use") else { throw error }
                lastError = error
            } catch {
                await server.stop()
                throw error
            }
        }
        throw lastError
    }

    /// The one server that the tests of this process share. It ends with the process.
    public static func shared() async throws -> TestDatabase {
        try await sharedStart.withLock { start in
            let task = start ?? Task { try await TestDatabase.start() }
            start = task
            return task
        }.value
    }

    private static let sharedStart = Locked<Task<TestDatabase, any Error>?>(nil)

    private init(_ configuration: TestDatabaseConfiguration) throws(TestBrokerError) {
        self.configuration = configuration
        server = try configuration.findProgram("mariadbd")
        client = try configuration.findProgram("mariadb")
        port = try LoopbackPort.free(1)[0]
        password = Secret("\(TestBroker.randomName(12))%/@:\(TestBroker.randomName(4))")
        directory = try ScratchDirectory(prefix: "switchboard-db")
        try directory.create("my.cnf", serverConfiguration.joined(separator: "\n") + "\n")
        try directory.create("init.sql", initialStatements.joined(separator: "\n") + "\n")
    }

    /// The URL of a database, as Nova's configuration has it, for ``username`` or somebody else. `options` is what follows
    /// the `?`.
    public func url(
        database: String, username: String? = nil, password: Secret? = nil, options: String = "charset=utf8",
        scheme: String = "mysql+pymysql", host: String = "127.0.0.1"
    ) -> String {
        let secret = (password ?? self.password).reveal()
        let encoded = secret.utf8.map { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + byte.hexadecimal(width: 2, uppercase: true)
        }.joined()
        return "\(scheme)://\(username ?? self.username):\(encoded)@\(host):\(port)/\(database)"
            + (options.isEmpty ? "" : "?\(options)")
    }

    /// Makes a database with a random name, and drops it when `body` ends.
    public func withDatabase<Result>(
        characterSet: String = "utf8mb3", _ body: (String) async throws -> Result
    ) async throws -> Result {
        let name = "t_\(TestBroker.randomName(10))"
        try await execute("CREATE DATABASE \(name) CHARACTER SET \(characterSet)")
        do {
            let result = try await body(name)
            try await execute("DROP DATABASE IF EXISTS \(name)")
            return result
        } catch {
            _ = try? await execute("DROP DATABASE IF EXISTS \(name)")
            throw error
        }
    }

    /// Kills the server and removes its directory.
    public func stop() async {
        await node.withLock { $0 }?.end()
        directory.remove()
    }
}
