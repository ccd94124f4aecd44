import SwitchboardCells
import SwitchboardSQLite
import SwitchboardTesting
import Testing

/// Directories that are held to the laws of all directories.
enum LawfulDirectory: String, CaseIterable, CustomTestStringConvertible, DirectoryHarness {
    /// A file that we made.
    case sqlite
    /// A file that Nova made.
    case nova
    case memory
    /// The one in memory, with a memory of instances before it.
    case caching

    var testDescription: String { rawValue }

    func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws {
        let claims: DirectoryCapabilities = [
            .keepsMicroseconds, .storesAllCharacters, .storesLongURLs, .noticesMappings, .keepsVersion,
        ]
        if self == .memory { return try await body(DirectoryWorld(InMemoryCellDirectory(), claims: claims)) }
        if self == .caching {
            let directory = InMemoryCellDirectory().cachingInstances(limit: 50, lifetime: .seconds(60))
            return try await body(DirectoryWorld(directory, claims: claims))
        }
        let scratch = try Scratch()
        let path = self == .nova ? try scratch.novaSample() : scratch.path("new.sqlite")
        if self == .nova {
            try scratch.sqlite3(
                path, "DELETE FROM instance_mappings; DELETE FROM host_mappings; DELETE FROM cell_mappings")
        }
        let open: @Sendable () throws -> any MutableCellDirectory = {
            var configuration = SQLiteCellDirectory.Configuration()
            configuration.createsIfMissing = true
            configuration.busyTimeout = .seconds(20)
            return try SQLiteCellDirectory("sqlite:///" + path, configuration: configuration)
        }
        try await body(DirectoryWorld(try open(), claims: claims.union(.shared), makeOther: open))
    }
}

@Suite("Directories on SQLite and in memory obey the laws", .timeLimit(.minutes(5)))
struct DirectoryLawTests {
    @Test("Law", arguments: LawfulDirectory.allCases, DirectoryLaws.all)
    func law(_ directory: LawfulDirectory, _ law: DirectoryLaw) async throws {
        let outcome = try await law.check(directory)
        if case .unproven(let reason) = outcome { Issue.record("Unproven: \(reason)") }
    }

    @Test("No two laws have the same name")
    func names() {
        #expect(Set(DirectoryLaws.all.map(\.name)).count == DirectoryLaws.all.count)
        #expect(DirectoryLaw.Group.allCases.flatMap { DirectoryLaws.all(in: $0) }.count == DirectoryLaws.all.count)
    }
}
