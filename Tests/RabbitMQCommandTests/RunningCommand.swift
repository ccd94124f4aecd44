#if RabbitMQ && TLS
import Foundation
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// The built `switchboard`, beside the tests.
final class RunningCommand {
    let process: GuardedProcess
    private let directory: ScratchDirectory

    init(_ arguments: [String]) throws {
        directory = try ScratchDirectory(prefix: "switchboard-tap")
        let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let program = tests.deletingLastPathComponent().appendingPathComponent("switchboard").path
        process = try GuardedProcess(
            [program] + arguments, environment: ["HOME": directory.path], streams: .log("\(directory.path)/log")
        )
    }

    deinit { directory.remove() }

    var text: String { (try? String(contentsOfFile: "\(directory.path)/log", encoding: .utf8)) ?? "" }

    var objects: [JSONValue] {
        text.split(separator: "\n").filter { $0.hasPrefix("{") }.compactMap {
            try? JSONValue(parsing: String($0))
        }
    }

    func waits(for words: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !text.contains(words) {
            try #require(ContinuousClock.now < deadline && process.exit == nil, "\(text)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func end() async -> GuardedProcess.Exit? { await process.waitForExit(within: .seconds(60)) }
}
#endif
