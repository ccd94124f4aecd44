import ArgumentParser
import Logging
import OsloConfiguration
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

struct ConfigExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what configuration files mean for the bus, where each value comes from, and what is wrong.",
        discussion: """
            Shows every option of oslo.messaging and Nova's databases that matters to the bus, and finds names that \
            oslo.messaging doesn't know and ignores, deprecated ones, values out of range, and combinations that don't work, \
            or that the RabbitMQ of --broker-version refuses or hangs on. Nothing is connected to.

            For example:

              switchboard config explain --config-file /etc/nova/nova.conf --broker-version 4.3

            With --cells, the URLs of the directory's cells are checked too, with these files as the base of templates.

            Exit codes: 0 nothing is wrong; 1 there are warnings; 2 there are errors, also where a file cannot be read; 255 \
            the directory cannot be used.
            """)

    @Option(help: ArgumentHelp("The version of RabbitMQ that it is for, for example 4.3.", valueName: "version"))
    var brokerVersion: BrokerRelease?
    @Option(
        help: ArgumentHelp(
            "The version of oslo.messaging that reads it: 12 to \(MessagingOption.newestVersion).", valueName: "number")
    )
    var osloVersion = MessagingOption.newestVersion
    @Flag(help: "Check the URLs of the directory's cells too.")
    var cells = false
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var base: BaseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if !(12...MessagingOption.newestVersion).contains(osloVersion) {
            throw ValidationError("--oslo-version is from 12 to \(MessagingOption.newestVersion).")
        }
    }

    func run() async throws {
        try await reportingFailures([:]) {
            let loader = SettingsLoader()
            var files: [OsloConfigurationFile] = []
            var findings: [ConfigurationFinding] = []
            for source in try loader.sources(configurationOptions) {
                do throws(OsloConfigurationError) {
                    files += try loader.read(source)
                } catch {
                    findings.append(.init(error))
                }
            }
            guard !files.isEmpty || !findings.isEmpty else {
                throw ValidationError("Say what to explain: --config-file, --config-dir, --nova-config or --profile.")
            }
            let configuration = NovaConfiguration(files: files)
            let explanation = ConfigurationExplanation(
                configuration, broker: brokerVersion, version: osloVersion, refusal: Self.refusal)
            findings += explanation.findings
            if cells { findings += try await checkCells(loader, configuration) }
            if output.json {
                try StandardOutput.json(report(explanation, findings, files))
            } else {
                try show(explanation, findings, files)
            }
            if findings.contains(where: { $0.severity == .error }) { throw ExitCode(2) }
            if !findings.isEmpty { throw ExitCode(1) }
        }
    }

    /// What is wrong with the URLs of cells, when they are filled in from the files.
    private func checkCells(
        _ loader: SettingsLoader, _ configuration: NovaConfiguration
    ) async throws -> [ConfigurationFinding] {
        CommandSettings.use(try loader.settings(configurationOptions, configuration))
        let directory = try await directoryOptions.open(forWriting: false)
        let urls = try base.urls
        let listing = try await directory.cells()
        let checks = listing.cells.map { URLCheck($0, base: urls) }
        let errors = listing.defects.map(\.message) + checks.flatMap(\.errors)
        return errors.map { .init(severity: .error, message: $0) }
            + checks.flatMap(\.warnings).map { .init(severity: .warning, message: $0) }
    }

    /// Why a transport URL can't be used; `nil` where it can, and for one of a driver that isn't here.
    private static func refusal(of text: String) -> String? {
        do throws(TransportError) {
            let silent = Logger(label: "switchboard", factory: { _ in SwiftLogNoOpLogHandler() })
            _ = try DriverRegistry.all.makeDriver(for: TransportURL(text), logger: silent)
            return nil
        } catch {
            return error.code == .unknownScheme ? nil : error.message
        }
    }

    private func show(
        _ explanation: ConfigurationExplanation, _ findings: [ConfigurationFinding], _ files: [OsloConfigurationFile]
    ) throws {
        var table = Table("OPTION", "VALUE", "FROM")
        for row in explanation.rows {
            let old = row.setting?.deprecatedName.map { " as \($0)" } ?? ""
            table.add(row.option.name.description, row.setting?.shownValue, row.setting.map { "\($0.origin)\(old)" })
        }
        if !files.isEmpty { try table.print() }
        try StandardOutput.line("")
        for finding in findings { try StandardOutput.line(ArgumentEcho.own.cleaned(finding.description.printable)) }
        if findings.isEmpty { try StandardOutput.line("Nothing is wrong.") }
    }

    private func report(
        _ explanation: ConfigurationExplanation, _ findings: [ConfigurationFinding], _ files: [OsloConfigurationFile]
    ) -> JSONValue {
        var report = JSONObject()
        report["files"] = .array(files.map { .string($0.path) })
        report["broker_version"] = JSONValue(brokerVersion?.description)
        report["oslo_version"] = JSONValue(osloVersion)
        report["options"] = .array(
            explanation.rows.map { row in
                var option = JSONObject(row.option.name)
                option["value"] = JSONValue(row.setting?.shownValue)
                option.set(row.setting?.origin)
                option["deprecated_name"] = JSONValue(row.setting?.deprecatedName?.description)
                return .object(option)
            })
        report["findings"] = .array(
            findings.map { finding in
                var object = finding.option.map { JSONObject($0) } ?? JSONObject()
                object["severity"] = .string(finding.severity.rawValue)
                object.set(finding.place)
                object["message"] = .string(finding.message)
                return .object(object)
            })
        return .object(report)
    }
}

extension JSONObject {
    fileprivate init(_ name: OsloOption.Name) {
        self.init()
        self["group"] = .string(name.group)
        self["name"] = .string(name.name)
    }

    /// Where a value comes from.
    fileprivate mutating func set(_ origin: OsloOrigin?) {
        switch origin {
        case .file(let path, let line):
            self["file"] = .string(path)
            self["line"] = JSONValue(line)
        case .environment(let name): self["variable"] = .string(name)
        case .optionDefault: self["default"] = .bool(true)
        case nil: break
        }
    }
}
