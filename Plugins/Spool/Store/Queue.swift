internal import Glibc
internal import SwitchboardCore

/// One queue's directory, held open.
package final class Queue: Sendable {
    package let name: QueueName
    package let directory: Directory
    package let directoryName: String
    /// Where messages wait: `new` of the maildir layout, `segments` of the other.
    package let ready: Directory
    /// Where claimed messages lie; the same as `ready` where segments hold both.
    package let claimed: Directory
    package let counters: SharedCounters
    package let readySync: DirectorySync
    private let identity: (device: dev_t, number: ino_t)
    private let state = Locked(State())

    private struct State {
        var isEntrySynced = false
        var isCounting = false
        var nextCount = ContinuousClock.Instant.now
    }

    /// The directories of a queue in a layout.
    package static func directories(_ layout: SpoolConfiguration.Layout) -> [String] {
        switch layout {
        case .maildir: ["new", "claimed"]
        case .segment: ["segments"]
        }
    }

    package init(
        _ name: QueueName, in queues: Directory, layout: SpoolConfiguration.Layout, temporary: Directory,
        temporaryName: String
    ) throws(FileError) {
        self.name = name
        directoryName = name.directoryName
        directory = try queues.directory(directoryName)
        let status = try directory.status()
        identity = (status.st_dev, status.st_ino)
        ready = try directory.directory(layout == .maildir ? "new" : "segments")
        claimed = layout == .maildir ? try directory.directory("claimed") : ready
        counters = try SharedCounters.open(
            "usage", in: directory, temporary: temporary, temporaryName: temporaryName)
        readySync = DirectorySync(ready)
    }

    /// Whether the directory that is held is still the one of that name.
    package func isCurrent(in queues: Directory) -> Bool {
        guard let there = try? queues.status(directoryName) else { return false }
        return there.st_ino == identity.number && there.st_dev == identity.device
    }

    package var isDeclared: Bool {
        (try? directory.contains("declared")) ?? false
    }

    /// Takes room for a message. `false` when the queue is full.
    package func reserve(bytes: Int, within configuration: SpoolConfiguration) -> Bool {
        guard counters.add(.messages, 1, limit: UInt64(configuration.maximumMessages)) else { return false }
        guard counters.add(.bytes, UInt64(bytes), limit: UInt64(configuration.maximumBytes)) else {
            counters.subtract(.messages, 1)
            return false
        }
        return true
    }

    package func release(bytes: Int) {
        counters.subtract(.messages, 1)
        counters.subtract(.bytes, UInt64(bytes))
    }

    /// Whether ``syncEntry(in:)`` has nothing to do.
    package var isEntrySynced: Bool { state.withLock { $0.isEntrySynced } }

    /// Makes sure, once, that the queue's own name is on the disk: who made it may have been killed before its sync.
    package func syncEntry(in queues: Directory) throws(FileError) {
        if isEntrySynced { return }
        try queues.synchronize()
        state.withLock { $0.isEntrySynced = true }
    }

    /// Runs `count`, which looks at the whole queue, for a twentieth of the time at most: a long queue that is full must
    /// not be counted again for each of its publishers.
    package func limitingCounts(_ count: () throws(FileError) -> Void) throws(FileError) {
        let start = ContinuousClock.Instant.now
        let isDue = state.withLock { state in
            guard !state.isCounting, state.nextCount <= start else { return false }
            state.isCounting = true
            return true
        }
        guard isDue else { return }
        defer {
            let end = ContinuousClock.Instant.now
            state.withLock { state in
                state.isCounting = false
                state.nextCount = end + (end - start) * 20
            }
        }
        try count()
    }

    /// Corrects the counters by what a count has found; what others changed meanwhile stays.
    package func correct(from before: (messages: UInt64, bytes: UInt64), to found: (messages: UInt64, bytes: UInt64)) {
        counters.adjust(.messages, from: before.messages, to: found.messages)
        counters.adjust(.bytes, from: before.bytes, to: found.bytes)
    }

    /// What the counters say.
    package var counted: (messages: UInt64, bytes: UInt64) {
        (counters.load(.messages), counters.load(.bytes))
    }

    /// Counts what is there, drops what has expired, and corrects the counters, which a crash may have left wrong.
    package func recountFiles() throws(FileError) {
        let before = counted
        let now = Timestamp.now.milliseconds
        var messages: UInt64 = 0
        var bytes: UInt64 = 0
        var expired: [MessageName] = []
        try ready.forEachEntry { text in
            guard let name = MessageName(utf8: text) else { return }
            if name.isExpired(at: now) { return expired.append(name) }
            messages += 1
            bytes += UInt64(name.size)
        }
        for name in expired { try? ready.unlink("\(name)") }
        try claimed.forEachName { text in
            guard let name = ClaimName(text)?.message else { return }
            messages += 1
            bytes += UInt64(name.size)
        }
        correct(from: before, to: (messages, bytes))
    }
}

/// The fsync of one directory, shared: whoever asks while one is under way is served by the next, together with all
/// others who asked meanwhile.
package final class DirectorySync: Sendable {
    package typealias Completion = @Sendable (FileError?) -> Void

    private struct State {
        var isRunning = false
        var waiting: [Completion] = []
    }

    private let directory: Directory
    private let state = Locked(State())

    init(_ directory: Directory) {
        self.directory = directory
    }

    /// Calls back when everything that is in the directory now is on the disk; from this thread or another one.
    package func request(_ completion: @escaping Completion) {
        let leads = state.withLock { state in
            state.waiting.append(completion)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard leads else { return }
        while true {
            let batch: [Completion] = state.withLock { state in
                defer { state.waiting = [] }
                if state.waiting.isEmpty { state.isRunning = false }
                return state.waiting
            }
            if batch.isEmpty { return }
            var failure: FileError?
            do throws(FileError) {
                try directory.synchronize()
            } catch {
                failure = error
            }
            for completion in batch { completion(failure) }
        }
    }
}
