import Switchboard
import SwitchboardSpool

/// Notifications through a directory: they outlive the programs that send them and need no server.
///
///     swift run SpoolExample note /tmp/events disk.full host1
///     swift run SpoolExample note /tmp/events disk.full host2
///     swift run SpoolExample read /tmp/events 2
@main
struct SpoolExample {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "note" where arguments.count == 4: try await note(arguments[1], event: arguments[2], host: arguments[3])
        case "read" where arguments.count == 3: try await read(arguments[1], count: Int(arguments[2]) ?? 1)
        default: print("usage: SpoolExample note DIRECTORY EVENT HOST | read DIRECTORY COUNT")
        }
    }

    static func note(_ directory: String, event: String, host: String) async throws {
        try await withMessageQueue("spool://\(directory)", .spool()) { queue in
            let notifier = Notifier(publisherID: "monitor.\(host)", drivers: [.messagingV2(queue)])
            try await notifier.send(.error, event, ["host": .string(host)])
            print("noted \(event) of \(host)")
        }
    }

    static func read(_ directory: String, count: Int) async throws {
        let (events, source) = AsyncStream.makeStream(of: NotificationEvent.self)
        var router = NotificationRouter()
        router.handle([.error]) { event in source.yield(event) }
        try await withMessageQueue("spool://\(directory)", .spool()) { queue in
            try await withNotificationListener(queue, router: router) {
                for await event in events.prefix(count) {
                    print("\(event.publisherID ?? "somebody"): \(event.eventType ?? "something") \(event.payload)")
                }
            }
        }
    }
}
