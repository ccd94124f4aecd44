#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// Queues that get another type, or move to another virtual host, with servers that are stopped and started on the way.
@Suite("switchboard queue migrate", .timeLimit(.minutes(5)))
struct QueueMigrateTests {
    private static let quorum: [TransportURL.Option] = [
        .init("rabbit_quorum_queue", "true"), .init("rabbit_transient_quorum_queue", "true"),
    ]

    /// A server that is stopped and started.
    private actor Server {
        private var task: Task<Void, any Error>?

        func start(_ bed: Bed, _ options: [TransportURL.Option]) async throws {
            task = Task {
                try await bed.serving(options: options) { try await Task.sleep(for: .seconds(300)) }
            }
            try await bed.waits {
                try await bed.broker.queue("compute.host1", in: bed.name).map { $0.consumers > 0 } ?? false
            }
        }

        func stop() async {
            task?.cancel()
            _ = await task?.result
            task = nil
        }
    }

    private func migration(
        _ bed: Bed, from options: [TransportURL.Option] = Examination.options, to new: TransportURL? = nil
    ) async throws -> QueueMigration {
        let port = try await Equipment.managementPort()
        return try await QueueMigration(
            old: bed.url(options), new: new ?? bed.url(options), isMove: new != nil, management: .port(port),
            timeout: .seconds(10))
    }

    /// A migration to quorum queues in the same virtual host.
    private func toQuorum(_ bed: Bed) async throws -> QueueMigration { try await migration(bed, from: Self.quorum) }

    private func plantRequests(_ bed: Bed, _ name: String) async throws {
        try await bed.plant(
            bed.declareExchange("nova"), bed.declareQueue(name),
            .bind(Binding(queue: name, exchange: "nova", key: name)))
    }

    /// The API knows of connections some seconds late.
    private func seesServer(_ bed: Bed) async throws {
        try await bed.waits { try await migration(bed, to: bed.elsewhere).state.servers.count == 1 }
    }

    // MARK: The plan

    @Test("The plan names who is to be stopped and what is deleted, and making it changes nothing")
    func plan() async throws {
        try await Bed.with { bed in
            try await bed.serving {
                try await seesServer(bed)
                let before = try await bed.broker.queues(in: bed.name)
                let migration = try await toQuorum(bed)
                let plan = MigrationPlan(migration.state, isMove: false, mapping: nil)
                #expect(plan.steps.map(\.kind) == [.stopCallers, .drain, .stopServers, .delete, .start])
                func step(_ kind: MigrationPlan.Kind) -> MigrationPlan.Step? { plan.steps.first { $0.kind == kind } }
                #expect(step(.stopCallers)?.isDone == true && step(.drain)?.isDone == true)
                #expect(step(.stopServers)?.items.count == 1)
                #expect(step(.delete)?.items.contains("compute") == true)
                #expect(step(.delete)?.items.contains("compute.host1") == true)
                #expect(plan.left.isEmpty && !plan.isDone)
                #expect(plan.json["steps"]?[3]?["step"] == "delete")
                let lines = plan.lines.joined(separator: "\n")
                #expect(lines.contains("1. Stop the programs that only call") && lines.contains("Nothing to do."))
                let after = try await bed.broker.queues(in: bed.name)
                #expect(before == after)
            }
        }
    }

    @Test("There is nothing to do where all is as the options declare it")
    func nothing() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "compute")
            let migration = try await migration(bed)
            #expect(MigrationPlan(migration.state, isMove: false, mapping: nil).isDone)
        }
    }

    @Test("Quorum queues, which a broker deletes with all that is in them, are left to a person")
    func quorumIsLeft() async throws {
        try await Bed.with { bed in
            try await bed.plant(
                bed.declareExchange("nova"), bed.declareQueue("compute", ["x-queue-type": .string("quorum")]),
                .bind(Binding(queue: "compute", exchange: "nova", key: "compute")))
            let migration = try await migration(bed)
            let plan = MigrationPlan(migration.state, isMove: false, mapping: nil)
            #expect(plan.left.count == 1 && plan.left[0].hasPrefix("compute: a quorum queue"))
            var run = migration.run(plan, switchMapping: {}, agree: { _ in true }, say: { _ in })
            run.wait = .seconds(1)
            let outcome = try await run.run()
            #expect(outcome == .stopped(at: .delete, reason: "delete compute by hand: 'rabbitmqctl delete_queue NAME'"))
            #expect(try await bed.broker.queue("compute", in: bed.name) != nil)
        }
    }

    @Test("Queues that a program has for itself are in nobody's way, whatever their type: they expire")
    func ownQueues() {
        let queues = [("reply_1", ListedQueue.Role.replies), ("compute", .requests), ("compute_fanout_1", .fanout)]
        let state = MigrationState(
            queues: queues.map { .init(name: $0.0, role: $0.1, type: "quorum", ready: 1, consumers: 0) }, exchanges: [],
            programs: [.init(name: "nova-api", peers: ["10.0.0.1"], connections: 2, isServer: false)])
        let plan = MigrationPlan(state, isMove: true, mapping: "one")
        #expect(plan.left.count == 1 && plan.left[0].hasPrefix("compute: "))
        #expect(plan.steps[0].items == ["nova-api (2 at 10.0.0.1)"] && !plan.steps[0].isDone)
        #expect(plan.steps[1].items == ["compute (1)"] && !plan.steps[1].isDone)
        let empty = MigrationPlan(
            .init(queues: [], exchanges: [], programs: state.programs), isMove: false, mapping: nil)
        #expect(empty.isDone && empty.steps.allSatisfy(\.items.isEmpty))
    }

    // MARK: The steps

    @Test("From classic to quorum queues: the server is stopped, what it leaves is deleted, and it serves again")
    func types() async throws {
        try await Bed.with { bed in
            let server = Server()
            try await server.start(bed, Examination.options)
            try await seesServer(bed)
            let migration = try await toQuorum(bed)
            let plan = MigrationPlan(migration.state, isMove: false, mapping: nil)
            var asked: [MigrationPlan.Kind] = []
            var run = migration.run(
                plan, switchMapping: { Issue.record("there is no mapping") },
                agree: { step in
                    asked.append(step.kind)
                    if step.kind == .stopServers { await server.stop() }
                    if step.kind == .start { try await server.start(bed, Self.quorum) }
                    return true
                }, say: { _ in })
            run.wait = .seconds(30)
            run.interval = .milliseconds(200)
            #expect(try await run.run() == .done)
            #expect(asked == [.stopServers, .delete, .start])
            for name in ["compute", "compute.host1"] {
                let queue = try #require(try await bed.broker.queue(name, in: bed.name))
                #expect(queue.arguments["x-queue-type"] == "quorum" && queue.consumers == 1)
                #expect(run.deletions.deleted.contains(name))
            }
            await server.stop()
        }
    }

    @Test("To another virtual host: the mapping is switched before the servers start, and the old queues are gone")
    func move() async throws {
        try await Bed.with { bed in
            try await Bed.with { other in
                let server = Server()
                try await server.start(bed, Examination.options)
                try await seesServer(bed)
                let migration = try await migration(bed, to: other.url())
                let proof = await migration.prove()
                let failed = proof.contains { $0.status == .failed }
                #expect(!failed)
                let plan = MigrationPlan(migration.state, isMove: true, mapping: "one")
                #expect(plan.steps.suffix(3).map(\.kind) == [.delete, .mapping, .start])
                var isSwitched = false
                var run = migration.run(
                    plan, switchMapping: { isSwitched = true },
                    agree: { step in
                        if step.kind == .stopServers { await server.stop() }
                        if step.kind == .start {
                            #expect(isSwitched)
                            try await server.start(other, Examination.options)
                        }
                        return true
                    }, say: { _ in })
                run.wait = .seconds(30)
                run.interval = .milliseconds(200)
                #expect(try await run.run() == .done)
                #expect(isSwitched)
                let old = try await bed.broker.queues(in: bed.name).filter { $0.name.hasPrefix("compute") }
                #expect(old.isEmpty)
                #expect(try await bed.broker.queue("compute.host1", in: other.name)?.consumers == 1)
                await server.stop()
            }
        }
    }

    @Test("Requests that nobody takes stop it before anything is deleted")
    func drains() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "compute")
            try await bed.publish(2, to: "compute")
            try await bed.waits { try await bed.broker.queue("compute", in: bed.name)?.ready == 2 }
            let migration = try await toQuorum(bed)
            let plan = MigrationPlan(migration.state, isMove: false, mapping: nil)
            var run = migration.run(plan, switchMapping: {}, agree: { _ in true }, say: { _ in })
            run.wait = .seconds(12)
            let outcome = try await run.run()
            #expect(outcome == .stopped(at: .drain, reason: "messages wait in compute (2)"))
            #expect(try await bed.broker.queue("compute", in: bed.name)?.ready == 2)
            #expect(run.deletions == .init())
        }
    }

    @Test("Notifications that wait are kept by the broker, with every message, and stop it at the deletion")
    func keepsMessages() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "notifications.info")
            try await bed.publish(3, to: "notifications.info")
            try await bed.waits { try await bed.broker.queue("notifications.info", in: bed.name)?.ready == 3 }
            let migration = try await toQuorum(bed)
            let plan = MigrationPlan(migration.state, isMove: false, mapping: nil)
            var run = migration.run(plan, switchMapping: {}, agree: { _ in true }, say: { _ in })
            run.wait = .seconds(12)
            let outcome = try await run.run()
            #expect(outcome.isStopped(at: .delete))
            #expect(run.deletions.kept["notifications.info"]?.contains("not empty") == true, "\(run.deletions)")
            #expect(try await bed.broker.queue("notifications.info", in: bed.name)?.ready == 3)
        }
    }

    @Test("A no stops it at once")
    func refused() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "compute")
            let migration = try await toQuorum(bed)
            let plan = MigrationPlan(migration.state, isMove: false, mapping: nil)
            var run = migration.run(plan, switchMapping: {}, agree: { $0.kind != .delete }, say: { _ in })
            run.wait = .seconds(12)
            #expect(try await run.run() == .refused(at: .delete))
            #expect(try await bed.broker.queue("compute", in: bed.name) != nil)
        }
    }

    @Test("The broker itself looks: a queue with a consumer or a message stays, and an exchange with a binding")
    func brokerLooks() async throws {
        try await Bed.with { bed in
            try await plantRequests(bed, "full")
            try await bed.publish(1, to: "full")
            try await bed.waits { try await bed.broker.queue("full", in: bed.name)?.ready == 1 }
            try await bed.withDeafServers {
                let inspection = try BrokerInspection(bed.url(), timeout: .seconds(20), logger: quietLogger)
                let look = try await inspection.logIn(to: inspection.hosts[0])
                for name in ["full", "compute"] {
                    guard case .kept(let reason) = try await look.deleteIdleQueue(name) else {
                        Issue.record("\(name) was deleted")
                        continue
                    }
                    #expect(reason.contains(name))
                }
                guard case .kept = try await look.deleteUnusedExchange("nova") else {
                    Issue.record("the exchange was deleted")
                    return
                }
                #expect(try await look.deleteIdleQueue("nowhere") == .deleted)
                #expect(try await look.deleteUnusedExchange("nowhere") == .deleted)
                await look.close()
            }
            #expect(try await bed.broker.queue("full", in: bed.name)?.ready == 1)
        }
    }

    @Test("Without the management API, or with a user who may not see connections, it doesn't begin")
    func blind() async throws {
        try await Bed.with { bed in
            let port = try LoopbackPort.free(1)[0]
            let failure = await #expect(throws: Failure.self) {
                try await QueueMigration(
                    old: bed.url(), new: bed.url(), isMove: false, management: .port(port), timeout: .seconds(5))
            }
            #expect(failure?.exit == 2 && failure?.message.contains("can't be reached") == true)
            let user = "manager-\(bed.name)"
            try await bed.broker.addUser(user, password: "canary-of-manager")
            try await bed.broker.setPermissions(of: user, in: bed.name)
            try await bed.broker.setMonitoring(user, false)
            var url = bed.url()
            url.hosts[0].username = user
            url.hosts[0].password = "canary-of-manager"
            let managementPort = try await Equipment.managementPort()
            let untagged = await #expect(throws: Failure.self) {
                try await QueueMigration(
                    old: url, new: url, isMove: false, management: .port(managementPort), timeout: .seconds(5))
            }
            #expect(untagged?.exit == 2 && untagged?.message.contains("monitoring") == true)
            #expect(untagged?.message.contains("canary") == false)
            try await bed.broker.deleteUser(user)
        }
    }
}

extension Bed {
    /// A virtual host that isn't there.
    fileprivate var elsewhere: TransportURL { broker.url(virtualHost: "elsewhere") }
}

extension MigrationRun.Outcome {
    fileprivate func isStopped(at kind: MigrationPlan.Kind) -> Bool {
        if case .stopped(kind, _) = self { true } else { false }
    }
}
#endif
