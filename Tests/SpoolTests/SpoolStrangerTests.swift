import Foundation
import Glibc
import Logging
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

/// A message that cannot be taken disturbs no other, and no subscription.
@Suite("Strange files in a spool", .timeLimit(.minutes(2)))
struct SpoolStrangerTests {
    private static let name = "0199f1c2a3b40001-0000005e"

    /// What lies in the queue: its name, and how it is made.
    enum Stranger: String, CaseIterable, CustomTestStringConvertible {
        case text, empty, fifo, directory, fullDirectory, link, linkToNothing, linkToDevice, socket, unreadable
        case tooLarge, wrongSize, hugeSize, hugeAttempt, hugeExpiry, zeros, capitals, longName, lines, badText, hidden

        var testDescription: String { rawValue }

        /// For the layout maildir.
        var fileName: String {
            switch self {
            case .text: "notes.txt"
            case .tooLarge: "\(name),s=\(64 << 20),a=0"
            case .wrongSize: "\(name),s=7,a=0"
            case .hugeSize: "\(name),s=9223372036854775807,a=0"
            case .hugeAttempt: "\(name),s=5,a=18446744073709551615"
            case .hugeExpiry: "\(name),s=5,a=0,x=ffffffffffffffff"
            case .zeros: "\(name),s=0000000005,a=0"
            case .capitals: "0199F1C2A3B40001-0000005E,s=5,a=0"
            case .longName: String(repeating: "n", count: 255)
            case .lines: "a\nb\u{1B}[2J"
            case .hidden: ".hidden"
            default: "\(name),s=5,a=0"
            }
        }

        /// Makes it elsewhere, and moves it there whole: whoever takes it away may be quick.
        func make(at path: String) throws {
            let made = "\(NSTemporaryDirectory())spool-stranger-\(UUID().uuidString)"
            try makeWhole(at: made)
            try #require(rename(made, path) == 0)
        }

        private func makeWhole(at path: String) throws {
            switch self {
            case .fifo: try #require(mkfifo(path, 0o600) == 0)
            case .directory: try #require(mkdir(path, 0o700) == 0)
            case .fullDirectory:
                try #require(mkdir(path, 0o700) == 0)
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path)/x"))
            case .link: try #require(symlink("/etc/passwd", path) == 0)
            case .linkToNothing: try #require(symlink("/nowhere/at/all", path) == 0)
            case .linkToDevice: try #require(symlink("/dev/zero", path) == 0)
            case .socket: try #require(mknod(path, S_IFSOCK | 0o600, 0) == 0)
            case .tooLarge:
                try Data().write(to: URL(fileURLWithPath: path))
                try #require(truncate(path, 64 << 20) == 0)
            case .empty: try Data().write(to: URL(fileURLWithPath: path))
            default:
                try Data("hello".utf8).write(to: URL(fileURLWithPath: path))
                if self == .unreadable { try #require(chmod(path, 0) == 0) }
            }
        }
    }

    @Test("In new/ they go to dead/, or stay, and all messages are delivered", arguments: Stranger.allCases)
    func files(stranger: Stranger) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "rescan_seconds=1&max_message_bytes=1000000") { transport in
                try await transport.send("before", to: compute)
                let new = "\(directory.spool)/queues/topic~nova~compute/new"
                try plant(stranger, in: new)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    #expect(try await deliveries.take(1) == ["before"])
                    // And one that comes while there is a subscription.
                    try plant(stranger, in: new)
                    try await transport.send("after", to: compute)
                    #expect(try await deliveries.take(1) == ["after"])
                    if stranger == .badText { return }
                    try await eventually("the files lie in dead/") {
                        directory.files("queues/topic~nova~compute/new").isEmpty
                            && directory.files("queues/topic~nova~compute/claimed").isEmpty
                    }
                    #expect(directory.files("dead").contains { $0.hasSuffix(".reason") })
                }
            }
            var configuration = SpoolConfiguration(directory: directory.spool)
            configuration.maximumMessageBytes = 1_000_000
            let inspector = try SpoolInspector(configuration, logger: quiet)
            _ = try inspector.queues()
            _ = try inspector.deadLetters()
            _ = try inspector.check(repairing: true)
            for letter in try inspector.deadLetterNames() {
                #expect(await code { try inspector.retry(letter) } != nil)
                try inspector.drop(letter)
            }
            #expect(try inspector.deadLetterNames().isEmpty)
            inspector.close()
        }
    }

    private func plant(_ stranger: Stranger, in folder: String) throws {
        if stranger == .badText {
            let path = Array(folder.utf8) + [UInt8(ascii: "/"), 0xFF, 0xFE, 0]
            let descriptor = path.withUnsafeBytes {
                open($0.assumingMemoryBound(to: CChar.self).baseAddress!, O_CREAT, 0o600)
            }
            try #require(descriptor >= 0)
            close(descriptor)
        } else {
            try stranger.make(at: "\(folder)/\(stranger.fileName)")
        }
    }

    @Test("In segments/ they go to dead/, and all messages are delivered", arguments: Stranger.allCases)
    func segments(stranger: Stranger) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment&rescan_seconds=1&max_message_bytes=1000000") {
                transport in
                try await transport.send("before", to: compute)
                let folder = "\(directory.spool)/queues/topic~nova~compute/segments"
                // One of a process that is dead, one of nobody that can be told.
                try stranger.make(at: "\(folder)/0000000000000001-1-0000000000000001.seg")
                if stranger != .badText, stranger != .longName {
                    try stranger.make(at: "\(folder)/\(stranger.fileName)")
                }
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    #expect(try await deliveries.take(1) == ["before"])
                    try stranger.make(at: "\(folder)/ffffffffffffffff-1-0000000000000001.seg")
                    try await transport.send("after", to: compute)
                    #expect(try await deliveries.take(1) == ["after"])
                    try await eventually("the files lie in dead/") {
                        directory.files("dead").count { $0.hasSuffix(".seg") } == 2
                    }
                }
                let inspector = try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
                _ = try inspector.queues()
                _ = try inspector.check(repairing: true)
                inspector.close()
            }
        }
    }

    @Test("Beside the queues they keep no spool from opening", arguments: SpoolFaultTests.layouts)
    func elsewhere(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { try await $0.send("before", to: compute) }
            for folder in ["owners", "queues", "bindings", "tmp", "dead", "queues/topic~nova~compute/consumers"] {
                for stranger in [
                    Stranger.text, .fifo, .directory, .fullDirectory, .link, .linkToNothing, .socket, .lines,
                ] {
                    try stranger.make(at: "\(directory.spool)/\(folder)/\(stranger.rawValue)\(stranger.fileName)@")
                }
            }
            for (index, stranger) in [Stranger.text, .link, .linkToNothing, .fifo, .fullDirectory].enumerated() {
                try stranger.make(at: "\(directory.spool)/queues/topic~nova~other\(index)")
                try stranger.make(at: "\(directory.spool)/owners/\(index + 1)-0000000000000001")
            }
            try await withTransport(directory, "layout=\(layout)&rescan_seconds=1") { transport in
                try await transport.send("after", to: compute)
                #expect(try await transport.take(2, from: compute) == ["before", "after"])
                let inspector = try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
                #expect(try inspector.queues().contains { $0.name == "topic~nova~compute" })
                #expect(try !inspector.check(repairing: true).isEmpty)
                inspector.close()
            }
        }
    }

    @Test("Sizes in names add up to no more than there is room for")
    func sums() async throws {
        try await withDirectory { directory in
            try await withTransport(directory) { try await $0.send("x", to: compute) }
            let folder = "\(directory.spool)/queues/topic~nova~compute/claimed"
            for index in 0..<20 {
                let name = "0199f1c2a3b4000\(index % 10)-000000\(index / 10)e,s=\(1 << 40),a=0@1-0000000000000001"
                try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            let inspector = try SpoolInspector(SpoolConfiguration(directory: directory.spool), logger: quiet)
            #expect(try inspector.queues().first?.claimed == 20)
            _ = try inspector.check(repairing: true)
            inspector.close()
            var count = QueueCount()
            for _ in 0..<3 { count.add(.max) }
            #expect(count.bytes == .max)
        }
    }

    @Test("A message over the limit is refused before anything is written", arguments: SpoolFaultTests.layouts)
    func tooLarge(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&max_message_bytes=1000") { transport in
                #expect(
                    await code { try await transport.send(String(repeating: "x", count: 1000), to: compute) }
                        == .messageTooLarge)
                try await transport.send("small", to: compute)
                #expect(try await transport.take(1, from: compute) == ["small"])
            }
        }
    }
}
