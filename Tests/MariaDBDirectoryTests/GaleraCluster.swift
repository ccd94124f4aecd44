#if MariaDB
    import Foundation
    import SwitchboardCore
    import SwitchboardTesting

    /// Three real servers that are one Galera cluster, on free ports of 127.0.0.1.
    ///
    /// The first makes the cluster, and the others copy its data. All is gone when the body of ``with(_:)`` ends.
    final class GaleraCluster: Sendable {
        /// One of its servers.
        final class Node: Sendable {
            let number: Int
            let port: Int
            fileprivate let ports: [Int]
            fileprivate let directory: String
            fileprivate let process = Locked<GuardedProcess?>(nil)
            private let client: String

            fileprivate init(_ number: Int, in directory: String, client: String) throws {
                self.number = number
                self.directory = "\(directory)/\(number)"
                self.client = client
                // For clients, for the cluster, for what a returning node has missed, and for a whole copy.
                ports = try LoopbackPort.free(4)
                port = ports[0]
            }

            fileprivate var socket: String { "\(directory)/socket" }

            /// Ends it as a power cut does.
            func kill9() async {
                await process.withLock { $0 }?.end()
            }

            /// Runs SQL as the server's administrator. Returns the rows, a line each.
            @discardableResult
            func execute(_ sql: String) async throws -> String {
                try await GaleraCluster.run(
                    client,
                    [
                        "--no-defaults", "--socket=\(socket)", "--user=root", "--batch", "--skip-column-names",
                        "--connect-timeout=20", "--execute=\(sql)",
                    ])
            }

            func status(_ name: String) async -> String? {
                try? await execute("SHOW STATUS LIKE '\(name)'").split(separator: "\t").last.map(String.init)
            }
        }

        /// Runs a program to its end, on a thread of its own: a wait here takes none from the tasks' pool. Returns its output.
        @discardableResult
        fileprivate static func run(_ program: String, _ arguments: [String]) async throws -> String {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue(label: "switchboard.galera").async {
                    continuation.resume(with: Result { try runAndWait(program, arguments) })
                }
            }
        }

        private static func runAndWait(_ program: String, _ arguments: [String]) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            let output = Pipe()
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw TestBrokerError("\(program) ended with \(process.terminationStatus): \(text)")
            }
            return text.hasSuffix("\n") ? String(text.dropLast()) : text
        }

        let nodes: [Node]
        private let scratch: ScratchDirectory
        private let server: String
        private let installer: String

        /// The user that clients log in as.
        static let username = "nova"
        static let password = "same"

        static func with<Result>(_ body: (GaleraCluster) async throws -> Result) async throws -> Result {
            let cluster = try GaleraCluster()
            do {
                try await cluster.makeData()
                for node in cluster.nodes { try await cluster.start(node) }
                let result = try await body(cluster)
                await cluster.stop()
                return result
            } catch {
                await cluster.stop()
                throw error
            }
        }

        private init() throws {
            func program(_ name: String) throws -> String {
                for folder in ["/usr/sbin", "/usr/bin"] {
                    let path = "\(folder)/\(name)"
                    if FileManager.default.isExecutableFile(atPath: path) { return path }
                }
                throw TestBrokerError("\(name) is not installed: apt-get install mariadb-server")
            }
            server = try program("mariadbd")
            installer = try program("mariadb-install-db")
            let client = try program("mariadb")
            let libraries = ["/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"]
            guard let library = libraries.first(where: { access($0, R_OK) == 0 }) else {
                throw TestBrokerError("Galera is not installed: apt-get install galera-4")
            }
            let scratch = try ScratchDirectory(prefix: "switchboard-gal")
            self.scratch = scratch
            nodes = try (1...3).map { try Node($0, in: scratch.path, client: client) }
            let addresses = nodes.map { "127.0.0.1:\($0.ports[1])" }.joined(separator: ",")
            for node in nodes {
                mkdir(node.directory, 0o700)
                let (path, ports) = (node.directory, node.ports)
                let options = [
                    "gmcast.listen_addr=tcp://127.0.0.1:\(ports[1])", "base_port=\(ports[1])", "gcache.size=16M",
                    "ist.recv_addr=127.0.0.1:\(ports[2])", "ist.recv_bind=127.0.0.1:\(ports[2])",
                    // The others notice a lost node within seconds.
                    "evs.suspect_timeout=PT2S", "evs.inactive_timeout=PT4S", "evs.inactive_check_period=PT0.5S",
                    "evs.keepalive_period=PT0.5S",
                ]
                try scratch.create(
                    "\(node.number)/my.cnf",
                    """
                    [mariadbd]
                    datadir = \(path)/data
                    socket = \(path)/socket
                    port = \(node.port)
                    bind-address = 127.0.0.1
                    pid-file = \(path)/server.pid
                    log-error = \(path)/server.log
                    skip-name-resolve
                    innodb_buffer_pool_size = 32M
                    innodb_log_file_size = 16M
                    innodb_flush_log_at_trx_commit = 2
                    binlog_format = ROW
                    innodb_autoinc_lock_mode = 2
                    wsrep_on = ON
                    wsrep_provider = \(library)
                    wsrep_cluster_name = switchboard
                    wsrep_cluster_address = gcomm://\(node.number == 1 ? "" : addresses)
                    wsrep_node_name = node\(node.number)
                    wsrep_node_address = 127.0.0.1
                    wsrep_sst_method = rsync
                    wsrep_sst_receive_address = 127.0.0.1:\(ports[3])
                    wsrep_provider_options = "\(options.joined(separator: ";"))"
                    \(geteuid() == 0 ? "user = mysql" : "")

                    """)
            }
        }

        /// Makes the servers' own tables.
        private func makeData() async throws {
            for node in nodes {
                try await Self.run(
                    installer,
                    [
                        "--no-defaults", "--datadir=\(node.directory)/data", "--skip-test-db",
                        "--auth-root-authentication-method=normal",
                    ])
            }
            // As root, rsync gives up its rights, so the servers run as the user that Debian has made for them.
            if geteuid() == 0 { try await Self.run("/bin/chown", ["-R", "mysql", scratch.path]) }
        }

        /// Starts a node, and waits until it is one of the cluster.
        private func start(_ node: Node) async throws {
            let path = ProcessInfo.processInfo.environment["PATH", default: ""]
            unlink(node.socket)
            let process = try GuardedProcess(
                [server, "--defaults-file=\(node.directory)/my.cnf"],
                environment: [
                    "PATH": "\(path):/usr/sbin:/usr/bin:/sbin:/bin", "HOME": scratch.path, "TMPDIR": scratch.path,
                    "LANG": "C.UTF-8",
                ], streams: .log("\(node.directory)/output.log"), scratch: scratch.path)
            node.process.withLock { $0 = process }
            let end = ContinuousClock.now + .seconds(90)
            while await node.status("wsrep_local_state_comment") != "Synced" {
                guard process.exit == nil, ContinuousClock.now < end else {
                    throw TestBrokerError(
                        "Node \(node.number) does not join.\n\(scratch.tail(of: "\(node.number)/server.log"))")
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }

        private func stop() async {
            for node in nodes { await node.kill9() }
            scratch.remove()
        }

        /// The URL of a database, on whatever port leads to it.
        static func url(_ database: String, port: Int) -> String {
            "mysql+pymysql://\(username):\(password)@127.0.0.1:\(port)/\(database)?charset=utf8"
        }
    }
#endif
