import Foundation
import SwitchboardCells
import SwitchboardSQLite
import Testing

/// A folder of a test's own, removed with it.
final class Scratch: Sendable {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "switchboard-sqlite-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    func path(_ name: String) -> String {
        folder + "/" + name
    }

    /// A copy of the database that the real `nova-manage` made (nova-cells.md §4.6).
    func novaSample() throws -> String {
        let original = try #require(Bundle.module.url(forResource: "Data/nova_api_sample", withExtension: "sqlite"))
        let copy = path("nova_api.sqlite")
        try FileManager.default.copyItem(atPath: original.path, toPath: copy)
        return copy
    }

    /// A new directory with cell0 and a cell.
    func newDirectory() async throws -> (SQLiteCellDirectory, CellID) {
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.createsIfMissing = true
        let directory = try SQLiteCellDirectory(path("new.sqlite"), configuration: configuration)
        try await directory.createCell(CellMapping(id: .cell0, name: "cell0", transportURL: "none:///"))
        let cell = try await directory.createCell(
            CellMapping(id: .random(), name: "one", transportURL: "rabbit://u:p@h/one"))
        return (directory, cell.id)
    }

    /// Runs SQL as another process would: with the `sqlite3` command line.
    @discardableResult
    func sqlite3(_ path: String, _ sql: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["sqlite3", "-bail", path, sql]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "sqlite3 failed: \(text)")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
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
