import Configuration
@testable import SwitchboardCells
@testable import SwitchboardCore
@testable import SwitchboardMessaging
@testable import SwitchboardRabbitMQ
@testable import SwitchboardSpool
import Testing

/// A key as the documentation lists it.
struct KeyRow {
    let name: String
    let type: String
    let unit: String
    let defaultText: String
    let isSecret: Bool

    var markdown: String {
        let type = unit.isEmpty ? type : "\(type), in \(unit == "s" ? "seconds" : unit)"
        let value = defaultText.isEmpty ? "empty" : "`\(defaultText)`"
        return "| `\(name)` | \(type) | \(value) | \(isSecret ? "yes" : "") |"
    }
}

/// The keys of one initialiser.
struct KeySection {
    let title: String
    let rows: [KeyRow]
    /// The value that has the defaults, for finding properties without a key.
    let value: Any
    /// Properties that cannot be settings, and why.
    let exempt: [String: String]
    /// Sets one key, and returns what the property it sets is then.
    let set: @Sendable (_ key: String, ConfigReader) throws(TransportError) -> String

    init<Root: Sendable>(
        _ title: String, _ keys: [ConfigurationKey<Root>], _ value: Root, exempt: [String: String] = [:]
    ) {
        self.title = title
        self.value = value
        self.exempt = exempt
        set = { name, config throws(TransportError) in
            var root = value
            guard let key = keys.first(where: { $0.name == name }) else { return "no such key" }
            try key.set(&root, ConfigurationSource(config), name)
            return key.defaultText(root)
        }
        rows = keys.map {
            KeyRow(
                name: $0.name, type: $0.type, unit: $0.unit, defaultText: $0.defaultText(value), isSecret: $0.isSecret)
        }
    }

    var markdown: String {
        let head = ["### \(title)", "", "| key | value | default | secret |", "|---|---|---|---|"]
        return (head + rows.map(\.markdown)).joined(separator: "\n")
    }
}

extension KeySection: CustomTestStringConvertible {
    var testDescription: String { title }
}

enum KeyTable {
    static func sections() throws -> [KeySection] {
        let url = try TransportURL("fake://a:b@h")
        let connection = try MessageQueueConnection(
            TransportURL("fake://table"), drivers: .inProcessOnly, logger: quietLogger)
        return [
            KeySection(
                "TransportURL", TransportURL.configurationKeys, url,
                exempt: Dictionary(
                    uniqueKeysWithValues: ["scheme", "hosts", "virtualHost", "options"].map { ($0, "in url") })),
            KeySection("TransportConfiguration", TransportConfiguration.configurationKeys, TransportConfiguration()),
            KeySection("RPCTarget", RPCTarget.configurationKeys, RPCTarget(topic: "t")),
            KeySection(
                "RPCClient", RPCClient.configurationKeys,
                RPCClient(connection, target: RPCTarget(topic: "t")),
                exempt: [
                    "target": "RPCTarget", "errors": "code", "middleware": "code", "connection": "what it is made of",
                ]),
            KeySection(
                "RPCServerConfiguration", RPCServerConfiguration.configurationKeys, RPCServerConfiguration(),
                exempt: ["executor": "code", "middleware": "code"]),
            KeySection(
                "NotificationListenerConfiguration", NotificationListenerConfiguration.configurationKeys,
                NotificationListenerConfiguration(), exempt: ["executor": "code"]),
            KeySection("NotificationRetry", NotificationRetry.configurationKeys, NotificationRetry()),
            KeySection(
                "CellConnectionConfiguration", CellConnectionConfiguration.configurationKeys,
                CellConnectionConfiguration()),
            KeySection(
                "BaseURLs", BaseURLs.configurationKeys, BaseURLs(),
                exempt: ["transport": "base.transportURL", "database": "base.databaseConnection"]),
            KeySection("ScatterConfiguration", ScatterConfiguration.configurationKeys, ScatterConfiguration()),
            KeySection(
                "CellVersionsConfiguration", CellVersionsConfiguration.configurationKeys, CellVersionsConfiguration()),
            KeySection(
                "SpoolConfiguration", SpoolConfiguration.configurationKeys, SpoolConfiguration(directory: "/spool")),
            KeySection("RabbitMQConfiguration", RabbitMQConfiguration.configurationKeys, RabbitMQConfiguration()),
        ]
    }
}
