import SwitchboardCells

/// What a law works with: a directory, and short words for what laws do again and again.
struct DirectoryBench: Sendable {
    let world: DirectoryWorld

    var directory: any MutableCellDirectory { world.directory }

    func newCell(_ name: String, _ url: URLTemplate = "rabbit://u:p@h/v") -> CellMapping {
        CellMapping(id: .random(), name: name, transportURL: url)
    }

    @discardableResult
    func makeCell(_ name: String = "one") async throws -> CellMapping {
        try await directory.createCell(newCell(name))
    }

    static func uuid(_ number: Int) -> String {
        let digits = String(number)
        return "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    func instance(
        _ number: Int, _ cell: CellID?, project: String = "p", user: String? = "u", isDeleted: Bool = false
    ) -> InstanceMapping {
        InstanceMapping(
            instanceUUID: Self.uuid(number), cell: cell, projectID: project, userID: user, isQueuedForDelete: isDeleted)
    }

    func numbers(_ filter: InstanceFilter = .all, pageSize: Int = 500) async throws -> [Int] {
        var sequence = directory.instanceMappings(matching: filter)
        sequence.pageSize = pageSize
        var numbers: [Int] = []
        for try await mapping in sequence { numbers.append(Int(mapping.instanceUUID.suffix(12)) ?? -1) }
        return numbers
    }

    func hosts(in cell: CellID? = nil, pageSize: Int = 500) async throws -> [HostMapping] {
        var sequence = directory.hostMappings(in: cell)
        sequence.pageSize = pageSize
        var hosts: [HostMapping] = []
        for try await mapping in sequence { hosts.append(mapping) }
        return hosts
    }

    /// Another object on the same directory.
    func other() throws -> any MutableCellDirectory {
        guard let makeOther = world.makeOther else {
            throw Unproven(reason: "the harness makes no other object on the same directory")
        }
        return try makeOther()
    }

    /// Directories for so many writers: objects of their own where the harness makes them.
    func writers(_ count: Int) throws -> [any MutableCellDirectory] {
        try (0..<count).map { try $0 > 0 ? world.makeOther?() ?? directory : directory }
    }

    // MARK: - Findings

    func expect(_ condition: Bool, _ finding: @autoclosure () -> String) throws {
        if !condition { throw Finding(finding()) }
    }

    func expect<Value: Equatable>(_ what: String, _ value: Value, is expected: Value) throws {
        if value != expected { throw Finding("\(what): \(value), and not \(expected)") }
    }

    @discardableResult
    func expectError(
        _ code: CellError.Code, _ what: String, _ body: () async throws -> some Any
    ) async throws -> CellError {
        do {
            let value = try await body()
            throw Finding("\(what) gives \(value), and not the error \(code)")
        } catch let error as CellError {
            try expect("\(what) throws", error.code, is: code)
            try expect(!error.message.isEmpty, "\(what) throws an error without a sentence")
            return error
        }
    }
}
