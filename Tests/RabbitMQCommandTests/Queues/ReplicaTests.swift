#if RabbitMQ && TLS
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// Replicas as a cluster of three nodes might list them.
@Suite("switchboard queue audit, replicas")
struct ReplicaTests {
    private func check(
        members: Int, online: Int, type: String = "quorum", nodes: Int? = 3, arguments: [String: String] = [:],
        replicas: Int? = nil
    ) -> CheckResult {
        var queue = BusListing.Queue(
            listed: ListedQueue(name: "compute", role: .requests, type: type, isDurable: true, arguments: arguments)
        )
        queue.members = (0..<members).map { "rabbit@\($0)" }
        queue.online = (0..<online).map { "rabbit@\($0)" }
        let listing = BusListing(queues: [queue], exchanges: [], exchangesInUse: [], nodes: nodes)
        return ReplicaCheck(audit: QueueAudit(replicas: replicas), listing: listing).result
    }

    @Test("Without a majority it fails; with one it is a warning; with all it is well")
    func online() {
        for type in ["quorum", "stream"] {
            #expect(check(members: 3, online: 3, type: type).status == .ok)
            let down = check(members: 3, online: 2, type: type)
            #expect(down.status == .warning && down.detail == "replicas are down: compute (2 of 3)")
            #expect(check(members: 3, online: 1, type: type).status == .failed)
            #expect(check(members: 2, online: 1, type: type).status == .failed)
        }
    }

    @Test("As many as the cluster has nodes, up to three, or as many as are asked for")
    func wanted() {
        #expect(check(members: 1, online: 1, nodes: 1).status == .ok)
        let few = check(members: 1, online: 1)
        #expect(few.status == .warning && few.detail == "fewer replicas than wanted: compute (1 of 3)")
        #expect(check(members: 3, online: 3, nodes: 5).status == .ok)
        #expect(check(members: 3, online: 3, nodes: 5, replicas: 5).status == .warning)
        #expect(check(members: 1, online: 1, arguments: ["x-quorum-initial-group-size": "1"]).status == .ok)
        #expect(
            check(members: 3, online: 3, nodes: 5, arguments: ["x-quorum-initial-group-size": "5"]).status
                == .warning)
        #expect(check(members: 1, online: 1, nodes: nil).detail.contains("may not see"))
    }

    @Test("Classic queues have none; where the API tells none, that is said")
    func untold() {
        #expect(check(members: 0, online: 0, type: "classic").status == .ok)
        #expect(check(members: 0, online: 0).status == .skipped)
    }
}
#endif
