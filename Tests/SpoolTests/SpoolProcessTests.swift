import Foundation
import SwitchboardCore
import SwitchboardSpool
import SwitchboardTesting
import Testing

/// Another process at a spool. It ends with the tests, however they end.
final class PeerProcess: Sendable {
    private let process: GuardedProcess
    private let lines: AsyncStream<String>
    private let seen = Locked<[String]>([])

    /// The program beside the tests.
    static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("SpoolPeer").path

    convenience init(_ arguments: String...) throws {
        try self.init(arguments)
    }

    init(_ arguments: [String]) throws {
        process = try GuardedProcess(
            [Self.executable] + arguments, environment: ProcessInfo.processInfo.environment,
            streams: .connected(errors: "/dev/null"))
        close(process.input)
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let output = process.output
        // Reading blocks, so it has a thread of its own.
        startThread {
            var rest: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while case let count = read(output, &buffer, buffer.count), count > 0 {
                rest += buffer[..<count]
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeSubrange(...end)
                }
            }
            close(output)
            continuation.finish()
        }
    }

    /// Waits for a line that begins like this.
    @discardableResult
    func wait(for prefix: String) async throws -> String {
        for await line in lines {
            seen.withLock { $0.append(line) }
            if line.hasPrefix(prefix) { return line }
        }
        Issue.record("The peer ended without \"\(prefix)\"; it said \(seen.withLock { $0 }).")
        throw PeerEnded()
    }

    /// Everything that it says until it ends.
    func remainder() async -> [String] {
        for await line in lines { seen.withLock { $0.append(line) } }
        return seen.withLock { $0 }
    }

    func kill() {
        process.signal(SIGKILL)
    }

    struct PeerEnded: Error {}
}

@Suite("A spool of several processes", .timeLimit(.minutes(10)))
struct SpoolProcessTests {
    static let layouts = ["maildir", "segment"]
    let work = Address.topic(Topic("work"))

    @Test("What a killed process held goes to another at once, marked", arguments: layouts)
    func killedConsumer(layout: String) async throws {
        try await withDirectory { directory in
            let options = "layout=\(layout)&rescan_seconds=3600"
            try await withTransport(directory, options) { transport in
                for number in 0..<3 { try await transport.send("\(number)", to: work) }
                let peer = try PeerProcess("hold", "spool://\(directory.spool)?\(options)", "prefetch=3")
                for number in 0..<3 { try await peer.wait(for: "got \(number)") }
                try await transport.withSubscription(to: work, options: SubscriptionOptions()) { deliveries in
                    try await transport.send("3", to: work)
                    var iterator = deliveries.makeAsyncIterator()
                    let mine = try #require(try await iterator.next())
                    #expect(mine.text == "3")
                    #expect(!mine.isRedelivered)
                    let start = ContinuousClock.now
                    peer.kill()
                    for number in 0..<3 {
                        let delivery = try #require(try await iterator.next())
                        #expect(delivery.text == "\(number)")
                        #expect(delivery.isRedelivered)
                        #expect(delivery.attempt == 2)
                        try await delivery.accept()
                    }
                    // The rescan timer is an hour away: the kernel told us.
                    #expect(ContinuousClock.now - start < .seconds(60))
                    try await mine.accept()
                }
            }
            #expect(directory.files("owners").isEmpty)
        }
    }

    @Test("Competing processes get each message once", arguments: layouts)
    func competingProcesses(layout: String) async throws {
        try await withDirectory { directory in
            let url = "spool://\(directory.spool)?layout=\(layout)&durability=none"
            let consumers = try (0..<3).map { _ in
                try PeerProcess("accept", url, "count=100000", "prefetch=5", "seconds=60")
            }
            for consumer in consumers { try await consumer.wait(for: "ready") }
            let publishers = try (0..<2).map {
                try PeerProcess("publish", url, "count=150", "prefix=p\($0).", "seconds=60")
            }
            for publisher in publishers {
                let said = await publisher.remainder()
                #expect(said.count { $0.hasPrefix("accepted") } == 150)
            }
            try await withTransport(directory) { transport in
                // One for each consumer, published last and taken last.
                for _ in consumers { try await transport.send("stop", to: work) }
            }
            var got: [String] = []
            for consumer in consumers {
                let settled = await consumer.remainder().filter { $0.hasPrefix("settled") }
                got += settled.map { String($0.dropFirst(8)) }.filter { $0 != "stop" }
            }
            #expect(got.count == 300)
            #expect(Set(got).count == 300)
        }
    }

    @Test("A publisher that is killed loses nothing that it was told is there", arguments: layouts)
    func killedPublisher(layout: String) async throws {
        try await withDirectory { directory in
            let peer = try PeerProcess(
                "publish", "spool://\(directory.spool)?layout=\(layout)", "count=100000")
            try await peer.wait(for: "accepted m40")
            peer.kill()
            let accepted = await peer.remainder().filter { $0.hasPrefix("accepted") }.map { String($0.dropFirst(9)) }
            try await withTransport(directory) { transport in
                try await transport.send("stop", to: work)
                let taken = try await transport.withSubscription(to: work, options: SubscriptionOptions()) {
                    deliveries in
                    var taken: [String] = []
                    for try await delivery in deliveries {
                        try await delivery.accept()
                        if delivery.text == "stop" { break }
                        taken.append(delivery.text.trimmingCharacters(in: .whitespaces))
                    }
                    return taken
                }
                #expect(Array(taken.prefix(accepted.count)) == accepted)
                #expect(taken.count <= accepted.count + 1)
            }
        }
    }

    /// Some of the points; all of them: `swift run SpoolPeer matrix DIRECTORY`.
    @Test(
        "Killed or failing at any system call, nothing accepted is lost and the next start cleans up",
        arguments: [
            ["kill", "every=5"], ["EIO", "ENOSPC", "short", "every=23"],
            ["kill", "publish", "accept", "every=4", "unsynced"],
        ])
    func faultsEverywhere(choices: [String]) async throws {
        try await withDirectory { directory in
            let peer = try PeerProcess(["matrix", directory.path] + choices)
            let said = await peer.remainder()
            #expect(said.last == "Nothing accepted was lost at any point.", "\(said.joined(separator: "\n"))")
        }
    }
}
