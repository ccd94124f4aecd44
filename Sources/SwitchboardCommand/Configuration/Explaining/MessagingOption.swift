import OsloConfiguration

/// An option of oslo.messaging, and the versions that know it.
struct MessagingOption: Hashable, Sendable {
    let option: OsloOption
    /// The first number of the versions.
    let versions: ClosedRange<Int>

    init(
        _ group: String, _ name: String, _ type: OsloOptionType, isRepeated: Bool = false, defaults: [String]? = nil,
        was deprecatedNames: [(group: String, name: String)] = [], removal: String? = nil, isSecret: Bool = false,
        versions: ClosedRange<Int>
    ) {
        option = OsloOption(
            group: group, name: name, type: type, isRepeated: isRepeated, defaults: defaults,
            deprecatedNames: deprecatedNames.map { .init(group: $0.group, name: $0.name) }, removalReason: removal,
            isSecret: isSecret)
        self.versions = versions
    }

    /// The newest version that the table knows.
    static let newestVersion = 18

    static let transportURL = known("DEFAULT", "transport_url")
    static let notificationURL = known("oslo_messaging_notifications", "transport_url")
    static let notificationDriver = known("oslo_messaging_notifications", "driver")
    static let notificationTopics = known("oslo_messaging_notifications", "topics")
    static let notificationRetry = known("oslo_messaging_notifications", "retry")

    private static func known(_ group: String, _ name: String) -> OsloOption {
        guard let found = table.first(where: { $0.option.name == .init(group: group, name: name) }) else {
            preconditionFailure("The table of oslo.messaging's options has no [\(group)] \(name).")
        }
        return found.option
    }
}
