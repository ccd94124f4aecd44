import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("Transport", .timeLimit(.minutes(5)))
struct TransportTests {
    private let driver = StandInDriver(capabilities: [.ordered])
    private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    private func makeTransport(_ change: (inout TransportConfiguration) -> Void = { _ in }) -> Transport {
        var configuration = TransportConfiguration()
        change(&configuration)
        return Transport(
            driver: driver, url: TransportURL(scheme: "test"), configuration: configuration, logger: logger)
    }

    /// Runs a transport for as long as `body` runs.
    private func withRunning(_ transport: Transport, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test("A publish reaches the driver with the deadline, or the configured time from now")
    func publish() async throws {
        let transport = makeTransport { $0.publishTimeout = .seconds(7) }
        let address = Address.topic(Topic("compute"))
        try await withRunning(transport) {
            try await transport.publish(
                Message(body: [1]), to: address, deadline: .now + .seconds(3), mandatory: true, allowsDuplicates: true)
            try await transport.publish(Message(body: [2]), to: address)
        }
        let published = driver.published
        try #require(published.map(\.message.body) == [[1], [2]])
        #expect(published[0].timeLeft <= .seconds(3))
        #expect(published[0].mandatory && published[0].allowsDuplicates)
        #expect(published[1].timeLeft > .seconds(3) && published[1].timeLeft <= .seconds(7))
        #expect(!published[1].mandatory && !published[1].allowsDuplicates)
    }

    private static let long = String(repeating: "x", count: 256)
    private static let badAddresses: [(Address, String)] = [
        (.topic(Topic("")), "topic name"),
        (.topic(Topic("t", exchange: "")), "exchange name"),
        (.topic(Topic(long)), "256 bytes"),
        (.fanout(Topic("a\0b")), "NUL"),
        (.server(Topic("t"), server: ""), "server name"),
        (.server(Topic(String(repeating: "t", count: 128)), server: String(repeating: "s", count: 127)), "256 bytes"),
        (.mailbox(Mailbox(named: "")), "mailbox name"),
        (.notifications(Topic("", exchange: "nova")), "topic name"),
        (.pool("", of: Topic("t")), "pool name"),
    ]

    @Test("An address that some driver could not carry is refused before the driver sees it", arguments: badAddresses)
    func addresses(_ address: Address, _ reason: String) async throws {
        let transport = makeTransport()
        for isPublishing in [true, false] {
            let error = await #expect(throws: TransportError.self) {
                if isPublishing {
                    try await transport.publish(Message(body: []), to: address)
                } else {
                    try await transport.withSubscription(to: address) { _ in }
                }
            }
            #expect(error?.code == .invalidAddress)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        }
        #expect(driver.published.isEmpty)
        #expect(driver.subscribed.isEmpty)
    }

    @Test("Names of 255 bytes and names in any script are taken")
    func longNames() async throws {
        let transport = makeTransport()
        try await withRunning(transport) {
            for name in [String(repeating: "x", count: 255), "сервис", "a b.c/d"] {
                try await transport.publish(Message(body: []), to: .topic(Topic(name)))
            }
        }
        #expect(driver.published.count == 3)
    }

    @Test("A pool is subscribed to and not published to")
    func pools() async throws {
        let transport = makeTransport()
        let pool = Address.pool("audit", of: Topic("notifications.info"))
        let error = await #expect(throws: TransportError.self) {
            try await transport.publish(Message(body: []), to: pool)
        }
        #expect(error?.code == .invalidAddress)
        try await withRunning(transport) { try await transport.withSubscription(to: pool) { _ in } }
        #expect(driver.subscribed == [pool])
    }

    @Test("A message over the size limit is refused, one at the limit is taken")
    func sizes() async throws {
        let transport = makeTransport { $0.maximumMessageSize = 10 }
        let address = Address.topic(Topic("t"))
        try await withRunning(transport) {
            try await transport.publish(Message(body: [UInt8](repeating: 0, count: 10)), to: address)
        }
        let error = await #expect(throws: TransportError.self) {
            try await transport.publish(Message(body: [UInt8](repeating: 0, count: 11)), to: address)
        }
        #expect(error?.code == .messageTooLarge)
        #expect(error?.message.contains("11 bytes") == true && error?.message.contains("10 bytes") == true)
    }

    @Test("A cancelled task publishes nothing")
    func cancelled() async throws {
        let transport = makeTransport()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await transport.publish(Message(body: []), to: .topic(Topic("t")))
        }
        task.cancel()
        let error = await #expect(throws: TransportError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(driver.published.isEmpty)
    }

    @Test("A run that is cancelled returns, and the state is closed")
    func runCancelled() async throws {
        let transport = makeTransport()
        let states = transport.states()
        let task = Task { try await transport.run() }
        var seen: [TransportState] = []
        for await state in states {
            seen.append(state)
            if state == .ready { task.cancel() }
        }
        try await task.value
        #expect(seen == [.idle, .connecting(attempt: 1, reason: nil), .ready, .closed(reason: nil)])
        #expect(transport.state == .closed(reason: nil))
    }

    @Test("A run that fails throws what the driver threw, and the state tells the reason")
    func runFailed() async throws {
        let driver = StandInDriver(isScripted: true)
        driver.fail(ConnectionFailure(TransportError(.refused, "Login refused."), retry: .unlessFirst))
        let transport = Transport(driver: driver, url: TransportURL(scheme: "test"), logger: logger)
        let error = await #expect(throws: TransportError.self) { try await transport.run() }
        #expect(error?.code == .refused)
        #expect(transport.state == .closed(reason: "refused: Login refused."))
    }
}
