import ArgumentParser
import Logging
import ServiceLifecycle
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSQLite

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// Calls routed by instance: one RPC server in every cell, and a client that aims each call at the cell of its instance.
@main
struct TwoCells: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Routes a call for each instance to the message queue of its cell, and shows which queue answered.")

    @Option(
        help: "An API database (Nova's schema): a path or sqlite:///PATH. Without it, one is made for the occasion.")
    var database: String?

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

    func run() async throws {
        let cloud = try await Cloud(database: database, broker: broker, asMapped: asMapped)
        let manager = CellContextManager(directory: cloud.directory, drivers: cloud.drivers, logger: cloud.logger)
        let own = try MessageQueueConnection(cloud.ownURL, drivers: cloud.drivers, logger: cloud.logger)
        let client = RPCClient(own, target: RPCTarget(topic: "compute", exchange: "nova"), timeout: .seconds(10))
        var services: [any Service] = [own, manager]
        if !asMapped { services += try cloud.servers() }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            defer { group.cancelAll() }
            print("instance".padded(38) + "cell".padded(10) + "answer")
            for instance in try await cloud.instances() {
                let (cell, answer) = await ask(instance, manager, client)
                print(instance.padded(38) + cell.padded(10) + answer)
            }
            let answer = await ask(own: client)
            print("(not about an instance)".padded(38) + "-".padded(10) + answer)
        }
    }

    private func ask(_ instance: String, _ manager: CellContextManager, _ client: RPCClient) async -> (String, String) {
        let context = RequestContext(userID: "example", projectID: "example")
        do {
            let cell = try await manager.directory.cell(ofInstance: instance)
            let name = cell.name ?? cell.id.description
            do {
                return try await manager.withTargetCell(forInstance: instance, context) { context in
                    (
                        name,
                        try await retryingWhileStarting {
                            try await client.call(Self.whoAnswers, .init(instance: instance), context: context)
                        }
                    )
                }
            } catch {
                return (name, "error: \(error)")
            }
        } catch {
            return ("-", "error: \(error)")
        }
    }

    private func ask(own client: RPCClient) async -> String {
        do {
            return try await retryingWhileStarting {
                try await client.call(Self.whoAnswers, .init(instance: ""), context: RequestContext())
            }
        } catch {
            return "error: \(error)"
        }
    }

    /// The example's servers start together with its client: nobody may listen for a moment.
    private func retryingWhileStarting(_ call: () async throws -> String) async throws -> String {
        let end = ContinuousClock.now + .seconds(asMapped ? 0 : 5)
        while true {
            do {
                return try await call()
            } catch let error as RPCError where error.code == .unroutable && .now < end {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
