import OsloConfiguration
import SwitchboardCore

/// What configuration files mean for the bus: every option that matters, and what is wrong with it.
struct ConfigurationExplanation {
    /// An option with its value.
    struct Row {
        var option: OsloOption
        /// `nil` where it has none, or it can't be read.
        var setting: OsloSetting?
    }

    private(set) var rows: [Row] = []
    private(set) var findings: [ConfigurationFinding] = []

    /// Explains files.
    ///
    /// - Parameters:
    ///   - configuration: the files.
    ///   - broker: the RabbitMQ that they are for, if that is known.
    ///   - version: the first number of oslo.messaging's version.
    ///   - refusal: why a URL can't be used; `nil` where it can.
    init(
        _ configuration: NovaConfiguration, broker: BrokerRelease?, version: Int,
        refusal: (String) -> String?
    ) {
        let known = MessagingOption.table.filter { $0.versions.contains(version) }.map(\.option)
        for option in known + NovaOption.table {
            do throws(OsloConfigurationError) {
                rows.append(Row(option: option, setting: try configuration.files.setting(option)))
            } catch {
                rows.append(Row(option: option))
                findings.append(.init(error, option: option.name))
            }
        }
        findings += rows.compactMap { $0.setting.flatMap(Self.deprecation) }
        findings += NameChecks(configuration.files, version: version).findings
        findings += CombinationChecks(rows, configuration.files, broker: broker).findings
        findings += URLChecks(rows, refusal: refusal).findings
        // In the order of the files.
        let order = Dictionary(
            configuration.files.files.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
        func position(_ finding: ConfigurationFinding) -> (Int, Int) {
            guard case .file(let path, let line) = finding.place else { return (.max, 0) }
            return (order[path] ?? .max, line)
        }
        findings = findings.enumerated().sorted { left, right in
            let (first, second) = (position(left.element), position(right.element))
            return first == second ? left.offset < right.offset : first < second
        }.map(\.element)
    }

    /// What is to be said of a name or an option that goes away.
    private static func deprecation(_ setting: OsloSetting) -> ConfigurationFinding? {
        if let old = setting.deprecatedName {
            return .init(
                severity: .warning, option: old, place: setting.origin,
                message: "The name is deprecated. Write \(setting.option.name).")
        }
        guard setting.origin != .optionDefault, let reason = setting.option.removalReason else { return nil }
        return .init(
            severity: .warning, option: setting.option.name, place: setting.origin,
            message:
                "The option is deprecated and will go away\(reason.isEmpty ? "" : " (\(reason.trimmingDot))"). Take it out."
        )
    }
}

extension String {
    fileprivate var trimmingDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
