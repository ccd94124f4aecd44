import Configuration
import Foundation
import Testing

@testable import SwitchboardCore

/// What holds for every key of every initialiser.
@Suite("Every setting", .timeLimit(.minutes(5)))
struct KeyTests {
    /// A value that a key takes and that isn't its default, and the text of it.
    private func sample(_ row: KeyRow) -> (value: Value, text: String)? {
        // Those that set nothing by themselves have tests of their own.
        if row.isSecret
            || ["directory", "username", "topic", "credentials.username", "topology.preset"].contains(row.name)
        {
            return nil
        }
        switch row.type {
        case "true or false": return row.defaultText == "true" ? (false, "false") : (true, "true")
        case "text": return ("some text", "some text")
        case let type where type.hasPrefix("version"): return ("1.5", "1.5")
        case let type where type.hasPrefix("a whole number"):
            // One that lies in every range.
            let number = (Int(row.defaultText) ?? 4) + 1
            return (.int(number), "\(number)")
        case let type where type.hasPrefix("a number"): return (7.25, "7.25")
        case let type where type.contains(", "):
            let choices = type.split(separator: ", ").map(String.init)
            let choice = choices.last { $0 != row.defaultText } ?? ""
            return (.string(choice), choice)
        default: return nil
        }
    }

    @Test("is read from the environment, JSON and YAML", arguments: Source.allCases)
    func isRead(_ source: Source) async throws {
        var count = 0
        for section in try KeyTable.sections() {
            for row in section.rows {
                guard let (value, text) = sample(row) else { continue }
                let config = try await source.reader("scope", [row.name: value])
                let found = try section.set(row.name, config)
                #expect(found == text, "\(section.title).\(row.name)")
                count += 1
            }
        }
        #expect(count > 90)
    }

    @Test("keeps its default when it has no value", arguments: Source.allCases)
    func isAbsent(_ source: Source) async throws {
        let config = try await source.reader("scope", [:])
        for section in try KeyTable.sections() {
            for row in section.rows where !row.isSecret {
                let found = try section.set(row.name, config)
                #expect(found == row.defaultText, "\(section.title).\(row.name)")
            }
        }
    }

    @Test("refuses what it cannot take, in a sentence with its name and its source", arguments: Source.allCases)
    func isRefused(_ source: Source) async throws {
        for section in try KeyTable.sections() {
            for row in section.rows {
                var bad: [Value] = []
                if row.type.contains("number") { bad = ["many", -1, "5s", "", 1e300] }
                if row.type == "true or false" { bad = ["perhaps", ""] }
                if row.type.hasPrefix("version") { bad = ["new", "1", ""] }
                if row.type.contains(", "), !row.type.contains("number"), !row.type.hasPrefix("version") {
                    bad = ["nonsense", ""]
                }
                for value in bad {
                    let config = try await source.reader("scope", [row.name: value])
                    let error = #expect(throws: TransportError.self, "\(section.title).\(row.name) = \(value)") {
                        _ = try section.set(row.name, config)
                    }
                    #expect(error?.code == .invalidOption)
                    let message = error?.message ?? ""
                    #expect(message.contains("setting \(row.name) of "), "\(message)")
                    #expect(message.contains("keyPrefix: scope"), "\(message)")
                    #expect(message.contains(source == .environment ? "Environment" : "FileProvider"), "\(message)")
                }
            }
        }
    }

    @Test("has a property, and every property has a key or a reason for having none")
    func properties() throws {
        for section in try KeyTable.sections() {
            check(section.value, section.rows.map(\.name), section.exempt, section.title)
        }
    }

    /// Compares the properties of a value with keys, through the structs of which it consists.
    private func check(_ value: Any, _ keys: [String], _ exempt: [String: String], _ path: String) {
        for (label, child) in Mirror(reflecting: value).children {
            // A lazy or wrapped property has another label.
            let name = label ?? ""
            if exempt[name] != nil || keys.contains(name) { continue }
            let prefix = "\(name)."
            let inner = keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            guard !inner.isEmpty else {
                Issue.record("\(path).\(name) has no key; give it one, or say in KeyTable why it has none")
                continue
            }
            check(child, inner, [:], "\(path).\(name)")
        }
    }

    @Test("is in the documentation's table, as it is")
    func documentation() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../../../Sources/SwitchboardMessaging/SwitchboardMessaging.docc/Configuring.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for section in try KeyTable.sections() {
            let isListed = text.contains(section.markdown + "\n")
            #expect(isListed, "Configuring.md has to have this, exactly:\n\(section.markdown)\n")
        }
    }

    @Test("is in lower camel case, in parts that are divided by dots")
    func spelling() throws {
        for section in try KeyTable.sections() {
            for row in section.rows {
                #expect(row.name.wholeMatch(of: /[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*/) != nil, "\(row.name)")
            }
            #expect(Set(section.rows.map(\.name)).count == section.rows.count)
        }
    }
}
