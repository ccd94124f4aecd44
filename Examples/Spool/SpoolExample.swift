import Logging
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

/// Notifications through a directory: they outlive the programs that send them, and need no server.
///
///     swift run SpoolExample note /tmp/events disk.full host1
///     swift run SpoolExample note /tmp/events disk.full host2
///     swift run SpoolExample read /tmp/events 2
///
/// What is noted before anybody reads is kept; each notification is one readable file in the directory until it is read.
@main
struct SpoolExample {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4 else {
            return print("usage: SpoolExample note DIRECTORY EVENT [HOST] | read DIRECTORY COUNT")
        }
        let logger = Logger(label: "example") { _ in SwiftLogNoOpLogHandler() }
        let queue = try MessageQueueConnection(
            TransportURL("spool://\(arguments[2])"), drivers: DriverRegistry(.spool()), logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await queue.run() }
            defer { group.cancelAll() }
            switch arguments[1] {
            case "note": try await note(arguments[3], arguments.count > 4 ? arguments[4] : "here", queue, logger)
            default: try await read(Int(arguments[3]) ?? 1, queue, logger)
            }
        }
    }

    static func note(
        _ event: String, _ host: String, _ queue: MessageQueueConnection, _ logger: Logger
    ) async throws {
        let notifier = Notifier(publisherID: "monitor.\(host)", drivers: [.messagingV2(queue)], logger: logger)
        try await notifier.send(.error, event, ["host": .string(host)])
        print("noted \(event) of \(host)")
    }

    static func read(_ count: Int, _ queue: MessageQueueConnection, _ logger: Logger) async throws {
        let (events, source) = AsyncStream.makeStream(of: NotificationEvent.self)
        var router = NotificationRouter()
        router.handle([.error]) { event in source.yield(event) }
        let listener = NotificationListener(queue, router: router, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run() }
            group.addTask {
                for await event in events.prefix(count) {
                    print("\(event.publisherID ?? "somebody"): \(event.eventType ?? "something") \(event.payload)")
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
