import Foundation
import SwitchboardMessaging
import Testing

/// Every option that takes a span of time takes it in the same way.
@Suite("Options that take a time", .timeLimit(.minutes(5)))
struct TimeOptionTests {
    private struct Option {
        var command: [String]
        var name: String
        var valueName: String
        var abstract: String
    }

    private let program: Program
    private let options: [Option]

    init() throws {
        program = try Program()
        var options: [Option] = []
        func add(_ command: JSONValue, path: [String]) {
            for argument in command["arguments"]?.elements ?? [] where argument["kind"] == "option" {
                let name = (argument["names"]?.elements ?? []).first { $0["kind"] == "long" }?["name"]?.string
                options.append(
                    Option(
                        command: path, name: "--\(name ?? "?")", valueName: argument["valueName"]?.string ?? "",
                        abstract: argument["abstract"]?.string ?? ""))
            }
            for child in command["subcommands"]?.elements ?? [] {
                add(child, path: path + [child["commandName"]?.string ?? "?"])
            }
        }
        let help = try program.run("--experimental-dump-help").json()
        add(try #require(help["command"]), path: [])
        self.options = options
    }

    @Test("What is no time is refused, and the option is named")
    func refused() throws {
        let times = options.filter { $0.valueName == "time" }
        #expect(times.count > 20)
        // One text for each, in turn: all are read by one type, and a debug build's wrong usage takes up to two seconds.
        let texts = ["-3", "soon", "1d", "1e400", ""]
        for (index, option) in times.enumerated() {
            let text = texts[index % texts.count]
            let result = try program.start(option.command + [option.name, text]).wait()
            #expect(result.status == 64, "\(option.command) \(option.name) \(text): \(result.errors)")
            #expect(
                result.errors.contains("'\(text)' is invalid for '\(option.name) <time>'"),
                "\(option.command) \(option.name) \(text): \(result.errors)")
        }
    }

    @Test("0 is a time only where that means something, and refused elsewhere")
    func zero() throws {
        for option in options where option.valueName == "time" {
            if ["--wait", "--warm-up", "--growth"].contains(option.name) { continue }
            let running = try program.start(option.command + [option.name, "0"])
            let deadline = ContinuousClock.now + .seconds(30)
            while running.isRunning, ContinuousClock.now < deadline { usleep(10_000) }
            #expect(!running.isRunning, "\(option.command) \(option.name)")
            guard !running.isRunning else { continue }
            #expect(try running.wait().status == 64, "\(option.command) \(option.name)")
        }
    }

    @Test("None takes seconds alone")
    func units() {
        // Thresholds are numbers of what is measured, as the report has it.
        for option in options where option.abstract.lowercased().contains("seconds") && option.valueName != "ms" {
            #expect(option.valueName == "time", "\(option.command) \(option.name): \(option.abstract)")
            #expect(
                option.abstract.contains("or with a unit"), "\(option.command) \(option.name): \(option.abstract)")
        }
        for option in options where ["--timeout", "--for", "--wait"].contains(option.name) {
            #expect(option.valueName == "time", "\(option.command) \(option.name)")
        }
    }
}

extension JSONValue {
    fileprivate var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }
}
