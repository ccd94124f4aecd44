#if RabbitMQ
    import Foundation
    import Glibc
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardSpool
    import SwitchboardTesting
    import Testing

    @Suite("A notification listener that is killed in mid-batch", .timeLimit(.minutes(3)))
    struct KilledListenerNotificationTests {
        @Test("On RabbitMQ, nothing is lost")
        func rabbitMQ() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name async throws in
                try await killInMidBatch(broker.url(virtualHost: name)) {
                    // The broker has the killed one's batch back.
                    let end = ContinuousClock.now + .seconds(60)
                    while try await broker.queue("notifications.info", in: name)?.ready != 205, .now < end {}
                }
            }
        }

        @Test("On a file spool, nothing is lost", arguments: ["maildir", "segment"])
        func spool(_ layout: String) async throws {
            let directory = try ScratchDirectory(prefix: "switchboard-killed")
            defer { directory.remove() }
            try await killInMidBatch(TransportURL("spool://\(directory.path)/spool?layout=\(layout)")) {}
        }

        /// 205 notifications of 10 KiB; a process that takes a batch of 100 and is killed while it works on it.
        private func killInMidBatch(
            _ url: TransportURL, _ afterwards: @escaping @Sendable () async throws -> Void
        ) async throws {
            let connection = try MessageQueueConnection(
                url, drivers: DriverRegistry(.rabbitMQ(), .spool()), logger: quietLogger)
            let notifier = Notifier(
                publisherID: "swift.host", drivers: [.messagingV2(connection)], logger: quietLogger)
            let payload = JSONValue.string(String(repeating: "x", count: 10_240))
            try await withRunning(connection) {
                for number in 0..<205 { try await notifier.send(.info, "\(number)", payload) }
                try await Self.withListener(url) { listener in
                    // The first byte of a batch that the pipe cannot hold: it is at work on it, and stays so.
                    var limit = timeval(tv_sec: 60, tv_usec: 0)
                    setsockopt(
                        listener.output, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                    var byte: UInt8 = 0
                    var count = 0
                    repeat { count = read(listener.output, &byte, 1) } while count < 0 && errno == EINTR
                    #expect(count == 1 && byte == UInt8(ascii: "["))
                    listener.signal(SIGKILL)
                    #expect(await listener.waitForExit(within: .seconds(20)) == .signal(SIGKILL))
                }
                try await afterwards()

                let seen = Recorder<[NotificationEvent]>()
                var router = NotificationRouter()
                router.handleBatches([.info]) { seen.record($0) }
                var configuration = NotificationListenerConfiguration()
                configuration.batchTimeout = .milliseconds(200)
                let next = NotificationListener(
                    connection, router: router, configuration: configuration, logger: quietLogger)
                try await withRunning(next) {
                    var events: [NotificationEvent] = []
                    while events.count < 205 { events += try await seen.take(1)[0] }
                    #expect(Set(events.map(\.eventType)) == Set((0..<205).map { "\($0)" }))
                    #expect(events.allSatisfy { $0.payload == payload })
                    // What the killed one had taken says so.
                    #expect(events.count { $0.isRedelivered } >= 100)
                }
            }
        }

        /// A `switchboard notify listen`, which is killed at the latest when `body` is done.
        private static func withListener(
            _ url: TransportURL, _ body: (GuardedProcess) async throws -> Void
        ) async throws {
            // SwiftPM puts the program beside the tests.
            let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
            let program = tests.deletingLastPathComponent().appendingPathComponent("switchboard").path
            let directory = try ScratchDirectory(prefix: "switchboard-listener")
            defer { directory.remove() }
            let process = try GuardedProcess(
                [
                    program, "notify", "listen", "--transport-url", url.formatted(revealingSecrets: true), "--priority",
                    "info", "--batch", "100", "--batch-timeout", "60", "--json",
                ],
                environment: ["HOME": directory.path], streams: .connected(errors: "\(directory.path)/errors"))
            do {
                try await body(process)
            } catch {
                await process.end()
                close(process.input)
                close(process.output)
                throw TestBrokerError("\(error)\n\(directory.tail(of: "errors"))")
            }
            await process.end()
            close(process.input)
            close(process.output)
        }
    }
#endif
