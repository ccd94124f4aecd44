import Foundation
import Testing

/// What the scripts of this repository ask before they install something.
@Suite("The scripts ask before they change the machine")
struct ScriptTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var answer = ""
        var arguments = ""
        var environment: [String: String] = [:]
        var agrees: Bool

        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "yes", answer: "yes\n", agrees: true),
        Case(name: "y", answer: "y\n", agrees: true),
        Case(name: "no", answer: "n\n", agrees: false),
        Case(name: "just Return", answer: "\n", agrees: false),
        Case(name: "something else", answer: "yesterday\n", agrees: false),
        Case(name: "--yes", arguments: "--yes", agrees: true),
        Case(name: "--yes among other arguments", arguments: "one --yes two", agrees: true),
        Case(name: "CI", environment: ["CI": "true"], agrees: true),
        Case(name: "a script that was called with --yes", environment: ["SWITCHBOARD_YES": "yes"], agrees: true),
    ]

    @Test("On a terminal", arguments: cases)
    func terminal(_ asked: Case) throws {
        let program = try Program()
        let script = try write(into: program)
        // `script` runs it on a terminal, and passes on what is said and its exit code.
        let result = try program.shell(
            "printf '\(asked.answer.replacing("\n", with: "\\n"))' | script -qec 'bash \(script) \(asked.arguments)' /dev/null",
            environment: asked.environment)
        #expect((result.status == 0) == asked.agrees, "\(result)")
        #expect(result.output.contains("went on with") == asked.agrees, "\(result)")
        #expect(!result.output.contains("--yes;"), "--yes is no argument of the script: \(result)")
        let isAsked = asked.arguments.isEmpty && asked.environment.isEmpty
        #expect(result.output.contains("install something? [y/N]") == isAsked, "\(result)")
        if !asked.agrees { #expect(result.output.contains("--yes gives it"), "\(result)") }
    }

    @Test("Without a terminal they go ahead, because nobody could answer")
    func noTerminal() throws {
        let program = try Program()
        let script = try write(into: program)
        let result = try program.shell("bash \(script) one </dev/null")
        #expect(result.status == 0, "\(result)")
        #expect(result.output.contains("went on with one;"), "\(result)")
    }

    @Test("A long output is folded if the command succeeds, and the errors and the end are shown if it fails")
    func folding() throws {
        let program = try Program()
        let script = """
            set -euo pipefail
            source \(Self.preparation)
            folded \(program.folder)/log bash -c 'seq 1000; echo "a.swift:1: error: wrong"; seq 1000; exit 7' || echo "code $?"
            folded \(program.folder)/log seq 5
            """
        let result = try program.shell(script)
        #expect(result.output == "code 7\n")
        #expect(result.errors.contains("a.swift:1: error: wrong"))
        #expect(result.errors.hasSuffix("\n999\n1000\n"))
        #expect(result.errors.split(separator: "\n").count < 100)
        #expect(try String(contentsOfFile: program.folder + "/log", encoding: .utf8) == "1\n2\n3\n4\n5\n")
    }

    private static let preparation = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("prepare").path

    private func write(into program: Program) throws -> String {
        let file = program.folder + "/asks.sh"
        let text = """
            set -euo pipefail
            source \(Self.preparation)
            agree_to "install something"
            echo "went on with $*;"
            """
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
