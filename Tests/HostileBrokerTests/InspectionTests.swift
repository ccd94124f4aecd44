#if RabbitMQ
import Foundation
import Logging
import SwitchboardCore
import SwitchboardRabbitMQ
import Testing

/// What looks at brokers step by step, at one that does what brokers must not do.
@Suite("An inspection of a hostile broker", .timeLimit(.minutes(5)))
struct InspectionTests {
    private static let password = "s3cret-of-the-inspection"

    @Test("ends in time with a reason or an answer, and neither holds the password", arguments: Mischief.all)
    func ends(mischief: Mischief) async throws {
        // On a busy machine a short time may be over before anything reached the broker.
        for timeout in [Duration.milliseconds(300), .seconds(3), .seconds(20)] {
            let (texts, accepted) = try await HostileBroker.withBroker(mischief) { broker in
                let begin = ContinuousClock.now
                let texts = try await inspect(port: broker.port, timeout)
                #expect(begin.duration(to: .now) < timeout * Double(texts.count) * 10 + .seconds(28))
                return (texts, broker.record.withLock { $0.accepted })
            }
            for text in texts { #expect(!text.contains(Self.password)) }
            if accepted == texts.count { return }
        }
        Issue.record("Not every step reached the broker.")
    }

    /// What each step says; each has a connection of its own.
    private func inspect(port: Int, _ timeout: Duration) async throws -> [String] {
        let url = try TransportURL("rabbit://guest:\(Self.password)@127.0.0.1:\(port)/")
        let inspection = try BrokerInspection(
            url, timeout: timeout, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let host = inspection.hosts[0]
        let topic = Topic("t", exchange: "e")
        return await [
            outcome(inspection, host) { look throws(InspectionFailure) in "\(try await look.alarm() ?? "")" },
            outcome(inspection, host) { look throws(InspectionFailure) in
                "\(try await look.objects(of: topic, server: "s"))"
            },
            outcome(inspection, host) { look throws(InspectionFailure) in
                "\(try await look.missingPermissions(topic: topic, server: "s", publishes: true))"
            },
            "\(await inspection.language(of: host))",
        ]
    }

    private func outcome(
        _ inspection: BrokerInspection, _ host: BrokerInspection.Host,
        _ question: (BrokerLook) async throws(InspectionFailure) -> String
    ) async -> String {
        do throws(InspectionFailure) {
            let look = try await inspection.logIn(to: host)
            do throws(InspectionFailure) {
                let answer = try await question(look)
                await look.close()
                return answer
            } catch {
                await look.close()
                throw error
            }
        } catch {
            return error.reason
        }
    }
}
#endif
