#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import SwitchboardCore

/// The server's life: tests do to it what happens to servers.
extension TestBroker {
    /// The process of the server, while it runs.
    public var processID: Int32? {
        node.withLock { node in
            guard let node, node.exit == nil else { return nil }
            return node.processID
        }
    }

    /// Starts the server again after ``stopNode()`` or ``kill9()``: same ports, same data. Returns when it answers.
    public func startNode() async throws {
        guard processID == nil else { throw TestBrokerError("The broker is running.") }
        unlink(control.path)
        let process = try GuardedProcess(
            [server], environment: environment, streams: .log("\(directory.path)/output.log"),
            scratch: directory.path)
        node.withLock { $0 = process }
        let deadline = ContinuousClock.now + configuration.startTimeout
        do {
            while access(control.path, F_OK) != 0 {
                try await check(process, deadline)
            }
            while await !AMQPProbe.answers(port: port) {
                try await check(process, deadline)
            }
        } catch {
            await process.end()
            throw error
        }
    }

    private func check(_ process: GuardedProcess, _ deadline: ContinuousClock.Instant) async throws {
        if process.exit != nil || ContinuousClock.now >= deadline {
            let what = process.exit == nil ? "did not answer within \(configuration.startTimeout)" : "ended"
            throw TestBrokerError(
                "\(server) \(what).\n\(directory.tail(of: "output.log"))\n\(directory.tail(of: "node.log"))")
        }
        try await Task.sleep(for: .milliseconds(25))
    }

    /// Shuts the server down as an operator does: it tells its clients, and keeps its data. Takes about three seconds.
    public func stopNode() async throws {
        guard let process = node.withLock({ $0 }) else { return }
        process.signal(SIGCONT)
        process.signal(SIGTERM)
        guard await process.waitForExit(within: .seconds(60)) != nil else {
            throw TestBrokerError("The broker does not stop within 60 seconds; its log is \(logFile).")
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

    var environment: [String: String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let directory = directory.path
        return [
            "PATH": "\(path):/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": directory,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": "\(mapper.port)",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": "\(directory)/erl_crash.dump",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": nodeName,
            "RABBITMQ_DIST_PORT": "\(ports.distribution)",
            "RABBITMQ_CONF_ENV_FILE": "\(directory)/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": "\(directory)/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": "\(directory)/advanced.config",
            "RABBITMQ_GENERATED_CONFIG_DIR": directory,
            "RABBITMQ_ENABLED_PLUGINS_FILE": "\(directory)/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": "\(directory)/data",
            "RABBITMQ_LOG_BASE": directory,
            "RABBITMQ_PID_FILE": "\(directory)/server.pid",
            // The script then becomes the server, instead of waiting for it as a second process.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-noinput +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
                + "-kernel inet_dist_use_interface {127,0,0,1} -eval file:script(\"\(directory)/control.script\")",
            "SWITCHBOARD_CONTROL": control.path,
        ]
    }

    var serverConfiguration: [String] {
        var lines = [
            "listeners.tcp.1 = 127.0.0.1:\(ports.amqp)",
            "default_user = \(username)",
            "default_pass = \(password.reveal())",
            "log.file = \(directory.path)/node.log",
            "log.file.level = info",
            "log.console = false",
            "vm_memory_high_watermark.absolute = 512MiB",
            "disk_free_limit.absolute = 1MB",
        ]
        if let tls = configuration.tls {
            lines += [
                "listeners.ssl.1 = 127.0.0.1:\(ports.tls)",
                "ssl_options.certfile = \(tls.certificate)",
                "ssl_options.keyfile = \(tls.key)",
                "ssl_options.cacertfile = \(tls.authority)",
                "ssl_options.verify = \(tls.requiresClientCertificate ? "verify_peer" : "verify_none")",
                "ssl_options.fail_if_no_peer_cert = \(tls.requiresClientCertificate)",
            ]
        }
        return lines + configuration.settings
    }
}

extension TestBrokerConfiguration {
    /// The path of the server's start script. Debian's script in `PATH` would change to the user `rabbitmq`, so what it
    /// calls comes first.
    func findServer() throws(TestBrokerError) -> String {
        let configured = server ?? getenv("SWITCHBOARD_RABBITMQ_SERVER").map { String(cString: $0) }
        if let configured {
            guard access(configured, X_OK) == 0 else {
                throw TestBrokerError("\(configured) cannot be run: \(errorText(errno)).")
            }
            return configured
        }
        let directories = ["/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin", "/opt/rabbitmq/sbin"]
        guard let found = findProgram("rabbitmq-server", besides: directories) else {
            throw TestBrokerError(
                "The RabbitMQ server is not installed, and the tests of the driver need one. Debian and Ubuntu: "
                    + "apt-get install rabbitmq-server. Elsewhere: set SWITCHBOARD_RABBITMQ_SERVER to its start script."
            )
        }
        return found
    }
}
