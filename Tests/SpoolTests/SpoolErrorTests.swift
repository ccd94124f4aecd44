import Foundation
import Glibc
import Logging
import SpoolPeer
import SwitchboardCore
import Testing

@testable import SwitchboardSpool

/// Errors say what the system said, where, and what helps against that.
@Suite("Errors of a spool", .timeLimit(.minutes(5)))
struct SpoolErrorTests {
    @Test("Each number has its own sentence, with the path", arguments: CInt(1)...133)
    func sentences(number: CInt) {
        let error = FileError("open /var/spool/x", number).transportError("The spool cannot be opened", at: "/tmp")
        #expect(error.message.hasPrefix("The spool cannot be opened: open /var/spool/x"))
        if number != ESTALE { #expect(error.message.contains(String(cString: strerror(number)))) }
        #expect((error.code == .exhausted) == (number == ENOSPC || number == EDQUOT))
        for (word, numbers) in [
            ("disk is full", [ENOSPC]), ("inode", [ENOSPC]), ("quota", [EDQUOT]), ("ulimit", [EMFILE]),
            ("fs.file-max", [ENFILE]), ("mounted read-only", [EROFS]), ("shorter", [ENAMETOOLONG]),
            ("permissions", [EACCES, EPERM]), ("disk failed", [EIO]),
        ] where !numbers.contains(number) {
            #expect(!error.message.contains(word), "\(error.message)")
        }
    }

    @Test("A file system without inodes is told from one without bytes")
    func inodes() {
        var status = statvfs()
        status.f_frsize = 4096
        status.f_bavail = 1 << 20
        status.f_files = 60
        #expect(FreeSpace(status).shortage.contains("No inodes are left"))
        status.f_favail = 30
        #expect(!FreeSpace(status).shortage.contains("full"))
        status.f_bavail = 0
        #expect(FreeSpace(status).shortage.contains("disk is full"))
        // File systems that make inodes as they need them have none to count.
        (status.f_files, status.f_favail) = (0, 0)
        #expect(FreeSpace(status).inodes == nil)
        (status.f_bavail, status.f_frsize) = (.max, .max)
        _ = FreeSpace(status).shortage
    }

    @Test(
        "A publish that fails says what the system said", arguments: SpoolFaultTests.layouts,
        [ENOSPC, EDQUOT, EMFILE, ENFILE, EROFS, ENAMETOOLONG, EACCES, ENOMEM])
    func publishing(layout: String, number: CInt) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)", operations: faults) { transport in
                try await transport.send("first", to: compute)
                for call in ["open", "rename"] {
                    faults.arm(at: 1, .fail(number), only: call, lasting: true)
                    do throws(TransportError) {
                        try await transport.send("x", to: .topic(Topic("new-\(call)")))
                        Issue.record("It was taken.")
                    } catch {
                        #expect(error.message.contains(String(cString: strerror(number))), "\(error.message)")
                        #expect(error.message.contains(directory.spool), "\(error.message)")
                        #expect(!error.message.contains("disk is full") || number == ENOSPC, "\(error.message)")
                    }
                    faults.disarm()
                }
            }
        }
    }

    @Test("A spool that cannot be opened says why", arguments: [EMFILE, ENFILE, EROFS, EDQUOT, ENOSPC, EACCES])
    func opening(number: CInt) async throws {
        let faults = FaultInjection()
        try await withDirectory { directory in
            try await withTransport(directory) { try await $0.send("x", to: compute) }
            faults.arm(at: 3, .fail(number), only: "open", lasting: true)
            let transport = try makeTransport("spool://\(directory.spool)", operations: faults)
            let error = await #expect(throws: TransportError.self) { try await transport.run() }
            #expect(error?.message.contains(String(cString: strerror(number))) == true)
            #expect(error?.message.contains(directory.spool) == true)
            faults.disarm()
        }
    }

    @Test(
        "Looking at a spool writes nothing, so it works where nothing can be written",
        arguments: SpoolFaultTests.layouts)
    func readOnly(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for number in 0..<3 { try await transport.send("\(number)", to: compute) }
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    try await #require(try await iterator.next()).discard(reason: "odd")
                }
                try FileManager.default.removeItem(atPath: "\(directory.spool)/queues/topic~nova~compute/usage")
                let inspector = try SpoolInspector(
                    SpoolConfiguration(directory: directory.spool), operations: ReadOnlyFileSystem(), logger: quiet)
                let queue = try #require(try inspector.queues().first)
                #expect((queue.name, queue.waiting) == ("topic~nova~compute", 2))
                let messages = try inspector.messages(in: queue.name)
                #expect(messages.map { $0.message?.body } == [Array("1".utf8), Array("2".utf8)])
                #expect(try inspector.message(named: messages[0].name)?.message != nil)
                let letter = try #require(try inspector.deadLetters().first)
                #expect(letter.reason == "odd")
                _ = try inspector.check(repairing: false)
                let error = #expect(throws: TransportError.self) { try inspector.retry(letter.name) }
                #expect(error?.code == .refused)
                #expect(error?.message.contains("Read-only file system") == true)
                inspector.close()
            }
        }
    }
}

/// A file system that is mounted read-only.
private struct ReadOnlyFileSystem: FileOperations {
    private let real = SystemFileOperations()

    func open(_ directory: CInt, _ path: String, flags: CInt, mode: mode_t) -> CInt {
        flags & (O_WRONLY | O_RDWR | O_CREAT) != 0 ? -EROFS : real.open(directory, path, flags: flags, mode: mode)
    }
    func close(_ descriptor: CInt) -> CInt { real.close(descriptor) }
    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int { -Int(EBADF) }
    func read(_ descriptor: CInt, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        real.read(descriptor, bytes, at: offset)
    }
    func synchronize(_ descriptor: CInt, dataOnly: Bool) -> CInt { -EROFS }
    func rename(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt { -EROFS }
    func link(_ directory: CInt, _ name: String, to target: CInt, _ newName: String) -> CInt { -EROFS }
    func unlink(_ directory: CInt, _ name: String, isDirectory: Bool) -> CInt { -EROFS }
    func makeDirectory(_ directory: CInt, _ name: String, mode: mode_t) -> CInt {
        var status = stat()
        return real.status(directory, name, &status) == 0 ? -EEXIST : -EROFS
    }
    func truncate(_ descriptor: CInt, to length: Int) -> CInt { -EBADF }
    func allocate(_ descriptor: CInt, length: Int) -> CInt { -EBADF }
    func status(_ directory: CInt, _ path: String, _ status: inout stat) -> CInt {
        real.status(directory, path, &status)
    }
    func freeSpace(_ descriptor: CInt, _ status: inout statvfs) -> CInt { real.freeSpace(descriptor, &status) }
    func lockWhole(_ descriptor: CInt) -> CInt { real.lockWhole(descriptor) }
    func lockByte(_ descriptor: CInt, at offset: Int, locked: Bool) -> CInt { -EBADF }
    func testByte(_ descriptor: CInt, at offset: Int) -> CInt { real.testByte(descriptor, at: offset) }
}
