internal import SwitchboardCore

/// A configuration as oslo.config reads it: several files in order, of which later ones win, interpolation by `$name`,
/// deprecated names, typed values, and where each value comes from.
///
/// Files are read when they are given, never because they are there. Nothing is cached: a value with references costs what
/// it refers to.
public struct OsloConfiguration: Sendable {
    /// What a reference to an option means that isn't among ``options``.
    public enum UnlistedOptions: Hashable, Sendable {
        /// The text that the files give it: for programs that know some of the options of a service. Without one it is an
        /// error.
        case takenFromFiles
        /// An error, as in oslo.config, where a service defines all of its options.
        case refused
    }

    /// The files, in the order in which they were read: later ones win.
    public let files: [OsloConfigurationFile]
    /// The options that references and their defaults are taken from.
    public var options: [OsloOption] {
        didSet { table = OptionTable(options) }
    }
    /// What a reference to any other option means.
    public var unlistedOptions: UnlistedOptions
    /// Variables of the environment, which win over files: `OS_GROUP__NAME`. Empty unless given.
    public var environment: [String: String]
    private var table: OptionTable

    /// Makes a configuration of files that were read.
    ///
    /// - Parameters:
    ///   - files: the files, later ones win.
    ///   - options: the options that `$name` may refer to, with their types and defaults.
    ///   - unlistedOptions: what a reference to any other option means.
    ///   - environment: variables that win over files, named `OS_GROUP__NAME`.
    public init(
        files: [OsloConfigurationFile], options: [OsloOption] = [], unlistedOptions: UnlistedOptions = .takenFromFiles,
        environment: [String: String] = [:]
    ) {
        self.files = files
        self.options = options
        self.unlistedOptions = unlistedOptions
        self.environment = environment
        table = OptionTable(options)
    }

    /// The value of an option; `nil` where neither files nor environment give one and it has no default.
    ///
    /// - Throws: an ``OsloConfigurationError`` with the file and the line when the value isn't of the option's type or
    ///   refers to something that isn't there.
    public func setting(_ option: OsloOption) throws(OsloConfigurationError) -> OsloSetting? {
        var resolver = Resolver(configuration: self)
        return try resolver.setting(option)
    }

    /// The value of a text option that isn't listed anywhere; `nil` where there is none.
    public func text(_ name: String, group: String = "DEFAULT") throws(OsloConfigurationError) -> String? {
        try setting(OsloOption(group: group, name: name))?.text
    }

    /// Every assignment of a name, the first file's first. A group's letter case doesn't matter, but for `DEFAULT`.
    public func assignments(
        of name: OsloOption.Name
    ) -> [(file: OsloConfigurationFile, assignment: OsloConfigurationFile.Assignment)] {
        let key = OptionKey(group: name.group, name: name.name)
        return files.flatMap { file in file.assignments(of: key).map { (file, $0) } }
    }

    /// Whether a name announces a secret: a password, a token, a key.
    public static func isSecret(name: String) -> Bool {
        let probe = "\(name)=x"
        return Secret.masked(in: probe) != probe
    }

    /// A value for people: passwords in URLs are `***`, and all of a value that is a secret by its name or definition.
    ///
    /// - Parameters:
    ///   - text: the value.
    ///   - name: the option's name.
    ///   - isSecret: whether the option is defined as a secret. Of a URL only the password is hidden then.
    public static func shown(_ text: String, ofName name: String, isSecret: Bool = false) -> String {
        if text.isEmpty { return text }
        if Self.isSecret(name: name) { return Secret.mask }
        guard isSecret else { return text.contains("://") ? maskedURLs(in: text) : Secret.masked(in: text) }
        return text.contains("://") ? maskedURLs(in: text, orElse: Secret.mask) : Secret.mask
    }

    /// The words of a text, of which URLs lose their passwords.
    private static func maskedURLs(in text: String, orElse other: String? = nil) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            let word = String(word)
            if word.contains("://") { return URLMasker.masked(word) }
            return other ?? Secret.masked(in: word)
        }.joined(separator: " ")
    }

    /// The listed option of a name or of a deprecated one.
    func listed(_ name: OsloOption.Name) -> OsloOption? { table.option(name) }

    /// Whether an option is listed in the group.
    func hasGroup(_ group: String) -> Bool { table.hasGroup(group) }

    /// What files and environment say of an option, before interpolation.
    func raw(_ option: OsloOption) -> RawSetting? {
        if !environment.isEmpty {
            let name = "OS_\(option.name.group.uppercased())__\(option.name.name.uppercased())"
            if let text = environment[name] {
                return RawSetting(texts: [text], origin: .environment(name: name), deprecatedName: nil)
            }
        }
        let names = [option.name] + option.deprecatedNames
        var found: RawSetting?
        for file in files.reversed() {
            for (index, name) in names.enumerated() {
                let assignments = file.assignments(of: OptionKey(group: name.group, name: name.name))
                guard let last = assignments.last else { continue }
                if found == nil {
                    found = RawSetting(
                        texts: [], origin: .file(path: file.path, line: last.line),
                        deprecatedName: index == 0 ? nil : name)
                }
                guard option.isRepeated else {
                    found?.texts = [last.text]
                    return found
                }
                found?.texts.insert(contentsOf: assignments.map(\.text), at: 0)
            }
        }
        return found
    }
}

/// What files or the environment say of an option.
struct RawSetting {
    var texts: [String]
    var origin: OsloOrigin
    var deprecatedName: OsloOption.Name?
}

/// Options by name, and by deprecated name. Groups are compared as written: it is programs that name them.
private struct OptionTable: Sendable {
    private var options: [OsloOption.Name: OsloOption] = [:]
    private var deprecated: [OsloOption.Name: OsloOption] = [:]
    private var groups: Set<String> = []

    init(_ list: [OsloOption]) {
        for option in list {
            options[option.name] = option
            groups.insert(option.name.group)
            for name in option.deprecatedNames {
                deprecated[.init(group: name.group, name: name.name.replacing("-", with: "_"))] = option
            }
        }
    }

    func option(_ name: OsloOption.Name) -> OsloOption? { options[name] ?? deprecated[name] }
    func hasGroup(_ group: String) -> Bool { groups.contains(group) }
}
