// snippet.tutorialInterface
import Switchboard

/// The interface of a warehouse: what its service and its callers share.
enum Warehouse {
    struct Item: Codable, Sendable {
        var name: String
        var amount = 1
    }

    /// Takes some of an item off the shelf, and returns how many are left.
    static let take = RPCMethod<Item, Int>("take", version: "1.0")

    static let topic: Topic = "warehouse"
}
// snippet.end

// snippet.tutorialRouter
/// The shelves, and the handlers that work on them.
actor Shelves {
    private var stock = ["tea": 3]

    func take(_ item: Warehouse.Item) throws -> Int {
        let left = stock[item.name, default: 0] - item.amount
        guard left >= 0 else {
            throw RemoteError(className: "OutOfStock", message: "There is not enough \(item.name).")
        }
        stock[item.name] = left
        return left
    }

    nonisolated var router: RPCRouter {
        var router = RPCRouter()
        router.registerPing()
        router.register(Warehouse.take) { item, context in try await self.take(item) }
        return router
    }
}
// snippet.end

func tutorialClient(url: String, drivers: DriverPlugin) async throws {
    // snippet.tutorialClient
    try await withMessageQueue(url, drivers) { queue in
        let client = RPCClient(queue, topic: Warehouse.topic)
        do {
            let left = try await client.call(Warehouse.take, .init(name: "tea"))
            print("Took one tea; \(left) are left.")
        } catch let error as RPCError where error.code == .unroutable {
            print("The warehouse is closed: nobody serves.")
        } catch let error as RPCError where error.code == .remote {
            print("The warehouse says: \(error)")
        }
    }
    // snippet.end
}
