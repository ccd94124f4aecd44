#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// What is wrong with a bus whose broker can be reached. The first line that fails names the cause.
@Suite("Doctor, the bus", .timeLimit(.minutes(5)))
struct BusTests {
    private static let quorum: [TransportURL.Option] = [
        .init("rabbit_quorum_queue", "true"), .init("rabbit_transient_quorum_queue", "true"),
    ]

    private func examine(
        _ bed: Bed, _ options: [TransportURL.Option] = Examination.options, server: String? = "host1",
        _ change: (inout Doctor) -> Void = { _ in }
    ) async -> [CheckResult] {
        await Examination.of(bed.url(options), topic: Examination.topic, server: server, change)
    }

    @Test("A healthy bus has no warning, with each kind of queue", arguments: [Examination.options, quorum])
    func healthy(options: [TransportURL.Option]) async throws {
        let port = try await Equipment.managementPort()
        try await Bed.with { bed in
            try await bed.serving(options: options) {
                let results = await examine(bed, options) {
                    $0.management = ManagementAddress("http://127.0.0.1:\(port)")
                }
                results.expectWell()
                for step in ["alarms", "permissions", "queue", "consumers", "backlog", "round-trip", "ping", "clock"] {
                    #expect(results.step(step)?.status == .ok, "\(step)")
                }
                #expect(results.count { $0.step == "consumers" } == 2)
                #expect(results.step("version")?.detail.hasPrefix("RabbitMQ ") == true)
                let alone = await examine(bed, options)
                alone.expectWell()
                #expect(alone.step("clock")?.detail.contains("--management-url") == true)
            }
        }
    }

    @Test("Nothing is left behind but a reply queue for a minute, and no message is taken")
    func leavesNothing() async throws {
        try await Bed.with { bed in
            try await bed.serving {
                try await bed.plant(bed.declareQueue("waiting"))
                try await bed.publish(3, to: "waiting")
                try await bed.waits { try await bed.broker.queue("waiting", in: bed.name)?.ready == 3 }
                func snapshot() async throws -> ([TestBroker.Queue], [TestBroker.Exchange], [TestBroker.Binding]) {
                    let queues = try await bed.broker.queues(in: bed.name)
                    let others = queues.filter { $0.arguments["x-expires"] != "60000" }
                    #expect(queues.count - others.count <= 1)
                    return (
                        others, try await bed.broker.exchanges(in: bed.name),
                        try await bed.broker.bindings(in: bed.name).filter { binding in
                            others.contains { $0.name == binding.queue }
                        }
                    )
                }
                let before = try await snapshot()
                await examine(bed).expectWell()
                let after = try await snapshot()
                #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
                #expect(after.0.contains { $0.name == "waiting" && $0.ready == 3 })
            }
            // Nor where nothing of the topic is there.
        }
        try await Bed.with { bed in
            _ = await examine(bed)
            let (exchanges, queues) = try await (bed.broker.exchanges(in: bed.name), bed.broker.queues(in: bed.name))
            let others = queues.filter { $0.arguments["x-expires"] != "60000" }
            #expect(exchanges.isEmpty && others.isEmpty)
        }
    }

    // MARK: Permissions

    private static let permissions: [(kind: String, configure: String, write: String, read: String, on: String)] = [
        ("configure", "^(?!reply_).*", ".*", ".*", "reply_"), ("configure", "^(?!compute$).*", ".*", ".*", "compute"),
        ("configure", "^(?!nova$).*", ".*", ".*", "nova"),
        ("write", ".*", "^(?!amq\\.default$).*", ".*", "amq.default"),
        ("write", ".*", "^(?!nova$).*", ".*", "nova"),
        ("write", ".*", "^(?!compute\\.host1$).*", ".*", "compute.host1"),
        ("read", ".*", ".*", "^(?!reply_).*", "reply_"), ("read", ".*", ".*", "^(?!compute$).*", "compute"),
        ("read", ".*", ".*", "^(?!nova$).*", "nova"),
    ]

    @Test(
        "A permission that is missing is named, with the name that no pattern matches", arguments: 0..<permissions.count
    )
    func permission(index: Int) async throws {
        let row = Self.permissions[index]
        let port = try await Equipment.managementPort()
        try await Bed.with { bed in
            try await bed.serving {
                let user = "user-\(bed.name)"
                try await bed.broker.addUser(user, password: "permission-canary")
                try await bed.broker.setPermissions(
                    of: user, in: bed.name, configure: row.configure, write: row.write, read: row.read)
                var url = bed.url()
                url.hosts[0].username = user
                url.hosts[0].password = "permission-canary"
                let results = await Examination.of(url, topic: Examination.topic, server: "host1") { doctor in
                    doctor.management = ManagementAddress("http://127.0.0.1:\(port)")
                }
                results.expectFirst("permissions", "\(row.kind) on \(row.on)", "set_permissions")
                #expect(
                    results.first?.detail.components(separatedBy: " on ").count == 2, "\(results.first?.detail ?? "")")
                try await bed.broker.deleteUser(user)
            }
        }
    }

    @Test("Probes for permissions put no message into a queue, not even one that takes every message of the exchange")
    func probesWriteNothing() async throws {
        try await Bed.with { bed in
            try await bed.serving {
                try await bed.plant(
                    bed.declareQueue("all"), .bind(Binding(queue: "all", exchange: "nova", key: "#")),
                    .bind(Binding(queue: "all", exchange: "compute_fanout", key: "")))
                let inspection = try BrokerInspection(bed.url(), timeout: .seconds(20), logger: quietLogger)
                let look = try await inspection.logIn(to: inspection.hosts[0])
                let missing = try await look.missingPermissions(
                    topic: Examination.topic, server: "host1", publishes: true)
                #expect(missing.isEmpty)
                await look.close()
                let all = try #require(try await bed.broker.queue("all", in: bed.name))
                #expect(all.ready + all.unacknowledged == 0)
            }
        }
    }

    // MARK: Queues and exchanges

    @Test("Quorum options and a classic queue")
    func quorumAgainstClassic() async throws {
        try await Bed.with { bed in
            try await bed.plant(bed.declareExchange("nova"), bed.declareQueue("compute"))
            await examine(bed, Self.quorum, server: nil)
                .expectFirst("queue", "x-queue-type", "rabbit_quorum_queue")
        }
    }

    @Test("A quorum queue and options of a classic one")
    func classicAgainstQuorum() async throws {
        try await Bed.with { bed in
            try await bed.plant(
                bed.declareExchange("nova"), bed.declareQueue("compute", ["x-queue-type": .string("quorum")]))
            await examine(bed, server: nil).expectFirst("queue", "x-queue-type", "rabbit_quorum_queue")
        }
    }

    @Test("A durable queue and options of a transient one: as 4.3 takes it, a warning there")
    func durable() async throws {
        try await Bed.with(hasTransients: true) { bed in
            try await bed.plant(bed.declareExchange("nova", isDurable: false), bed.declareQueue("compute"))
            let results = await examine(bed, [], server: nil)
            if try await bed.broker.refusesTransientQueues() {
                results.expectFirst("features", "transient_nonexcl_queues", "rabbit_transient_quorum_queue")
            } else {
                let takesIt = try await bed.broker.version() >= [4, 3]
                results.expectFirst("queue", "durable", "amqp_durable_queues", status: takesIt ? .warning : .failed)
            }
        }
    }

    @Test("A leftover exchange that isn't durable, under quorum queues and under durable ones")
    func leftover() async throws {
        try await Bed.with { bed in
            try await bed.plant(
                bed.declareExchange("nova", isDurable: false),
                bed.declareQueue("compute", ["x-queue-type": .string("quorum")]))
            await examine(bed, Self.quorum, server: nil)
                .expectFirst("exchange", "leftover", "quorum queues need that", "delete the exchange")
            await examine(bed, server: nil).expectFirst("exchange", "leftover", "amqp_durable_queues")
        }
    }

    @Test("An exchange of another type")
    func exchangeType() async throws {
        try await Bed.with { bed in
            try await bed.plant(bed.declareExchange("nova", .fanout))
            await examine(bed, server: nil).expectFirst("exchange", "another type", "fanout")
        }
    }

    @Test("Another expiry, another limit: the option is named")
    func arguments() async throws {
        try await Bed.with { bed in
            let limited: FieldTable = ["x-queue-type": .string("quorum"), "x-delivery-limit": .int32(7)]
            try await bed.plant(bed.declareExchange("nova"), bed.declareQueue("compute", limited))
            await examine(bed, Self.quorum + [.init("rabbit_quorum_delivery_limit", "9")], server: nil)
                .expectFirst("queue", "x-delivery-limit", "rabbit_quorum_delivery_limit")
        }
    }

    @Test("Nothing of the topic is there; an exchange without the queue of its server")
    func missing() async throws {
        try await Bed.with { bed in
            await examine(bed).expectFirst("exchange", "not there", "control_exchange")
            try await bed.plant(bed.declareExchange("nova"))
            await examine(bed).expectFirst("queue", "not there", "Start the service")
        }
    }

    // MARK: Consumers and servers

    @Test("A queue that nobody takes from")
    func noConsumer() async throws {
        try await Bed.with { bed in
            try await bed.serving {}
            let results = await examine(bed)
            results.expectFirst("consumers", "nobody takes from it", "deaf")
            #expect(results.step("ping")?.status == .skipped)
        }
    }

    @Test("Two processes with one server's name")
    func severalConsumers() async throws {
        try await Bed.with { bed in
            try await bed.serving {
                try await bed.serving {
                    await examine(bed)
                        .expectFirst("consumers", "2 take from it where 1 is expected", "hostname", status: .warning)
                    await examine(bed) { $0.target.workers = 2 }.expectWell()
                }
            }
        }
    }

    @Test("A server that takes requests and answers none")
    func deaf() async throws {
        try await Bed.with { bed in
            try await bed.withDeafServers {
                await examine(bed) { $0.timeout = .seconds(2) }.expectFirst(
                    "ping", "did not answer", "deaf", "reply queue")
            }
        }
    }

    @Test("A server without a ping is alive, and the line says what it lacks")
    func noPing() async throws {
        try await Bed.with { bed in
            try await bed.serving(hasPing: false) {
                let results = await examine(bed)
                results.expectWell()
                #expect(results.step("ping")?.detail.contains("rpc_ping_enabled") == true)
            }
        }
    }

    @Test(
        "A backlog over its threshold",
        arguments: [
            (CheckThresholds(.above, warning: 3, critical: 100), CheckStatus.warning),
            (.init(.above, warning: 1, critical: 4), .failed),
        ])
    func backlog(thresholds: CheckThresholds, status: CheckStatus) async throws {
        try await Bed.with { bed in
            try await bed.withDeafServers {
                try await bed.publish(6, to: "compute.host1")
                // One of them is with the server.
                try await bed.waits { try await bed.broker.queue("compute.host1", in: bed.name)?.ready == 5 }
                let results = await examine(bed) { doctor in
                    doctor.thresholds.backlog = thresholds
                    doctor.timeout = .seconds(2)
                }
                results.expectFirst("backlog", "5 waiting", "age is unknown", status: status)
            }
        }
    }

    @Test("A round trip over its threshold")
    func slow() async throws {
        try await Bed.with { bed in
            let results = await Examination.of(bed.url()) { doctor in
                doctor.thresholds.roundTrip = .init(.above, warning: 0, critical: nil)
            }
            results.expectFirst("round-trip", "came back in", "slow", status: .warning)
        }
    }

    @Test("Clocks that are apart")
    func clock() async throws {
        let port = try await Equipment.managementPort()
        try await Bed.with { bed in
            for (shift, status) in [(-20.0, CheckStatus.warning), (200, .failed)] {
                let results = await Examination.of(bed.url()) { doctor in
                    doctor.management = ManagementAddress("http://127.0.0.1:\(port)")
                    doctor.now = { Date.now.timeIntervalSince1970 + shift }
                }
                results.expectFirst("clock", "NTP", status: status)
            }
        }
    }

    @Test("Notifications that nobody reads")
    func unreadNotifications() async throws {
        try await Bed.with { bed in
            try await bed.plant(
                bed.declareExchange("nova"), bed.declareQueue("notifications.info"),
                .bind(Binding(queue: "notifications.info", exchange: "nova", key: "notifications.info")))
            try await bed.publish(5, to: "notifications.info")
            let results = await Examination.of(bed.url(), topic: Topic("notifications.info", exchange: "nova"))
            results.expectFirst("consumers", "nobody takes from it", "pile up")
            #expect(results.step("backlog")?.detail.hasPrefix("5 waiting") == true)
        }
    }

    @Test("Durable or quorum queues for requests alone are refused by a strict broker, which is said")
    func halfDurable() async throws {
        try await Bed.with(hasTransients: true) { bed in
            for option in ["amqp_durable_queues", "rabbit_quorum_queue"] {
                let results = await Examination.of(bed.url([.init(option, "true")]))
                if try await bed.broker.refusesTransientQueues() {
                    results.expectFirst("features", "transient_nonexcl_queues", "rabbit_transient_quorum_queue")
                } else {
                    results.expectWell()
                }
            }
            await Examination.of(bed.url(Self.quorum)).expectWell()
        }
    }

    @Test("A queue that is another connection's own")
    func exclusive() async throws {
        try await Bed.with { bed in
            try await bed.plant(bed.declareExchange("nova"))
            _ = try await bed.broker.evaluate(
                """
                Owner = spawn(fun() -> receive stop -> ok end end),
                Name = rabbit_misc:r(\(erlang(bed.name)), queue, <<"compute">>),
                case rabbit_amqqueue:declare(Name, true, false, [], Owner, <<"tests">>) of
                    {new, _} -> "";
                    {existing, _} -> ""
                end.
                """)
            await examine(bed, server: nil).expectFirst("queue", "RESOURCE_LOCKED", "exclusive")
        }
    }

    private func erlang(_ text: String) -> String { "<<\"\(text)\">>" }

    @Test("Deprecated features in use, where the broker tells of them")
    func deprecatedFeatures() async throws {
        let port = try await Equipment.managementPort(hasTransients: true)
        try await Bed.with(hasTransients: true) { bed in
            guard try await bed.broker.version() >= [4, 0], try await !bed.broker.refusesTransientQueues() else {
                let results = await Examination.of(bed.url()) { doctor in
                    doctor.management = ManagementAddress("http://127.0.0.1:\(port)")
                }
                results.expectWell()
                return
            }
            try await bed.plant(bed.declareQueue("transient", isDurable: false))
            let results = await Examination.of(bed.url()) { doctor in
                doctor.management = ManagementAddress("http://127.0.0.1:\(port)")
            }
            results.expectFirst("features", "transient_nonexcl_queues", "upgrade", status: .warning)
        }
    }

    @Test("A broker that refuses transient queues, where it does")
    func strict() async throws {
        try await Bed.with(hasTransients: true) { bed in
            let results = await Examination.of(bed.url([]))
            if try await bed.broker.refusesTransientQueues() {
                results.expectFirst("features", "transient_nonexcl_queues", "hang", "amqp_durable_queues")
                // This program's own messages come through.
                #expect(results.step("round-trip")?.status == .ok)
            } else {
                results.expectWell()
            }
            #expect(try await bed.broker.queues(in: bed.name).allSatisfy { $0.arguments["x-expires"] == "60000" })
        }
    }
}

/// What a broker of its own takes.
@Suite("Doctor, a broker in trouble", .serialized, .timeLimit(.minutes(5)))
struct TroubleTests {
    @Test("A memory alarm; a broker that hangs; one that is stopped")
    func trouble() async throws {
        try await TestBroker.withBroker { broker in
            try await broker.withVirtualHost { name in
                let bed = Bed(broker: broker, name: name)
                await Examination.of(bed.url()).expectWell()
                try await broker.setMemoryAlarm(true)
                let alarmed = await Examination.of(bed.url())
                alarmed.expectFirst("alarms", "takes no messages", "memory", "time out")
                #expect(alarmed.step("round-trip")?.status == .skipped)
                try await broker.setMemoryAlarm(false)
                await Examination.of(bed.url()).expectWell()
                broker.pause()
                await Examination.of(bed.url()) { $0.timeout = .seconds(1) }.expectFirst("login", "sends nothing")
                broker.resume()
                await broker.kill9()
                await Examination.of(bed.url()).expectFirst("tcp", "Connection refused")
            }
        }
    }
}
#endif
