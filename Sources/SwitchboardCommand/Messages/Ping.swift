import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

struct Ping: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a queue whether messages come through.",
        discussion: """
            Without --topic a message is sent through the queue and back; with --topic a server of the topic is asked for a \
            sign of life (oslo.messaging's servers give it with rpc_ping_enabled). One that answers that it has no such \
            method is there all the same: it "answered, has no ping", which is success.

            With --all-cells every cell of the directory is asked, all at the same time; cell0, which has no queue, and \
            disabled cells are skipped. Exit codes then: 0 all answered; 3 there is none to ask; 4 one did not answer, for \
            whatever reason; 255 the directory cannot be used.

            \(MessageExit.help)
            """)

    @Flag(help: "Ask every cell of the directory.")
    var allCells = false
    @OptionGroup var probe: Probe
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
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
                    directory: try await aim.directory.open(forWriting: false), base: try aim.base.urls, probe: probe,
                    includesDisabled: aim.includeDisabled)
                return try await sweep.run(asJSON: output.json)
            }
            let (url, name) = try await aim.resolve()
            let connection = try MessageQueueConnection(url, drivers: .all, name: name, logger: messageLogger())
            try await withRunning(connection) {
                let answer = try await probe.run(on: connection)
                if output.json {
                    try StandardOutput.json([
                        "outcome": .string(answer.outcome), "milliseconds": .double(answer.time.milliseconds),
                    ])
                } else {
                    let remark = answer.hasPing ? "" : "; the server has no ping"
                    try StandardOutput.line("\(name) answered in \(answer.time.text)\(remark).")
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
    @Option(
        name: .customLong("timeout"), parsing: .unconditional,
        help: .time("Until an answer is too late", "Default: the profile's, or 10."))
    var givenTimeout: TimeSpan?

    func validate() throws {
        try givenTimeout?.validate(as: "--timeout")
        if server != nil, topic == nil { throw ValidationError("--server needs a --topic.") }
    }

    var timeout: Duration { givenTimeout?.duration ?? CommandSettings.current.timeout ?? .seconds(10) }

    /// A sign of life.
    struct Answer: Sendable {
        var time: Duration
        /// Whether it came from the method that is there for that; else from a server that does not have it, and says so.
        var hasPing = true

        var outcome: String { hasPing ? "answered" : "answered, has no ping" }
    }

    /// Throws an `RPCError`.
    func run(on connection: MessageQueueConnection) async throws -> Answer {
        try await run(on: connection, RequestContext())
    }

    /// The same, through the queue that a context is aimed at; `connection` is for one that is not.
    func run(on connection: MessageQueueConnection, _ context: RequestContext) async throws -> Answer {
        guard let topic else {
            let aimed: MessageQueueConnection
            switch context.mqConnection {
            case .own: aimed = connection
            case .cell(let line, _): aimed = line
            case .none(let cell, let reason): throw RPCError(.noQueue, "Cell \(cell) cannot be asked: \(reason).")
            }
            return Answer(time: try await aimed.roundTrip(timeout: timeout))
        }
        let start = ContinuousClock.now
        let client = RPCClient(
            connection, target: RPCTarget(topic: topic, exchange: exchange, server: server),
            timeout: timeout)
        do {
            _ = try await client.call("oslo_rpc_server_ping", context: context)
            return Answer(time: ContinuousClock.now - start)
        } catch let error as RPCError where [.noSuchMethod, .unsupportedVersion].contains(error.code) {
            return Answer(time: ContinuousClock.now - start, hasPing: false)
        }
    }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }

    /// `1.2 ms`.
    var text: String { "\((milliseconds * 10).rounded() / 10) ms" }
}
