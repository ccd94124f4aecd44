#if RabbitMQ && TLS
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

@Suite("switchboard queue audit, replicas of a cluster", .timeLimit(.minutes(10)))
struct ReplicasOfClusterTests {
    @Test("Queues with few replicas, replicas that are down, and queues without a majority are found")
    func replicas() async throws {
        let ports = try LoopbackPort.free(3)
        let configurations = ports.map { port in
            var configuration = TestBrokerConfiguration()
            configuration.plugins = ["rabbitmq_management"]
            configuration.settings = ["management.tcp.port = \(port)", "management.tcp.ip = 127.0.0.1"]
            return configuration
        }
        try await TestBrokerCluster.withCluster(configurations) { cluster in
            let brokers = cluster.brokers
            try await brokers[0].addVirtualHost("bed")
            let bed = Bed(broker: brokers[0], name: "bed")
            let quorum: FieldTable = ["x-queue-type": .string("quorum")]
            let lonely: FieldTable = [
                "x-queue-type": .string("quorum"), "x-quorum-initial-group-size": .int32(1),
            ]
            try await bed.plant(bed.declareQueue("compute", quorum), bed.declareQueue("lonely", lonely))

            /// The management API follows what happens, in a while.
            func finds(
                _ status: CheckStatus, _ detail: String, wanted replicas: Int? = nil,
                sourceLocation: SourceLocation = #_sourceLocation
            ) async throws {
                var audit = QueueAudit()
                audit.management = .port(ports[0])
                audit.replicas = replicas
                var last: CheckResult?
                let deadline = ContinuousClock.now + .seconds(60)
                while .now < deadline {
                    last = await audit.look(at: bed.url(), DoctorFindings()).step("replicas")
                    if let last, last.status == status, last.detail.contains(detail) { return }
                    try await Task.sleep(for: .milliseconds(200))
                }
                Issue.record("Instead: \(String(describing: last))", sourceLocation: sourceLocation)
            }
            // Its arguments ask for one.
            try await finds(.ok, "2 queues with 1 or more")
            try await finds(.warning, "lonely (1 of 3)", wanted: 3)
            await brokers[2].kill9()
            try await finds(.warning, "replicas are down: compute (2 of 3)")
            await brokers[1].kill9()
            try await finds(.failed, "compute (1 of 3)")
            try await brokers[1].startNode()
            try await brokers[2].startNode()
            try await finds(.ok, "2 queues with 1 or more")
        }
    }
}
#endif
