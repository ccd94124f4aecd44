import Foundation
import SwitchboardCore
import SwitchboardSpool
import Testing

@Suite("Inspecting a spool", .timeLimit(.minutes(1)))
struct SpoolInspectorTests {
    static let layouts = ["maildir", "segment"]

    private func inspector(_ directory: TemporaryDirectory) throws -> SpoolInspector {
        try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
    }

    @Test("It shows queues, messages and the dead, and retries and drops these", arguments: layouts)
    func deadLetters(layout: String) async throws {
        try await withDirectory { directory in
            try await withDriver(directory, "layout=\(layout)") { driver in
                for text in ["a", "b", "c"] { try await driver.send(text, to: compute) }
                try await driver.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    for _ in 0..<2 { try await #require(try await iterator.next()).discard(reason: "odd") }
                }
                let inspector = try inspector(directory)
                let queue = try #require(try inspector.queues().first)
                #expect(queue.name == "topic~nova~compute")
                #expect(queue.address == compute)
                #expect(queue.waiting == 1)
                #expect(queue.isDeclared)
                #expect(try inspector.messages(in: queue.name).map { $0.message?.body } == [Array("c".utf8)])
                let dead = try inspector.deadLetters()
                #expect(dead.map { $0.message?.body } == [Array("a".utf8), Array("b".utf8)])
                #expect(dead.allSatisfy { $0.reason == "odd" && $0.queue == queue.name })
                #expect(try inspector.message(named: dead[0].name)?.reason == "odd")
                try inspector.retry(dead[0].name)
                try inspector.drop(dead[1].name)
                #expect(try inspector.deadLetters().isEmpty)
                for name in ["nothing", "../FORMAT", ".."] {
                    #expect(await code { try inspector.drop(name) } == .invalidAddress)
                }
                inspector.close()
                #expect(directory.files("dead").isEmpty)
                #expect(try await driver.take(2, from: compute) == ["c", "a"])
            }
        }
    }

    @Test("A sound spool has no findings", arguments: layouts)
    func sound(layout: String) async throws {
        try await withDirectory { directory in
            try await withDriver(directory, "layout=\(layout)") { driver in
                for number in 0..<5 { try await driver.send("\(number)", to: compute) }
                _ = try await driver.take(2, from: compute, prefetch: 1)
                let inspector = try inspector(directory)
                #expect(try inspector.check(repairing: false).map(\.sentence) == [])
                inspector.close()
            }
        }
    }

    @Test("A check finds damage and repairs it")
    func damage() async throws {
        try await withDirectory { directory in
            try await withDriver(directory) { driver in
                for number in 0..<2 { try await driver.send("\(number)", to: compute) }
            }
            let new = "\(directory.spool)/queues/topic~nova~compute/new"
            let files = directory.files("queues/topic~nova~compute/new")
            try Data("no message".utf8).write(to: URL(fileURLWithPath: "\(new)/\(files[0])"))
            try Data("Reason: lost".utf8).write(to: URL(fileURLWithPath: "\(directory.spool)/dead/x.reason"))
            let inspector = try inspector(directory)
            #expect(try inspector.check(repairing: false).filter { !$0.isRepaired }.count == 2)
            #expect(try inspector.check(repairing: true).allSatisfy(\.isRepaired))
            #expect(try inspector.check(repairing: false).map(\.sentence) == [])
            #expect(try inspector.deadLetters().map(\.name) == [files[0]])
            #expect(await code { try inspector.retry(files[0]) } == .invalidAddress)
            inspector.close()
        }
    }

    @Test("There must be a spool to inspect; none is made")
    func noSpool() async throws {
        try await withDirectory { directory in
            #expect(await code { _ = try inspector(directory) } == .refused)
            #expect(directory.files("..") == [])
        }
    }

    @Test("Forwarding drains topics, servers and notifications into another spool, in order", arguments: layouts)
    func forwarding(layout: String) async throws {
        try await withDirectory { directory in
            let info = Address.notifications(Topic("notifications.info"))
            try await withDriver(directory, "layout=\(layout)") { driver in
                for number in 0..<50 { try await driver.send("\(number)", to: compute) }
                try await driver.send("event", to: info)
            }
            try await withDirectory { other in
                let transport = try Transport(
                    TransportURL("spool://\(other.spool)?durability=none"), drivers: DriverRegistry(.spool()),
                    logger: quiet)
                let reports = Locked<[SpoolForwarder.Progress]>([])
                let running = Task { try await transport.run() }
                let forwarder = SpoolForwarder(
                    from: SpoolConfiguration(directory: directory.spool), logger: quiet)
                let progress = try await forwarder.run(to: transport) { progress in
                    reports.withLock { $0.append(progress) }
                }
                running.cancel()
                try await running.value
                #expect(progress.forwarded == 51)
                #expect(progress.total == 51)
                #expect(reports.withLock { $0.map(\.forwarded) } == Array(0...51))
                try await withDriver(other) { driver in
                    let calls = try await driver.take(50, from: compute)
                    let events = try await driver.take(1, from: info)
                    #expect(calls == (0..<50).map { "\($0)" })
                    #expect(events == ["event"])
                }
                // There is nothing left to forward.
                let inspector = try inspector(directory)
                #expect(try inspector.queues().map(\.waiting) == [0, 0])
                inspector.close()
            }
        }
    }

    @Test("What the other side does not take stays", arguments: layouts)
    func forwardingFails(layout: String) async throws {
        try await withDirectory { directory in
            try await withDriver(directory, "layout=\(layout)") { try await $0.send("keep", to: compute) }
            let transport = try Transport(
                TransportURL("spool://\(directory.path)/not/there"), drivers: DriverRegistry(.spool()), logger: quiet)
            let running = Task { try await transport.run() }
            let forwarder = SpoolForwarder(from: SpoolConfiguration(directory: directory.spool), logger: quiet)
            #expect(await code { try await forwarder.run(to: transport) } == .refused)
            _ = await running.result
            try await withDriver(directory) { driver in
                let taken = try await driver.take(1, from: compute)
                #expect(taken == ["keep"])
            }
        }
    }
}
