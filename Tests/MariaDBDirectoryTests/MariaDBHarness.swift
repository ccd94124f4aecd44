#if MariaDB
    import Dispatch
    import Logging
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMariaDB
    import SwitchboardTesting

    /// Directories in databases of their own on the server that all tests of the process share.
    struct MariaDBHarness: DirectoryHarness {
        static let claims: DirectoryCapabilities = [.foldsCase, .ignoresTrailingBlanks, .keepsVersion, .shared]

        func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws {
            let server = try await TestDatabase.shared()
            try await server.withDatabase { name in
                let url = server.url(database: name)
                let open: @Sendable () throws -> any MutableCellDirectory = { try newDirectory(url) }
                try await body(DirectoryWorld(try open(), claims: Self.claims, makeOther: open))
            }
        }
    }

    let quiet = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    /// A directory that makes its tables.
    func newDirectory(
        _ url: String, logger: Logger = quiet, _ change: (inout MariaDBConfiguration) -> Void = { _ in }
    ) throws -> MariaDBCellDirectory {
        var configuration = MariaDBConfiguration()
        configuration.createsIfMissing = true
        change(&configuration)
        return try MariaDBCellDirectory(url, configuration: configuration, logger: logger)
    }

    /// A directory with one cell in a database of its own.
    func withDirectory<Result>(
        on server: TestDatabase, logger: Logger = quiet, _ change: (inout MariaDBConfiguration) -> Void = { _ in },
        _ body: (MariaDBCellDirectory, CellMapping, String) async throws -> Result
    ) async throws -> Result {
        try await server.withDatabase { name in
            let directory = try newDirectory(server.url(database: name), logger: logger, change)
            let cell = try await directory.createCell(
                CellMapping(id: .random(), name: "one", transportURL: "rabbit://u:p@h/one"))
            return try await body(directory, cell, name)
        }
    }

    /// One thread, for tasks that prefer it.
    final class OwnThread: TaskExecutor {
        private let queue = DispatchQueue(label: "switchboard.tests.thread")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    func instance(_ number: Int) -> String {
        "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - String(number).count) + String(number)
    }

    func collect<Element>(_ sequence: PagedMappings<Element>) async throws -> [Element] {
        var all: [Element] = []
        for try await element in sequence { all.append(element) }
        return all
    }

    /// The error that `body` throws.
    func cellError(_ body: () async throws -> some Any) async -> CellError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? CellError
        }
    }

    /// How long `body` takes.
    func time(_ body: () async throws -> some Any) async rethrows -> Duration {
        let start = ContinuousClock.now
        _ = try await body()
        return start.duration(to: .now)
    }
#endif
