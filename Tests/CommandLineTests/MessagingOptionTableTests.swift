import Foundation
import OsloConfiguration
import Testing

@testable import SwitchboardCommand

/// The table of oslo.messaging's options, compared with oslo.messaging.
@Suite(.timeLimit(.minutes(3))) struct MessagingOptionTableTests {
    /// An option as `Tests/Peers/oslo_messaging_options.py` prints it.
    private struct Known: Decodable {
        var group: String
        var name: String
        var kind: String
        var repeated: Bool
        var secret: Bool
        var minimum: Double?
        var maximum: Double?
        var choices: [String]?
        var defaults: [String]?
        var deprecated: [[String]]
        var removal: String?
    }

    private struct Installed: Decodable {
        var version: String
        var options: [Known]
    }

    @Test func `The table of options is that of the installed oslo.messaging`() throws {
        let python = try #require(
            ProcessInfo.processInfo.environment["SWITCHBOARD_PYTHON"],
            "SWITCHBOARD_PYTHON names no Python with oslo.messaging; Tests/run makes one.")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Peers/oslo_messaging_options.py").path
        let program = try Program()
        let printed = try program.start(
            ["60", python, "-W", "ignore", script], executable: URL(fileURLWithPath: "/usr/bin/timeout")
        ).wait()
        try #require(printed.status == 0, "\(printed)")
        let installed = try JSONDecoder().decode(Installed.self, from: Data(printed.output.utf8))
        let major = try #require(installed.version.split(separator: ".").first.flatMap { Int($0) })
        #expect(major == MessagingOption.newestVersion, "The table ends with another version: print it anew.")
        let table = MessagingOption.table.filter { $0.versions.contains(major) }.map(\.option)
        #expect(table.map(\.name.description) == installed.options.map { "[\($0.group)] \($0.name)" })
        for (ours, its) in zip(table, installed.options) {
            #expect(ours.isRepeated == its.repeated && ours.isSecret == its.secret, "\(ours.name)")
            #expect(ours.defaults == its.defaults && ours.removalReason == its.removal, "\(ours.name)")
            #expect(ours.deprecatedNames.map { [$0.group, $0.name] } == its.deprecated, "\(ours.name)")
            switch ours.type {
            case .boolean: #expect(its.kind == "boolean", "\(ours.name)")
            case .integer(let minimum, let maximum):
                #expect(its.kind == "integer", "\(ours.name)")
                #expect(minimum.map(Double.init) == its.minimum && maximum.map(Double.init) == its.maximum)
            case .real(let minimum, let maximum):
                #expect(its.kind == "real" && minimum == its.minimum && maximum == its.maximum, "\(ours.name)")
            case .string(let choices, _, _): #expect(its.kind == "string" && choices == its.choices, "\(ours.name)")
            case .list: #expect(its.kind == "list", "\(ours.name)")
            case .uri: Issue.record("\(ours.name) is a URI")
            }
        }
    }
}
