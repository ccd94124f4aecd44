package import Foundation

/// Programs of `Tests/Peers` that use Nova, and Nova's own tools.
///
/// `SWITCHBOARD_PYTHON` names a Python that has Nova (`Tests/Peers/requirements.txt`).
package enum NovaPython {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Nova's configured URLs, which fill in templates.
    package static let transportURL = "rabbit://apiuser:api-s3kret@rabbit-api.example:5672/nova_api?ssl=0"
    package static let database = "mysql+pymysql://nova:db-s3kret@db-api.example/nova_cell0?charset=utf8"

    package static var isThere: Bool { ProcessInfo.processInfo.environment["SWITCHBOARD_PYTHON"] != nil }

    /// What Nova sees in a directory. `connection` is what `[api_database] connection` would be.
    package static func view(of connection: String) throws -> NovaView {
        let output = try run(
            peer: "nova_reads_directory.py",
            [connection, "--transport-url", transportURL, "--database-connection", database])
        return try JSONDecoder().decode(NovaView.self, from: output)
    }

    /// Runs a program of `Tests/Peers` with some input, and returns what it prints.
    package static func run(peer: String, _ arguments: [String], input: Data = Data()) throws -> Data {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try run([try python(), folder.appendingPathComponent("Peers/\(peer)").path] + arguments, input: input)
    }

    /// Runs `nova-manage` with a configuration file.
    @discardableResult
    package static func manage(_ configuration: String, _ arguments: [String]) throws -> String {
        let program = URL(fileURLWithPath: try python()).deletingLastPathComponent().appendingPathComponent(
            "nova-manage")
        let output = try run([program.path, "--config-file", configuration] + arguments)
        return String(decoding: output, as: UTF8.self)
    }

    private static func python() throws -> String {
        guard let python = ProcessInfo.processInfo.environment["SWITCHBOARD_PYTHON"] else {
            throw Failure(description: "SWITCHBOARD_PYTHON names no Python with Nova; ./Tests/run makes one.")
        }
        return python
    }

    private static func run(_ command: [String], input: Data = Data()) throws -> Data {
        let process = Process()
        var environment = ProcessInfo.processInfo.environment
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        // What Python compiles is kept for the next time; not among the sources.
        environment["PYTHONDONTWRITEBYTECODE"] = nil
        environment["PYTHONPYCACHEPREFIX"] = try python() + "-bytecode"
        environment["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "true"
        process.environment = environment
        let errors = NSTemporaryDirectory() + "switchboard-nova-\(UUID().uuidString).log"
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: errors) }
        let (given, output) = (Pipe(), Pipe())
        process.standardInput = given
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        // As much as a pipe holds; more would wait for a reader.
        try given.fileHandleForWriting.write(contentsOf: input)
        try given.fileHandleForWriting.close()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let said = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
            throw Failure(description: "\(command.joined(separator: " ")) failed: \(said.suffix(4000))")
        }
        return printed
    }
}
