#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import Dispatch
import SwitchboardCore

/// The server's life: tests do to it what happens to servers.
extension TestDatabase {
    /// The process of the server, while it runs.
    public var processID: Int32? {
        node.withLock { node in
            guard let node, node.exit == nil else { return nil }
            return node.processID
        }
    }

    /// Starts the server again after ``stopNode()`` or ``kill9()``: same port, same data. Returns when it answers.
    public func startNode() async throws {
        guard processID == nil else { throw TestBrokerError("The database server is running.") }
        unlink(socket)
        let process = try GuardedProcess(
            [server, "--defaults-file=\(directory.path)/my.cnf"], environment: environment,
            streams: .log("\(directory.path)/output.log"), scratch: directory.path)
        node.withLock { $0 = process }
        let deadline = ContinuousClock.now + configuration.startTimeout
        do {
            while await !answers() {
                if process.exit != nil || ContinuousClock.now >= deadline {
                    let what = process.exit == nil ? "did not answer within \(configuration.startTimeout)" : "ended"
                    throw TestBrokerError(
                        "\(server) \(what).\n\(directory.tail(of: "output.log"))\n\(directory.tail(of: "server.log"))")
                }
                try await Task.sleep(for: .milliseconds(25))
            }
        } catch {
            await process.end()
            throw error
        }
    }

    /// Shuts the server down as an operator does: it ends its connections, and keeps its data.
    public func stopNode() async throws {
        guard let process = node.withLock({ $0 }) else { return }
        process.signal(SIGCONT)
        process.signal(SIGTERM)
        guard await process.waitForExit(within: .seconds(60)) != nil else {
            throw TestBrokerError("The database server does not stop within 60 seconds; its log is \(logFile).")
        }
    }

    /// Shuts the server down and starts it again.
    public func restart() async throws {
        try await stopNode()
        try await startNode()
    }

    /// Kills the server as a power cut does; connections are reset by the kernel. ``startNode()`` revives it.
    public func kill9() async {
        await node.withLock { $0 }?.end()
    }

    /// Stops the server's process without ending it: connections stay open and nothing answers.
    public func pause() {
        node.withLock { $0 }?.pause()
    }

    /// Lets a paused server go on.
    public func resume() {
        node.withLock { $0 }?.signal(SIGCONT)
    }

    /// Runs SQL as the server's administrator, as another program would: with the command line `mariadb`. Returns the
    /// rows of the results, a line each, with tabs between the columns.
    @discardableResult
    public func execute(_ sql: String, in database: String? = nil) async throws -> String {
        let errors = "client-\(TestBroker.randomName(6)).log"
        defer { unlink("\(directory.path)/\(errors)") }
        let process = try GuardedProcess(
            [
                client, "--no-defaults", "--socket=\(socket)", "--user=root", "--batch", "--skip-column-names", "--raw",
                "--default-character-set=utf8mb4", "--connect-timeout=20",
            ] + (database.map { [$0] } ?? []), environment: environment,
            streams: .connected(errors: "\(directory.path)/\(errors)"))
        let (input, output) = (process.input, process.output)
        let answer: String = await withCheckedContinuation { continuation in
            // A queue of its own is a thread of its own: a wait here takes none from the tasks' pool.
            DispatchQueue(label: "switchboard.testdatabase").async {
                continuation.resume(returning: Self.exchange(sql, input, output))
            }
        }
        guard await process.waitForExit(within: .seconds(60)) == .code(0) else {
            await process.end()
            throw TestBrokerError("The database server refuses: \(directory.tail(of: errors))")
        }
        return answer.hasSuffix("\n") ? String(answer.dropLast()) : answer
    }

    private static func exchange(_ sql: String, _ input: Int32, _ output: Int32) -> String {
        var rest = Array(sql.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        close(input)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        close(output)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether a server greets who connects.
    private func answers() async -> Bool {
        let port = port
        guard access(socket, F_OK) == 0 else { return false }
        return await withCheckedContinuation { continuation in
            DispatchQueue(label: "switchboard.testdatabase").async {
                let descriptor = makeSocket(AF_INET, streamSocket | closeOnExec, 0)
                defer { close(descriptor) }
                var time = timeval(tv_sec: 2, tv_usec: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
                var greeting = [UInt8](repeating: 0, count: 5)
                let isConnected =
                    LoopbackPort.withLoopbackAddress(port: port) { connect(descriptor, $0, $1) } == 0
                // Behind a packet's header, the protocol's version.
                let isGreeted = isConnected && recv(descriptor, &greeting, 5, 0) == 5 && greeting[4] == 10
                continuation.resume(returning: isGreeted)
            }
        }
    }

    /// Makes the server's own tables.
    func makeData() async throws {
        let installer = try configuration.findProgram("mariadb-install-db")
        let process = try GuardedProcess(
            [
                installer, "--no-defaults", "--datadir=\(directory.path)/data", "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ] + (geteuid() == 0 ? ["--user=root"] : []), environment: environment,
            streams: .log("\(directory.path)/output.log"), scratch: directory.path)
        guard await process.waitForExit(within: configuration.startTimeout) == .code(0) else {
            await process.end()
            throw TestBrokerError("\(installer) failed.\n\(directory.tail(of: "output.log"))")
        }
    }

    var environment: [String: String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return [
            "PATH": "\(path):/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory.path, "TMPDIR": directory.path,
            "LANG": "C.UTF-8",
        ]
    }

    var serverConfiguration: [String] {
        var lines = [
            "[mariadbd]",
            "datadir = \(directory.path)/data",
            "socket = \(socket)",
            "port = \(port)",
            "bind-address = 127.0.0.1",
            "pid-file = \(directory.path)/server.pid",
            "log-error = \(logFile)",
            "init-file = \(directory.path)/init.sql",
            "skip-name-resolve",
            "innodb_buffer_pool_size = 32M",
            "innodb_log_file_size = 16M",
            // The disk's promises are not what is tested.
            "innodb_flush_log_at_trx_commit = 2",
            "max_connections = 400",
        ]
        if geteuid() == 0 { lines.append("user = root") }
        if let tls = configuration.tls {
            lines += ["ssl_cert = \(tls.certificate)", "ssl_key = \(tls.key)", "ssl_ca = \(tls.authority)"]
        }
        return lines + configuration.settings
    }

    /// Each start runs them; a password that a test has changed stays.
    var initialStatements: [String] {
        [
            "CREATE USER IF NOT EXISTS '\(username)'@'127.0.0.1' IDENTIFIED BY '\(password.reveal())';",
            "CREATE USER IF NOT EXISTS '\(username)'@'localhost' IDENTIFIED BY '\(password.reveal())';",
            "GRANT ALL ON *.* TO '\(username)'@'127.0.0.1';",
            "GRANT ALL ON *.* TO '\(username)'@'localhost';",
        ]
    }
}

/// The system's `socket`, beside a property of that name.
private func makeSocket(_ domain: Int32, _ type: Int32, _ protocol: Int32) -> Int32 {
    socket(domain, type, `protocol`)
}
