import Foundation
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// Each subcommand of `nova-manage cell_v2` that looks into cells' databases, beside ours: the same exit codes, and the same
/// rows. Several commands are also shared out between the two programs, in both orders.
@Suite("nova-manage cell_v2 and switchboard do the same", .timeLimit(.minutes(10)))
struct RealNovaManageTests {
    private typealias Case = NovaManagePeer.Case
    private typealias Step = NovaManagePeer.Step
    private typealias Rows = NovaRows

    private static let one = NovaManagePeer.one
    private static let two = NovaManagePeer.two
    private static let nobody = "99999999-9999-4999-8999-999999999999"

    private func compare(_ cases: [Case]) async throws {
        try await NovaManagePeer.withPeer { nova in
            for example in cases { try await nova.compare(example) }
        }
    }

    // MARK: - discover_hosts

    private static let discoveries: [Case] = {
        let discover = Step("discover_hosts", "host discover", 0)
        let strictly = Step("discover_hosts --strict", "host discover --strict", 0)
        let inVain = Step("discover_hosts --strict", "host discover --strict", 1)
        let byService = Step("discover_hosts --by-service", "host discover --by-service", 0)
        return [
            Case("nothing to find", [:], discover, inVain),
            Case(
                "hosts of two cells",
                ["cell1.sqlite": Rows.node("a") + Rows.node("b"), "cell2.sqlite": Rows.node("c")], strictly, inVain,
                discover),
            Case(
                "one cell of two", ["cell1.sqlite": Rows.node("a"), "cell2.sqlite": Rows.node("c")],
                Step("discover_hosts --cell_uuid \(two)", "host discover --cell \(two)", 0), discover),
            Case(
                "hosts that are mapped",
                ["api.sqlite": Rows.host("a"), "cell1.sqlite": Rows.node("a") + Rows.node("b")],
                strictly, inVain),
            Case(
                "a host that another cell has",
                ["api.sqlite": Rows.host("a", cell: 3), "cell1.sqlite": Rows.node("a")], inVain),
            Case(
                "a host with three nodes",
                ["cell1.sqlite": Rows.node("a", "n1") + Rows.node("a", "n2") + Rows.node("a", "n3")],
                strictly, inVain),
            Case(
                "nodes that are deleted, mapped or neither",
                [
                    "cell1.sqlite": Rows.node("a", deleted: 7) + Rows.node("b", mapped: "1")
                        + Rows.node("c", mapped: "NULL")
                        + Rows.node("d", mapped: "2")
                ], inVain),
            Case(
                "a host in two cells", ["cell1.sqlite": Rows.node("a"), "cell2.sqlite": Rows.node("b")], strictly,
                inVain),
            Case(
                "services",
                [
                    "cell1.sqlite": Rows.service("a") + Rows.service("b", disabled: 1) + Rows.service("c", deleted: 9)
                        + Rows.service("d", "nova-conductor") + Rows.node("e") + Rows.node("a"),
                    "api.sqlite": Rows.host("f"),
                ], byService, Step("discover_hosts --by-service --strict", "host discover --by-service --strict", 1),
                discover),
            Case(
                "no such cell", [:], Step("discover_hosts --cell_uuid \(nobody)", "host discover --cell \(nobody)", 255)
            ),
            Case("only cell0", ["cell0.sqlite": Rows.node("a")], inVain),
            Case(
                "a cell without tables", ["cell2.sqlite": "DROP TABLE compute_nodes", "cell1.sqlite": Rows.node("a")],
                Step("discover_hosts", "host discover", 255)),
        ]
    }()

    @Test("Hosts are discovered as nova-manage does it")
    func discovers() async throws {
        try await compare(Self.discoveries)
    }

    // MARK: - map_instances

    private static func map(_ options: String = "", _ status: Int64 = 0, cell: String = one) -> Step {
        let space = options.isEmpty ? "" : " "
        return Step(
            "map_instances --cell_uuid \(cell)\(space)\(options)",
            "instance map --from-cell-database --cell \(cell)\(space)\(options)", status)
    }

    private static let mappings: [Case] = {
        let five = [
            Rows.instance(1, created: "2026-01-05 00:00:00.000000"),
            Rows.instance(2, created: "2026-01-03 00:00:00.000000"),
            Rows.instance(3, created: "2026-01-04 00:00:00.000000", deleted: true),
            Rows.instance(4, created: "2026-01-03 00:00:00.000000"),
            Rows.instance(5, created: "2026-01-01 00:00:00.500000"),
        ].joined()
        return [
            Case("none", [:], map()),
            Case("all", ["cell1.sqlite": five], map(), map()),
            Case(
                "so many at a time", ["cell1.sqlite": five], map("--max-count 2", 1), map("--max-count 2", 1),
                map("--max-count 2"), map("--max-count 2", 1)),
            Case("one at a time", ["cell1.sqlite": five], map("--max-count 1", 1), map("--max-count 1", 1), map()),
            Case("just so many", ["cell1.sqlite": five], map("--max-count 5", 1), map("--max-count 5")),
            Case(
                "from the beginning again", ["cell1.sqlite": five], map("--max-count 3", 1),
                map("--max-count 2 --reset", 1),
                map("--reset")),
            Case(
                "some are mapped, one elsewhere",
                [
                    "cell1.sqlite": five,
                    "api.sqlite": Rows.mapping(2) + Rows.mapping(4, cell: "3") + Rows.mapping(1, cell: "NULL"),
                ],
                map("--max-count 3", 1), map()),
            Case(
                "hidden ones, and times that are missing",
                [
                    "cell1.sqlite": Rows.instance(1, created: nil) + Rows.instance(2, created: nil)
                        + Rows.instance(3, hidden: "1") + Rows.instance(4, hidden: "NULL") + Rows.instance(5)
                ], map("--max-count 1", 1), map("--max-count 2", 1), map("--max-count 2"), map()),
            Case("a hundred and one", ["cell1.sqlite": (1...101).map { Rows.instance($0) }.joined()], map()),
            Case("no count", ["cell1.sqlite": five], map("--max-count 0", 127), map("--max-count x", 127)),
            Case("no such cell", [:], map("", 255, cell: nobody)),
            Case("a cell without tables", ["cell1.sqlite": "DROP TABLE instances"], map("", 255)),
        ]
    }()

    @Test("Instances are mapped as nova-manage does it, and either program goes on where the other stopped")
    func maps() async throws {
        try await compare(Self.mappings)
    }

    @Test("A marker that another cell has left stays for that cell, and nova-manage goes on with the last one")
    func markers() async throws {
        try await NovaManagePeer.withPeer { nova in
            let five = (1...5).map { NovaRows.instance($0) }.joined()
            let other = (11...15).map { NovaRows.instance($0) }.joined()
            let folder = try await nova.copy(named: "markers", ["cell1.sqlite": five, "cell2.sqlite": other])
            func map(_ cell: String, _ options: String...) async throws -> Int64 {
                try await nova.switchboard(
                    ["instance", "map", "--from-cell-database", "--cell", cell] + options, in: folder
                ).status
            }
            func markers() async throws -> JSONValue {
                try await nova.rows(
                    "SELECT instance_uuid FROM instance_mappings WHERE cell_id IS NULL ORDER BY id",
                    in: folder + "/api.sqlite")
            }
            func marker(_ number: Int) -> JSONValue {
                [.string(NovaRows.uuid(number).replacing("-", with: " "))]
            }
            #expect(
                try await nova.manage(
                    ["cell_v2", "map_instances", "--cell_uuid", Self.one, "--max-count", "2"], in: folder
                ).status == 1)
            #expect(try await map(Self.two, "--max-count", "2") == 1)
            #expect(try await markers() == [marker(12), marker(2)])
            // The one that was written last comes first, which Nova takes for its own.
            #expect(
                try await nova.manage(
                    ["cell_v2", "map_instances", "--cell_uuid", Self.two, "--max-count", "2"], in: folder
                ).status == 1)
            #expect(try await markers() == [marker(2), marker(14)])
            #expect(try await map(Self.two) == 0)
            #expect(try await markers() == [marker(2)])
            #expect(try await map(Self.one, "--max-count", "2") == 1)
            #expect(try await markers() == [marker(4)])
            #expect(
                try await nova.manage(["cell_v2", "map_instances", "--cell_uuid", Self.one], in: folder).status == 0)
            #expect(try await markers() == [])
            let count = try await nova.rows(
                "SELECT count(*) FROM instance_mappings WHERE cell_id IS NOT NULL", in: folder + "/api.sqlite")
            #expect(count == [[10]])
        }
    }

    // MARK: - verify_instance

    private static let verifications: [Case] = {
        func verify(_ number: Int, _ status: Int64) -> Step {
            Step("verify_instance --uuid \(Rows.uuid(number))", "instance verify \(Rows.uuid(number))", status)
        }
        let api =
            (1...3).map { Rows.mapping($0) }.joined() + Rows.mapping(4, cell: "NULL") + Rows.mapping(5, cell: "1")
            + Rows.mapping(6, queued: 1) + Rows.mapping(7, cell: "3")
        let cell = Rows.instance(1) + Rows.instance(2, deleted: true) + Rows.instance(6)
        return [
            Case(
                "what became of instances",
                [
                    "api.sqlite": api, "cell1.sqlite": cell, "cell0.sqlite": Rows.instance(5),
                    "cell2.sqlite": "DROP TABLE instances",
                ],
                verify(1, 0), verify(2, 3), verify(3, 4), verify(4, 2), verify(5, 0), verify(6, 0), verify(7, 255),
                verify(8, 1),
                Step(
                    "verify_instance --quiet --uuid \(Rows.uuid(3))", "instance verify --quiet \(Rows.uuid(3))", 4))
        ]
    }()

    @Test("What became of an instance is told as nova-manage tells it")
    func verifies() async throws {
        try await compare(Self.verifications)
    }

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
        try await compare(Self.deletions)
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
        try await compare(Self.setUps)
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
