#if RabbitMQ
import DriverHarnesses
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The laws of drivers, on RabbitMQ", .serialized, .timeLimit(.minutes(5)))
struct LawTests {
    @Test("With oslo.messaging's defaults", arguments: DriverLaws.all)
    func defaults(law: DriverLaw) async throws {
        let outcome = try await law.check(RabbitMQHarness(.osloDefaults, for: law))
        let isClaimed = law.capabilities.isDisjoint(
            with: [.deadLetters, .boundedQueues, .durable, .countsAttempts, .limitsAttempts])
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }

    @Test("Without transient queues", arguments: DriverLaws.all)
    func durable(law: DriverLaw) async throws {
        let outcome = try await law.check(RabbitMQHarness(.durable, for: law))
        // Fanout queues have stable names, which a program that is started again finds.
        let isClaimed = law.capabilities.isDisjoint(
            with: [.deadLetters, .boundedQueues, .ephemeralFanouts, .countsAttempts, .limitsAttempts])
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }

    @Test("With quorum queues", arguments: DriverLaws.all)
    func quorum(law: DriverLaw) async throws {
        let outcome = try await law.check(RabbitMQHarness(.quorum, for: law))
        let isClaimed = law.capabilities.isDisjoint(with: [.deadLetters, .boundedQueues, .ephemeralFanouts])
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }
}
#endif
