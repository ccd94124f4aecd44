import Foundation
import SwitchboardTesting
import Testing

/// One of the example programs, which SwiftPM puts beside the tests, started.
final class ExampleProgram: Sendable {
    struct Output {
        var text: String
        var exit: GuardedProcess.Exit?

        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    private let process: GuardedProcess
    private let scratch: ScratchDirectory

    init(_ name: String, _ arguments: [String]) throws {
        scratch = try ScratchDirectory(prefix: "switchboard-example")
        process = try GuardedProcess(
            [Self.folder.appendingPathComponent(name).path] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "HOME": scratch.path, "TMPDIR": scratch.path],
            streams: .log("\(scratch.path)/output"))
    }

    deinit { scratch.remove() }

    /// Runs a program to its end.
    static func run(_ name: String, _ arguments: String...) async throws -> Output {
        try await ExampleProgram(name, arguments).finish()
    }

    func finish() async throws -> Output {
        let exit = await process.waitForExit(within: .seconds(60))
        if exit == nil { await process.end() }
        return Output(text: scratch.tail(of: "output", limit: 65_536), exit: exit)
    }

    /// Waits until its output has this text.
    func wait(for text: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !scratch.tail(of: "output").contains(text) {
            try #require(process.exit == nil && .now < deadline, "\(scratch.tail(of: "output"))")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func terminate() {
        process.signal(SIGTERM)
    }
}
