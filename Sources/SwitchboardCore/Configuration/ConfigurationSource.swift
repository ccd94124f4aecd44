#if Configuration
package import Configuration

/// Reads settings strictly: a key without a value is `nil`, and one with a value of another type, or out of range, is an
/// error that names the key and where it was looked for, and never shows a secret.
package struct ConfigurationSource: Sendable {
    package let config: ConfigReader

    package init(_ config: ConfigReader) {
        self.config = config
    }

    package func flag(_ key: String) throws(TransportError) -> Bool? {
        if let value = config.bool(forKey: ConfigKey(key)) { return value }
        return try nothing(key, isSecret: false, "true or false")
    }

    package func integer(_ key: String, in range: ClosedRange<Int>) throws(TransportError) -> Int? {
        guard let value = config.int(forKey: ConfigKey(key)) else {
            return try nothing(key, isSecret: false, range.sentence)
        }
        guard range.contains(value) else { throw refusal(key, "it has to be \(range.sentence), not \(value)") }
        return value
    }

    /// A time span, given in seconds.
    package func seconds(_ key: String, in range: ClosedRange<Double>) throws(TransportError) -> Duration? {
        let expected = "a number of seconds from \(range.lowerBound.plain) to \(range.upperBound.plain)"
        // Providers that keep types apart have a whole number as one.
        guard let value = config.double(forKey: ConfigKey(key)) ?? config.int(forKey: ConfigKey(key)).map(Double.init)
        else { return try nothing(key, isSecret: false, expected) }
        guard range.contains(value) else { throw refusal(key, "it has to be \(expected), not \(value.plain)") }
        return .milliseconds(value * 1000)
    }

    package func text(_ key: String, isSecret: Bool = false) throws(TransportError) -> String? {
        if let value = config.string(forKey: ConfigKey(key), isSecret: isSecret) { return value }
        return try nothing(key, isSecret: isSecret, "text")
    }

    package func secret(_ key: String) throws(TransportError) -> Secret? {
        try text(key, isSecret: true).map { Secret($0) }
    }

    /// One of some words.
    package func choice<Value>(
        _ key: String, _ choices: [(name: String, value: Value)]
    ) throws(TransportError) -> Value? {
        guard let text = try text(key) else { return nil }
        if let choice = choices.first(where: { $0.name == text }) { return choice.value }
        let names = choices.map(\.name)
        let known = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        let hint = URLOptions.nearest(to: text, in: names).map { "; did you mean \($0)?" } ?? ""
        throw refusal(key, "it has to be \(known), not \"\(text)\"\(hint)")
    }

    /// The value of a key that must have one.
    package func required<Value>(_ key: String, _ value: Value?) throws(TransportError) -> Value {
        guard let value else { throw refusal(key, "it has no value, and needs one") }
        return value
    }

    /// The error for a value.
    package func refusal(_ key: String, _ reason: String) -> TransportError {
        TransportError(.invalidOption, "The setting \(key) of \(config) cannot be used: \(reason).")
    }

    /// `nil` for a key without a value; throws for one whose value has another type.
    private func nothing<Value>(
        _ key: String, isSecret: Bool, _ expected: String
    ) throws(TransportError) -> Value? {
        guard hasValue(key, isSecret: isSecret) else { return nil }
        throw refusal(key, "it has to be \(expected)")
    }

    /// Whether there is a value of any type. The readers of single types take what they cannot convert for nothing.
    package func hasValue(_ name: String, isSecret: Bool = false) -> Bool {
        let key = ConfigKey(name)
        return config.string(forKey: key, isSecret: isSecret) != nil
            || config.bool(forKey: key, isSecret: isSecret) != nil
            || config.double(forKey: key, isSecret: isSecret) != nil
            || config.int(forKey: key, isSecret: isSecret) != nil
            || config.stringArray(forKey: key, isSecret: isSecret) != nil
            || config.doubleArray(forKey: key, isSecret: isSecret) != nil
            || config.intArray(forKey: key, isSecret: isSecret) != nil
            || config.boolArray(forKey: key, isSecret: isSecret) != nil
    }
}

extension ClosedRange<Int> {
    /// Which numbers, in words.
    var sentence: String {
        "a whole number of at least \(lowerBound)" + (upperBound == .max ? "" : " and at most \(upperBound)")
    }
}

extension Double {
    /// `5` and not `5.0`.
    var plain: String {
        Int(exactly: self).map { "\($0)" } ?? "\(self)"
    }
}
#endif
