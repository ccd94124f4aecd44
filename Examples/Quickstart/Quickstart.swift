import ArgumentParser
import Switchboard
import SwitchboardCells

/// Calls routed by instance: one RPC server in every cell, and a client that aims each call at the cell of its instance.
@main
struct Quickstart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Routes a call for each instance to the message queue of its cell, and shows which queue answered.")

    @Option(
        help: """
            An API database (Nova's schema): a path, sqlite:///PATH, or mysql://USER:PASSWORD@HOST/NAME. Without it, a SQLite \
            file is made for the occasion.
            """)
    var database: String?

    @Flag(help: "Put cells and instances into the database, which has to be without any.")
    var fill = false

    @Option(
        help: "A RabbitMQ, for example rabbit://guest:guest@127.0.0.1: every cell has a virtual host of its name there."
    )
    var broker: String?

    @Flag(help: "Use the transport URLs that the database has, and the servers that are there.")
    var asMapped = false

    /// The one method of the example's interface: says which server in which queue answers.
    static let whoAnswers = RPCMethod<Question, String>("who_answers", version: "1.0")

    struct Question: Codable, Sendable {
        var instance: String
    }

    func validate() throws {
        if fill, database == nil { throw ValidationError("--fill needs a --database.") }
    }

    func run() async throws {
        let cloud = try await Cloud(database: database, fills: fill, broker: broker, asMapped: asMapped)
        try await withMessageQueue(cloud.ownURL, drivers: cloud.drivers, logger: cloud.logger) { own in
            let cells = CellContextManager(directory: cloud.directory, drivers: cloud.drivers, logger: cloud.logger)
            try await withRunning(cells) {
                try await cloud.whileServing(unless: asMapped) {
                    let client = RPCClient(own, topic: Cloud.topic, timeout: .seconds(10))
                    print("instance".padded(38) + "cell".padded(10) + "answer")
                    for instance in try await cloud.instances() {
                        let (cell, answer) = await ask(instance, cells, client)
                        print(instance.padded(38) + cell.padded(10) + answer)
                    }
                    let answer = await answer { try await client.call(Self.whoAnswers, .init(instance: "")) }
                    print("(not about an instance)".padded(38) + "-".padded(10) + answer)
                }
            }
        }
    }

    private func ask(_ instance: String, _ cells: CellContextManager, _ client: RPCClient) async -> (String, String) {
        do {
            let cell = try await cells.directory.cell(ofInstance: instance)
            let context = RequestContext(userID: "example", projectID: "example")
            let answer = await answer {
                try await cells.withTargetCell(forInstance: instance, context) { context in
                    try await client.call(Self.whoAnswers, .init(instance: instance), context: context)
                }
            }
            return (cell.name ?? cell.id.description, answer)
        } catch {
            return ("-", "error: \(error)")
        }
    }

    private func answer(_ call: () async throws -> String) async -> String {
        do { return try await call() } catch { return "error: \(error)" }
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
