import Foundation
import Testing

/// A folder of the test's own, removed with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "switchboard-oslo-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file into it, and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }
}

/// Programs of `Tests/Peers`, run by the Python that has oslo.messaging.
enum Peer {
    /// Runs one with a file as its standard input, and returns what it prints.
    static func run(_ name: String, input: String = "/dev/null", in folder: Folder) throws -> Data {
        let python = try #require(
            ProcessInfo.processInfo.environment["SWITCHBOARD_PYTHON"],
            "SWITCHBOARD_PYTHON names no Python with oslo.messaging; Tests/run makes one.")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Peers/\(name)")
        let output = "\(folder.path)/\(UUID().uuidString).out"
        let errors = "\(folder.path)/\(UUID().uuidString).err"
        for path in [output, errors] { try #require(FileManager.default.createFile(atPath: path, contents: nil)) }
        let process = Process()
        // It ends by itself, whatever happens to it.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = ["200", python, "-W", "ignore", script.path]
        process.standardInput = FileHandle(forReadingAtPath: input)
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        let complaint = try String(contentsOfFile: errors, encoding: .utf8).suffix(2000)
        try #require(process.terminationStatus == 0, "\(name): \(complaint)")
        return try Data(contentsOf: URL(fileURLWithPath: output))
    }
}
