import Logging
import SwitchboardCore
import Testing

@Suite("Transport", .timeLimit(.minutes(5)))
struct TransportTests {
    private let driver = RecordingDriver()
    private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    private func makeTransport(_ change: (inout TransportConfiguration) -> Void = { _ in }) -> Transport {
        var configuration = TransportConfiguration()
        change(&configuration)
        return Transport(
            driver: driver, url: TransportURL(scheme: "test"), configuration: configuration, logger: logger)
    }

    @Test("A publish reaches the driver with the deadline, or the configured time from now")
    func publish() async throws {
        let transport = makeTransport { $0.publishTimeout = .seconds(7) }
        let address = Address.topic(Topic("compute"))
        let deadline = ContinuousClock.now + .seconds(3)
        try await transport.publish(
            Message(body: [1]), to: address, deadline: deadline, mandatory: true, allowsDuplicates: true)
        let before = ContinuousClock.now
        try await transport.publish(Message(body: [2]), to: address)
        let published = driver.published.withLock { $0 }
        #expect(published.map(\.message.body) == [[1], [2]])
        #expect(published[0].options.deadline == deadline)
        #expect(published[0].options.mandatory && published[0].options.allowsDuplicates)
        #expect(published[1].options.deadline >= before + .seconds(7))
        #expect(published[1].options.deadline < before + .seconds(60))
        #expect(!published[1].options.mandatory && !published[1].options.allowsDuplicates)
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
        #expect(driver.published.withLock { $0.isEmpty })
        #expect(driver.subscribed.withLock { $0.isEmpty })
    }

    @Test("Names of 255 bytes and names in any script are taken")
    func longNames() async throws {
        let transport = makeTransport()
        for name in [String(repeating: "x", count: 255), "сервис", "a b.c/d"] {
            try await transport.publish(Message(body: []), to: .topic(Topic(name)))
        }
        #expect(driver.published.withLock { $0.count } == 3)
    }

    @Test("A pool is subscribed to and not published to")
    func pools() async throws {
        let transport = makeTransport()
        let pool = Address.pool("audit", of: Topic("notifications.info"))
        let error = await #expect(throws: TransportError.self) {
            try await transport.publish(Message(body: []), to: pool)
        }
        #expect(error?.code == .invalidAddress)
        try await transport.withSubscription(to: pool) { _ in }
        #expect(driver.subscribed.withLock { $0 } == [pool])
    }

    @Test("A message over the size limit is refused, one at the limit is taken")
    func sizes() async throws {
        let transport = makeTransport { $0.maximumMessageSize = 10 }
        let address = Address.topic(Topic("t"))
        try await transport.publish(Message(body: [UInt8](repeating: 0, count: 10)), to: address)
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
        #expect(driver.published.withLock { $0.isEmpty })
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
        #expect(seen == [.idle, .ready, .closed(reason: nil)])
        #expect(transport.state == .closed(reason: nil))
    }

    @Test("A run that fails throws what the driver threw, and the state tells the reason")
    func runFailed() async throws {
        let driver = RecordingDriver(runError: TransportError(.refused, "Login refused."))
        let transport = Transport(driver: driver, url: TransportURL(scheme: "test"), logger: logger)
        let error = await #expect(throws: TransportError.self) { try await transport.run() }
        #expect(error?.code == .refused)
        #expect(transport.state == .closed(reason: "refused: Login refused."))
    }
}
