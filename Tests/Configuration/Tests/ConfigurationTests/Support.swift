import Configuration
import Foundation
import Logging
import SwitchboardCore
import SwitchboardInProcess
import Testing

let quietLogger = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

extension DriverRegistry {
    static let inProcessOnly = DriverRegistry(.inProcess())
}

/// One of the places that settings come from.
enum Source: String, CaseIterable, Sendable {
    case environment, json, yaml

    /// A reader of settings, given by key, from such a place.
    func reader(
        _ scope: String, _ values: [String: Value], reporter: (any AccessReporter)? = nil
    ) async throws -> ConfigReader {
        let reader: ConfigReader
        switch self {
        case .environment:
            var variables: [String: String] = [:]
            for (key, value) in values { variables[Self.variable("\(scope).\(key)")] = value.text }
            reader = ConfigReader(
                provider: EnvironmentVariablesProvider(environmentVariables: variables), accessReporter: reporter)
        case .json:
            let text = try JSONSerialization.data(withJSONObject: Self.tree(scope, values) { $0.json })
            reader = ConfigReader(provider: try await Self.file(text, JSONSnapshot.self), accessReporter: reporter)
        case .yaml:
            let text = Self.yaml(Self.tree(scope, values) { $0.yaml }, depth: 0)
            reader = ConfigReader(
                provider: try await Self.file(Data(text.utf8), YAMLSnapshot.self), accessReporter: reporter)
        }
        return reader.scoped(to: ConfigKey(scope))
    }

    /// How swift-configuration spells a key as an environment variable.
    static func variable(_ key: String) -> String {
        var name = ""
        var last: Character = "_"
        for character in key {
            if last.isLowercase, character.isUppercase { name.append("_") }
            name.append(character.isLetter || character.isNumber ? character : "_")
            last = character
        }
        return name.uppercased()
    }

    private static func tree(
        _ scope: String, _ values: [String: Value], _ leaf: (Value) -> Any
    ) -> [String: Any] {
        func put(_ value: Any, _ path: ArraySlice<Substring>, into tree: inout [String: Any]) {
            guard let first = path.first else { return }
            if path.count == 1 { return tree[String(first)] = value }
            var inner = tree[String(first)] as? [String: Any] ?? [:]
            put(value, path.dropFirst(), into: &inner)
            tree[String(first)] = inner
        }
        var tree: [String: Any] = [:]
        put([String: Any](), scope.split(separator: ".")[...], into: &tree)
        for (key, value) in values { put(leaf(value), "\(scope).\(key)".split(separator: ".")[...], into: &tree) }
        return tree
    }

    private static func yaml(_ tree: [String: Any], depth: Int) -> String {
        let margin = String(repeating: "  ", count: depth)
        return tree.sorted { $0.key < $1.key }.map { key, value in
            guard let inner = value as? [String: Any] else { return "\(margin)\(key): \(value)\n" }
            return inner.isEmpty ? "\(margin)\(key): {}\n" : "\(margin)\(key):\n" + yaml(inner, depth: depth + 1)
        }.joined()
    }

    private static func file<Snapshot: FileConfigSnapshot>(
        _ content: Data, _ type: Snapshot.Type
    ) async throws -> FileProvider<Snapshot> {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("switchboard-\(UUID()).conf")
        try content.write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        return try await FileProvider<Snapshot>(filePath: .init(path.path))
    }
}

/// A value of a setting.
enum Value: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    case string(String), int(Int), double(Double), bool(Bool)

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .int(value) }
    init(floatLiteral value: Double) { self = .double(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }

    var text: String {
        switch self {
        case .string(let value): value
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        }
    }

    var json: Any {
        switch self {
        case .string(let value): value
        case .int(let value): value
        case .double(let value): value
        case .bool(let value): value
        }
    }

    var yaml: String {
        if case .string(let value) = self { "\"\(value)\"" } else { text }
    }
}
