import OsloConfiguration

/// Something that is wrong with a configuration.
struct ConfigurationFinding: Hashable, Sendable {
    enum Severity: String, Sendable {
        /// It works otherwise than it reads, or will not work for long.
        case warning
        /// Programs don't start with it, or hang.
        case error
    }

    var severity: Severity
    /// The option, where it is about one.
    var option: OsloOption.Name?
    /// The line, where it is about one.
    var place: OsloOrigin?
    /// A sentence that says what is wrong and what to do.
    var message: String

    init(severity: Severity, option: OsloOption.Name? = nil, place: OsloOrigin? = nil, message: String) {
        self.severity = severity
        self.option = option
        self.place = place
        self.message = message
    }

    /// A value or a file that can't be read.
    init(_ error: OsloConfigurationError, option: OsloOption.Name? = nil) {
        let place = error.line.flatMap { line in error.file.map { OsloOrigin.file(path: $0, line: line) } }
        // The place stands before every finding anyway.
        let message = place.map { error.message.replacing("\($0): ", with: "", maxReplacements: 1) } ?? error.message
        self.init(severity: .error, option: option, place: place, message: message)
    }

    var description: String {
        let start = place.map { $0 == .optionDefault ? "" : "\($0): " } ?? ""
        return "\(severity.rawValue): \(start)\(option.map { "\($0): " } ?? "")\(message)"
    }
}
