import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite
import Testing

/// What Nova's own objects see, through `Tests/Peers/nova_reads_directory.py`.
///
/// `SWITCHBOARD_PYTHON` names a Python that has Nova (`Tests/Peers/requirements.txt`).
@Suite(
    "Nova reads what we write",
    .enabled(
        if: ProcessInfo.processInfo.environment["SWITCHBOARD_PYTHON"] != nil,
        "SWITCHBOARD_PYTHON names no Python with Nova; ./Tests/run makes one."),
    .timeLimit(.minutes(3)))
struct NovaReadsTests {
    struct Seen: Decodable {
        struct Cell: Decodable, Equatable {
            var uuid: String
            var name: String?
            var transportURL: String
            var databaseConnection: String
            var disabled: Bool
            var isCell0: Bool
            var createdAt: String?
            var updatedAt: String?

            enum CodingKeys: String, CodingKey {
                case uuid, name, disabled
                case transportURL = "transport_url"
                case databaseConnection = "database_connection"
                case isCell0 = "is_cell0"
                case createdAt = "created_at"
                case updatedAt = "updated_at"
            }

            init(_ cell: CellMapping, base: BaseURLs) throws {
                uuid = cell.id.description
                name = cell.name
                transportURL = try cell.transportURL?.rendered(from: base.transport).reveal() ?? ""
                databaseConnection = try cell.database(base: base)?.reveal() ?? ""
                disabled = cell.isDisabled
                isCell0 = cell.isCell0
                createdAt = cell.createdAt?.description
                updatedAt = cell.updatedAt?.description
            }
        }

        struct Instance: Decodable, Equatable {
            var cell: String?
            var projectID: String
            var userID: String?
            var isQueuedForDelete: Bool

            enum CodingKeys: String, CodingKey {
                case cell
                case projectID = "project_id"
                case userID = "user_id"
                case isQueuedForDelete = "queued_for_delete"
            }

            init(_ mapping: InstanceMapping) {
                cell = mapping.cell?.description
                projectID = mapping.projectID
                userID = mapping.userID
                isQueuedForDelete = mapping.isQueuedForDelete
            }
        }

        var cells: [Cell]
        var instances: [String: Instance]
        var hosts: [String: String]
        var counts: [String: Int]
        var cellsOfProject: [String: [String]]

        enum CodingKeys: String, CodingKey {
            case cells, instances, hosts, counts
            case cellsOfProject = "cells_of_project"
        }
    }

    static let transportURL = "rabbit://apiuser:api-s3kret@rabbit-api.example:5672/nova_api?ssl=0"
    static let database = "mysql+pymysql://nova:db-s3kret@db-api.example/nova_cell0?charset=utf8"

    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    func novaSees(_ path: String) throws -> Seen {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        var environment = ProcessInfo.processInfo.environment
        let python = try #require(environment["SWITCHBOARD_PYTHON"])
        process.executableURL = URL(fileURLWithPath: python)
        // What Python compiles is kept for the next time; not among the sources.
        environment["PYTHONDONTWRITEBYTECODE"] = nil
        environment["PYTHONPYCACHEPREFIX"] = python + "-bytecode"
        process.environment = environment
        process.arguments = [
            folder.appendingPathComponent("Peers/nova_reads_directory.py").path, path,
            "--transport-url", Self.transportURL, "--database-connection", Self.database,
        ]
        let (output, errors) = (Pipe(), scratch.path("errors"))
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        let json = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = try String(contentsOfFile: errors, encoding: .utf8)
        try #require(process.terminationStatus == 0, "nova_reads_directory.py failed: \(text)")
        return try JSONDecoder().decode(Seen.self, from: json)
    }

    /// What Nova sees is what we see.
    func compare(_ directory: SQLiteCellDirectory, projects: [String]) async throws {
        let seen = try novaSees(directory.path)
        let base = BaseURLs(transportURL: Self.transportURL, databaseConnection: Self.database)
        let cells = try await directory.cells().cells
        #expect(try seen.cells == cells.map { try Seen.Cell($0, base: base) })
        let instances = try await collect(directory.instanceMappings())
        #expect(
            seen.instances.filter { !$0.key.contains(" ") }
                == Dictionary(uniqueKeysWithValues: instances.map { ($0.instanceUUID, Seen.Instance($0)) }))
        let hosts = try await collect(directory.hostMappings())
        #expect(seen.hosts == Dictionary(uniqueKeysWithValues: hosts.map { ($0.host, $0.cell?.description ?? "") }))
        for project in projects {
            #expect(seen.counts[project] == (try await directory.instanceCounts(ofProject: project, user: nil).project))
            let ids = try await directory.cells(ofProject: project).cells.map(\.id.description).sorted()
            #expect(seen.cellsOfProject[project] == ids)
        }
    }

    @Test("Nova and we see the same in a database that nova-manage made")
    func sample() async throws {
        let directory = try SQLiteCellDirectory(scratch.novaSample())
        try await compare(directory, projects: [NovaSampleTests.p1, NovaSampleTests.p2])
    }

    @Test("Nova and we see the same in a database that we made")
    func made() async throws {
        let (directory, one) = try await scratch.newDirectory()
        let template = try await directory.createCell(
            CellMapping(
                id: .random(), transportURL: "{scheme}://{username}:{password}@h2:{port}/{path}_2?{query}",
                databaseConnection: "{scheme}://{username}:{password}@{hostname}/cell2?{query}"))
        let several = try await directory.createCell(
            CellMapping(
                id: .random(), name: "ünïcode", transportURL: "rabbit://u:p%40@h1:1,u:p@[2001:db8::2]:2/v",
                isDisabled: true))
        try await directory.updateCell(one, CellChange(name: "renamed", databaseConnection: "mysql://x/y"))
        try await directory.mapInstances([
            InstanceMapping(instanceUUID: instance(1).uppercased(), cell: one, projectID: "p", userID: "u"),
            InstanceMapping(instanceUUID: instance(2), cell: nil, projectID: "p", userID: "u"),
            InstanceMapping(instanceUUID: instance(3), cell: several.id, projectID: "p", isQueuedForDelete: true),
            InstanceMapping(instanceUUID: instance(4), cell: .cell0, projectID: "q", userID: "u"),
        ])
        try await directory.mapHosts(["a", "b"], to: one)
        try await directory.mapHosts(["b"], to: template.id)
        try await compare(directory, projects: ["p", "q"])
    }
}
