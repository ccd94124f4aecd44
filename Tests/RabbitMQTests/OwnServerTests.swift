#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// The laws on a server that others use.
@Suite("Conformance where others are", .timeLimit(.minutes(10)))
struct OwnServerTests {
    /// Names that laws use too, and what others might have there.
    private static let addresses: [Address] = {
        let topic = Topic("laws", exchange: "switchboard")
        let info = Topic("laws.info", exchange: "switchboard")
        return [
            .topic(topic), .server(topic, server: "one"), .notifications(info), .pool("audit", of: info),
            .notifications(Topic("notifications.info", exchange: "switchboard")),
            .mailbox(Mailbox(named: "reply_1")), .mailbox(Mailbox(named: "reply_none")),
            .mailbox(Mailbox(named: "laws_mailbox")), .mailbox(Mailbox(named: "another")),
        ]
    }()

    @Test("The messages, queues and exchanges of others are as they were, and nothing of the laws' stays")
    func leavesNothing() async throws {
        var configuration = RabbitMQConfiguration.takenEverywhere
        configuration.topology.transientQueuesTTL = nil
        try await withDriver(configuration: configuration) { driver, broker, name in
            for address in Self.addresses {
                try await driver.withSubscription(to: address, options: .soon) { _ in }
                let target: Address =
                    if case .pool(_, let topic) = address { .notifications(topic) } else { address }
                try await driver.publish("of somebody else", to: target, mandatory: true)
            }
            let (queues, exchanges) = try await (broker.queues(in: name), broker.exchanges(in: name))
            #expect(queues.count == Self.addresses.count && exchanges.contains { $0.name == "switchboard" })
            #expect(queues.allSatisfy { $0.ready >= 1 })
            var options = RabbitMQTopology.presets.first { $0.name == "durable" }!.options
            options.append(.init("rabbit_trial_ttl", "5"))
            let groups: Set<DriverLaw.Group> = [.routing, .failures, .addresses]
            let laws = OwnServerConformance.laws.filter { groups.contains($0.group) }
            #expect(laws.count > 10)
            let report = try await OwnServerConformance(
                broker.url(virtualHost: name), drivers: DriverRegistry(.rabbitMQ()),
                variants: [.init("durable", options: options)]
            ).check(laws: laws)
            #expect(report.failures.isEmpty, "\(report.failures)")
            let end = ContinuousClock.now + .seconds(180)
            var now = try await (broker.queues(in: name), broker.exchanges(in: name))
            while now != (queues, exchanges), .now < end {
                try await Task.sleep(for: .milliseconds(100))
                now = try await (broker.queues(in: name), broker.exchanges(in: name))
            }
            #expect(now.0 == queues)
            #expect(now.1 == exchanges)
        }
    }
}
#endif
