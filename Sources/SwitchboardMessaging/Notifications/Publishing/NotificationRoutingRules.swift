/// Which drivers take which notifications: the content of oslo.messaging's `routing_config`.
///
///     {"group_1": {"messagingv2": {"accepted_events": ["compute.*"], "accepted_priorities": ["warn", "error"]},
///                  "log": {}}}
///
/// The text is JSON. JSON is YAML too, so oslo.messaging reads the same file. Patterns are those of a shell (`*`, `?`,
/// `[abc]`, `[!abc]`). A driver takes a notification when all its checks pass; one without any takes everything.
public struct NotificationRoutingRules: Sendable, Hashable {
    /// When one driver of a group takes a notification.
    public struct Rule: Sendable, Hashable {
        /// The name of the driver.
        public var driver: String
        /// Patterns for the event type; `nil`: any.
        public var acceptedEvents: [String]?
        /// Patterns for the priority in lower case; `nil`: any.
        public var acceptedPriorities: [String]?

        public init(driver: String, acceptedEvents: [String]? = nil, acceptedPriorities: [String]? = nil) {
            self.driver = driver
            self.acceptedEvents = acceptedEvents
            self.acceptedPriorities = acceptedPriorities
        }

        func accepts(eventType: String, priority: NotificationPriority) -> Bool {
            if let acceptedEvents, !acceptedEvents.contains(where: { ShellPattern($0).matches(eventType) }) {
                return false
            }
            guard let acceptedPriorities else { return true }
            return acceptedPriorities.contains { ShellPattern($0.lowercased()).matches(priority.rawValue) }
        }
    }

    /// Rules under a name that means nothing but to people.
    public struct Group: Sendable, Hashable {
        public var name: String
        public var rules: [Rule]

        public init(_ name: String, rules: [Rule]) {
            self.name = name
            self.rules = rules
        }
    }

    public var groups: [Group]

    public init(groups: [Group]) {
        self.groups = groups
    }

    /// Reads rules. Throws ``NotificationError/Code/invalidRules``, which says what is wrong in which group.
    public init(parsing text: String) throws(NotificationError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            throw NotificationError(.invalidRules, "The routing rules are \(error).")
        }
        guard case .object(let object) = value else {
            throw NotificationError(.invalidRules, "The routing rules are no object of groups.")
        }
        groups = []
        for (name, value) in object { groups.append(try Self.group(name, value)) }
    }

    /// The names of the drivers that take a notification, each once.
    public func drivers(eventType: String, priority: NotificationPriority) -> [String] {
        var names: [String] = []
        for group in groups {
            for rule in group.rules
            where !names.contains(rule.driver) && rule.accepts(eventType: eventType, priority: priority) {
                names.append(rule.driver)
            }
        }
        return names
    }

    private static func group(_ name: String, _ value: JSONValue) throws(NotificationError) -> Group {
        guard case .object(let drivers) = value else {
            throw NotificationError(.invalidRules, "The routing group \(name) is no object of drivers.")
        }
        var rules: [Rule] = []
        for (driver, checks) in drivers { rules.append(try rule(driver, checks, group: name)) }
        return Group(name, rules: rules)
    }

    private static func rule(_ driver: String, _ value: JSONValue, group: String) throws(NotificationError) -> Rule {
        let place = "The driver \(driver) of the routing group \(group)"
        var rule = Rule(driver: driver)
        // What oslo.messaging cannot read from YAML either, but for an empty entry, which is null there.
        if value == .null { return rule }
        guard case .object(let checks) = value else {
            throw NotificationError(.invalidRules, "\(place) has no object of checks.")
        }
        for (check, value) in checks {
            switch check {
            case "accepted_events": rule.acceptedEvents = try patterns(value, "\(place): \(check)")
            case "accepted_priorities": rule.acceptedPriorities = try patterns(value, "\(place): \(check)")
            default:
                throw NotificationError(
                    .invalidRules,
                    "\(place) has the check \(check); there are accepted_events and accepted_priorities.")
            }
        }
        return rule
    }

    private static func patterns(_ value: JSONValue, _ place: String) throws(NotificationError) -> [String] {
        guard case .array(let elements) = value else {
            throw NotificationError(.invalidRules, "\(place) is no array of patterns.")
        }
        var patterns: [String] = []
        for element in elements {
            guard let pattern = element.string else {
                throw NotificationError(.invalidRules, "\(place) holds \(element), which is no text.")
            }
            patterns.append(pattern)
        }
        return patterns
    }
}
