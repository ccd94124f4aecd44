// snippet.tutorialTest
import Switchboard
import SwitchboardTesting
import Testing

@Test("The last tea can be taken once, however often the broker drops the connection")
func lastTea() async throws {
    let broker = FakeBroker()
    try await withMessageQueue("rabbit://guest:guest@broker/", broker.plugin) { queue in
        try await withRPCServer(queue, topic: Warehouse.topic, router: Shelves().router) {
            let client = RPCClient(queue, topic: Warehouse.topic)
            for left in [2, 1, 0] {
                let reply = try await client.call(Warehouse.take, .init(name: "tea"))
                #expect(reply == left)
                broker.closeConnections()
            }
            await #expect(throws: RPCError.self) { try await client.call(Warehouse.take, .init(name: "tea")) }
        }
    }
}
// snippet.end
