import ArgumentParser
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

struct Ping: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a queue whether messages come through.",
        discussion: """
            Without --topic a message is sent through the queue and back; with --topic a server of the topic is asked for a \
            sign of life (oslo.messaging's servers give it with rpc_ping_enabled).

            With --all-cells every cell of the directory is asked, all at the same time; cell0, which has no queue, and \
            disabled cells are skipped. Exit codes then: 0 all answered; 3 there is none to ask; 4 one did not answer, for \
            whatever reason; 255 the directory cannot be used.

            \(MessageExit.help)
            """)

    @Flag(help: "Ask every cell of the directory.")
    var allCells = false
    @OptionGroup var probe: Probe
    @OptionGroup var aim: AimOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if allCells, aim.namesQueue {
            throw ValidationError("--all-cells asks every cell; leave out the option that names one queue.")
        }
    }

    func run() async throws {
        try await reportingMessageFailures {
            if allCells {
                let sweep = PingSweep(
                    directory: try aim.directory.open(forWriting: false), base: aim.base.urls, probe: probe,
                    includesDisabled: aim.includeDisabled)
                return try await sweep.run(asJSON: output.json)
            }
            let (url, name) = try await aim.resolve()
            let connection = try MessageQueueConnection(url, drivers: .all, name: name, logger: messageLogger())
            try await withRunning(connection) {
                let time = try await probe.run(on: connection)
                if output.json {
                    print(JSONValue.object(["outcome": "answered", "milliseconds": .double(time.milliseconds)]))
                } else {
                    print("\(name) answered in \(time.text).")
                }
            }
        }
    }
}

/// What is asked for a sign of life: a queue, or a server behind it.
struct Probe: ParsableArguments {
    @Option(help: "Ask a server of this topic.")
    var topic: String?
    @Option(help: "The exchange of the topic.")
    var exchange = Topic.defaultExchange
    @Option(help: "Ask this server of the topic.")
    var server: String?
    @Option(help: "Seconds until an answer is too late.")
    var timeout = 10.0

    func validate() throws {
        if !(timeout > 0 && timeout < 1e9) { throw ValidationError("--timeout is a number of seconds over 0.") }
        if server != nil, topic == nil { throw ValidationError("--server needs a --topic.") }
    }

    /// Returns the time to the answer. Throws an `RPCError`.
    func run(on connection: MessageQueueConnection) async throws -> Duration {
        try await run(on: connection, RequestContext())
    }

    /// The same, through the queue that a context is aimed at; `connection` is for one that is not.
    func run(on connection: MessageQueueConnection, _ context: RequestContext) async throws -> Duration {
        guard let topic else {
            let aimed: MessageQueueConnection
            switch context.mqConnection {
            case .own: aimed = connection
            case .cell(let line, _): aimed = line
            case .none(let cell, let reason): throw RPCError(.noQueue, "Cell \(cell) cannot be asked: \(reason).")
            }
            return try await aimed.roundTrip(timeout: .seconds(timeout))
        }
        let start = ContinuousClock.now
        let client = RPCClient(
            connection, target: RPCTarget(topic: topic, exchange: exchange, server: server),
            timeout: .seconds(timeout))
        _ = try await client.call("oslo_rpc_server_ping", context: context)
        return ContinuousClock.now - start
    }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }

    /// `1.2 ms`.
    var text: String { "\((milliseconds * 10).rounded() / 10) ms" }
}
