#if Configuration
/// A setting: its key, what its value may be, and the property that it sets. The initialisers that take a `ConfigReader` are
/// lists of these, and the table of all keys in the documentation is made of the same lists.
package struct ConfigurationKey<Root>: Sendable {
    package var name: String
    /// What the value may be, for people.
    package let type: String
    /// What a number counts.
    package let unit: String
    package let isSecret: Bool
    /// The default, for people.
    package let defaultText: @Sendable (Root) -> String
    package let set: @Sendable (inout Root, ConfigurationSource, _ name: String) throws(TransportError) -> Void

    package init(
        _ name: String, type: String, unit: String = "", isSecret: Bool = false,
        default defaultText: @escaping @Sendable (Root) -> String = { _ in "" },
        set: @escaping @Sendable (inout Root, ConfigurationSource, _ name: String) throws(TransportError) -> Void
    ) {
        self.name = name
        self.type = type
        self.unit = unit
        self.isSecret = isSecret
        self.defaultText = defaultText
        self.set = set
    }
}

extension ConfigurationKey {
    package typealias Path<Value> = any WritableKeyPath<Root, Value> & Sendable

    package static func flag(_ name: String, _ path: Path<Bool>) -> Self {
        Self(name, type: "true or false", default: { "\($0[keyPath: path])" }) {
            root, source, name throws(TransportError) in
            if let value = try source.flag(name) { root[keyPath: path] = value }
        }
    }

    package static func integer(
        _ name: String, _ path: Path<Int>, in range: ClosedRange<Int>, unit: String = ""
    ) -> Self {
        Self(name, type: range.sentence, unit: unit, default: { "\($0[keyPath: path])" }) {
            root, source, name throws(TransportError) in
            if let value = try source.integer(name, in: range) { root[keyPath: path] = value }
        }
    }

    /// A number that is absent by default.
    package static func integer(
        _ name: String, _ path: Path<Int?>, in range: ClosedRange<Int>, unit: String = ""
    ) -> Self {
        Self(name, type: range.sentence, unit: unit, default: { $0[keyPath: path].map { "\($0)" } ?? "none" }) {
            root, source, name throws(TransportError) in
            if let value = try source.integer(name, in: range) { root[keyPath: path] = value }
        }
    }

    /// A limit that may be none, which 0 says.
    package static func limit(
        _ name: String, _ path: Path<Int?>, upTo most: Int = .max, unit: String = ""
    ) -> Self {
        Self(
            name, type: (0...most).sentence + " (0 for none)", unit: unit,
            default: { $0[keyPath: path].map { "\($0)" } ?? "none" }
        ) { root, source, name throws(TransportError) in
            if let value = try source.integer(name, in: 0...most) { root[keyPath: path] = value == 0 ? nil : value }
        }
    }

    package static func seconds(
        _ name: String, _ path: Path<Duration>, in range: ClosedRange<Double> = 0...1e9
    ) -> Self {
        Self(name, type: range.sentence, unit: "s", default: { $0[keyPath: path].plainSeconds }) {
            root, source, name throws(TransportError) in
            if let value = try source.seconds(name, in: range) { root[keyPath: path] = value }
        }
    }

    /// A time span that may be none, which 0 says.
    package static func seconds(
        _ name: String, _ path: Path<Duration?>, in range: ClosedRange<Double> = 0...1e9
    ) -> Self {
        Self(
            name, type: range.sentence + " (0 for none)", unit: "s",
            default: { $0[keyPath: path].map(\.plainSeconds) ?? "none" }
        ) { root, source, name throws(TransportError) in
            if let value = try source.seconds(name, in: range) { root[keyPath: path] = value == .zero ? nil : value }
        }
    }

    package static func text(_ name: String, _ path: Path<String>) -> Self {
        Self(name, type: "text", default: { $0[keyPath: path] }) { root, source, name throws(TransportError) in
            if let value = try source.text(name) { root[keyPath: path] = value }
        }
    }

    package static func text(_ name: String, _ path: Path<String?>) -> Self {
        Self(name, type: "text", default: { $0[keyPath: path] ?? "none" }) {
            root, source, name throws(TransportError) in
            if let value = try source.text(name) { root[keyPath: path] = value }
        }
    }

    package static func choice<Value: Equatable & Sendable>(
        _ name: String, _ path: Path<Value>, _ choices: [(name: String, value: Value)]
    ) -> Self {
        Self(
            name, type: choices.map(\.name).joined(separator: ", "),
            default: { root in choices.first { $0.value == root[keyPath: path] }?.name ?? "" }
        ) { root, source, name throws(TransportError) in
            if let value = try source.choice(name, choices) { root[keyPath: path] = value }
        }
    }

    package static func choice<Value: RawRepresentable<String> & CaseIterable & Equatable & Sendable>(
        _ name: String, _ path: Path<Value>
    ) -> Self {
        choice(name, path, Value.allCases.map { ($0.rawValue, $0) })
    }

    /// The keys of a part, behind a prefix.
    package static func part<Part>(
        _ prefix: String, _ path: Path<Part>, _ keys: [ConfigurationKey<Part>]
    ) -> [Self] {
        keys.map { key in
            Self(
                "\(prefix).\(key.name)", type: key.type, unit: key.unit, isSecret: key.isSecret,
                default: { key.defaultText($0[keyPath: path]) }
            ) { root, source, name throws(TransportError) in try key.set(&root[keyPath: path], source, name) }
        }
    }
}

extension ConfigurationSource {
    /// Sets what has a value.
    package func apply<Root>(_ keys: [ConfigurationKey<Root>], to root: inout Root) throws(TransportError) {
        for key in keys { try key.set(&root, self, key.name) }
    }
}

extension Duration {
    package var plainSeconds: String { (self / .seconds(1)).plain }
}

extension ClosedRange<Double> {
    fileprivate var sentence: String {
        "a number of at least \(lowerBound.plain)"
    }
}
#endif
