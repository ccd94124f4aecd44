import OsloConfiguration
import SwitchboardCore

/// What a command works with: options, environment, a profile and configuration files, in this order of precedence.
///
/// It is made of what was read already, and reads nothing itself; ``SettingsLoader`` reads.
struct CommandSettings: Sendable {
    /// What has several sources.
    enum Name: Hashable, Sendable, CaseIterable {
        /// The directory: Nova's API database.
        case directory
        /// The process's own queue, and the base of templates of transport URLs.
        case transportURL
        /// The queue of notifications; without one of its own, that of ``transportURL``.
        case notificationURL
        /// The base of templates of database URLs.
        case databaseConnection

        /// What it is called in sentences.
        var sentence: String {
            switch self {
            case .directory: "directory"
            case .transportURL: "process's own queue"
            case .notificationURL: "queue of notifications"
            case .databaseConnection: "process's own database"
            }
        }

        fileprivate var variable: String {
            switch self {
            case .directory: "SWITCHBOARD_DATABASE"
            case .transportURL, .notificationURL: "SWITCHBOARD_TRANSPORT_URL"
            case .databaseConnection: "SWITCHBOARD_DATABASE_CONNECTION"
            }
        }
    }

    /// A value and where it comes from.
    struct Candidate: Hashable, Sendable {
        var text: String
        var origin: SettingOrigin
        /// What gives the password that the text lacks.
        var password: PasswordSource?
    }

    /// The value that counts, and those that say something else.
    struct Resolution: Hashable, Sendable {
        var name: Name
        var winner: Candidate
        var others: [Candidate]
    }

    let environment: [String: String]
    let profile: Profile?
    let configuration: NovaConfiguration
    #if RabbitMQ
        /// What the files say of queue connections.
        let rabbitMQ: QueueConfiguration
    #endif

    /// Settings of the environment alone.
    init(environment: [String: String]) {
        self.environment = environment
        profile = nil
        configuration = NovaConfiguration()
        #if RabbitMQ
            rabbitMQ = QueueConfiguration()
        #endif
    }

    init(
        environment: [String: String], profile: Profile?, configuration: NovaConfiguration
    ) throws(OsloConfigurationError) {
        self.environment = environment
        self.profile = profile
        self.configuration = configuration
        #if RabbitMQ
            rabbitMQ = try QueueConfiguration(configuration)
        #endif
    }

    /// The value of a setting; `nil` where nothing says it.
    ///
    /// - Parameters:
    ///   - given: the value of the command's own option.
    ///   - option: that option's name.
    func resolve(_ name: Name, given: String? = nil, option: String = "") throws -> Resolution? {
        var candidates: [Candidate] = []
        if let given { candidates.append(Candidate(text: given, origin: .option(option))) }
        if let text = environment[name.variable], !text.isEmpty {
            candidates.append(Candidate(text: text, origin: .environment(name.variable)))
        }
        if let candidate = profile?.candidate(name) { candidates.append(candidate) }
        if let candidate = try configuration.candidate(name) { candidates.append(candidate) }
        guard let winner = candidates.first else { return nil }
        return Resolution(name: name, winner: winner, others: Array(candidates.dropFirst()))
    }

    /// Seconds until a request is given up, where the command's option doesn't say.
    var timeout: Duration? { profile?.timeout }
}

extension CommandSettings.Resolution {
    /// Which source won, where a profile or a file says something else; one sentence without secrets. An option that
    /// replaces a variable of the environment is no news.
    var disagreement: String? {
        let odd = others.filter {
            $0.text != winner.text && !(winner.origin.isGivenDirectly && $0.origin.isGivenDirectly)
        }
        guard !odd.isEmpty else { return nil }
        let rest = odd.map { other in
            let shown = other.shown
            return "\(other.origin) says \(shown == winner.shown ? "the same with another password" : shown)"
        }
        return "The \(name.sentence) is \(winner.shown), from \(winner.origin); \(rest.joined(separator: "; "))."
    }
}

extension CommandSettings.Candidate {
    /// The text without its password.
    var shown: String { URLMasker.masked(text).isEmpty ? "(nothing)" : URLMasker.masked(text) }
}
