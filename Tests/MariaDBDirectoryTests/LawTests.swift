#if MariaDB
    import SwitchboardTesting
    import Testing

    @Suite("The directory on MariaDB obeys the laws of directories", .timeLimit(.minutes(5)))
    struct LawTests {
        @Test("Law", arguments: DirectoryLaws.all)
        func law(_ law: DirectoryLaw) async throws {
            let outcome = try await law.check(MariaDBHarness())
            if case .unproven(let reason) = outcome { Issue.record("Unproven: \(reason)") }
        }
    }
#endif
