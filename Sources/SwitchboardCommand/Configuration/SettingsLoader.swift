import Foundation
import OsloConfiguration
import SwitchboardCore

/// Reads the files and profiles that options and environment name.
struct SettingsLoader {
    var environment: [String: String] = ProcessInfo.processInfo.environment
    var arguments: [String] = Array(CommandLine.arguments.dropFirst())

    private var home: String? { environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } }

    func load(_ options: ConfigurationOptions) throws -> CommandSettings {
        let files = try sources(options).flatMap { try read($0) }
        return try settings(options, NovaConfiguration(files: files))
    }

    /// The settings with configuration files that were read.
    func settings(_ options: ConfigurationOptions, _ configuration: NovaConfiguration) throws -> CommandSettings {
        try CommandSettings(environment: environment, profile: profile(options), configuration: configuration)
    }

    func read(_ source: OsloConfigurationSource) throws(OsloConfigurationError) -> [OsloConfigurationFile] {
        try source.read(home: home)
    }

    /// Where the profiles are. Whether somebody named the file says whether it has to be there.
    func profilesFile(named path: String?) -> (path: String, isNamed: Bool)? {
        if let path = path ?? variable("SWITCHBOARD_PROFILES") { return (path, true) }
        if let folder = variable("XDG_CONFIG_HOME") { return ("\(folder)/switchboard/config", false) }
        return home.map { ("\($0)/.config/switchboard/config", false) }
    }

    /// The file of profiles, or `nil` where there is none and none was named.
    func profiles(named path: String?) throws -> OsloConfigurationFile? {
        guard let (path, isNamed) = profilesFile(named: path) else { return nil }
        do throws(OsloConfigurationError) {
            return try OsloConfigurationSource.file(path).read(home: home).first
        } catch {
            guard error.code == .notFound, !isNamed else { throw error }
            return nil
        }
    }

    /// Where configuration files are: as the options say, else the environment, else the profile.
    func sources(_ options: ConfigurationOptions) throws -> [OsloConfigurationSource] {
        var sources: [OsloConfigurationSource] = []
        if options.novaConfig {
            sources = OsloConfigurationSource.standard(project: "nova", home: home)
            if sources.isEmpty {
                throw Failure.configuration(
                    "There is no nova.conf in the places where Nova looks, such as /etc/nova. Name one by --config-file."
                )
            }
        }
        sources += options.sources(in: arguments)
        if sources.isEmpty, let paths = variable("SWITCHBOARD_CONFIG_FILE") {
            sources = paths.split(separator: ":").map { .file(String($0)) }
        }
        return sources.isEmpty ? try profile(options)?.sources ?? [] : sources
    }

    private func profile(_ options: ConfigurationOptions) throws -> Profile? {
        guard let name = options.profile ?? variable("SWITCHBOARD_PROFILE") else { return nil }
        guard let file = try profiles(named: options.profiles) else {
            let path = profilesFile(named: options.profiles)?.path ?? "~/.config/switchboard/config"
            throw Failure.configuration(
                "There is no profile \(name), as there is no file \(path). Make one, with a section [\(name)] in it.")
        }
        let profile = try Profile(name, in: file)
        if profile.hasPassword { warnIfOthersCanRead(file.path, "holds a password") }
        return profile
    }

    private func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
