import Foundation
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// Real `nova-manage`, by `Tests/Peers/nova_manage.py`, and our own program beside it, each on copies of the same databases.
struct NovaManagePeer: Sendable {
    /// A command of both programs.
    struct Step: Sendable {
        var nova: [String]
        var ours: [String]
        /// The exit code of both.
        var status: Int64

        /// - Parameters:
        ///   - nova: the words behind `nova-manage cell_v2`.
        ///   - ours: the words behind `switchboard`.
        init(_ nova: String, _ ours: String, _ status: Int64) {
            self.nova = nova.split(separator: " ").map(String.init)
            self.ours = ours.split(separator: " ").map(String.init)
            self.status = status
        }
    }

    /// What is tried: statements that set the databases up, by file, and commands.
    struct Case: Sendable {
        var name: String
        var setUp: [String: String]
        var steps: [Step]

        init(_ name: String, _ setUp: [String: String], _ steps: Step...) {
            self.name = name
            self.setUp = setUp
            self.steps = steps
        }
    }

    private enum Runner: CaseIterable {
        case nova, ours, novaFirst, oursFirst

        func isNova(step: Int) -> Bool {
            switch self {
            case .nova: true
            case .ours: false
            case .novaFirst: step.isMultiple(of: 2)
            case .oursFirst: !step.isMultiple(of: 2)
            }
        }
    }

    let peer: PythonPeer
    private let folder: String

    static let one = "11111111-1111-4111-8111-111111111111"
    static let two = "22222222-2222-4222-8222-222222222222"
    /// The UUID of no cell.
    static let nobody = "99999999-9999-4999-8999-999999999999"
    static let databases = ["api.sqlite", "main.sqlite", "cell0.sqlite", "cell1.sqlite", "cell2.sqlite"]

    /// Runs a peer for as long as `body` runs, with empty databases that nova-manage has made.
    static func withPeer(_ body: @escaping @Sendable (NovaManagePeer) async throws -> Void) async throws {
        let scratch = try ScratchDirectory(prefix: "switchboard-manage")
        defer { scratch.remove() }
        try await PythonPeer.withPeer("nova_manage.py", [], readyWithin: .seconds(180)) { peer async throws in
            let nova = NovaManagePeer(peer: peer, folder: scratch.path)
            try FileManager.default.createDirectory(
                atPath: nova.template, withIntermediateDirectories: true)
            try nova.configure(nova.template)
            for command in [["api_db", "sync"], ["db", "sync", "--local_cell"]] {
                let (status, output) = try await nova.manage(command, in: nova.template)
                try #require(status == 0, "nova-manage \(command): \(output)")
            }
            for name in databases.dropFirst(2) {
                try FileManager.default.copyItem(
                    atPath: "\(nova.template)/main.sqlite", toPath: "\(nova.template)/\(name)")
            }
            try await body(nova)
        }
    }

    var template: String { folder + "/template" }

    private func configure(_ folder: String) throws {
        let text = """
            [DEFAULT]
            transport_url = fake://main
            [api_database]
            connection = sqlite:///api.sqlite
            [database]
            connection = sqlite:///main.sqlite
            """
        try text.write(toFile: "\(folder)/nova.conf", atomically: true, encoding: .utf8)
    }

    // MARK: - Commands

    func manage(_ arguments: [String], in folder: String) async throws -> (status: Int64, output: String) {
        let result = try await peer.result(
            [
                "do": "manage", "folder": .string(folder), "arguments": .array(arguments.map { .string($0) }),
            ], within: .seconds(120))
        return (result["status"]?.integer ?? -1, result["output"]?.string ?? "")
    }

    func switchboard(_ arguments: [String], in folder: String) async throws -> (status: Int64, output: String) {
        let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let program = tests.deletingLastPathComponent().appendingPathComponent("switchboard").path
        let result = try await peer.result(
            [
                "do": "run", "folder": .string(folder),
                "command": .array(([program] + arguments).map { .string($0) }),
                "environment": ["SWITCHBOARD_DATABASE": "api.sqlite"],
            ], within: .seconds(120))
        return (result["status"]?.integer ?? -1, result["output"]?.string ?? "")
    }

    func sql(_ statements: String, in file: String) async throws {
        _ = try await peer.result(["do": "sql", "file": .string(file), "statements": .string(statements)])
    }

    func rows(_ query: String, in file: String) async throws -> JSONValue {
        try await peer.result(["do": "rows", "file": .string(file), "query": .string(query)])
    }

    /// A copy of the databases, with cell0, cell `one` and cell `two` in it, and what `setUp` adds.
    func copy(named name: String, _ setUp: [String: String]) async throws -> String {
        let copy = "\(folder)/\(name)-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: template, toPath: copy)
        if setUp["api.sqlite"]?.hasPrefix("-- no cells") != true {
            try await sql(
                """
                INSERT INTO cell_mappings (id, uuid, name, transport_url, database_connection, disabled) VALUES
                (1, '00000000-0000-0000-0000-000000000000', 'cell0', 'none:///', 'sqlite:///cell0.sqlite', 0),
                (2, '\(Self.one)', 'one', 'fake://one', 'sqlite:///cell1.sqlite', 0),
                (3, '\(Self.two)', NULL, 'fake://two', 'sqlite:///cell2.sqlite', 0);
                """, in: copy + "/api.sqlite")
        }
        for (file, statements) in setUp {
            if statements == "gone" {
                try FileManager.default.removeItem(atPath: "\(copy)/\(file)")
            } else {
                try await sql(statements, in: "\(copy)/\(file)")
            }
        }
        return copy
    }

    // MARK: - Comparing

    /// Runs cases, with a peer of their own.
    static func compare(_ cases: [Case]) async throws {
        try await withPeer { nova in
            for example in cases { try await nova.compare(example) }
        }
    }

    /// Runs a case's commands by each program, and by both in turn, and compares exit codes and databases after each.
    func compare(_ example: Case) async throws {
        var folders: [(Runner, String)] = []
        // With one command the two mixtures are the same as the others.
        for runner in example.steps.count == 1 ? [Runner.nova, .ours] : Runner.allCases {
            folders.append((runner, try await copy(named: "\(runner)", example.setUp)))
        }
        for (number, step) in example.steps.enumerated() {
            var expected: [String: JSONValue]?
            for (runner, folder) in folders {
                let isNova = runner.isNova(step: number)
                let (status, output) =
                    isNova
                    ? try await manage(["cell_v2"] + step.nova, in: folder)
                    : try await switchboard(step.ours, in: folder)
                let what =
                    "\(example.name), command \(number + 1) of \(runner), \(isNova ? "\(step.nova)" : "\(step.ours)")"
                #expect(status == step.status, "\(what): \(output)")
                let content = try await content(of: folder)
                guard let first = expected else {
                    expected = content
                    continue
                }
                for (table, rows) in content {
                    #expect(rows == first[table], "\(what), in \(table), where Nova has \(first[table] ?? .null)")
                }
            }
        }
        for (_, folder) in folders { try FileManager.default.removeItem(atPath: folder) }
    }

    /// All that the commands may change, without times and without numbers that the database gives.
    private func content(of folder: String) async throws -> [String: JSONValue] {
        // A cell that is made gets a random UUID.
        let cell = "CASE WHEN c.name IS NULL AND c.uuid <> '\(Self.two)' THEN c.database_connection ELSE c.uuid END"
        var content: [String: JSONValue] = [:]
        let queries = [
            "cells": """
            SELECT \(cell), c.name, c.transport_url, c.database_connection, c.disabled FROM cell_mappings c ORDER BY c.id
            """,
            "hosts": """
            SELECT h.host, \(cell) FROM host_mappings h LEFT JOIN cell_mappings c ON c.id = h.cell_id ORDER BY h.host
            """,
            "instances": """
            SELECT i.instance_uuid, \(cell), i.project_id, i.user_id, i.queued_for_delete
            FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id ORDER BY i.instance_uuid
            """,
        ]
        for (name, query) in queries { content[name] = try await rows(query, in: folder + "/api.sqlite") }
        for database in Self.databases.dropFirst() {
            content["nodes of \(database)"] = try await rows(
                "SELECT host, hypervisor_hostname, mapped, deleted FROM compute_nodes ORDER BY id",
                in: "\(folder)/\(database)")
        }
        return content
    }
}

/// Statements that fill a cell's database.
enum NovaRows {
    static func node(_ host: String, _ name: String? = nil, mapped: String = "0", deleted: Int = 0) -> String {
        """
        INSERT INTO compute_nodes (host, hypervisor_hostname, uuid, mapped, deleted, vcpus, memory_mb, local_gb, vcpus_used,
        memory_mb_used, local_gb_used, hypervisor_type, hypervisor_version, cpu_info)
        VALUES ('\(host)', '\(name ?? host)', '\(UUID().uuidString.lowercased())', \(mapped), \(deleted), 1, 1, 1, 0, 0, 0,
        'fake', 1, '');
        """
    }

    static func service(_ host: String, _ binary: String = "nova-compute", disabled: Int = 0, deleted: Int = 0)
        -> String
    {
        """
        INSERT INTO services (host, "binary", topic, report_count, disabled, deleted, forced_down, version, uuid)
        VALUES ('\(host)', '\(binary)', 'compute', 1, \(disabled), \(deleted), 0, 66, '\(UUID().uuidString.lowercased())');
        """
    }

    static func instance(
        _ number: Int, host: String = "h1", created: String? = "2026-01-01 00:00:00.000000", deleted: Bool = false,
        hidden: String = "0"
    ) -> String {
        """
        INSERT INTO instances (uuid, project_id, user_id, host, created_at, deleted, hidden)
        VALUES ('\(uuid(number))', 'p\(number % 2)', 'u', '\(host)', \(created.map { "'\($0)'" } ?? "NULL"), 0, \(hidden));
        """ + (deleted ? "UPDATE instances SET deleted = id WHERE uuid = '\(uuid(number))';" : "")
    }

    static func host(_ host: String, cell: Int = 2) -> String {
        "INSERT INTO host_mappings (host, cell_id) VALUES ('\(host)', \(cell));"
    }

    static func mapping(_ number: Int, cell: String = "2", queued: Int = 0) -> String {
        """
        INSERT INTO instance_mappings (instance_uuid, cell_id, project_id, user_id, queued_for_delete)
        VALUES ('\(uuid(number))', \(cell), 'p\(number % 2)', 'u', \(queued));
        """
    }

    static func uuid(_ number: Int) -> String {
        "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - String(number).count) + String(number)
    }
}
