#if RabbitMQ && TLS
import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// New credentials for a cell on a real broker.
@Suite("switchboard cell rotate", .timeLimit(.minutes(5)))
struct CellRotateTests {
    /// A cell of a virtual host that an old user has, and a new user who may have it.
    private struct Ground: Sendable {
        let bed: Bed
        let directory: any MutableCellDirectory
        let cell: CellMapping
        let oldUser: String
        let newUser: String

        static let oldPassword: Secret = "canary-of-the-old"
        static let newPassword: Secret = "canary/of:the@new"

        static func with(_ body: (Ground) async throws -> Void) async throws {
            try await Bed.with { bed in
                let (old, new) = ("old-\(bed.name)", "new-\(bed.name)")
                for (user, password) in [(old, oldPassword), (new, newPassword)] {
                    try await bed.broker.addUser(user, password: password)
                    try await bed.broker.setPermissions(of: user, in: bed.name)
                }
                try await bed.broker.setMonitoring(new)
                let path = NSTemporaryDirectory() + "rotate-\(bed.name).sqlite"
                defer {
                    for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) }
                }
                let directory = try await Directories.open(path, for: .making)
                let text =
                    "rabbit://\(old):\(oldPassword.reveal())@127.0.0.1:\(bed.broker.port)/\(bed.name)"
                    + "?amqp_durable_queues=true&rabbit_transient_queues_durable=true"
                let cell = try await directory.createCell(
                    CellMapping(id: .random(), name: "one", transportURL: URLTemplate(text)))
                do {
                    try await body(Ground(bed: bed, directory: directory, cell: cell, oldUser: old, newUser: new))
                } catch {
                    await end(bed, old, new)
                    throw error
                }
                await end(bed, old, new)
            }
        }

        private static func end(_ bed: Bed, _ users: String...) async {
            for user in users { try? await bed.broker.deleteUser(user) }
        }

        /// The rotation that the command would make.
        func rotation(password: Secret = newPassword, hasManagement: Bool = true) async throws -> CellRotation {
            let template = try URLCredentials(username: newUser, password: password).replacing(
                in: #require(cell.transportURL))
            var changed = cell
            changed.transportURL = template
            guard case .url(let old) = try cell.queue(), case .url(let new) = try changed.queue() else {
                throw Failure("no URL", exit: 1)
            }
            var rotation = CellRotation(
                cell: cell, template: template, old: old, new: new, oldUsers: [oldUser],
                doctor: Doctor(timeout: .seconds(30)))
            if hasManagement { rotation.management = .port(try await Equipment.managementPort()) }
            rotation.interval = .milliseconds(200)
            // A loaded machine is no fault of credentials.
            rotation.doctor.thresholds.roundTrip = .none
            return rotation
        }

        /// A connection of the old user, for as long as the body runs.
        func withOldConnection(_ body: () async throws -> Void) async throws {
            guard case .url(let url) = try cell.queue() else { return }
            let inspection = try BrokerInspection(url, timeout: .seconds(20), logger: quietLogger)
            let look = try await inspection.logIn(to: inspection.hosts[0])
            do {
                try await body()
                await look.close()
            } catch {
                await look.close()
                throw error
            }
        }
    }

    @Test("Proved, switched, and nobody uses the old user: it can go, and the mapping leads to a queue that works")
    func rotates() async throws {
        try await Ground.with { ground in
            let rotation = try await ground.rotation()
            let proof = await rotation.prove()
            proof.results.expectWell()
            for step in ["login", "virtual-host", "permissions", "round-trip"] {
                #expect(proof.results.step(step)?.status == .ok, "\(step)")
            }
            let texts = CheckOutputOptions.allTexts(of: proof)
            #expect(!texts.contains("canary"))
            #expect(try await ground.directory.cell(ground.cell.id).transportURL == ground.cell.transportURL)
            let before = await rotation.connectionsBefore()
            try await rotation.switchMapping(in: ground.directory)
            var counts: [Int] = []
            let use = try await rotation.watch(before) { counts.append($0) }
            #expect(use == .unused && counts == [0])
            let stored = try await ground.directory.cell(ground.cell.id)
            guard case .url(let url) = try stored.queue() else {
                Issue.record("no queue")
                return
            }
            #expect(url.hosts[0].username == ground.newUser && url.hosts[0].password == Ground.newPassword)
            #expect(url.virtualHost == ground.bed.name && url.options.count == 2)
        }
    }

    @Test("A wrong password, a missing permission: the proof fails, and names why")
    func unproved() async throws {
        try await Ground.with { ground in
            let wrong = try await ground.rotation(password: "wrong-canary").prove()
            wrong.results.expectFirst("login", "403")
            try await ground.bed.broker.setPermissions(
                of: ground.newUser, in: ground.bed.name, write: "^(?!amq\\.default$).*")
            let proof = try await ground.rotation().prove()
            proof.results.expectFirst("permissions", "write on amq.default", "set_permissions")
        }
    }

    @Test("A mapping that another operator changes meanwhile stays as it is")
    func changedMeanwhile() async throws {
        try await Ground.with { ground in
            let rotation = try await ground.rotation()
            let other = CellChange(transportURL: "rabbit://other@127.0.0.1/v")
            _ = try await ground.directory.updateCell(ground.cell.id, other)
            let failure = await #expect(throws: Failure.self) {
                try await rotation.switchMapping(in: ground.directory)
            }
            #expect(failure?.exit == 2 && failure?.message.contains("meanwhile") == true)
            #expect(try await ground.directory.cell(ground.cell.id).transportURL == other.transportURL)
        }
    }

    @Test("A connection of the old user is told by its program; when it has gone, the user can go")
    func watches() async throws {
        try await Ground.with { ground in
            var rotation = try await ground.rotation()
            rotation.wait = .seconds(8)
            try await ground.withOldConnection {
                let before = await rotation.connectionsBefore()
                let use = try await rotation.watch(before) { _ in }
                guard case .used(let connections) = use else {
                    Issue.record("\(use)")
                    return
                }
                #expect(connections.count == 1 && connections[0].user == ground.oldUser)
                #expect(connections[0].virtualHost == ground.bed.name)
                #expect(connections[0].program?.isEmpty == false && connections[0].peer.hasPrefix("127.0.0.1:"))
            }
            rotation.wait = .seconds(60)
            var counts: [Int] = []
            let use = try await rotation.watch(.success([])) { counts.append($0) }
            #expect(use == .unused && counts.last == 0)
        }
    }

    @Test("Without the API, or with a user who doesn't see others' connections, nobody is declared gone")
    func unseen() async throws {
        try await Ground.with { ground in
            let blind = try await ground.rotation(hasManagement: false)
            let use = try await blind.watch(blind.connectionsBefore()) { _ in Issue.record("nothing is counted") }
            guard case .unseen(let reason) = use else {
                Issue.record("\(use)")
                return
            }
            #expect(reason.contains("--management-url"))
            try await ground.bed.broker.setMonitoring(ground.newUser, false)
            let untagged = try await ground.rotation()
            guard case .unseen(let other) = try await untagged.watch(untagged.connectionsBefore(), { _ in }) else {
                Issue.record("seen")
                return
            }
            #expect(other.contains("monitoring") && !other.contains("canary"))
        }
    }

    @Test("Another cell at the broker that has the old user keeps it from going")
    func otherCells() async throws {
        try await Ground.with { ground in
            let rotation = try await ground.rotation()
            #expect(try await rotation.otherCells(in: ground.directory, base: BaseURLs()).isEmpty)
            let url = URLTemplate("rabbit://\(ground.oldUser):x@127.0.0.1:\(ground.bed.broker.port)/other")
            let other = try await ground.directory.createCell(
                CellMapping(id: .random(), name: "two", transportURL: url))
            let elsewhere = URLTemplate("rabbit://\(ground.oldUser):x@elsewhere/other")
            _ = try await ground.directory.createCell(CellMapping(id: .random(), transportURL: elsewhere))
            #expect(try await rotation.otherCells(in: ground.directory, base: BaseURLs()).map(\.id) == [other.id])
        }
    }
}

extension TestBroker {
    /// Lets a user see all connections in the management API, or not.
    func setMonitoring(_ user: String, _ isSet: Bool = true) async throws {
        _ = try await evaluate(
            "ok = rabbit_auth_backend_internal:set_tags(<<\"\(user)\">>, [\(isSet ? "monitoring" : "management")], <<\"switchboard-tests\">>), []."
        )
    }
}
#endif
