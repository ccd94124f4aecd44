import OsloConfiguration

/// Where a setting comes from, for messages. The first kinds win over the later ones.
enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    /// An option of the command line, for example `--database`.
    case option(String)
    /// A variable of the environment.
    case environment(String)
    /// A key of a profile.
    case profile(name: String, key: String, place: OsloOrigin)
    /// An option of a configuration file.
    case configuration(OsloOption.Name, place: OsloOrigin)

    var description: String {
        switch self {
        case .option(let name), .environment(let name): name
        case .profile(let name, let key, let place): "\(key) of the profile \(name) (\(place))"
        case .configuration(let name, let place): "\(name) (\(place))"
        }
    }

    /// Whether it was typed for this command, or set for this shell.
    var isGivenDirectly: Bool {
        switch self {
        case .option, .environment: true
        case .profile, .configuration: false
        }
    }
}
