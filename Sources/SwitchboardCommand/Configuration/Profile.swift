import OsloConfiguration
import SwitchboardCore

/// A named set of settings: a section of the file of profiles.
struct Profile: Hashable, Sendable {
    let name: String
    /// The file that it is in.
    let path: String
    /// Its texts by key.
    private let values: [Key: OsloSetting]
    let transportPassword: PasswordSource?
    let databasePassword: PasswordSource?

    /// What a profile may say.
    enum Key: String, CaseIterable, Sendable {
        case database
        case databasePasswordFile = "database_password_file"
        case databasePasswordCommand = "database_password_command"
        case transportURL = "transport_url"
        case passwordFile = "password_file"
        case passwordCommand = "password_command"
        case databaseConnection = "database_connection"
        case configFile = "config_file"
        case configDir = "config_dir"
        case timeout
    }

    /// - Parameters:
    ///   - name: which one; letter case doesn't matter.
    ///   - file: the file of profiles.
    init(_ name: String, in file: OsloConfigurationFile) throws {
        let section = file.sections.first { $0.name.lowercased() == name.lowercased() && $0.name != "DEFAULT" }
        guard let section else {
            let names = Self.names(in: file)
            let hint = URLOptions.nearest(to: name, in: names).map { "did you mean \($0)?" }
            let list = names.isEmpty ? "it has none." : "it has \(names.joined(separator: ", "))."
            throw Failure.configuration("\(file.path): There is no profile \(name); \(hint ?? list)")
        }
        let known = Key.allCases.map(\.rawValue)
        for assignment in file.assignments where assignment.section.lowercased() == name.lowercased() {
            guard Key(rawValue: assignment.name) == nil else { continue }
            let hint = URLOptions.nearest(to: assignment.name, in: known).map { "did you mean \($0)?" }
            throw Failure.configuration(
                "\(file.path):\(assignment.line): A profile has no \(assignment.name); "
                    + (hint ?? "it has \(known.joined(separator: ", "))."))
        }
        self.name = section.name
        path = file.path
        let configuration = OsloConfiguration(files: [file])
        var values: [Key: OsloSetting] = [:]
        for key in Key.allCases {
            let option = OsloOption(
                group: section.name, name: key.rawValue,
                type: key == .timeout ? .real(minimum: 0.001, maximum: 1e9) : .text,
                isRepeated: key == .configFile || key == .configDir)
            values[key] = try configuration.setting(option).flatMap { $0.text == "" ? nil : $0 }
        }
        self.values = values
        transportPassword = try Self.password(.passwordFile, .passwordCommand, of: .transportURL, values)
        databasePassword = try Self.password(.databasePasswordFile, .databasePasswordCommand, of: .database, values)
    }

    /// The profiles of a file, in its order.
    static func names(in file: OsloConfigurationFile) -> [String] {
        var seen: Set<String> = []
        return file.sections.map(\.name).filter { $0 != "DEFAULT" && seen.insert($0.lowercased()).inserted }
    }

    /// The value for a setting.
    func candidate(_ name: CommandSettings.Name) -> CommandSettings.Candidate? {
        switch name {
        case .directory: candidate(.database, databasePassword)
        case .transportURL, .notificationURL: candidate(.transportURL, transportPassword)
        case .databaseConnection: candidate(.databaseConnection, nil)
        }
    }

    /// The configuration files that it names, relative to its own file's folder.
    var sources: [OsloConfigurationSource] {
        (values[.configFile]?.texts ?? []).map { .file(path(of: $0)) }
            + (values[.configDir]?.texts ?? []).map { .directory(path(of: $0)) }
    }

    var timeout: Duration? { values[.timeout]?.real.map { .seconds($0) } }

    /// Whether a password stands in it.
    var hasPassword: Bool {
        values.values.contains { $0.text.map { URLMasker.masked($0) != $0 } ?? false }
    }

    private func candidate(_ key: Key, _ password: PasswordSource?) -> CommandSettings.Candidate? {
        guard let setting = values[key], let text = setting.text else { return nil }
        return .init(
            text: key == .database && !text.contains("://") ? path(of: text) : text,
            origin: .profile(name: name, key: key.rawValue, place: setting.origin), password: password)
    }

    private func path(of text: String) -> String { Self.path(text, besides: path) }

    /// A path as it is meant beside a file.
    private static func path(_ text: String, besides file: String) -> String {
        if text.hasPrefix("/") || text == "~" || text.hasPrefix("~/") { return text }
        guard let slash = file.lastIndex(of: "/") else { return text }
        return file[...slash] + text
    }

    private static func password(
        _ file: Key, _ command: Key, of url: Key, _ values: [Key: OsloSetting]
    ) throws -> PasswordSource? {
        guard let setting = values[file] ?? values[command], let text = setting.text else { return nil }
        let origin = setting.origin
        if values[file] != nil, let other = values[command] {
            throw Failure.configuration(
                "\(other.origin): There are both \(file.rawValue) and \(command.rawValue). Leave one out.")
        }
        guard let target = values[url]?.text else {
            throw Failure.configuration(
                "\(origin): \(setting.option.name.name) is for \(url.rawValue), which the profile doesn't have.")
        }
        guard URLPassword.isMissing(in: target) else {
            throw Failure.configuration(
                "\(origin): \(setting.option.name.name) is for \(url.rawValue), which has a password already, or no user "
                    + "name. Leave the password out, and the name in.")
        }
        if values[file] != nil {
            guard case .file(let profiles, _) = origin else { return nil }
            return .file(path(text, besides: profiles), origin)
        }
        guard let words = ShellWords.split(text), !words.isEmpty else {
            throw Failure.configuration("\(origin): \(command.rawValue) has a quote that isn't closed, or no word.")
        }
        return .command(words, origin)
    }
}
