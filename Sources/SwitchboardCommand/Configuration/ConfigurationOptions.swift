import ArgumentParser
import OsloConfiguration

/// Where settings come from that no option of its own gives.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take what isn't given otherwise from this file, as Nova's nova.conf; give it again for more, later ones win. "
                + "Default: SWITCHBOARD_CONFIG_FILE, with : between files.", valueName: "path"))
    var configFile: [String] = []

    @Option(
        help: ArgumentHelp(
            "The same of the files *.conf in this directory, in the order of their names and of the options.",
            valueName: "path"))
    var configDir: [String] = []

    @Flag(help: "The same of the files that Nova's own programs read: /etc/nova/nova.conf and others.")
    var novaConfig = false

    @Option(
        help: ArgumentHelp("Use this profile's settings. Default: SWITCHBOARD_PROFILE.", valueName: "name"))
    var profile: String?

    @Option(
        help: ArgumentHelp(
            "The file that has the profiles. Default: SWITCHBOARD_PROFILES, or ~/.config/switchboard/config.",
            valueName: "path"))
    var profiles: String?

    /// The files and directories in the order in which the command line names them: the parser keeps the two apart.
    func sources(in arguments: [String]) -> [OsloConfigurationSource] {
        var files = configFile[...]
        var directories = configDir[...]
        var sources: [OsloConfigurationSource] = []
        for argument in arguments {
            if argument == "--" { break }
            let name = argument.prefix { $0 != "=" }
            if name == "--config-file", let file = files.popFirst() { sources.append(.file(file)) }
            if name == "--config-dir", let directory = directories.popFirst() { sources.append(.directory(directory)) }
        }
        return sources + files.map { .file($0) } + directories.map { .directory($0) }
    }
}

/// A command that takes settings from files and profiles.
protocol ConfiguredCommand: AsyncParsableCommand {
    var configurationOptions: ConfigurationOptions { get }
}
