import Foundation
import SwitchboardMessaging
import Testing

/// The built `switchboard`, run in a folder of its own.
final class Program: Sendable {
    struct Result {
        var status: Int32
        var output: String
        var errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }

        func json() throws -> JSONValue { try JSONValue(parsing: Array(output.utf8)) }
    }

    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "switchboard-cli-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    var database: String { folder + "/cells.sqlite" }

    /// SwiftPM puts the program beside the tests.
    static let executable: URL = {
        let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return tests.deletingLastPathComponent().appendingPathComponent("switchboard")
    }()

    /// Runs the program on the folder's directory; `environment` adds to an otherwise empty one.
    @discardableResult
    func run(
        _ arguments: String..., input: String = "", environment: [String: String] = [:]
    ) throws -> Result {
        try start(arguments, input: input, environment: environment).wait()
    }

    /// Runs a script of the shell, in which `$SB` is the program.
    @discardableResult
    func shell(_ script: String, environment: [String: String] = [:]) throws -> Result {
        let variables = ["SB": Self.executable.path, "PATH": "/usr/local/bin:/usr/bin:/bin"].merging(environment) { $1 }
        return try start(
            ["-c", script], environment: variables, executable: URL(fileURLWithPath: "/bin/bash")
        ).wait()
    }

    /// Starts the program and does not wait for its end.
    ///
    /// - Parameters:
    ///   - terminal: what its standard error goes to, instead of a file.
    ///   - executable: another program.
    func start(
        _ arguments: [String], input: String = "", environment: [String: String] = [:],
        errors terminal: FileHandle? = nil, executable: URL = Program.executable
    ) throws -> Running {
        let id = UUID().uuidString
        let (inputPath, outputPath, errorsPath) = ("\(folder)/\(id).in", "\(folder)/\(id).out", "\(folder)/\(id).err")
        for path in [inputPath, outputPath, errorsPath] {
            try #require(FileManager.default.createFile(atPath: path, contents: Data(input.utf8)))
        }
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        // A program that ends while its threads work leaves what they hold, which isn't a leak.
        process.environment = ["SWITCHBOARD_DATABASE": database, "ASAN_OPTIONS": "detect_leaks=0"]
            .merging(environment) { $1 }
            .filter { !$0.value.isEmpty }
        let (output, errors) = (FileHandle(forWritingAtPath: outputPath), FileHandle(forWritingAtPath: errorsPath))
        try output?.truncate(atOffset: 0)
        try errors?.truncate(atOffset: 0)
        process.standardInput = FileHandle(forReadingAtPath: inputPath)
        process.standardOutput = output
        process.standardError = terminal ?? errors
        try process.run()
        return Running(process: process, outputPath: outputPath, errorsPath: errorsPath)
    }

    /// A program that was started. Ended, when nobody waits for its end.
    final class Running {
        private let process: Process
        private let outputPath: String
        private let errorsPath: String

        init(process: Process, outputPath: String, errorsPath: String) {
            self.process = process
            self.outputPath = outputPath
            self.errorsPath = errorsPath
        }

        deinit {
            if process.isRunning { process.terminate() }
        }

        var isRunning: Bool { process.isRunning }

        func interrupt() { process.interrupt() }

        func wait() throws -> Result {
            process.waitUntilExit()
            return Result(
                status: process.terminationStatus,
                output: try String(contentsOfFile: outputPath, encoding: .utf8),
                errors: try String(contentsOfFile: errorsPath, encoding: .utf8))
        }
    }

    /// A directory with cell0 and the cells `one` and `two`; returns their UUIDs.
    func twoCells() throws -> (one: String, two: String) {
        try #require(try run("init").status == 0)
        let one = try run("cell", "create", "--name", "one", "--transport-url", "fake://one")
        let two = try run("cell", "create", "--name", "two", "--transport-url", "fake://two")
        return (try #require(one.lines.first), try #require(two.lines.first))
    }
}

func uuid(_ number: Int) -> String {
    "10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - String(number).count) + String(number)
}
