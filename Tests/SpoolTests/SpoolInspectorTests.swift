import Foundation
import SwitchboardCore
import SwitchboardSpool
import Testing

@Suite("Inspecting a spool", .timeLimit(.minutes(5)))
struct SpoolInspectorTests {
    static let layouts = ["maildir", "segment"]

    private func inspector(_ directory: TemporaryDirectory) throws -> SpoolInspector {
        try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
    }

    @Test("It shows queues, messages and the dead, and retries and drops these", arguments: layouts)
    func deadLetters(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for text in ["a", "b", "c"] { try await transport.send(text, to: compute) }
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
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
                #expect(try await transport.take(2, from: compute) == ["c", "a"])
            }
        }
    }

    @Test("A sound spool has no findings", arguments: layouts)
    func sound(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for number in 0..<5 { try await transport.send("\(number)", to: compute) }
                _ = try await transport.take(2, from: compute, prefetch: 1)
                let inspector = try inspector(directory)
                #expect(try inspector.check(repairing: false).map(\.sentence) == [])
                inspector.close()
            }
        }
    }

    @Test("A check finds damage and repairs it")
    func damage() async throws {
        try await withDirectory { directory in
            try await withTransport(directory) { transport in
                for number in 0..<2 { try await transport.send("\(number)", to: compute) }
            }
            let new = "\(directory.spool)/queues/topic~nova~compute/new"
            let files = directory.files("queues/topic~nova~compute/new")
            try Data("no message".utf8).write(to: URL(fileURLWithPath: "\(new)/\(files[0])"))
            try Data("Reason: lost".utf8).write(to: URL(fileURLWithPath: "\(directory.spool)/dead/x.reason"))
            let inspector = try inspector(directory)
            #expect(try inspector.check(repairing: false).filter { !$0.isRepaired }.count == 2)
            let repaired = try inspector.check(repairing: true)
            #expect(repaired.count >= 2 && repaired.allSatisfy(\.isRepaired))
            #expect(try inspector.check(repairing: false).map(\.sentence) == [])
            #expect(try inspector.deadLetters().map(\.name) == [files[0]])
            #expect(await code { try inspector.retry(files[0]) } == .invalidAddress)
            inspector.close()
        }
    }

    @Test("A check finds damage in a segment and repairs it")
    func damagedSegment() async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment") { transport in
                for number in 0..<3 { try await transport.send("message \(number)", to: compute) }
            }
            let folder = "\(directory.spool)/queues/topic~nova~compute/segments"
            let name = try #require(directory.files("queues/topic~nova~compute/segments").first)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            let damaged = try #require(bytes.firstRange(of: Data("message 1".utf8)))
            bytes[damaged.lowerBound] = UInt8(ascii: "M")
            try bytes.write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            try Data("no segment, however long".utf8).write(
                to: URL(fileURLWithPath: "\(folder)/0000000000000000-1-0000000000000000.seg"))
            let inspector = try inspector(directory)
            #expect(try inspector.check(repairing: false).count == 2)
            #expect(try inspector.check(repairing: true).filter { !$0.isRepaired }.map(\.sentence) == [])
            #expect(try inspector.check(repairing: true).filter { !$0.isRepaired }.map(\.sentence) == [])
            #expect(try inspector.check(repairing: false).map(\.sentence) == [])
            #expect(try inspector.deadLetterNames().count == 2)
            inspector.close()
            try await withTransport(directory) { transport in
                let taken = try await transport.take(2, from: compute)
                #expect(taken == ["message 0", "message 2"])
            }
        }
    }

    @Test("What waits can be dropped, once; what is claimed cannot", arguments: layouts)
    func dropping(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for number in 0..<3 { try await transport.send("\(number)", to: compute) }
                let inspector = try inspector(directory)
                let names = try inspector.messages(in: "topic~nova~compute").map(\.name)
                try #require(names.count == 3)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    let held = try #require(try await iterator.next())
                    let queue = try #require(try inspector.queues().first)
                    #expect((queue.waiting, queue.claimed) == (2, 1))
                    #expect(try inspector.messages(in: queue.name).map(\.name) == Array(names.dropFirst()))
                    #expect(try inspector.message(named: names[1])?.message?.body == Array("1".utf8))
                    #expect(await code { try inspector.drop(names[0]) } == .invalidAddress)
                    try inspector.drop(names[1])
                    #expect(await code { try inspector.drop(names[1]) } == .invalidAddress)
                    inspector.close()
                    try await held.accept()
                    let last = try #require(try await iterator.next())
                    #expect(last.text == "2")
                    try await last.accept()
                }
            }
        }
    }

    @Test("Counting a queue takes no lock that a consumer could miss")
    func countingDisturbsNobody() async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment&rescan_seconds=3600") { transport in
                try await transport.send("first", to: compute)
                let inspector = try inspector(directory)
                async let taken = transport.take(300, from: compute, prefetch: 3)
                for number in 1..<300 {
                    try await transport.send("\(number)", to: compute)
                    if number % 10 == 0 { _ = try inspector.queues() }
                }
                #expect(try await taken.count == 300)
                inspector.close()
            }
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
            try await withTransport(directory, "layout=\(layout)") { transport in
                for number in 0..<50 { try await transport.send("\(number)", to: compute) }
                try await transport.send("event", to: info)
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
                try await withTransport(other) { transport in
                    let calls = try await transport.take(50, from: compute)
                    let events = try await transport.take(1, from: info)
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

    @Test("Forwarding ends although messages have expired, are damaged or are somebody else's", arguments: layouts)
    func forwardingWhatIsLeft(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                try await transport.send("held", to: compute)
                try await transport.send("gone", to: compute, timeToLive: .zero)
                try await transport.send("short", to: compute, timeToLive: .seconds(600))
                for number in 0..<20 { try await transport.send("\(number)", to: compute) }
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    _ = try #require(try await iterator.next())
                    try await withDirectory { other in
                        let transport = try Transport(
                            TransportURL("spool://\(other.spool)?durability=none"), drivers: DriverRegistry(.spool()),
                            logger: quiet)
                        let running = Task { try await transport.run() }
                        var forwarder = SpoolForwarder(
                            from: SpoolConfiguration(directory: directory.spool), logger: quiet)
                        forwarder.concurrency = 4
                        let progress = try await forwarder.run(to: transport)
                        #expect(progress.forwarded == 21)
                        running.cancel()
                        try await running.value
                        try await withTransport(other) { transport in
                            let options = SubscriptionOptions()
                            try await transport.withSubscription(to: compute, options: options) { deliveries in
                                var iterator = deliveries.makeAsyncIterator()
                                var texts: Set<String> = []
                                for _ in 0..<21 {
                                    let delivery = try #require(try await iterator.next())
                                    texts.insert(delivery.text)
                                    // What is left of its life, not a new one.
                                    if delivery.text == "short" {
                                        let life = try #require(delivery.message.timeToLive)
                                        #expect(life < .seconds(600))
                                    }
                                }
                                #expect(texts == Set((0..<20).map { "\($0)" } + ["short"]))
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("What the other side does not take stays", arguments: layouts)
    func forwardingFails(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { try await $0.send("keep", to: compute) }
            let transport = try Transport(
                TransportURL("spool://\(directory.path)/not/there"), drivers: DriverRegistry(.spool()), logger: quiet)
            let running = Task { try await transport.run() }
            let forwarder = SpoolForwarder(from: SpoolConfiguration(directory: directory.spool), logger: quiet)
            #expect(await code { try await forwarder.run(to: transport) } == .refused)
            _ = await running.result
            try await withTransport(directory) { transport in
                let taken = try await transport.take(1, from: compute)
                #expect(taken == ["keep"])
            }
        }
    }
}
