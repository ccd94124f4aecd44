import Foundation
import Glibc
import Logging
import SpoolPeer
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

/// What goes wrong on a disk and in a directory.
@Suite("A spool in trouble", .timeLimit(.minutes(5)))
struct SpoolFaultTests {
    static let layouts = ["maildir", "segment"]

    @Test("After a failed fsync the message is written anew, to another file", arguments: layouts)
    func oneFailedSync(layout: String) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&durability=full", operations: faults) { transport in
                try await transport.send("first", to: compute)
                faults.arm(at: 1, .fail(EIO), only: "sync")
                try await transport.send("second", to: compute)
                #expect(faults.calls.count >= 2)
                faults.disarm()
                #expect(try await transport.take(2, from: compute) == ["first", "second"])
                #expect(transport.state == .ready)
            }
        }
    }

    @Test("A publish returns after its syncs: the file before its name, the directory after", arguments: layouts)
    func orderOfSyncs(layout: String) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&durability=full", operations: faults) { transport in
                try await transport.send("first", to: compute)
                faults.arm(at: nil, .kill)
                try await transport.send("second", to: compute)
                let calls = faults.calls.filter { ["write", "sync", "rename"].contains($0) }
                // The last write of a segment tells its readers how far they may read.
                #expect(
                    calls == (layout == "maildir" ? ["write", "sync", "rename", "sync"] : ["write", "sync", "write"]))
                faults.disarm()
            }
        }
    }

    @Test("A sync that fails on a full disk is not tried again on the same file", arguments: layouts)
    func fullDiskAtSync(layout: String) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&durability=full", operations: faults) { transport in
                try await transport.send("first", to: compute)
                faults.arm(at: 1, .fail(ENOSPC), only: "sync")
                #expect(await code { try await transport.send("refused", to: compute) } == .exhausted)
                faults.disarm()
                try await transport.send("second", to: compute)
                if layout == "segment" {
                    let segments = directory.files("queues/topic~nova~compute/segments")
                    #expect(segments.count { $0.hasSuffix(".seg") } == 2)
                }
                #expect(try await transport.take(2, from: compute) == ["first", "second"])
            }
        }
    }

    @Test("Repeated disk errors make the spool read-only; settling still works", arguments: layouts)
    func readOnly(layout: String) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&durability=full", operations: faults) { transport in
                try await transport.send("kept", to: compute)
                faults.arm(at: 1, .fail(EIO), only: "sync", lasting: true)
                #expect(await code { try await transport.send("lost", to: compute) } == .unavailable)
                faults.disarm()
                // The disk seems well again: it is not trusted until the next start.
                #expect(await code { try await transport.send("lost", to: compute) } == .unavailable)
                guard case .blocked = transport.state else {
                    Issue.record("The state is \(transport.state).")
                    return
                }
                #expect(try await transport.take(1, from: compute) == ["kept"])
            }
            try await withTransport(directory) { transport in
                try await transport.send("again", to: compute)
                #expect(try await transport.take(1, from: compute) == ["again"])
            }
        }
    }

    @Test("A failed sync of the directory leaves the outcome open")
    func directorySync() async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "durability=full", operations: faults) { transport in
                try await transport.send("first", to: compute)
                faults.arm(at: 2, .fail(EIO), only: "sync")
                #expect(await code { try await transport.send("second", to: compute) } == .indeterminate)
            }
        }
    }

    @Test("A full disk refuses messages and lets them be settled", arguments: layouts, [ENOSPC, EDQUOT])
    func fullDisk(layout: String, number: CInt) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)", operations: faults) { transport in
                try await transport.send("one", to: compute)
                try await transport.send("two", to: compute)
                faults.arm(at: 1, .fail(number), only: "write", lasting: layout == "maildir")
                #expect(await code { try await transport.send("three", to: compute) } == .exhausted)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    try await #require(try await iterator.next()).accept()
                    try await #require(try await iterator.next()).discard(reason: "not now")
                }
                faults.disarm()
                #expect(directory.files("dead").count(where: { !$0.hasSuffix(".reason") }) == 1)
                try await transport.send("four", to: compute)
                #expect(try await transport.take(1, from: compute) == ["four"])
            }
        }
    }

    @Test("A spool on a full disk opens and is drained", arguments: layouts)
    func opensOnFullDisk(layout: String) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for number in 0..<3 { try await transport.send("\(number)", to: compute) }
            }
            faults.arm(at: 1, .fail(ENOSPC), only: "write", lasting: layout == "maildir")
            try await withTransport(directory, "", operations: faults) { transport in
                let taken = try await transport.take(3, from: compute)
                #expect(taken == ["0", "1", "2"])
                if layout == "maildir" {
                    #expect(await code { try await transport.send("x", to: compute) } == .exhausted)
                }
            }
            faults.disarm()
        }
    }

    @Test("The reserve is kept free", arguments: layouts)
    func reserve(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&reserved_bytes=\(1 << 50)") { transport in
                do throws(TransportError) {
                    try await transport.send("x", to: compute)
                    Issue.record("It was taken.")
                } catch {
                    #expect(error.code == .exhausted)
                    #expect(error.message.contains("reserved for settling"))
                }
            }
        }
    }

    @Test("Short writes are carried on", arguments: layouts)
    func shortWrites(layout: String) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)", operations: faults) { transport in
                faults.arm(at: 1, .shortWrite, only: "write", lasting: true)
                let text = String(repeating: "long ", count: 1000)
                try await transport.send(text, to: compute)
                #expect(try await transport.take(1, from: compute) == [text])
            }
        }
    }

    @Test("Bad files go to dead/ with the reason and hold nobody up")
    func badFiles() async throws {
        try await withDirectory { directory in
            try await withTransport(directory) { transport in
                for number in 0..<4 { try await transport.send("\(number)", to: compute) }
                let new = "\(directory.spool)/queues/topic~nova~compute/new"
                let files = directory.files("queues/topic~nova~compute/new")
                try #require(files.count == 4)
                // Damaged, cut short, replaced by a link, and two that were never ours.
                var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(new)/\(files[0])"))
                bytes[bytes.count - 1] ^= 1
                try bytes.write(to: URL(fileURLWithPath: "\(new)/\(files[0])"))
                try Data(bytes.prefix(40)).write(to: URL(fileURLWithPath: "\(new)/\(files[1])"))
                try FileManager.default.removeItem(atPath: "\(new)/\(files[2])")
                try FileManager.default.createSymbolicLink(
                    atPath: "\(new)/\(files[2])", withDestinationPath: "/etc/passwd")
                try Data("hello".utf8).write(to: URL(fileURLWithPath: "\(new)/notes.txt"))
                try FileManager.default.createDirectory(atPath: "\(new)/folder", withIntermediateDirectories: false)
                #expect(try await transport.take(1, from: compute) == ["3"])
                let dead = directory.files("dead")
                #expect(dead.count == 10)
                #expect(directory.text("dead/\(files[0].replacing("a=0", with: "a=1")).reason").contains("checksum"))
                #expect(directory.text("dead/notes.txt.reason").contains("name of no message"))
            }
        }
    }

    @Test("Damage in a segment costs the damaged record alone, and a torn tail is cut")
    func damagedSegment() async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment") { transport in
                for number in 0..<5 { try await transport.send("message \(number)", to: compute) }
            }
            let folder = "queues/topic~nova~compute/segments"
            let name = try #require(directory.files(folder).first { $0.hasSuffix(".seg") })
            let path = URL(fileURLWithPath: "\(directory.spool)/\(folder)/\(name)")
            var bytes = try Data(contentsOf: path)
            let damaged = try #require(bytes.firstRange(of: Data("message 2".utf8)))
            bytes[damaged.lowerBound] = UInt8(ascii: "M")
            // As a writer leaves it that dies in the middle of a record: not closed, and its rest torn.
            bytes.replaceSubrange(..<64, with: SegmentHeader(committed: bytes.count, isSealed: false).encoded)
            bytes += Data("REC2 and then nothing".utf8)
            try bytes.write(to: path)
            try await withTransport(directory) { transport in
                let taken = try await transport.take(4, from: compute)
                #expect(taken == ["message 0", "message 1", "message 3", "message 4"])
            }
            #expect(directory.files("dead").contains { $0.hasSuffix(".bad") })
            #expect(directory.files(folder).filter { $0.hasSuffix(".seg") }.isEmpty)
        }
    }

    @Test("What was written whole after the last commit is not lost with its writer")
    func uncommittedTail() async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=segment") { transport in
                for number in 0..<3 { try await transport.send("\(number)", to: compute) }
            }
            let folder = "queues/topic~nova~compute/segments"
            let name = try #require(directory.files(folder).first { $0.hasSuffix(".seg") })
            let path = URL(fileURLWithPath: "\(directory.spool)/\(folder)/\(name)")
            var bytes = try Data(contentsOf: path)
            // The header as before the first commit: what a machine that lost its power may keep of it.
            bytes.replaceSubrange(..<64, with: SegmentHeader(committed: 64, isSealed: false).encoded)
            try bytes.write(to: path)
            try await withTransport(directory) { transport in
                let taken = try await transport.take(3, from: compute)
                #expect(taken == ["0", "1", "2"])
            }
        }
    }

    @Test("Directories that cannot be trusted are refused")
    func unsafeDirectories() async throws {
        try await withDirectory { directory in
            let files = FileManager.default
            func opening(_ path: String) async -> TransportError.Code? {
                await code {
                    try await makeTransport("spool://\(path)").run()
                }
            }
            try files.createDirectory(
                atPath: directory.spool, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            chmod(directory.spool, 0o777)
            #expect(await opening(directory.spool) == .refused)
            chmod(directory.spool, 0o700)
            try files.createSymbolicLink(atPath: directory.path + "/link", withDestinationPath: directory.spool)
            #expect(await opening(directory.path + "/link") == .refused)
            #expect(await opening(directory.path + "/not/there") == .refused)
            try files.createDirectory(atPath: directory.path + "/else", withIntermediateDirectories: false)
            try files.createSymbolicLink(
                atPath: directory.spool + "/queues", withDestinationPath: directory.path + "/else")
            #expect(await opening(directory.spool) == .refused)
            try Data("switchboard-spool 9 stone\n".utf8).write(
                to: URL(fileURLWithPath: directory.path + "/else/FORMAT"))
            chmod(directory.path + "/else", 0o700)
            #expect(await opening(directory.path + "/else") == .conflict)
        }
    }

    @Test("Two long names that share a directory's name do not share a queue")
    func collidingNames() async throws {
        let one = Address.topic(Topic(String(repeating: "x", count: 250), exchange: "nova"))
        try await withDirectory { directory in
            try await withTransport(directory) { try await $0.send("mine", to: one) }
            let folder = try #require(directory.files("queues").first)
            // As if the hash of another name were the same.
            let address = "\(directory.spool)/queues/\(folder)/address"
            try Data("topic~nova~\(String(repeating: "x", count: 251))\n".utf8).write(to: URL(fileURLWithPath: address))
            try await withTransport(directory) { transport in
                #expect(await code { try await transport.send("x", to: one) } == .refused)
            }
        }
    }

    @Test("A new spool is for its owner alone")
    func permissions() async throws {
        try await withDirectory { directory in
            try await withTransport(directory) { transport in
                try await transport.send("x", to: compute)
                for item in ["", "queues/topic~nova~compute", "queues/topic~nova~compute/new", "dead", "owners"] {
                    var status = stat()
                    #expect(stat("\(directory.spool)/\(item)", &status) == 0)
                    #expect(status.st_mode & 0o777 == 0o700, "\(item)")
                }
                let file = try #require(directory.files("queues/topic~nova~compute/new").first)
                var status = stat()
                #expect(stat("\(directory.spool)/queues/topic~nova~compute/new/\(file)", &status) == 0)
                #expect(status.st_mode & 0o777 == 0o600)
            }
        }
    }

    @Test(
        "Names from the wire stay inside", arguments: layouts,
        ["..", "../../etc", "/etc/passwd", ".", "a\nb", "%", "~", "ü", String(repeating: "/", count: 255)])
    func names(layout: String, name: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for address in [
                    Address.topic(Topic(name, exchange: name)), .server(Topic("t"), server: String(name.prefix(250))),
                    .notifications(Topic(name)),
                ] {
                    try await transport.send(name, to: address)
                    #expect(try await transport.take(1, from: address) == [name])
                }
                #expect(directory.files("queues").count == 3)
                #expect(directory.files("..") == ["spool"])
            }
        }
    }
}
