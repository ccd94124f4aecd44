import Switchboard
import SwitchboardCells

func tutorialMapping() async throws {
    // snippet.tutorialMappings
    let directory = InMemoryCellDirectory()
    for city in ["paris", "tokyo"] {
        let cell = try await directory.createCell(
            CellMapping(
                id: .random(), name: city, transportURL: URLTemplate("rabbit://guest:guest@127.0.0.1/\(city)"),
                databaseConnection: URLTemplate("none:///")))
        _ = try await directory.mapHosts(["shelf-\(city)"], to: cell.id)
    }
    // snippet.end
}

func tutorialCells(queue: MessageQueueConnection, directory: any CellDirectory, drivers: DriverPlugin) async throws {
    // snippet.tutorialCells
    let client = RPCClient(queue, topic: Warehouse.topic)
    try await withCells(directory: directory, drivers: drivers) { cells in
        let context = RequestContext(userID: "alice")
        for shelf in ["shelf-paris", "shelf-tokyo"] {
            try await cells.withTargetCell(forHost: shelf, context) { context in
                let left = try await client.call(Warehouse.take, .init(name: "tea"), to: shelf, context: context)
                print("\(shelf) has \(left) left.")
            }
        }
    }
    // snippet.end
}
