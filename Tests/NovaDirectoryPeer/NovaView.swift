package import SwitchboardCells
internal import SwitchboardCore

/// What Nova's own objects see in a directory: the output of `Tests/Peers/nova_reads_directory.py`.
package struct NovaView: Decodable {
    package struct Cell: Decodable, Equatable {
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

    package struct Instance: Decodable, Equatable {
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

    package var cells: [Cell]
    package var instances: [String: Instance]
    package var hosts: [String: String]
    package var counts: [String: Int]
    package var cellsOfProject: [String: [String]]

    enum CodingKeys: String, CodingKey {
        case cells, instances, hosts, counts
        case cellsOfProject = "cells_of_project"
    }

    /// What a directory sees differently, a sentence each.
    package func differences(from directory: any CellDirectory, base: BaseURLs) async throws -> [String] {
        var found: [String] = []
        func compare<Value: Equatable>(_ what: String, _ nova: Value, _ ours: Value) {
            if nova != ours { found.append("\(what): Nova sees \(nova), and we see \(ours)") }
        }
        compare("cells", cells, try await directory.cells().cells.map { try Cell($0, base: base) })
        var mapped: [String: Instance] = [:]
        for try await mapping in directory.instanceMappings() { mapped[mapping.instanceUUID] = Instance(mapping) }
        // The marker of map_instances has blanks for dashes.
        compare("instances", instances.filter { !$0.key.contains(" ") }, mapped)
        // Text compares by what it shows; two hosts may show the same.
        var names: [[UInt8]: String] = [:]
        for try await mapping in directory.hostMappings() {
            names[Array(mapping.host.utf8)] = mapping.cell?.description ?? ""
        }
        compare("hosts", Dictionary(uniqueKeysWithValues: hosts.map { (Array($0.key.utf8), $0.value) }), names)
        for project in counts.keys {
            let ours = try await directory.instanceCounts(ofProject: project, user: nil).project
            compare("the instances of \(project)", counts[project], ours)
            let ids = try await directory.cells(ofProject: project).cells.map(\.id.description).sorted()
            compare("the cells of \(project)", cellsOfProject[project], ids)
        }
        return found
    }
}
