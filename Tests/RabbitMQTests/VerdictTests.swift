#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// What the broker refuses after it was good may be good again.
@Suite("Verdicts that pass", .serialized, .timeLimit(.minutes(4)))
struct VerdictTests {
    private static let topic = Address.topic(Topic("t", exchange: "e"))
    /// Long enough to be in no random name.
    fileprivate static let password: Secret = "the-secret-of-the-verdicts"

    /// What ends connections, what it looks like, and what puts it right.
    enum Change: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case user, password, permissions, virtualHost

        var testDescription: String { rawValue }

        fileprivate var text: String {
            switch self {
            case .user, .password: "ACCESS_REFUSED"
            case .permissions, .virtualHost: "NOT_ALLOWED"
            }
        }

        fileprivate func make(_ broker: TestBroker, _ user: String, _ virtualHost: String) async throws {
            switch self {
            case .user: try await broker.deleteUser(user)
            case .password: try await broker.changePassword(of: user, to: "other")
            case .permissions:
                _ = try await broker.evaluate(
                    #"ok = rabbit_auth_backend_internal:clear_permissions(<<"\#(user)">>, <<"\#(virtualHost)">>, <<"test">>), []."#
                )
            case .virtualHost: try await broker.deleteVirtualHost(virtualHost)
            }
            if self == .password || self == .permissions { try await broker.cutConnections(in: virtualHost) }
        }

        fileprivate func undo(_ broker: TestBroker, _ user: String, _ virtualHost: String) async throws {
            switch self {
            case .user: try await broker.addUser(user, password: VerdictTests.password)
            case .password: try await broker.changePassword(of: user, to: VerdictTests.password)
            case .permissions: break
            case .virtualHost: try await broker.addVirtualHost(virtualHost)
            }
            if self != .password { try await broker.setPermissions(of: user, in: virtualHost) }
        }
    }

    /// A driver of a user of its own.
    private func withUser(
        log: LogCollector,
        _ body: @escaping @Sendable (DriverUnderTest, TestBroker, String, String) async throws -> Void
    ) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let user = "u-\(name)"
            try await broker.addUser(user, password: Self.password)
            try await broker.setPermissions(of: user, in: name)
            let driver = try DriverUnderTest(
                broker.url(virtualHost: name, username: user, password: Self.password), logger: log.logger)
            try await withRunning(driver) { try await body(driver, broker, user, name) }
            try await broker.deleteUser(user)
        }
    }

    @Test(
        "A user, password, permission or virtual host that is gone and comes back ends nothing",
        arguments: Change.allCases)
    func comesBack(change: Change) async throws {
        let log = LogCollector()
        try await withUser(log: log) { driver, broker, user, name in
            try await driver.withSubscription(to: Self.topic, options: .soon) { deliveries in
                try await driver.publish("before", to: Self.topic)
                var iterator = deliveries.makeAsyncIterator()
                let first = try #require(try await iterator.next())
                try await first.accept()
                await driver.waits { $0 == .ready }
                try await change.make(broker, user, name)
                try await withTimeLimit(.seconds(60)) {
                    await driver.waits {
                        if case .connecting(_, let reason?) = $0 { reason.contains(change.text) } else { false }
                    }
                }
                // What waits fails at its deadline, was certainly not sent, and says why.
                let begin = ContinuousClock.now
                let error = await #expect(throws: TransportError.self) {
                    try await driver.publish(
                        Message(body: []), to: Self.topic, options: .within(.milliseconds(500)))
                }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains(change.text) == true)
                #expect(begin.duration(to: .now) < .seconds(60))
                try await change.undo(broker, user, name)
                try await withTimeLimit(.seconds(60)) { await driver.waits { $0 == .ready } }
                try await driver.publish("after", to: Self.topic)
                // The first one comes again where its acceptance was lost.
                while let delivery = try await iterator.next(), delivery.text != "after" {
                    #expect(delivery.text == "before")
                    try await delivery.accept()
                }
            }
            // One for each reason: a virtual host that is being deleted is refused in two ways.
            let warnings = log.lines.filter {
                $0.hasPrefix("warning RabbitMQ refuses a connection that it took before")
            }
            #expect((1...2).contains(warnings.count), "\(warnings)")
            #expect(log.lines.contains { $0.hasPrefix("info RabbitMQ takes the connections again") })
            #expect(!log.lines.contains { $0.contains(Self.password.reveal()) })
        }
    }

    @Test("One connection that is refused while the other works leaves the other at work")
    func oneOfTwo() async throws {
        let log = LogCollector()
        try await withUser(log: log) { driver, broker, user, name in
            try await driver.withSubscription(to: Self.topic, options: .soon) { deliveries in
                await driver.waits { $0 == .ready }
                var iterator = deliveries.makeAsyncIterator()
                try await broker.changePassword(of: user, to: "other")
                try await broker.cutConnection("consume", in: name)
                try await withTimeLimit(.seconds(60)) {
                    await driver.waits {
                        if case .connecting(_, let reason?) = $0 { reason.contains("ACCESS_REFUSED") } else { false }
                    }
                }
                for number in 0..<10 { try await driver.publish("\(number)", to: Self.topic) }
                try await broker.changePassword(of: user, to: Self.password)
                try await withTimeLimit(.seconds(60)) { await driver.waits { $0 == .ready } }
                for number in 0..<10 {
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == "\(number)")
                    try await delivery.accept()
                }
            }
        }
    }

    @Test("A restored subscription without its rights says so, and is back with them; a first one ends at once")
    func rightsOfSubscription() async throws {
        let log = LogCollector()
        try await withUser(log: log) { driver, broker, user, name in
            try await driver.withSubscription(to: Self.topic, options: .soon) { deliveries in
                await driver.waits { $0 == .ready }
                try await broker.setPermissions(of: user, in: name, configure: ".*", write: ".*", read: "^$")
                try await broker.cutConnections(in: name)
                try await withTimeLimit(.seconds(60)) {
                    await driver.waits {
                        if case .connecting(_, let reason?) = $0 { reason.contains("403") } else { false }
                    }
                }
                let error = await #expect(throws: TransportError.self) {
                    try await driver.withSubscription(to: .topic(Topic("u", exchange: "e")), options: .soon) { _ in }
                }
                #expect(error?.code == .refused)
                try await broker.setPermissions(of: user, in: name)
                try await withTimeLimit(.seconds(60)) { await driver.waits { $0 == .ready } }
                try await driver.publish("x", to: Self.topic)
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.text == "x")
            }
        }
    }

    @Test("New credentials are tried as soon as the provider has them, however long the pause")
    func renewed() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let user = "u-\(name)"
            try await broker.addUser(user, password: "one")
            try await broker.setPermissions(of: user, in: name)
            var url = broker.url(virtualHost: name)
            (url.hosts[0].username, url.hosts[0].password) = (nil, nil)
            let password = Locked<Secret>("one")
            let provider = RabbitMQCredentialProvider {
                RabbitMQCredentials(username: user, password: password.withLock { $0 })
            }
            var configuration = RabbitMQConfiguration()
            configuration.credentials = provider
            let driver = try DriverUnderTest(url, configuration: configuration, logger: quietLogger)
            try await withRunning(driver) {
                await driver.waits { $0 == .ready }
                try await broker.changePassword(of: user, to: "two")
                try await broker.cutConnections(in: name)
                // Refused some times: the pauses are longer than the test will wait.
                try await withTimeLimit(.seconds(60)) {
                    await driver.waits { if case .connecting(let attempt, _) = $0 { attempt >= 7 } else { false } }
                }
                password.withLock { $0 = "two" }
                let begin = ContinuousClock.now
                provider.renew()
                try await withTimeLimit(.seconds(30)) { await driver.waits { $0 == .ready } }
                #expect(begin.duration(to: .now) < .seconds(7))
            }
            try await broker.deleteUser(user)
        }
    }
}

extension TestBroker {
    /// Cuts the connections of one role.
    fileprivate func cutConnection(_ role: String, in virtualHost: String) async throws {
        let names = try await connections(in: virtualHost).filter {
            $0.clientProperties["connection_name"]?.hasSuffix(":\(role)") == true
        }.map(\.name)
        #expect(!names.isEmpty)
        for name in names {
            _ = try await evaluate(
                """
                [exit(C, kill) || C <- rabbit_networking:connections(),
                    [{name, N}] <- [catch rabbit_networking:connection_info(C, [name])], N =:= <<"\(name)">>], [].
                """)
        }
    }
}
#endif
