import NovaDirectoryPeer
import SwitchboardCells
import SwitchboardSQLite
import Testing

/// What Nova's own objects see, through `Tests/Peers/nova_reads_directory.py`.
///
/// `SWITCHBOARD_PYTHON` names a Python that has Nova (`Tests/Peers/requirements.txt`).
@Suite(
    "Nova reads what we write",
    .enabled(
        if: NovaPython.isThere,
        "SWITCHBOARD_PYTHON names no Python with Nova; ./Tests/run makes one."),
    .timeLimit(.minutes(3)))
struct NovaReadsTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// What Nova sees is what we see.
    func compare(_ directory: SQLiteCellDirectory, projects: [String]) async throws {
        let seen = try NovaPython.view(of: "sqlite:///" + directory.path)
        let base = BaseURLs(transportURL: NovaPython.transportURL, databaseConnection: NovaPython.database)
        #expect(try await seen.differences(from: directory, base: base) == [])
        #expect(Set(projects).isSubset(of: seen.counts.keys))
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
