internal import Glibc
internal import Synchronization

/// Three numbers in a page that all processes of a spool map: counters that need no lock, so that no crash can leave one
/// held.
///
/// They are hints that speed things up; the directories are the truth, and a recount repairs them.
package final class SharedCounters: @unchecked Sendable {
    // Sound: the page is touched through atomics only, and unmapped when nobody refers to this object any more.
    private let page: UnsafeMutableRawPointer

    /// Where the file should be that is mapped.
    package let place: HeldPath?

    /// The mapped length, in bytes. The file has that length from before it gets its name.
    static let length = 4096

    package enum Slot: Int {
        /// The newest identifier given out (the spool's clock).
        case clock = 0
        /// How many messages a queue holds, claimed ones included.
        case messages = 1
        /// How many bytes they are.
        case bytes = 2
    }

    private init(page: UnsafeMutableRawPointer, place: HeldPath?) {
        self.page = page
        self.place = place
    }

    deinit {
        munmap(page, Self.length)
    }

    /// Maps the file `name`, made (whole, then named) when there is none.
    package static func open(
        _ name: String, in directory: Directory, temporary: Directory, temporaryName: String
    ) throws(FileError) -> SharedCounters {
        for _ in 0..<2 {
            do throws(FileError) {
                let file = try directory.file(name, flags: O_RDWR)
                defer { file.closeQuietly() }
                let status = try file.status()
                guard status.st_mode & S_IFMT == S_IFREG else {
                    throw FileError("map \(file.path), which is no regular file", EPERM)
                }
                if status.st_size < length {
                    // Shortened by somebody: touching the page would kill the process.
                    try file.operations.allocate(file.descriptor, length: length).checked("allocate \(file.path)")
                }
                guard let page = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0),
                    page != MAP_FAILED
                else { throw FileError("map \(file.path)", errno) }
                return SharedCounters(
                    page: page,
                    place: HeldPath(file.path, FileIdentity(status), operations: file.operations))
            } catch  where error.isNotFound {
                try make(name, in: directory, temporary: temporary, temporaryName: temporaryName)
            }
        }
        throw FileError("open \(directory.path)/\(name)", ENOENT)
    }

    /// What the file `name` says now, for those who only look: changes stay here. Zeros when it says nothing.
    package static func copy(of name: String, in directory: Directory) throws(FileError) -> SharedCounters {
        guard let page = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            page != MAP_FAILED
        else { throw FileError("map memory", errno) }
        let copy = SharedCounters(page: page, place: nil)
        do throws(FileError) {
            let file = try directory.file(name, flags: O_RDONLY)
            defer { file.closeQuietly() }
            let bytes = try file.read(24, at: 0)
            page.copyMemory(from: bytes, byteCount: bytes.count)
        } catch  where error.isNotFound {
            // Then nothing was counted.
        }
        return copy
    }

    /// Makes the file with its full length allocated, so that writing to the page never meets a full disk.
    package static func make(
        _ name: String, in directory: Directory, temporary: Directory, temporaryName: String
    ) throws(FileError) {
        try temporary.write(temporaryName, [UInt8](repeating: 0, count: length), durable: false)
        defer { try? temporary.unlink(temporaryName) }
        do throws(FileError) {
            try temporary.link(temporaryName, to: directory, as: name)
        } catch  where error.exists {
            // Another process was faster; its file is as good.
        }
    }

    private func atomic(_ slot: Slot) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (page + slot.rawValue * 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    package func load(_ slot: Slot) -> UInt64 {
        atomic(slot).pointee.load(ordering: .acquiring)
    }

    /// Replaces what was `old` by `new`, and keeps what others have added and subtracted since.
    package func adjust(_ slot: Slot, from old: UInt64, to new: UInt64) {
        var current = load(slot)
        while true {
            let (sum, overflow) = current.addingReportingOverflow(new)
            let adjusted = overflow || sum < old ? new : sum - old
            let (exchanged, original) = atomic(slot).pointee.weakCompareExchange(
                expected: current, desired: adjusted, ordering: .acquiringAndReleasing)
            if exchanged { return }
            current = original
        }
    }

    /// Adds when the sum stays within `limit`. Whether it did.
    package func add(_ slot: Slot, _ amount: UInt64, limit: UInt64) -> Bool {
        var old = load(slot)
        while true {
            let (sum, overflow) = old.addingReportingOverflow(amount)
            // One message larger than the whole bound is still taken by an empty queue.
            if overflow || (sum > limit && old != 0) { return false }
            let (exchanged, original) = atomic(slot).pointee.weakCompareExchange(
                expected: old, desired: sum, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            old = original
        }
    }

    /// Subtracts, and stops at zero.
    package func subtract(_ slot: Slot, _ amount: UInt64) {
        var old = load(slot)
        while true {
            let (exchanged, original) = atomic(slot).pointee.weakCompareExchange(
                expected: old, desired: old > amount ? old - amount : 0, ordering: .acquiringAndReleasing)
            if exchanged { return }
            old = original
        }
    }

    /// The next identifier: the wall clock (48 bits of milliseconds, 16 bits of a counter), or one more than the last.
    package func nextIdentifier(now milliseconds: UInt64) -> UInt64 {
        let wall = milliseconds << 16
        // A page that a crash filled with nonsense must not send all later messages to the end of time.
        let farthest = wall &+ (86_400_000 << 16)
        var old = load(.clock)
        while true {
            let next = old >= wall && old < farthest ? old + 1 : wall
            let (exchanged, original) = atomic(.clock).pointee.weakCompareExchange(
                expected: old, desired: next, ordering: .acquiringAndReleasing)
            if exchanged { return next }
            old = original
        }
    }
}
