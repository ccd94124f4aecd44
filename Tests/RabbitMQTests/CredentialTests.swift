#if RabbitMQ
import NIOCore
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Credentials that change", .serialized, .timeLimit(.minutes(2)))
struct CredentialTests {
    private let topic = Topic("t", exchange: "e")

    /// What a provider answers, and how often it was asked.
    private final class Vault: Sendable {
        private let state: Locked<(credentials: RabbitMQCredentials, asked: Int)>

        init(_ credentials: RabbitMQCredentials) {
            state = Locked((credentials, 0))
        }

        var asked: Int { state.withLock { $0.asked } }

        func set(_ credentials: RabbitMQCredentials) {
            state.withLock { state in state.credentials = credentials }
        }

        func read() -> RabbitMQCredentials {
            state.withLock { state in
                state.asked += 1
                return state.credentials
            }
        }
    }

    /// A driver behind a relay that asks a vault who it is: at first `credentials`, a user who may do everything.
    private func withVault(
        lifetime: Duration? = nil,
        _ body:
            @escaping @Sendable (
                DriverUnderTest, Vault, RabbitMQCredentialProvider, Relay, TestBroker, String
            ) async throws -> Void
    ) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let users = ["first-\(name)", "second-\(name)"]
            for user in users {
                try await broker.addUser(user, password: "one")
                try await broker.setPermissions(of: user, in: name)
            }
            try await Relay.withRelay(to: broker.port) { relay in
                var url = broker.url(virtualHost: name)
                url.hosts[0].username = nil
                url.hosts[0].password = nil
                url.hosts[0].port = relay.port
                let vault = Vault(RabbitMQCredentials(username: users[0], password: "one", lifetime: lifetime))
                let provider = RabbitMQCredentialProvider { vault.read() }
                var configuration = RabbitMQConfiguration.takenEverywhere
                configuration.credentials = provider
                let driver = try DriverUnderTest(url, configuration: configuration, logger: quietLogger)
                try await withRunning(driver) {
                    try await driver.publish("warm", to: .notifications(Topic("warm")))
                    await driver.waits { $0 == .ready }
                    try await body(driver, vault, provider, relay, broker, name)
                }
            }
            for user in users { try await broker.deleteUser(user) }
        }
    }

    private func waitUntil(_ isSo: @escaping @Sendable () async throws -> Bool) async throws {
        try await withTimeLimit(.seconds(30)) {
            while try await !isSo() { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    @Test("They are asked for before each connection")
    func eachConnection() async throws {
        try await withVault { [topic] driver, vault, _, relay, _, _ in
            #expect(vault.asked == 2)
            relay.cut()
            try await driver.publish(
                Message(body: []), to: .topic(topic), options: .within(.seconds(20), allowsDuplicates: true))
            try await waitUntil { vault.asked == 4 }
        }
    }

    @Test("A new password of the same user is told to the broker; the connections live on, the next one uses it")
    func newPassword() async throws {
        try await withVault { [topic] driver, vault, provider, relay, broker, name in
            let user = "first-\(name)"
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await broker.changePassword(of: user, to: "two")
                vault.set(RabbitMQCredentials(username: user, password: "two"))
                provider.renew()
                try await waitUntil { vault.asked == 4 }
                // Behind the new password on both connections: a refusal would have closed them.
                var iterator = deliveries.makeAsyncIterator()
                for text in ["a", "b"] {
                    try await driver.publish(text, to: .topic(topic))
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == text)
                    try await delivery.accept()
                }
                #expect(relay.accepted == 2)
                #expect(driver.state == .ready)
                relay.cut()
                try await driver.publish(
                    Message(body: Array("c".utf8)), to: .topic(topic),
                    options: .within(.seconds(20), allowsDuplicates: true))
                // What was accepted in the last moment may come again.
                while let delivery = try await iterator.next(), delivery.text != "c" {
                    #expect(delivery.isRedelivered)
                    try await delivery.accept()
                }
            }
        }
    }

    @Test("Another user gets other connections, after what is under way on the old ones has finished")
    func newUser() async throws {
        try await withVault { [topic] driver, vault, provider, relay, broker, name in
            let user = "second-\(name)"
            let taken = Locked<[String]>([])
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await driver.publish("slow", to: .topic(topic))
                var iterator = deliveries.makeAsyncIterator()
                let slow = try #require(try await iterator.next())
                vault.set(RabbitMQCredentials(username: user, password: "one"))
                provider.renew()
                // The publishing connection has nothing under way; the consuming one waits for the handler.
                try await waitUntil { try await broker.connections(in: name).contains { $0.username == user } }
                try await driver.publish("next", to: .topic(topic))
                try await slow.accept()
                try await waitUntil {
                    let connections = try await broker.connections(in: name)
                    return connections.count == 2 && connections.allSatisfy { $0.username == user }
                }
                let next = try #require(try await iterator.next())
                taken.withLock { taken in taken.append(next.text) }
                #expect(!next.isRedelivered)
                try await next.accept()
            }
            #expect(taken.withLock { $0 } == ["next"])
            #expect(relay.accepted == 4)
            #expect(try await broker.queue("t", in: name)?.ready == 0)
        }
    }

    @Test("Credentials that expire are asked for again before they do")
    func lifetime() async throws {
        try await withVault(lifetime: .milliseconds(400)) { driver, vault, _, relay, _, _ in
            try await waitUntil { vault.asked >= 6 }
            // They were the same ones: nothing was to be done.
            #expect(relay.accepted == 2)
            #expect(driver.state == .ready)
        }
    }

    @Test("A provider that fails or does not answer is a reason, not an end")
    func failingProvider() async throws {
        struct Sealed: Error {}
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            var url = broker.url(virtualHost: name)
            url.hosts[0].username = nil
            let attempts = Locked(0)
            var configuration = RabbitMQConfiguration()
            configuration.connectTimeout = .seconds(1)
            configuration.credentials = RabbitMQCredentialProvider {
                let attempt = attempts.withLock { attempts in
                    attempts += 1
                    return attempts
                }
                if attempt <= 2 { throw Sealed() }
                if attempt <= 4 { try await Task.sleep(for: .seconds(600)) }
                return RabbitMQCredentials(username: broker.username, password: broker.password)
            }
            let driver = try DriverUnderTest(url, configuration: configuration, logger: quietLogger)
            try await withRunning(driver) {
                await driver.waits {
                    if case .connecting(_, let reason?) = $0 { reason.contains("Sealed") } else { false }
                }
                try await driver.publish(Message(body: []), to: .topic(topic), options: .within(.seconds(60)))
            }
        }
    }

    @Test("A provider that never answers, and heeds no cancellation, is given up, and keeps no driver from its end")
    func deafProvider() async throws {
        let (never, source) = AsyncStream.makeStream(of: CheckedContinuation<Void, Never>.self)
        defer {
            source.finish()
            Task { for await continuation in never { continuation.resume() } }
        }
        var configuration = RabbitMQConfiguration()
        configuration.connectTimeout = .milliseconds(300)
        configuration.credentials = RabbitMQCredentialProvider {
            await withCheckedContinuation { _ = source.yield($0) }
            return RabbitMQCredentials(username: "u", password: "p")
        }
        let driver = try DriverUnderTest(
            TransportURL("rabbit://127.0.0.1:1"), configuration: configuration, logger: quietLogger)
        try await withTimeLimit(.seconds(60)) {
            try await withRunning(driver) {
                await driver.waits {
                    if case .connecting(_, let reason?) = $0 { reason.contains("did not answer") } else { false }
                }
            }
        }
    }

    // MARK: Protocol

    private func machine(product: String?, version: String?) throws -> ConnectionMachine {
        var machine = ConnectionMachine(
            Login(method: .plain, username: "u", password: "old", virtualHost: "v", properties: [:], heartbeat: 0))
        _ = machine.connected()
        _ = try machine.received(.start(mechanisms: "PLAIN", product: product, version: version))
        _ = try machine.received(.tune(channelMax: 0, frameMax: 0, heartbeat: 0))
        #expect(!machine.canUpdateSecret)
        _ = try machine.received(.openOK)
        return machine
    }

    @Test(
        "RabbitMQ has update-secret since 3.8",
        arguments: [
            ("RabbitMQ", "3.8.0", true), ("RabbitMQ", "3.10.8", true), ("RabbitMQ", "4.3.0-rc.1", true),
            ("RabbitMQ", "3.7.28", false), ("RabbitMQ", "x", false), ("LavinMQ", "4.0.0", false), (nil, nil, false),
        ] as [(String?, String?, Bool)])
    func support(product: String?, version: String?, isSupported: Bool) throws {
        #expect(try machine(product: product, version: version).canUpdateSecret == isSupported)
    }

    @Test("A new password is one method and one answer")
    func update() throws {
        var machine = try machine(product: "RabbitMQ", version: "3.10.8")
        #expect(machine.updateSecret("new") == [.send(.updateSecret(Array("new".utf8), reason: "renewed"))])
        // One at a time.
        #expect(machine.updateSecret("newer") == [])
        #expect(try machine.received(.updateSecretOK) == [.secretUpdated])
        #expect(machine.login.password == "new")
        #expect(throws: ProtocolViolation.self) { try machine.received(.updateSecretOK) }
    }

    @Test("The method is written as the specification has it")
    func encoding() throws {
        var buffer = ByteBuffer()
        try buffer.write(.updateSecret([1, 2], reason: "r"), channel: 0)
        #expect(
            Array(buffer.readableBytesView)
                == [1, 0, 0, 0, 0, 0, 12, 0, 10, 0, 70, 0, 0, 0, 2, 1, 2, 1, UInt8(ascii: "r"), 0xCE])
    }

    private final class Recorder: FrameReceiver {
        var methods: [IncomingMethod] = []
        func received(_ method: IncomingMethod, channel: UInt16) { methods.append(method) }
        func received(_ header: ContentHeader, channel: UInt16) {}
        func received(_ body: UnsafeRawBufferPointer, channel: UInt16) {}
    }

    @Test(
        "The answer, which librabbitmq 0.11 does not know, is recognised wherever the bytes are cut", arguments: 1...36)
    func decoding(size: Int) throws {
        let closeOK: [UInt8] = [1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 51, 0xCE]
        let answer: [UInt8] = [1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 71, 0xCE]
        let bytes = closeOK + answer + closeOK
        let decoder = FrameDecoder()
        let recorder = Recorder()
        for start in stride(from: 0, to: bytes.count, by: size) {
            try decoder.decode(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]), into: recorder)
        }
        #expect(recorder.methods == [.closeOK, .updateSecretOK, .closeOK])
    }
}
#endif
