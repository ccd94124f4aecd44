import Foundation
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// The subcommands of `nova-manage cell_v2` that delete and set up, beside ours: the same exit codes, and the same rows.
@Suite("nova-manage cell_v2 and switchboard delete and set up the same", .timeLimit(.minutes(15)))
struct RealNovaManageChangeTests {
    private typealias Case = NovaManagePeer.Case
    private typealias Step = NovaManagePeer.Step
    private typealias Rows = NovaRows

    private static let one = NovaManagePeer.one
    private static let two = NovaManagePeer.two
    private static let nobody = NovaManagePeer.nobody

    // MARK: - Deletion

    private static let deletions: [Case] = {
        func deleteHost(_ host: String, _ status: Int64, cell: String = one) -> Step {
            Step("delete_host --cell_uuid \(cell) --host \(host)", "host delete \(host) --cell \(cell)", status)
        }
        func deleteCell(_ status: Int64, force: Bool = false, cell: String = one) -> Step {
            let option = force ? " --force" : ""
            return Step("delete_cell --cell_uuid \(cell)\(option)", "cell delete \(cell)\(option)", status)
        }
        let hosts = Rows.host("h1") + Rows.host("h2") + Rows.host("h3", cell: 3)
        let nodes =
            Rows.node("h1", mapped: "1") + Rows.node("h1", "n2", mapped: "1") + Rows.node("h2", mapped: "1")
            + Rows.node("h9", deleted: 4)
        return [
            Case(
                "hosts",
                [
                    "api.sqlite": hosts,
                    "cell1.sqlite": nodes + Rows.instance(1, host: "h2") + Rows.instance(2, deleted: true),
                ],
                deleteHost("h1", 1, cell: nobody), deleteHost("h8", 2), deleteHost("h3", 3), deleteHost("h2", 4),
                deleteHost("h1", 0), deleteHost("h1", 2), Step("discover_hosts --strict", "host discover --strict", 0)),
            Case("a host without a node", ["api.sqlite": hosts], deleteHost("h1", 0)),
            Case(
                "a host of a cell without tables", ["api.sqlite": hosts, "cell1.sqlite": "DROP TABLE instances"],
                deleteHost("h1", 255)),
            Case("no such cell", [:], deleteCell(1, cell: nobody)),
            Case("an empty cell", [:], deleteCell(0), deleteCell(1)),
            Case(
                "an empty cell without tables", ["cell1.sqlite": "DROP TABLE instances; DROP TABLE compute_nodes"],
                deleteCell(0)),
            Case(
                "a cell with hosts", ["api.sqlite": hosts, "cell1.sqlite": nodes], deleteCell(2),
                deleteCell(0, force: true)),
            Case(
                "a cell with hosts and without tables",
                ["api.sqlite": hosts, "cell1.sqlite": "DROP TABLE compute_nodes"],
                deleteCell(2), deleteCell(255, force: true)),
            Case(
                "a cell with instances",
                ["api.sqlite": hosts + Rows.mapping(1), "cell1.sqlite": nodes + Rows.instance(1)], deleteCell(2),
                deleteCell(3, force: true)),
            Case(
                "instances without hosts", ["api.sqlite": Rows.mapping(1), "cell1.sqlite": Rows.instance(1)],
                deleteCell(3),
                deleteCell(3, force: true)),
            Case(
                "one of several instances lives, and is not the mapped one",
                [
                    "api.sqlite": Rows.mapping(1, queued: 1),
                    "cell1.sqlite": Rows.instance(1, deleted: true) + Rows.instance(2),
                ],
                deleteCell(3), deleteCell(3, force: true)),
            Case(
                "deleted instances",
                [
                    "api.sqlite": Rows.mapping(1, queued: 1) + Rows.mapping(2) + Rows.mapping(3, cell: "3"),
                    "cell1.sqlite": Rows.instance(1, deleted: true) + Rows.instance(2, deleted: true),
                ], deleteCell(4), deleteCell(0, force: true)),
            Case("archived instances", ["api.sqlite": Rows.mapping(1)], deleteCell(4), deleteCell(0, force: true)),
        ]
    }()

    @Test("Hosts and cells are deleted, and kept, as nova-manage does it")
    func deletes() async throws {
        try await NovaManagePeer.compare(Self.deletions)
    }

    // MARK: - Setting up

    private static let setUps: [Case] = {
        let urls = "--transport-url fake://main --database-connection sqlite:///main.sqlite"
        func simple(_ status: Int64) -> Step {
            Step("simple_cell_setup --transport-url fake://main", "cell simple-setup \(urls)", status)
        }
        func mapAll(_ status: Int64 = 0) -> Step {
            Step("map_cell_and_hosts --transport-url fake://main", "cell map-cell-and-hosts \(urls)", status)
        }
        let none = ["api.sqlite": "-- no cells\n"]
        let main =
            Rows.node("a") + Rows.node("a", "n2") + Rows.node("b") + Rows.instance(1) + Rows.instance(2, deleted: true)
        return [
            Case("nothing is there", none, simple(1), simple(1)),
            Case("all is there", ["api.sqlite": "-- no cells\n", "main.sqlite": main], simple(0), simple(0)),
            Case("all comes later", none, simple(1), mapAll()),
            Case("a cell and hosts", ["api.sqlite": "-- no cells\n", "main.sqlite": main], mapAll(), mapAll()),
            Case(
                "one of the hosts is mapped", ["api.sqlite": Rows.host("b"), "main.sqlite": main], mapAll(), mapAll()),
            Case(
                "URLs that are none", none,
                Step(
                    "simple_cell_setup --transport-url rabbit://h:port/v",
                    "cell simple-setup --transport-url rabbit://h:port/v --database-connection sqlite:///main.sqlite", 1
                ),
                Step(
                    "map_cell_and_hosts --transport-url rabbit://h:port/v",
                    "cell map-cell-and-hosts --transport-url rabbit://h:port/v --database-connection sqlite:///main.sqlite",
                    1)),
            Case(
                "cells by hand", none,
                Step(
                    "map_cell0 --database_connection sqlite:///cell0.sqlite",
                    "cell map-cell0 --database-connection sqlite:///cell0.sqlite", 0),
                Step(
                    "map_cell0 --database_connection sqlite:///cell0.sqlite",
                    "cell map-cell0 --database-connection sqlite:///cell0.sqlite", 0),
                Step(
                    "create_cell --transport-url fake://x --database_connection sqlite:///cell1.sqlite",
                    "cell create --transport-url fake://x --database-connection sqlite:///cell1.sqlite", 0),
                Step(
                    "create_cell --transport-url fake://x --database_connection sqlite:///cell1.sqlite",
                    "cell create --transport-url fake://x --database-connection sqlite:///cell1.sqlite", 2),
                Step("list_cells", "cell list", 0),
                Step("list_hosts --cell_uuid \(nobody)", "host list --cell \(nobody)", 1)),
            Case(
                "changes", [:],
                Step(
                    "update_cell --cell_uuid \(one) --name uno --transport-url fake://3 --database_connection sqlite:///3",
                    "cell update \(one) --name uno --transport-url fake://3 --database-connection sqlite:///3", 0),
                Step(
                    "update_cell --cell_uuid \(nobody) --name uno", "cell update \(nobody) --name uno", 1),
                Step(
                    "update_cell --cell_uuid \(two) --transport-url fake://3 --database_connection sqlite:///4",
                    "cell update \(two) --transport-url fake://3 --database-connection sqlite:///4", 3)),
        ]
    }()

    @Test("Cells are set up as nova-manage does it")
    func setsUp() async throws {
        try await NovaManagePeer.compare(Self.setUps)
    }

    // MARK: - Schema

    @Test("The tables of a cell that tests use are those that nova-manage makes")
    func schema() async throws {
        try await NovaManagePeer.withPeer { nova in
            let rows = try await nova.rows(
                """
                SELECT sql || ';' FROM sqlite_master WHERE tbl_name IN ('compute_nodes', 'services', 'instances')
                AND sql IS NOT NULL ORDER BY type DESC, name
                """, in: nova.template + "/cell1.sqlite")
            guard case .array(let statements) = rows else {
                Issue.record("There is no schema: \(rows)")
                return
            }
            let text = statements.compactMap { $0[0]?.string }.joined(separator: "\n") + "\n"
            #expect(try text == NovaManagePeer.committedSchema())
        }
    }
}

extension NovaManagePeer {
    /// The tables of a cell's database, as they are kept for tests without Nova.
    static func committedSchema() throws -> String {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return try String(
            contentsOfFile: "/\(tests)/SQLiteDirectoryTests/Data/nova_cell_schema.sql", encoding: .utf8)
    }
}
