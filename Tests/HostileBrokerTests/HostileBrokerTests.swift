#if RabbitMQ
import Foundation
import Logging
import SwitchboardCore
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

/// What a program sees of a broker that does what brokers must not do. Whatever it does costs its own connection at most.
@Suite("A hostile broker", .timeLimit(.minutes(5)))
struct HostileBrokerTests {
    private static let password = "s3cret-of-the-test"
    private static let topic = Topic("t", exchange: "e")
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func configuration(_ patience: Duration) -> RabbitMQConfiguration {
        var configuration = RabbitMQConfiguration()
        configuration.connectTimeout = patience * 0.7
        configuration.answerTimeout = patience * 0.5
        configuration.maximumMessageSize = 1_000_000
        return configuration
    }

    @Test("costs no process, no other connection and no time beyond a deadline", arguments: Mischief.all)
    func harmless(mischief: Mischief) async throws {
        try await HostileBroker.withBroker(nil) { friend in
            try await HostileBroker.withBroker(mischief) { broker in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        // On a busy machine there may be no time to come to it.
                        for patience in mischief.outcome == .harmless ? [1, 5, 20] : [20]
                        where broker.record.withLock({ $0.mischiefs }) == 0 {
                            try await self.meet(broker, mischief, .seconds(patience))
                        }
                    }
                    // Its connection has the same event loop.
                    group.addTask { try await self.talk(to: friend) }
                    try await group.next()
                    group.cancelAll()
                    try await group.waitForAll()
                }
                #expect(broker.record.withLock { $0.mischiefs } > 0, "It was not done.")
            }
        }
        #expect(Self.peakMemory < 200 << 20)
    }

    private func meet(_ broker: HostileBroker, _ mischief: Mischief, _ patience: Duration) async throws {
        let isExpectedToWork = mischief.outcome != .harmless
        let transport = try transport(at: broker, patience)
        let begin = ContinuousClock.now
        let run = Task { () -> (any Error)? in
            do {
                try await transport.run()
                return nil
            } catch {
                return error
            }
        }
        async let published = publish(to: transport, patience)
        async let received = receive(from: transport, patience)
        let (sent, got) = await (published, received)
        let time = begin.duration(to: .now)
        // One deadline, and a machine that does other things too.
        #expect(time < patience + .seconds(40), "It took \(time).")
        if isExpectedToWork {
            #expect(sent == nil, "\(sent.map { "\($0)" } ?? "")")
            #expect(got == nil, "\(got.map { "\($0)" } ?? "")")
            #expect(broker.record.withLock { $0.accepted } == 2, "A connection was lost.")
        }
        if mischief.outcome == .rejected {
            #expect(broker.record.withLock { $0.rejected } == [1])
        }
        run.cancel()
        for error in [sent, got, await run.value].compactMap(\.self) { check(error, broker) }
        #expect(begin.duration(to: .now) < patience + .seconds(60), "It did not end.")
    }

    /// An error is of ours, says where, and keeps the secret.
    private func check(_ error: any Error, _ broker: HostileBroker) {
        guard let error = error as? TransportError else {
            Issue.record("An error of another type: \(error)")
            return
        }
        #expect(error.message.contains("\(broker.port)"), "\(error)")
        #expect(!"\(error)".contains(Self.password), "\(error)")
    }

    private func transport(at broker: HostileBroker, _ patience: Duration) throws -> Transport {
        let url = try TransportURL("rabbit://user:\(Self.password)@127.0.0.1:\(broker.port)/")
        let driver = try RabbitMQDriver(url, configuration: configuration(patience), logger: logger)
        return Transport(driver: driver, url: url, logger: logger)
    }

    /// Three messages; the error of one that failed.
    private func publish(to transport: Transport, _ patience: Duration) async -> (any Error)? {
        await withTaskGroup(of: (any Error)?.self) { group in
            for number in 1...3 {
                group.addTask {
                    do {
                        try await transport.publish(
                            Message(body: [UInt8](repeating: 7, count: number * 100)), to: .topic(Self.topic),
                            deadline: .now + patience, mandatory: true, allowsDuplicates: true)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(nil) { $0 ?? $1 }
        }
    }

    /// Takes what comes until the message that is in order has come. A message that never comes is an error too.
    private func receive(from transport: Transport, _ patience: Duration) async -> (any Error)? {
        do {
            return try await transport.withSubscription(
                to: .server(Self.topic, server: "s"),
                options: SubscriptionOptions(prefetch: 10, deadline: .now + patience)
            ) { deliveries in
                await withTaskGroup(of: (any Error)?.self) { group in
                    group.addTask {
                        do {
                            for try await delivery in deliveries {
                                try await delivery.accept()
                                if delivery.message.body == Array("good".utf8) { return nil }
                            }
                            return nil
                        } catch {
                            return error
                        }
                    }
                    group.addTask {
                        try? await Task.sleep(for: patience)
                        return TransportError(
                            .unavailable, "No good message came from \(transport.state) within \(patience).")
                    }
                    let first = await group.next() ?? nil
                    group.cancelAll()
                    return patience > .seconds(5) ? first : nil
                }
            }
        } catch {
            return error
        }
    }

    /// Publishes one message after the other until it is cancelled, and each is soon confirmed.
    private func talk(to friend: HostileBroker) async throws {
        let transport = try transport(at: friend, .seconds(20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            while !Task.isCancelled {
                do {
                    try await transport.publish(
                        Message(body: [1]), to: .topic(Self.topic),
                        deadline: .now + .seconds(60), mandatory: false, allowsDuplicates: false)
                    try await Task.sleep(for: .milliseconds(20))
                } catch  where Task.isCancelled {
                    break
                }
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// The most memory that this process has had, in bytes. Of Linux only; `getrusage` counts what was there before it.
    private static var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
    }
}
#endif
