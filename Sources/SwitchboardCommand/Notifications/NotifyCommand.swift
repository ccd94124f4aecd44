public import ArgumentParser
import SwitchboardCore
public import SwitchboardMessaging

struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify",
        abstract: "Sends notifications, and listens to them.",
        subcommands: [NotifySend.self, NotifyListen.self])
}

extension NotificationPriority: ExpressibleByArgument {}

/// Which queues notifications go through.
struct NotificationTopicOptions: ParsableArguments {
    @Option(
        name: .customLong("topic"),
        help: "A topic; give it again for more. Default: a configuration file's topics, or notifications.")
    var topics: [String] = []
    @Option(help: "The exchange of the topics.")
    var exchange = Topic.defaultExchange

    var all: [Topic] {
        get throws {
            let configured = topics.isEmpty ? try CommandSettings.current.notifications().topics : topics
            return (configured.isEmpty ? ["notifications"] : configured).map { Topic($0, exchange: exchange) }
        }
    }
}

extension NotificationEvent {
    var report: JSONObject {
        var report = JSONObject()
        report["message_id"] = JSONValue(id)
        report["publisher_id"] = JSONValue(publisherID)
        report["event_type"] = JSONValue(eventType)
        report["priority"] = .string(priority.wireName)
        report["timestamp"] = JSONValue(timestampText)
        report["payload"] = payload
        report["context"] = .object(context)
        report["redelivered"] = .bool(isRedelivered)
        return report
    }
}
