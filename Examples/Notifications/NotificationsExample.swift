import Switchboard
import SwitchboardInProcess

/// A publisher and a listener of notifications, as ceilometer listens to Nova.
@main
struct NotificationsExample {
    static func main() async throws {
        let (alarms, source) = AsyncStream.makeStream(of: String.self)
        var router = NotificationRouter()
        // Each handler names the priorities that it takes, and may filter further.
        router.handle([.info], matching: try NotificationFilter(eventType: "compute.instance.*")) { event in
            source.yield("\(event.eventType ?? "?"): \(event.payload)")
        }
        router.handle([.error]) { event in
            source.yield("ALARM \(event.eventType ?? "?") from \(event.publisherID ?? "?")")
        }

        try await withMessageQueue("fake://events", .inProcess()) { queue in
            try await withNotificationListener(queue, router: router) {
                let notifier = Notifier(publisherID: "compute.host1", drivers: [.messagingV2(queue)])
                try await notifier.send(.info, "compute.instance.create.end", ["state": "active"])
                try await notifier.send(.info, "scheduler.select_destinations.start", [:])
                try await notifier.send(.error, "compute.libvirt.error", ["ip": "10.0.0.7"])
                for await alarm in alarms.prefix(2) { print(alarm) }
            }
        }
    }
}
