#if Configuration
public import Configuration
public import SwitchboardCore

extension SpoolConfiguration {
    /// Reads `directory`, an absolute path, which must have a value, and the spool's other settings, whose defaults are those
    /// of ``init(directory:)``.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(config: ConfigReader) throws(TransportError) {
        let source = ConfigurationSource(config)
        let directory = try source.required("directory", try source.text("directory"))
        guard directory.hasPrefix("/"), directory.contains(where: { $0 != "/" }), !directory.utf8.contains(0) else {
            throw source.refusal("directory", "it has to be an absolute path, not \"\(directory)\"")
        }
        self.init(directory: directory)
        try source.apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        ConfigurationKey("directory", type: "absolute path", default: { _ in "required" }) {
            _, _, _ throws(TransportError) in
        },
        ConfigurationKey(
            "layout", type: Layout.allCases.map(\.rawValue).joined(separator: ", "),
            default: { $0.layout?.rawValue ?? "the spool's own" }
        ) { configuration, source, name throws(TransportError) in
            let choices = Layout.allCases.map { (name: $0.rawValue, value: $0) }
            if let value = try source.choice(name, choices) { configuration.layout = value }
        },
        .choice("durability", \.durability),
        .integer("maximumMessages", \.maximumMessages, in: 1...(1 << 40)),
        .integer("maximumBytes", \.maximumBytes, in: 1...(1 << 50), unit: "bytes"),
        .integer("maximumMessageBytes", \.maximumMessageBytes, in: 1...(1 << 31), unit: "bytes"),
        .integer("maximumAttempts", \.maximumAttempts, in: 1...1_000_000),
        .integer("reservedBytes", \.reservedBytes, in: 0...(1 << 50), unit: "bytes"),
        .integer("segmentBytes", \.segmentBytes, in: 4096...(1 << 32), unit: "bytes"),
        .integer("writers", \.writers, in: 1...64),
        .seconds("rescanInterval", \.rescanInterval, in: 1...86_400),
    ]
}
#endif
