import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardSpool
import SwitchboardTesting
import Testing

// What the pages of SwitchboardTesting, SwitchboardSpool and SwitchboardRabbitMQ quote.

extension DriverPlugin {
    /// Stands for the reader's own.
    fileprivate static func mine() -> DriverPlugin { .inProcess() }
}

private let myURL = try! TransportURL("fake://documentation")
private let logger = Logger(label: "documentation")

/// The laws that the quoted test checks. Which they are makes no difference here: the driver's own tests check all.
private enum DriverLaws {
    static let all = Array(SwitchboardTesting.DriverLaws.all.prefix(1))
}

@Suite("The test that documentation shows")
struct QuotedLawTests {
    // snippet.harness
    struct MyHarness: TransportHarness {
        func withWorld(_ body: nonisolated(nonsending) (TransportWorld) async throws -> Void) async throws {
            try await body(
                TransportWorld { try Transport(myURL, drivers: DriverRegistry(.mine()), logger: logger) })
        }
    }

    @Test(arguments: DriverLaws.all) func law(_ law: DriverLaw) async throws {
        try await law.check(MyHarness())
    }
    // snippet.end
}

func outcomeSnippet(law: DriverLaw) async throws {
    typealias MyHarness = QuotedLawTests.MyHarness
    // snippet.outcome
    let outcome = try await law.check(MyHarness())
    let isClaimed = law.capabilities.isDisjoint(with: [.durable, .deadLetters, .boundedQueues, .limitsAttempts])
    #expect(outcome == (isClaimed ? .holds : .notClaimed))
    // snippet.end
}

func spoolSnippet(logger: Logger) throws {
    // snippet.spool
    let transport = try Transport(
        TransportURL("spool:///var/spool/cells/c1"), drivers: DriverRegistry(.spool()), logger: logger)
    // snippet.end
    _ = transport
}

#if RabbitMQ
    import SwitchboardRabbitMQ

    func rabbitMQSnippet(logger: Logger) throws {
        // snippet.rabbitMQ
        let url = try TransportURL(
            "rabbit://nova:secret@rabbit1:5672,nova:secret@rabbit2:5672/cell1?rabbit_quorum_queue=true")
        let transport = try Transport(url, drivers: DriverRegistry(.rabbitMQ()), logger: logger)
        // snippet.end
        _ = transport
    }

    private struct Vault {
        func read(_ path: String) async throws -> RabbitMQCredentials {
            RabbitMQCredentials(username: "nova", password: Secret(path))
        }
    }

    func credentialsSnippet() -> RabbitMQConfiguration {
        let vault = Vault()
        // snippet.credentials
        let provider = RabbitMQCredentialProvider { try await vault.read("rabbit/nova") }
        var configuration = RabbitMQConfiguration()
        configuration.credentials = provider
        // snippet.end
        return configuration
    }

    private enum Health {
        case good, down
        case slow(String), degraded(String)
    }

    private final class HealthReport: Sendable {
        func set(_ health: Health) { print(health) }
    }

    func eventsSnippet(transport: Transport) async {
        let health = HealthReport()
        // snippet.events
        for await event in transport.events() {
            switch event {
            case .disconnected(let reason): health.set(.degraded(reason))
            case .connected, .recovered, .unblocked: health.set(.good)
            case .blocked(let reason): health.set(.slow(reason))
            case .closed: health.set(.down)
            }
        }
        // snippet.end
    }
#endif
