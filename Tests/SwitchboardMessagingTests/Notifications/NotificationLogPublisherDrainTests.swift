import Logging
import SwitchboardCore
import Testing

@testable import SwitchboardMessaging

@Suite("The end of a log publisher", .timeLimit(.minutes(5)))
struct NotificationLogPublisherDrainTests {
    @Test("A record under way, and what waits behind it, has the time for draining and no more")
    func recordUnderWay() async throws {
        let begun = Recorder<Void>()
        let stuck = NotificationDriver("stuck") { _, _ in
            begun.record(())
            try await Task.sleep(for: .seconds(3600))
        }
        let publisher = NotificationLogPublisher(
            Notifier(publisherID: "lh", drivers: [stuck], logger: quietLogger), drainTimeout: .milliseconds(100))
        let logger = Logger(label: "l") { publisher.handler(label: $0) }
        let serving = GracefulShutdownTrigger()
        async let served: Void = serving.run(publisher)
        logger.info("is under way")
        logger.info("waits")
        try await begun.next()
        let begin = ContinuousClock.now
        serving.trigger()
        try await served
        // The record under way would take an hour.
        #expect(begin.duration(to: .now) < .seconds(120))
        #expect(publisher.droppedRecords == 2)
    }
}
