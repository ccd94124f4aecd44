/// Reads values with their references, each option once: a value that is referred to twice isn't worked out twice.
struct Resolver {
    let configuration: OsloConfiguration
    private var known: [OsloOption.Name: String] = [:]
    private var isOpen: Set<OsloOption.Name> = []

    /// No value is longer than this after interpolation: a few short lines could make terabytes.
    private static let maximumLength = 1 << 20
    /// Through how many options references may lead.
    private static let maximumDepth = 100

    init(configuration: OsloConfiguration) {
        self.configuration = configuration
    }

    mutating func setting(_ option: OsloOption) throws(OsloConfigurationError) -> OsloSetting? {
        let raw: RawSetting
        if let given = configuration.raw(option) {
            raw = given
        } else if let defaults = option.defaults {
            raw = RawSetting(texts: defaults, origin: .optionDefault, deprecatedName: nil)
        } else {
            return nil
        }
        var values: [OsloValue] = []
        isOpen.insert(option.name)
        defer { isOpen.remove(option.name) }
        for text in raw.texts {
            let whole = try interpolated(text, option, raw.origin)
            do {
                values.append(try option.type.value(of: whole))
            } catch {
                throw OsloConfigurationError(
                    .invalidValue, "The value of \(option.name) isn't \(option.type.expectation).", raw.origin)
            }
        }
        let value = option.isRepeated ? .list(values) : values.last ?? .empty
        return OsloSetting(option: option, value: value, origin: raw.origin, deprecatedName: raw.deprecatedName)
    }

    private mutating func interpolated(
        _ text: String, _ option: OsloOption, _ origin: OsloOrigin
    ) throws(OsloConfigurationError) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        var result = String.UnicodeScalarView()
        for piece in Interpolation.pieces(of: text) {
            switch piece {
            case .text(let text): result.append(contentsOf: text)
            case .reference(let name):
                result.append(contentsOf: try value(of: name, option, origin).unicodeScalars)
            }
            guard result.count <= Self.maximumLength else {
                throw OsloConfigurationError(
                    .tooLarge, "The value of \(option.name) is longer than 1 MiB with what it refers to.", origin)
            }
        }
        return String(result)
    }

    /// The text that a reference stands for.
    private mutating func value(
        of reference: String, _ option: OsloOption, _ origin: OsloOrigin
    ) throws(OsloConfigurationError) -> String {
        let target = try target(of: reference, option, origin)
        if let text = known[target.name] { return text }
        guard !isOpen.contains(target.name), isOpen.count < Self.maximumDepth else {
            throw OsloConfigurationError(
                .circularReference,
                "The value of \(option.name) refers to $\(reference), which leads back to it or through too many others.",
                origin)
        }
        let text: String
        do {
            text = try setting(target)?.value.pythonText ?? ""
        } catch  where error.code == .unknownReference {
            // As oslo.config, which takes an option whose own references lead nowhere for one that isn't there.
            let fallback = OsloOption.Name(group: "DEFAULT", name: reference)
            guard target.name != fallback, let general = configuration.listed(fallback), general.name != target.name,
                !isOpen.contains(general.name)
            else { throw error }
            return try setting(general)?.value.pythonText ?? ""
        }
        known[target.name] = text
        return text
    }

    /// The option that a reference names: of the option's own group, or of `DEFAULT`; `$group.name` of that group.
    private func target(
        of reference: String, _ option: OsloOption, _ origin: OsloOrigin
    ) throws(OsloConfigurationError) -> OsloOption {
        var group = option.name.group
        var name = reference
        if let dot = reference.firstIndex(of: ".") {
            group = String(reference[..<dot])
            name = String(reference[reference.index(after: dot)...])
            // Options without a group are in none by that name.
            if group == "DEFAULT" || !hasGroup(group) {
                throw unknown(.unknownGroup, "a group", reference, option, origin)
            }
        }
        if let found = configuration.listed(.init(group: group, name: name)) { return found }
        if configuration.unlistedOptions == .takenFromFiles {
            for group in group == option.name.group ? [group, "DEFAULT"] : [group] {
                let unlisted = OsloOption(group: group, name: name)
                if configuration.raw(unlisted) != nil { return unlisted }
                if let found = configuration.listed(unlisted.name) { return found }
            }
        } else {
            if let found = configuration.listed(.init(group: "DEFAULT", name: reference)) { return found }
            if configuration.hasGroup(reference), reference != "DEFAULT" {
                throw OsloConfigurationError(
                    .referenceToGroup,
                    "The value of \(option.name) refers to $\(reference), which is a group. Write $\(reference).NAME, or "
                        + "$$ for a dollar sign.", origin)
            }
        }
        throw unknown(.unknownReference, "an option", reference, option, origin)
    }

    private func hasGroup(_ group: String) -> Bool {
        if configuration.hasGroup(group) { return true }
        guard configuration.unlistedOptions == .takenFromFiles else { return false }
        let key = OptionKey.normalizedGroup(group)
        return configuration.files.contains { file in
            file.sections.contains { OptionKey.normalizedGroup($0.name) == key }
        }
    }

    /// Names what is referred to, unless that may be a part of a password.
    private func unknown(
        _ code: OsloConfigurationError.Code, _ kind: String, _ reference: String, _ option: OsloOption,
        _ origin: OsloOrigin
    ) -> OsloConfigurationError {
        OsloConfigurationError(
            code,
            "The value of \(option.name) refers by $ to \(kind) that isn't set\(option.isSecret ? "" : ", \(reference)"). Set "
                + "it, or write $$ where a dollar sign is meant.", origin)
    }
}
