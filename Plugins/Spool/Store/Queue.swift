internal import Glibc
internal import SwitchboardCore

/// One queue's directory, held open.
package final class Queue: Sendable {
    package let name: QueueName
    /// The name as message files have it.
    let encodedName: String
    package let directory: Directory
    package let directoryName: String
    /// Where messages wait: `new` of the maildir layout, `segments` of the other.
    package let ready: Directory
    /// Where claimed messages lie; the same as `ready` where segments hold both.
    package let claimed: Directory
    package let counters: SharedCounters
    package let readySync: DirectorySync
    /// Where ``ready`` should be.
    package let place: HeldPath
    /// Where the rest should be that is held.
    private let otherPlaces: [HeldPath]
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
        _ name: QueueName, in store: SpoolStore
    ) throws(FileError) {
        self.name = name
        encodedName = name.encoded
        directoryName = name.directoryName
        directory = try store.queues.directory(directoryName)
        ready = try directory.directory(store.layout == .maildir ? "new" : "segments")
        place = try ready.place()
        var places = [try directory.place()]
        if store.layout == .maildir {
            claimed = try directory.directory("claimed")
            places.append(try claimed.place())
        } else {
            claimed = ready
        }
        counters = try store.counters("usage", in: directory)
        if let file = counters.place { places.append(file) }
        otherPlaces = places
        readySync = DirectorySync(ready, at: place)
    }

    /// Whether the directory that is held is still the one of that name.
    package func isCurrent(in queues: Directory) -> Bool { otherPlaces[0].isNamed(directoryName, in: queues) }

    /// What is not where it should be of all that is held; `nil` when everything is.
    package var defect: FileError? {
        if let defect = place.defect { return defect }
        for place in otherPlaces {
            if let defect = place.defect { return defect }
        }
        return nil
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
    package func correct(from before: QueueCount, to found: QueueCount) {
        counters.adjust(.messages, from: before.messages, to: found.messages)
        counters.adjust(.bytes, from: before.bytes, to: found.bytes)
    }

    /// What the counters say.
    package var counted: QueueCount {
        QueueCount(messages: counters.load(.messages), bytes: counters.load(.bytes))
    }

    /// Counts what is there, drops what has expired, and corrects the counters, which a crash may have left wrong.
    package func recountFiles() throws(FileError) {
        let before = counted
        let now = Timestamp.now.milliseconds
        var found = QueueCount()
        var expired: [MessageName] = []
        try ready.forEachEntry { text in
            guard let name = MessageName(utf8: text) else { return }
            if name.isExpired(at: now) { return expired.append(name) }
            found.add(name.size)
        }
        for name in expired { try? ready.unlink("\(name)") }
        try claimed.forEachName { text in
            guard let name = ClaimName(text)?.message else { return }
            found.add(name.size)
        }
        correct(from: before, to: found)
    }
}

/// How many messages there are, and how many bytes they have. What names say of sizes may be anything: the sum stops at the
/// largest number there is.
package struct QueueCount: Hashable, Sendable {
    package var messages: UInt64 = 0
    package var bytes: UInt64 = 0

    package mutating func add(_ size: Int) {
        messages += 1
        let (sum, overflow) = bytes.addingReportingOverflow(UInt64(clamping: size))
        bytes = overflow ? .max : sum
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
    private let place: HeldPath
    private let state = Locked(State())

    init(_ directory: Directory, at place: HeldPath) {
        self.directory = directory
        self.place = place
    }

    /// Calls back when everything that is in the directory now is on the disk; from this thread or another one. With ESTALE
    /// when the directory is not where it should be.
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
                // Once for all of them.
                if let defect = place.defect {
                    throw defect.isOutOfPlace ? defect : FileError(defect.operation, ESTALE)
                }
            } catch {
                failure = error
            }
            for completion in batch { completion(failure) }
        }
    }
}
