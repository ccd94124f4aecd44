/// An option as a program of OpenStack defines it: its names, type and default.
public struct OsloOption: Hashable, Sendable {
    /// A group and a name in it.
    public struct Name: Hashable, Sendable, CustomStringConvertible {
        /// The group, `DEFAULT` for options without one.
        public var group: String
        /// The name, with underscores.
        public var name: String

        /// Names an option.
        public init(group: String, name: String) {
            self.group = group
            self.name = name
        }

        /// `[group] name`.
        public var description: String { "[\(group)] \(name)" }
    }

    /// The group and name that files use today.
    public var name: Name
    /// What its value may be.
    public var type: OsloOptionType
    /// Whether every assignment counts, as with oslo.config's `MultiStrOpt`, instead of the last one.
    public var isRepeated: Bool
    /// The defaults as a file would have them; `nil` for none. More than one only where ``isRepeated``.
    public var defaults: [String]?
    /// Names that files may still use, the first one first.
    public var deprecatedNames: [Name]
    /// Why the option will go away, where it will; it may be empty.
    public var removalReason: String?
    /// Whether no message may show its value.
    public var isSecret: Bool

    /// Defines an option.
    ///
    /// - Parameters:
    ///   - group: the group, `DEFAULT` for options without one.
    ///   - name: the name, with underscores.
    ///   - type: what its value may be.
    ///   - isRepeated: whether every assignment counts, instead of the last one.
    ///   - defaults: the defaults as a file would have them; `nil` for none.
    ///   - deprecatedNames: names that files may still use.
    ///   - removalReason: why the option will go away, where it will.
    ///   - isSecret: whether no message may show its value. One whose name says so is secret anyway.
    public init(
        group: String = "DEFAULT", name: String, type: OsloOptionType = .text, isRepeated: Bool = false,
        defaults: [String]? = nil, deprecatedNames: [Name] = [], removalReason: String? = nil, isSecret: Bool = false
    ) {
        self.name = Name(group: group, name: name)
        self.type = type
        self.isRepeated = isRepeated
        self.defaults = defaults
        self.deprecatedNames = deprecatedNames
        self.removalReason = removalReason
        self.isSecret = isSecret || OsloConfiguration.isSecret(name: name)
    }
}
