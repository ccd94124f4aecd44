import SwitchboardCore
import SwitchboardTesting
import Testing

extension Servers {
    @Suite("A cluster of test brokers", .timeLimit(.minutes(5)))
    struct TestBrokerClusterTests {
        @Test("Three nodes share virtual hosts and users; one can die and come back")
        func cluster() async throws {
            try await TestBrokerCluster.withCluster(of: 3) { cluster async throws in
                let brokers = cluster.brokers
                #expect(Set(brokers.map(\.port)).count == 3)
                #expect(cluster.url(virtualHost: "v").hosts.map(\.port) == brokers.map(\.port))
                for broker in brokers { #expect(try await broker.runningNodes() == 3) }

                try await brokers[0].addVirtualHost("shared")
                for broker in brokers { #expect(try await broker.queues(in: "shared").isEmpty) }

                await brokers[2].kill9()
                try await waitUntil("noticed") { try await brokers[0].runningNodes() == 2 }
                try await brokers[2].startNode()
                try await waitUntil("back") { try await brokers[0].runningNodes() == 3 }
                #expect(try await brokers[2].queues(in: "shared").isEmpty)
            }
        }
    }
}
