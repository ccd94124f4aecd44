import Foundation
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// Each subcommand of `nova-manage cell_v2` that looks into cells' databases, beside ours: the same exit codes, and the same
/// rows. Several commands are also shared out between the two programs, in both orders.
@Suite("nova-manage cell_v2 and switchboard do the same", .timeLimit(.minutes(15)))
struct RealNovaManageTests {
    private typealias Case = NovaManagePeer.Case
    private typealias Step = NovaManagePeer.Step
    private typealias Rows = NovaRows

    private static let one = NovaManagePeer.one
    private static let two = NovaManagePeer.two
    private static let nobody = NovaManagePeer.nobody

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
        try await NovaManagePeer.compare(Self.discoveries)
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
        try await NovaManagePeer.compare(Self.mappings)
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
        try await NovaManagePeer.compare(Self.verifications)
    }
}
