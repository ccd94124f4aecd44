internal import Glibc

/// A process's (more exactly: a driver's) presence in a spool: a file that it keeps locked for life.
///
/// The lock goes with the process, whatever ends it, so whoever can take it knows that the owner is dead. Age never
/// counts: a slow owner is not robbed.
package struct Owner: Sendable {
    /// `<pid>-<16 hexadecimal digits>`: unique for ever, so that a recycled pid means nothing.
    package let name: String
    /// What tells this owner's messages from another's in their names.
    package let tag: UInt32

    /// `nil` for one who only looks, and is not in the spool.
    private let presence: (file: OpenFile, directory: Directory)?

    /// Who only looks, and leaves no trace.
    package static let onlooker = Owner(name: "nobody", tag: 0, presence: nil)

    /// Makes and locks the file, then gives it its name: no one ever sees it unlocked.
    package static func register(in directory: Directory, temporary: Directory) throws(FileError) -> Owner {
        for _ in 0..<8 {
            do throws(FileError) {
                return try registerOnce(in: directory, temporary: temporary)
            } catch  where error.isNotFound || error.isHeldElsewhere {
                // A reaper found the file between its making and its locking, and took it for litter.
                continue
            }
        }
        return try registerOnce(in: directory, temporary: temporary)
    }

    private static func registerOnce(
        in directory: Directory, temporary: Directory
    ) throws(FileError) -> Owner {
        let random = UInt64.random(in: .min ... .max)
        let name = "\(getpid())-\(hexadecimal(random, 16))"
        let file = try temporary.file("owner@\(name)", flags: O_WRONLY | O_CREAT | O_EXCL)
        do throws(FileError) {
            try file.operations.lockWhole(file.descriptor).checked("lock \(file.path)")
            do throws(FileError) {
                try file.write(Array(description.utf8), at: 0)
            } catch  where error.isDiskFull {
                // A spool on a full disk must open, so that it can be drained; the lock says all that matters.
            }
            try temporary.rename("owner@\(name)", to: directory, as: name)
        } catch {
            file.closeQuietly()
            try? temporary.unlink("owner@\(name)")
            throw error
        }
        return Owner(name: name, tag: UInt32(truncatingIfNeeded: random), presence: (file, directory))
    }

    /// For people: who that is. The lock alone decides.
    private static var description: String {
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, 255)
        let name = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "Process: \(getpid())\nHost: \(name)\nSince: \(Timestamp.now)\n"
    }

    /// Leaves: to be called when everything that was claimed has been given back.
    package func leave() {
        guard let presence else { return }
        try? presence.directory.unlink(name)
        presence.file.closeQuietly()
    }

    /// Where its file should be: without it others take this owner for dead.
    package func place() throws(FileError) -> HeldPath? {
        guard let presence else { return nil }
        return HeldPath(
            "\(presence.directory.path)/\(name)", FileIdentity(try presence.file.status()),
            operations: presence.file.operations)
    }

    /// Takes the lock of an owner that is dead. `nil` when it lives; the caller closes the file, or leaves it locked
    /// while it clears up.
    package static func lockDead(_ name: String, in directory: Directory) throws(FileError) -> OpenFile? {
        // Read-only: the close of a writer is what the others watch for, and a check must not look like one.
        let file = try directory.file(name, flags: O_RDONLY)
        let result = file.operations.lockWhole(file.descriptor)
        if result == 0 { return file }
        file.closeQuietly()
        let error = FileError("lock \(file.path)", -result)
        if error.isHeldElsewhere { return nil }
        throw error
    }
}
