import Foundation
import OsloConfiguration
import SwitchboardCore

extension CommandSettings {
    /// Those of the command that runs: the environment's alone, for one that takes no files and profiles.
    static var current: CommandSettings { own.withLock { $0 } }

    private static let own = Locked(CommandSettings(environment: ProcessInfo.processInfo.environment))

    /// Makes settings those of the command that runs.
    static func use(_ settings: CommandSettings) {
        own.withLock { $0 = settings }
    }

    /// Reads what the options and the environment name, for the command that runs.
    static func load(_ options: ConfigurationOptions) async throws {
        try await reportingFailures([:]) { use(try SettingsLoader().load(options)) }
    }

    /// The text of a setting for use, with its password; `nil` where nothing says it. Says once on standard error which source
    /// won, where others say something else.
    func text(_ name: Name, given: String? = nil, option: String = "") throws -> String? {
        do {
            guard let resolution = try resolve(name, given: given, option: option) else { return nil }
            if let disagreement = resolution.disagreement { Notices.say(disagreement) }
            guard let source = resolution.winner.password else { return resolution.winner.text }
            let reader = PasswordReader(home: environment["HOME"])
            let password = try Passwords.fetched(from: source) { try reader.password(from: source) }
            return URLPassword.inserting(password, into: resolution.winner.text)
        } catch let error as OsloConfigurationError {
            throw Failure.configuration(error.message)
        }
    }

    /// What `[oslo_messaging_notifications]` says.
    func notifications() throws -> NotificationSettings {
        do { return try configuration.notifications() } catch { throw Failure.configuration(error.message) }
    }
}

/// Sentences on standard error, each once.
enum Notices {
    private static let said = Locked<Set<String>>([])

    static func say(_ sentence: String) {
        guard said.withLock({ $0.insert(sentence).inserted }) else { return }
        complain("note: \(sentence)")
    }
}

/// Passwords that were fetched: a program that asks a person for one asks once.
private enum Passwords {
    private static let known = Locked<[PasswordSource: Secret]>([:])

    static func fetched(from source: PasswordSource, _ fetch: () throws -> Secret) throws -> Secret {
        if let password = known.withLock({ $0[source] }) { return password }
        let password = try fetch()
        known.withLock { $0[source] = password }
        return password
    }
}
