import ArgumentParser
import StandardStreams
import SwitchboardMessaging

struct Call: QueueCommand {
    static let configuration = CommandConfiguration(
        abstract: "Calls a method and prints its reply as JSON.",
        discussion: """
            For example: switchboard call --cell one --topic compute --server host1 add a:=1 b:=2

            \(MessageExit.help)
            """)

    @OptionGroup var request: RequestOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on connection: MessageQueueConnection) async throws {
        let reply = try await request.client(connection).call(
            request.method, request.object(), namespace: request.namespace, version: request.rpcVersion,
            context: request.context)
        try StandardOutput.json(reply)
    }
}

struct Cast: QueueCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends a request that nobody replies to; it is safe in the queue when the command ends.",
        discussion: """
            For example: switchboard cast --instance 0d1f… --topic compute --server host1 reboot

            \(MessageExit.help)
            """)

    @Flag(help: "Send it to every server of the topic.")
    var fanout = false
    @OptionGroup var request: RequestOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if fanout, request.server != nil { throw ValidationError("--fanout goes to every server; leave out --server.") }
    }

    func perform(on connection: MessageQueueConnection) async throws {
        let client = request.client(connection)
        if fanout {
            try await client.fanout(
                request.method, request.object(), namespace: request.namespace, version: request.rpcVersion,
                context: request.context)
        } else {
            try await client.cast(
                request.method, request.object(), namespace: request.namespace, version: request.rpcVersion,
                context: request.context)
        }
        try reportSent("\(request.method) to \(client.target) in \(connection.name)", output)
    }
}
