import Switchboard
import SwitchboardCells
import SwitchboardInProcess

/// One client, one call, two cells: each call goes through the queue of the cell that its instance lives in.
@main
struct TwoCells {
    struct Question: Codable, Sendable {
        var instance: String
    }

    static let whereIs = RPCMethod<Question, String>("where_is")
    static let instances = (1...2).map { "10000000-0000-4000-8000-00000000000\($0)" }

    static func main() async throws {
        let directory = try await makeDirectory()
        try await withCompute(in: "cell1") {
            try await withCompute(in: "cell2") {
                try await withMessageQueue("fake://api", .inProcess()) { queue in
                    try await withCells(directory: directory, drivers: .inProcess()) { cells in
                        let compute = RPCClient(queue, topic: "compute")
                        for instance in instances {
                            try await cells.withTargetCell(forInstance: instance, RequestContext()) { context in
                                print(try await compute.call(whereIs, .init(instance: instance), context: context))
                            }
                        }
                    }
                }
            }
        }
    }

    /// Serves `compute` in a cell while `body` runs. In a real cloud, each cell's hosts do.
    static func withCompute(in cell: String, _ body: () async throws -> Void) async throws {
        var router = RPCRouter()
        router.register(whereIs) { question, _ in "\(question.instance) is in \(cell)" }
        try await withMessageQueue("fake://\(cell)", .inProcess()) { queue in
            try await withRPCServer(queue, topic: "compute", router: router, body)
        }
    }

    /// Two cells with an instance each. In a real cloud, Nova's API database has them: `SQLiteCellDirectory`.
    static func makeDirectory() async throws -> InMemoryCellDirectory {
        let directory = InMemoryCellDirectory()
        for (number, instance) in instances.enumerated() {
            let cell = try await directory.createCell(
                CellMapping(
                    id: .random(), name: "cell\(number + 1)", transportURL: URLTemplate("fake://cell\(number + 1)"),
                    databaseConnection: URLTemplate("sqlite:///cell\(number + 1).sqlite")))
            _ = try await directory.mapInstances([
                InstanceMapping(instanceUUID: instance, cell: cell.id, projectID: "demo")
            ])
        }
        return directory
    }
}
