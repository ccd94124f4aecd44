import OsloConfiguration
import SwitchboardCore

/// What a Nova's configuration files say about its databases and its bus.
struct NovaConfiguration: Sendable {
    let files: OsloConfiguration

    init(files: [OsloConfigurationFile] = []) {
        self.files = OsloConfiguration(
            files: files, options: MessagingOption.table.map(\.option) + NovaOption.table)
    }

    /// What the files give for a setting; a default of oslo.messaging's isn't given by anybody.
    func candidate(_ name: CommandSettings.Name) throws(OsloConfigurationError) -> CommandSettings.Candidate? {
        switch name {
        case .directory: try database("api_database")
        case .databaseConnection: try database("database")
        case .transportURL: try url(MessagingOption.transportURL)
        case .notificationURL: try notificationURL()
        }
    }

    /// A setting that a file gives, and that isn't empty.
    func given(_ option: OsloOption) throws(OsloConfigurationError) -> OsloSetting? {
        guard let setting = try files.setting(option), setting.origin != .optionDefault else { return nil }
        if case .text("") = setting.value { return nil }
        return setting
    }

    private func notificationURL() throws(OsloConfigurationError) -> CommandSettings.Candidate? {
        if let own = try url(MessagingOption.notificationURL) { return own }
        return try url(MessagingOption.transportURL)
    }

    private func url(_ option: OsloOption) throws(OsloConfigurationError) -> CommandSettings.Candidate? {
        guard let setting = try given(option), let text = setting.text else { return nil }
        return .init(text: text, origin: .configuration(option.name, place: setting.origin))
    }

    /// A database's URL with the parameters that are given apart, as oslo.db joins them.
    private func database(_ group: String) throws(OsloConfigurationError) -> CommandSettings.Candidate? {
        guard var candidate = try url(NovaOption.connection(group)) else { return nil }
        if let parameters = try given(NovaOption.connectionParameters(group))?.text {
            candidate.text += (candidate.text.contains("?") ? "&" : "?") + parameters
        }
        return candidate
    }

    /// The options of `[oslo_messaging_rabbit]` that the files give, as the query of a URL has them.
    func queueOptions() throws(OsloConfigurationError) -> [(option: TransportURL.Option, origin: OsloOrigin)] {
        var options: [(option: TransportURL.Option, origin: OsloOrigin)] = []
        for known in MessagingOption.table where known.option.name.group == "oslo_messaging_rabbit" {
            guard let setting = try given(known.option) else { continue }
            let text =
                switch setting.value {
                case .boolean(let isTrue): isTrue ? "true" : "false"
                default: setting.value.pythonText
                }
            options.append((TransportURL.Option(known.option.name.name, text), setting.origin))
        }
        return options
    }

    /// What `[oslo_messaging_notifications]` says.
    func notifications() throws(OsloConfigurationError) -> NotificationSettings {
        NotificationSettings(
            drivers: try given(MessagingOption.notificationDriver)?.texts ?? [],
            topics: try given(MessagingOption.notificationTopics)?.texts ?? [],
            retry: try given(MessagingOption.notificationRetry)?.integer)
    }
}

/// `[oslo_messaging_notifications]`, as far as files give it.
struct NotificationSettings: Hashable, Sendable {
    var drivers: [String] = []
    var topics: [String] = []
    /// How often a notification is sent again; below 0 without an end.
    var retry: Int?
}
