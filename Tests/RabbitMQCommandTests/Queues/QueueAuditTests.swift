#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// What an audit finds in queues that were planted, each test one fault.
@Suite("switchboard queue audit", .timeLimit(.minutes(5)))
struct QueueAuditTests {
    private static let quorum: [TransportURL.Option] = [
        .init("rabbit_quorum_queue", "true"), .init("rabbit_transient_quorum_queue", "true"),
    ]

    /// Audits the virtual host, with the management API, and holds what is said against what must never be.
    private func audit(
        _ bed: Bed, _ options: [TransportURL.Option] = Examination.options,
        _ change: (inout QueueAudit) -> Void = { _ in }
    ) async throws -> [CheckResult] {
        var audit = QueueAudit()
        audit.management = .port(try await Equipment.managementPort())
        change(&audit)
        let url = bed.url(options)
        let results = await audit.look(at: url, DoctorFindings())
        let output = CheckOutputOptions.allTexts(
            of: CheckReport("queues", subjects: [.init("it", results: results)]))
        for password in url.hosts.compactMap(\.password) where password.reveal().utf8.count > 5 {
            let isShown = output.contains(password.reveal())
            #expect(!isShown)
        }
        for result in results {
            let needsOne = result.status == .failed || result.status == .warning
            #expect((result.diagnosis != nil) == needsOne, "\(result)")
        }
        return results
    }

    /// A queue with its binding, as oslo.messaging has it.
    private func plantRequests(
        _ bed: Bed, _ name: String = "compute", _ arguments: FieldTable = [:], exchangeIsDurable: Bool = true
    ) async throws {
        try await bed.plant(
            bed.declareExchange("nova", isDurable: exchangeIsDurable), bed.declareQueue(name, arguments),
            .bind(Binding(queue: name, exchange: "nova", key: name)))
    }

    @Test("A healthy bus has no warning, with each kind of queue", arguments: [Examination.options, quorum])
    func healthy(options: [TransportURL.Option]) async throws {
        try await Bed.with { bed in
            try await bed.serving(options: options) {
                let results = try await audit(bed, options) {
                    $0.topics = [Examination.topic]; $0.servers = ["host1"]
                }
                results.expectWell()
                for step in [
                    "list", "topic", "declared", "notifications", "unserved", "leftovers", "orphaned", "replicas",
                ] {
                    #expect(results.step(step)?.status == .ok, "\(step)")
                }
                let list = try #require(results.step("list")?.detail)
                #expect(list.contains("2 of requests") && list.contains("1 of fanouts"), "\(list)")
            }
        }
    }

    @Test("Nothing is changed, and no message is taken")
    func changesNothing() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed)
            try await bed.publish(3, to: "compute")
            try await bed.waits { try await bed.broker.queue("compute", in: bed.name)?.ready == 3 }
            // The publisher's own reply queue may be there, and go.
            func snapshot() async throws -> ([TestBroker.Queue], [TestBroker.Exchange], [TestBroker.Binding]) {
                let broker = bed.broker
                return try await (
                    broker.queues(in: bed.name), broker.exchanges(in: bed.name), broker.bindings(in: bed.name)
                )
            }
            let before = try await snapshot()
            _ = try await audit(bed) { $0.topics = [Examination.topic] }
            _ = try await audit(bed, Self.quorum) { $0.growth = .milliseconds(100) }
            _ = try await audit(bed) {
                $0.topics = [Examination.topic]; $0.management = .none
            }
            let after = try await snapshot()
            #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
            try await bed.waits { try await bed.broker.connections(in: bed.name).isEmpty }
        }
    }

    // MARK: Against the options

    @Test("Classic queues under quorum options, and quorum queues under classic ones")
    func types() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "compute")
            try await plantRequests(bed, "conductor")
            try await audit(bed, Self.quorum).expectFirst(
                "declared", "x-queue-type is classic where quorum would be declared: compute, conductor",
                "rabbit_quorum_queue", "406")
        }
        try await Bed.with { bed in
            try await plantRequests(bed, "compute", ["x-queue-type": .string("quorum")])
            try await audit(bed).expectFirst(
                "declared", "x-queue-type is quorum where classic", "rabbit_quorum_queue")
        }
    }

    @Test("Another limit: the argument and the option are named, with both values")
    func arguments() async throws {
        try await Bed.with { bed in
            try await plantRequests(
                bed, "compute", ["x-queue-type": .string("quorum"), "x-delivery-limit": .int32(7)])
            let results = try await audit(bed, Self.quorum + [.init("rabbit_quorum_delivery_limit", "9")])
            results.expectFirst(
                "declared", "x-delivery-limit is 7 where 9 would be declared: compute",
                "rabbit_quorum_delivery_limit")
            #expect(results.first?.object == "queue x-delivery-limit")
            try await audit(bed, Self.quorum)
                .expectFirst("declared", "x-delivery-limit is 7 where unset", "rabbit_quorum_delivery_limit")
        }
    }

    @Test("What the audit calls a clash, the broker refuses, and nothing else", arguments: [0, 1, 2, 3, 4])
    func agreesWithBroker(number: Int) async throws {
        let planted: FieldTable = [
            [:], ["x-queue-type": .string("quorum")],
            ["x-queue-type": .string("quorum"), "x-delivery-limit": .int32(7)],
            ["x-message-ttl": .int32(60_000)], ["x-ha-policy": .string("all")],
        ][number]
        try await Bed.with { bed in
            try await plantRequests(bed, "compute", planted)
            let limit = TransportURL.Option("rabbit_quorum_delivery_limit", "7")
            for options in [Examination.options, Self.quorum, Self.quorum + [limit]] {
                let ours = try await audit(bed, options).filter { $0.step == "declared" && $0.status == .failed }
                let inspection = try BrokerInspection(bed.url(options), timeout: .seconds(20), logger: quietLogger)
                let look = try await inspection.logIn(to: inspection.hosts[0])
                let objects = try await look.objects(of: Topic("compute", exchange: "nova"), server: nil)
                await look.close()
                let theirs = objects.first { $0.kind == .queue }?.state
                switch theirs {
                case .conflict(let argument, _, _):
                    // Of a queue of another type the audit says no more than that; brokers compare the type last.
                    let named = ["queue \(argument)", "queue x-queue-type"]
                    #expect(ours.contains { named.contains($0.object ?? "") }, "\(argument): \(ours)")
                case .fitting: #expect(ours.isEmpty, "\(ours)")
                default: Issue.record("\(String(describing: theirs))")
                }
            }
        }
    }

    @Test("A leftover exchange that isn't durable, and one of a fanout that doesn't delete itself")
    func exchanges() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, exchangeIsDurable: false)
            try await audit(bed).expectFirst(
                "declared", "durable is false where true", "nova", "leftover", "amqp_durable_queues")
        }
        try await Bed.with { bed in
            try await bed.plant(bed.declareExchange("compute_fanout", .fanout))
            try await audit(bed).expectFirst(
                "declared", "auto_delete is false where true", "compute_fanout", "No option")
        }
    }

    @Test("Reply queues of a program with other options are a warning, as nothing is refused")
    func ownQueues() async throws {
        try await Bed.with { bed in
            let arguments: FieldTable = ["x-expires": .int32(1_800_000)]
            try await bed.plant(bed.declareQueue("reply_0123", arguments))
            try await audit(bed, Self.quorum).expectFirst(
                "declared", "x-queue-type is classic where quorum", "reply_0123", "rabbit_transient_quorum_queue",
                status: .warning)
        }
    }

    @Test("Queues of other programs are counted, and held against nothing")
    func foreign() async throws {
        try await Bed.with { bed in
            try await bed.plant(bed.declareQueue("celery"), bed.declareQueue("tasks", ["x-max-length": .int32(3)]))
            let results = try await audit(bed, Self.quorum)
            results.expectWell()
            #expect(results.step("list")?.detail == "2 queues: 2 of other programs")
            #expect(results.step("declared")?.status == .skipped)
        }
    }

    @Test("A topic that isn't there: its exchange, its queue, its server's queue")
    func topic() async throws {
        try await Bed.with { bed in
            func look(_ servers: [String] = []) async throws -> [CheckResult] {
                try await audit(bed) {
                    $0.topics = [Examination.topic]; $0.servers = servers
                }
            }
            try await look().expectFirst("topic", "the exchange nova is not there", "control_exchange")
            try await bed.plant(bed.declareExchange("nova"))
            try await look().expectFirst("topic", "not there: compute", "Start the service")
            try await plantRequests(bed)
            try await look(["host9"]).expectFirst("topic", "not there: compute.host9")
        }
    }

    // MARK: Without consumers

    @Test("Notifications that nobody reads: how many, and how fast they grow")
    func unread() async throws {
        try await Bed.with { bed in
            let name = "versioned_notifications.info"
            try await plantRequests(bed, name)
            #expect(try await audit(bed).step("notifications")?.status == .ok)
            try await bed.publish(5, to: name)
            try await bed.waits { try await bed.broker.queue(name, in: bed.name)?.ready == 5 }
            let once = try await audit(bed)
            once.expectFirst("notifications", "nobody reads it, 5 messages", "driver=noop", status: .warning)
            #expect(once.first?.object == name)
            #expect(once.first?.measurements.first { $0.name == "unread" }?.value == 5)
            #expect(once.first?.measurements.contains { $0.name == "growth" } == false)
            let twice = try await growing(bed, name)
            twice.expectFirst("notifications", "a second")
            let later = try #require(twice.first?.measurements.first { $0.name == "growth" }?.value)
            #expect(later > 0, "\(later)")
            let limits = CheckThresholds(.above, warning: 1, critical: 5)
            let failed = try await audit(bed) { $0.thresholds.unread = limits }
            failed.expectFirst("notifications", "messages")
        }
    }

    /// Audits with two looks, while messages come.
    private func growing(_ bed: Bed, _ queue: String) async throws -> [CheckResult] {
        let isDone = Locked(false)
        return try await withThrowingTaskGroup(of: [CheckResult]?.self) { group in
            group.addTask {
                while !isDone.withLock({ $0 }) { try await bed.publish(1, to: queue) }
                return nil
            }
            group.addTask {
                defer { isDone.withLock { $0 = true } }
                return try await audit(bed) { audit in
                    audit.growth = .seconds(3)
                    audit.thresholds.growth = .init(.above, warning: nil, critical: 0)
                }
            }
            var results: [CheckResult] = []
            for try await found in group { results = found ?? results }
            return results
        }
    }

    @Test("A topic of notifications with another name is told by an option")
    func notificationTopics() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "metering.sample")
            try await bed.publish(2, to: "metering.sample")
            try await bed.waits { try await bed.broker.queue("metering.sample", in: bed.name)?.ready == 2 }
            try await audit(bed).expectFirst("unserved", "2 requests", status: .warning)
            try await audit(bed) { $0.notificationTopics = ["metering"] }
                .expectFirst("notifications", "2 messages", status: .warning)
        }
    }

    @Test("Requests that nobody takes, and a queue that its server has left")
    func unserved() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "compute.gone")
            try await audit(bed).expectFirst(
                "leftovers", "empty, and nobody serves: compute.gone", "--if-empty --if-unused", status: .warning)
            try await bed.publish(3, to: "compute.gone")
            try await bed.waits { try await bed.broker.queue("compute.gone", in: bed.name)?.ready == 3 }
            let results = try await audit(bed)
            results.expectFirst("unserved", "3 requests wait", "compute.gone", "deaf", status: .warning)
            #expect(results.step("leftovers")?.status == .ok)
        }
    }

    @Test("A reply queue and a fanout queue that nobody consumes and that never expire; those that expire are well")
    func orphaned() async throws {
        try await Bed.with { bed in
            let expiring: FieldTable = ["x-expires": .int32(1_800_000)]
            try await bed.plant(
                bed.declareQueue("reply_1", expiring), bed.declareQueue("compute_fanout_1", expiring))
            let well = try await audit(bed)
            well.expectWell()
            #expect(well.step("orphaned")?.detail.contains("1 without a program") == true)
            let many = CheckThresholds(.above, warning: 0, critical: 10)
            try await audit(bed) { $0.thresholds.orphaned = many }
                .expectFirst("orphaned", "expire by themselves", "restarts", status: .warning)
            try await bed.plant(bed.declareQueue("compute_fanout_2"))
            let results = try await audit(bed)
            results.expectFirst(
                "orphaned", "1 of 2", "compute_fanout_2", "rabbit_transient_queues_ttl", status: .warning)
            #expect(results.first?.object == "fanout queues")
            try await bed.plant(bed.declareQueue("reply_2"))
            try await audit(bed).expectFirst("orphaned", "1 of 2", "reply_2", status: .warning)
        }
    }

    @Test("A queue whose consumer the API doesn't know yet isn't called idle")
    func freshConsumers() async throws {
        try await Bed.with { bed in
            for _ in 0..<3 {
                try await bed.withDeafServers {
                    let results = try await audit(bed)
                    results.expectWell()
                }
                try await bed.waits { try await bed.broker.queue("compute", in: bed.name)?.consumers == 0 }
            }
        }
    }

    @Test("Fewer replicas than wanted")
    func replicas() async throws {
        try await Bed.with { bed in
            try await bed.serving(options: Self.quorum) {
                try await audit(bed, Self.quorum).expectWell()
                try await audit(bed, Self.quorum) { $0.replicas = 3 }
                    .expectFirst("replicas", "compute (1 of 3)", "rabbitmq-queues grow", status: .warning)
            }
        }
    }

    // MARK: What can't be seen

    @Test("Over AMQP alone, named topics are looked at, and the rest is said to be unseen")
    func named() async throws {
        try await Bed.with { bed in
            try await bed.serving {
                let results = try await audit(bed) { audit in
                    audit.management = .none
                    audit.topics = [Examination.topic]
                    audit.servers = ["host1"]
                }
                results.expectWell()
                #expect(results.count { $0.step == "consumers" && $0.status == .ok } == 2)
                for step in ["list", "orphaned", "replicas"] {
                    #expect(
                        results.step(step)?.status == .skipped
                            && results.step(step)?.detail.contains("--management") == true)
                }
            }
            try await plantRequests(bed, "notifications.info")
            try await bed.publish(2, to: "notifications.info")
            let results = try await audit(bed) { audit in
                audit.management = .none
                audit.topics = [Topic("notifications.info", exchange: "nova")]
                audit.growth = .milliseconds(300)
            }
            results.expectFirst("consumers", "nobody takes from it", "pile up")
            #expect(results.step("growth")?.detail == "0.0 messages a second, 2 now")
        }
    }

    @Test(
        "An API that isn't there, and a user who may not ask it, are failures: an audit without eyes says nothing")
    func blind() async throws {
        try await Bed.with { bed in
            let port = try LoopbackPort.free(1)[0]
            let results = try await audit(bed) { $0.management = .port(port) }
            results.expectFirst("list", "can't be reached", "rabbitmq_management")
            #expect(results.step("replicas")?.status == .skipped)
            let user = "untagged-\(bed.name)"
            try await bed.broker.addUser(user, password: "canary-of-untagged")
            try await bed.broker.setPermissions(of: user, in: bed.name)
            var url = bed.url()
            url.hosts[0].username = user
            url.hosts[0].password = "canary-of-untagged"
            var audit = QueueAudit()
            audit.management = .port(try await Equipment.managementPort())
            await audit.look(at: url, DoctorFindings()).expectFirst("list", "refuses \(user)", "set_user_tags")
            url.hosts[0].password = "wrong-canary"
            await audit.look(at: url, DoctorFindings()).expectFirst("login", "403", "switchboard doctor")
            try await bed.broker.deleteUser(user)
        }
    }
}
#endif
