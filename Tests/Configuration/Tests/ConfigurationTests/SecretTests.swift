import Configuration
import Foundation
import Synchronization
import Testing

@testable import SwitchboardCells
@testable import SwitchboardCore
@testable import SwitchboardRabbitMQ

/// Keeps what was read.
private final class Reads: AccessReporter {
    let events = Mutex<[AccessEvent]>([])

    func report(_ event: AccessEvent) {
        events.withLock { $0.append(event) }
    }
}

@Suite("Secrets in settings", .timeLimit(.minutes(2)))
struct SecretTests {
    private static let secret = "hunter2-of-all"

    @Test("Every read of a secret is reported as one", arguments: Source.allCases)
    func reported(_ source: Source) async throws {
        let values: [String: Value] = [
            "url": "fake://user@host", "password": .string(Self.secret), "base.transportURL": .string(Self.secret),
            "base.databaseConnection": .string(Self.secret), "credentials.username": "user",
            "credentials.password": .string(Self.secret),
        ]
        let reads = Reads()
        let config = try await source.reader("s", values, reporter: reads)
        let url = try TransportURL(config: config)
        #expect(url.hosts.first?.password?.reveal() == Self.secret)
        _ = try BaseURLs(config: config)
        let credentials = try await RabbitMQConfiguration(config: config).credentials?.credentials()
        #expect(credentials?.password.reveal() == Self.secret)
        let secrets = Set(try KeyTable.sections().flatMap(\.rows).filter(\.isSecret).map { "s.\($0.name)" })
        var seen: Set<String> = []
        for event in reads.events.withLock({ $0 }) {
            let key = event.metadata.key.description
            guard secrets.contains(key), case .success(let value?) = event.result else { continue }
            seen.insert(key)
            #expect(value.isSecret, "\(key)")
        }
        #expect(seen == secrets)
    }

    @Test("No error shows a part of a secret", arguments: Source.allCases)
    func errors(_ source: Source) async throws {
        let bad: [(String, Value)] = [
            ("url", .string("rabbit//u:\(Self.secret)@h")), ("url", .string("rabbit://u:\(Self.secret)@h:99999")),
            ("url", .string(Self.secret)), ("url", .string("rabbit://u:\(Self.secret)#@h/")),
        ]
        for (key, value) in bad {
            let config = try await source.reader("transport", [key: value])
            let error = #expect(throws: TransportError.self) { _ = try TransportURL(config: config) }
            #expect(error?.code == .invalidURL)
            #expect(error?.message.contains("url of ConfigReader") == true, "\(error?.message ?? "")")
            #expect(error.map { "\($0)" }?.contains("hunter2") == false, "\(error.map { "\($0)" } ?? "")")
        }
        let lonely = try await source.reader("transport", ["url": "spool:///d", "password": .string(Self.secret)])
        let error = #expect(throws: TransportError.self) { _ = try TransportURL(config: lonely) }
        #expect(error.map { "\($0)" }?.contains("hunter2") == false)
    }

    @Test("A secret of another type is refused without being shown")
    func type() throws {
        let provider = InMemoryProvider(values: [
            AbsoluteConfigKey(["url"]): ConfigValue(.intArray([4711, 4712]), isSecret: false),
            AbsoluteConfigKey(["credentials", "username"]): "user",
            AbsoluteConfigKey(["credentials", "password"]): ConfigValue(.int(4711), isSecret: false),
        ])
        let config = ConfigReader(provider: provider)
        for error in [
            #expect(throws: TransportError.self) { _ = try TransportURL(config: config) },
            #expect(throws: TransportError.self) { _ = try RabbitMQConfiguration(config: config) },
        ] {
            #expect(error?.code == .invalidOption)
            #expect(error?.message.contains("it has to be text") == true)
            #expect(error?.message.contains("4711") == false)
        }
    }
}
