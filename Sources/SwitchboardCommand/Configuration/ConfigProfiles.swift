import ArgumentParser
import OsloConfiguration
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

struct ConfigProfiles: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profiles",
        abstract: "Lists the profiles: named sets of settings.",
        discussion: """
            A profile is a section of ~/.config/switchboard/config, or of the file that --profiles or SWITCHBOARD_PROFILES \
            names:

              [prod]
              database = mysql+pymysql://nova@db.example.org/nova_api
              database_password_file = ~/.config/switchboard/nova_api.password
              transport_url = rabbit://nova@mq.example.org/
              password_command = pass show rabbitmq/nova
              config_file = /etc/nova/nova.conf
              timeout = 30

            database, transport_url and database_connection are what --database, --base-transport-url and \
            --base-database-connection give; config_file and config_dir may be repeated. A password command is started \
            without a shell, may take 30 seconds, and prints the password as its first line. The file has the syntax of \
            nova.conf: a dollar sign is written $$.

            --profile NAME, or SWITCHBOARD_PROFILE, uses one. Passwords are not fetched here.

            Exit codes: 0 listed; 1 a profile cannot be used; 78 the file cannot be read.
            """)

    @Option(
        help: ArgumentHelp(
            "The file that has the profiles. Default: SWITCHBOARD_PROFILES, or ~/.config/switchboard/config.",
            valueName: "path"))
    var profiles: String?
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reportingFailures([:]) {
            let loader = SettingsLoader()
            guard let file = try loader.profiles(named: profiles) else {
                if output.json { try StandardOutput.json(.array([])) }
                let path = loader.profilesFile(named: profiles)?.path ?? "~/.config/switchboard/config"
                return complain("There are no profiles, as there is no file \(path).")
            }
            let used = loader.environment["SWITCHBOARD_PROFILE"]?.lowercased()
            var reports: [JSONValue] = []
            var table = Table("PROFILE", "DATABASE", "TRANSPORT URL", "CONFIGURATION", "PASSWORDS", "USED")
            var problems: [String] = []
            for name in Profile.names(in: file) {
                do {
                    let profile = try Profile(name, in: file)
                    if profile.hasPassword { warnIfOthersCanRead(file.path, "holds a password") }
                    let isUsed = name.lowercased() == used
                    reports.append(.object(profile.report(isUsed: isUsed)))
                    table.add(
                        name, profile.candidate(.directory)?.shown, profile.candidate(.transportURL)?.shown,
                        profile.sources.isEmpty ? nil : profile.sources.map(\.path).joined(separator: ", "),
                        profile.passwords.isEmpty ? nil : profile.passwords.joined(separator: ", "),
                        isUsed ? "yes" : "no")
                } catch let failure as Failure {
                    problems.append(failure.message)
                } catch let error as OsloConfigurationError {
                    problems.append(error.message)
                }
            }
            if output.json { try StandardOutput.json(.array(reports)) } else { try table.print() }
            if reports.isEmpty, problems.isEmpty { complain("\(file.path) has no profiles.") }
            guard problems.isEmpty else { throw Failure(problems.joined(separator: " "), exit: 1) }
        }
    }
}

extension Profile {
    /// Which passwords are fetched, and whence.
    fileprivate var passwords: [String] {
        [transportPassword.map { "queue: \($0.kind)" }, databasePassword.map { "database: \($0.kind)" }]
            .compactMap(\.self)
    }

    fileprivate func report(isUsed: Bool) -> JSONObject {
        var report = JSONObject()
        report["profile"] = .string(name)
        report["database"] = JSONValue(candidate(.directory)?.shown)
        report["transport_url"] = JSONValue(candidate(.transportURL)?.shown)
        report["database_connection"] = JSONValue(candidate(.databaseConnection)?.shown)
        report["configuration"] = .array(sources.map { .string($0.path) })
        report["passwords"] = .array(passwords.map { .string($0) })
        report["timeout"] = timeout.map { .double($0 / .seconds(1)) } ?? .null
        report["used"] = .bool(isUsed)
        return report
    }
}

extension OsloConfigurationSource {
    fileprivate var path: String {
        switch self {
        case .file(let path): path
        case .directory(let path): path.hasSuffix("/") ? path : path + "/"
        }
    }
}
