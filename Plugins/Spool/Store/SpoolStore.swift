internal import Glibc
package import Logging
package import SwitchboardCore

/// A spool, opened by one owner: its directories, its clock and its queues.
package final class SpoolStore: Sendable {
    package let configuration: SpoolConfiguration
    package let layout: SpoolConfiguration.Layout
    package let operations: any FileOperations
    package let root: Directory
    package let temporary: Directory
    package let owners: Directory
    package let queues: Directory
    package let bindings: Directory
    package let dead: Directory
    package let owner: Owner
    package let health: Health
    package let logger: Logger

    private let clock: SharedCounters
    private let opened = Locked<[QueueName: Queue]>([:])
    private let ephemeral = Locked(EphemeralQueues())
    private let serial = Locked<UInt64>(0)

    package var isDurable: Bool { configuration.durability == .full }

    /// Opens the spool, and makes it where the parent directory is there. Blocks.
    ///
    /// Throws `refused` for what is not safe (a symbolic link, another's directory, one that others write to) or not
    /// there, `conflict` for another layout or format.
    package init(
        _ configuration: SpoolConfiguration, operations: any FileOperations = SystemFileOperations(),
        logger: Logger, onReadOnly: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(TransportError) {
        self.configuration = configuration
        self.operations = operations
        self.logger = logger
        health = Health(onReadOnly: onReadOnly)
        do throws(FileError) {
            root = try Self.openRoot(configuration, operations)
            let status = try root.status()
            try Self.checkSafety(of: status, configuration.directory)
            for name in ["tmp", "owners", "queues", "bindings", "dead"] {
                try root.makeDirectory(name)
            }
            if configuration.durability == .full { try root.synchronize() }
            temporary = try root.directory("tmp")
            owners = try root.directory("owners")
            queues = try root.directory("queues")
            bindings = try root.directory("bindings")
            dead = try root.directory("dead")
            owner = try Owner.register(in: owners, temporary: temporary)
        } catch {
            throw Self.openingFailed(configuration.directory, error)
        }
        do throws(FileError) {
            clock = try SharedCounters.open(
                "clock", in: root, temporary: temporary, temporaryName: "clock@\(owner.name)")
            let format = try Self.format(root, temporary, owner, for: configuration)
            guard let found = Self.layout(of: format) else {
                throw FileError("read \(root.path)/FORMAT, which is of no known format", EPROTO)
            }
            layout = found
        } catch {
            owner.leave()
            throw Self.openingFailed(configuration.directory, error)
        }
        if let wanted = configuration.layout, wanted != layout {
            owner.leave()
            throw TransportError(
                .conflict,
                "The spool \(configuration.directory) has the layout \(layout.rawValue), not \(wanted.rawValue): "
                    + "leave the option layout out, or use another directory.")
        }
    }

    // MARK: Names

    /// A name for something that is being made in `tmp`, which says whose it is.
    package func temporaryName(_ what: String) -> String {
        let number = serial.withLock { serial in
            serial += 1
            return serial
        }
        return "\(what)-\(number)@\(owner.name)"
    }

    /// A name for a new message, later than all before.
    package func nextName(size: Int, expires: UInt64?) -> MessageName {
        let now = Timestamp.now.milliseconds
        return MessageName(
            identifier: clock.nextIdentifier(now: now), tag: owner.tag, size: size, attempt: 0, expires: expires)
    }

    // MARK: Queues

    /// The queue of that name; `nil` when there is none.
    package func existingQueue(_ name: QueueName) throws(FileError) -> Queue? {
        if let queue = openedQueue(name) { return queue }
        do throws(FileError) {
            let queue = try Queue(
                name, in: queues, layout: layout, temporary: temporary, temporaryName: temporaryName("usage"))
            try checkAddress(of: queue)
            if name.isEphemeral {
                ephemeral.withLock { $0.keep(queue) }
            } else {
                opened.withLock { $0[name] = queue }
            }
            return queue
        } catch  where error.isNotFound {
            return nil
        }
    }

    /// Whether the queue of that name is open already.
    package func knows(_ name: QueueName) -> Bool { openedQueue(name) != nil }

    private func openedQueue(_ name: QueueName) -> Queue? {
        guard name.isEphemeral else { return opened.withLock { $0[name] } }
        guard let queue = ephemeral.withLock({ $0.queue(name) }) else { return nil }
        // It may have gone, and come again under the same name.
        if queue.isCurrent(in: queues) { return queue }
        forget(queue)
        return nil
    }

    /// Lets go of the queues that went with their subscribers.
    package func forgetGone() {
        for queue in ephemeral.withLock({ $0.all }) where !queue.isCurrent(in: queues) { forget(queue) }
    }

    /// A name that was cut for its directory may meet another whose hash is the same.
    private func checkAddress(of queue: Queue) throws(FileError) {
        guard queue.name.isCut else { return }
        let address = try queue.directory.contents(of: "address", limit: 4096)
        guard address == Array("\(queue.name.encoded)\n".utf8) else {
            throw FileError("use \(queue.directory.path), which belongs to another queue of a similar name", EPERM)
        }
    }

    /// The queue of that name, made whole under a temporary name when there is none.
    package func queue(_ name: QueueName) throws(FileError) -> Queue {
        while true {
            if let queue = try existingQueue(name) { return queue }
            let made = temporaryName("queue")
            try temporary.makeDirectory(made)
            do throws(FileError) {
                let directory = try temporary.directory(made)
                for part in Queue.directories(layout) + ["consumers"] { try directory.makeDirectory(part) }
                let durable = isDurable && !name.isEphemeral
                try directory.write("address", Array("\(name.encoded)\n".utf8), durable: durable)
                try SharedCounters.make(
                    "usage", in: directory, temporary: temporary, temporaryName: temporaryName("usage"))
                if durable { try directory.synchronize() }
                try temporary.rename(made, to: queues, as: name.directoryName)
                if durable { try queues.synchronize() }
            } catch {
                removeTree(made, in: temporary)
                // Another process was faster: a directory that is not empty is not replaced.
                if !error.exists { throw error }
            }
        }
    }

    /// Forgets a queue whose directory is gone, so that the next use opens or makes it anew.
    package func forget(_ queue: Queue) {
        if queue.name.isEphemeral { return ephemeral.withLock { $0.forget(queue) } }
        opened.withLock { opened in
            if opened[queue.name] === queue { opened[queue.name] = nil }
        }
    }

    /// The names of all queues there are, by their directories.
    package func queueNames() throws(FileError) -> [QueueName] {
        var names: [QueueName] = []
        for directory in try queues.names() {
            if let name = QueueName(encoded: directory), name.directoryName == directory {
                names.append(name)
            } else if let opened = try? queues.directory(directory),
                let address = try? opened.contents(of: "address", limit: 4096),
                let name = QueueName(encoded: String(decoding: address.filter { $0 != 0x0A }, as: UTF8.self)),
                name.directoryName == directory
            {
                names.append(name)
            }
        }
        return names
    }

    // MARK: Bindings

    /// Lets `queue` have a copy of whatever is published to `source`.
    package func bind(_ queue: QueueName, to source: QueueName) throws(FileError) {
        let durable = isDurable && !queue.isEphemeral
        while true {
            try bindings.makeDirectory(source.directoryName)
            do throws(FileError) {
                let directory = try bindings.directory(source.directoryName)
                let file = try directory.file(queue.directoryName, flags: O_WRONLY | O_CREAT)
                try file.close()
                if durable {
                    try directory.synchronize()
                    try bindings.synchronize()
                }
                return
            } catch  where error.isNotFound {
                continue
            }
        }
    }

    package func unbind(_ queue: QueueName, from source: QueueName) {
        guard let directory = try? bindings.directory(source.directoryName) else { return }
        try? directory.unlink(queue.directoryName)
    }

    /// The queues that are bound to `source`.
    package func boundQueues(_ source: QueueName) throws(FileError) -> [Queue] {
        let names: [String]
        let directory: Directory
        do throws(FileError) {
            directory = try bindings.directory(source.directoryName)
            names = try directory.names()
        } catch {
            if error.isNotFound { return [] }
            throw error
        }
        var bound: [Queue] = []
        for text in names.sorted() {
            guard let name = try boundName(text) else { continue }
            if let queue = try existingQueue(name) { bound.append(queue) }
        }
        return bound
    }

    private func boundName(_ directory: String) throws(FileError) -> QueueName? {
        if let name = QueueName(encoded: directory) { return name }
        do throws(FileError) {
            let address = try queues.directory(directory).contents(of: "address", limit: 4096)
            return QueueName(encoded: String(decoding: address.filter { $0 != 0x0A }, as: UTF8.self))
        } catch  where error.isNotFound {
            return nil
        }
    }

    // MARK: Removing

    /// Removes a queue that dies with its subscribers, in one step for all who look.
    package func removeEphemeral(_ queue: QueueName) {
        if queue.kind == .fanout { unbind(queue, from: QueueName(.fanout, queue.parts[0], queue.parts[1])) }
        let trash = temporaryName("removed")
        guard (try? queues.rename(queue.directoryName, to: temporary, as: trash)) != nil else { return }
        removeTree(trash, in: temporary)
    }

    /// Removes a directory or file with all below it, at most a few levels; what resists stays for the next start.
    package func removeTree(_ name: String, in parent: Directory, depth: Int = 4) {
        if (try? parent.unlink(name)) != nil { return }
        guard depth > 0, let directory = try? parent.directory(name) else { return }
        for child in (try? directory.names()) ?? [] {
            removeTree(child, in: directory, depth: depth - 1)
        }
        try? parent.removeDirectory(name)
    }
}

extension SpoolStore {
    private static func openRoot(
        _ configuration: SpoolConfiguration, _ operations: any FileOperations
    ) throws(FileError) -> Directory {
        let path = configuration.directory
        let made = operations.makeDirectory(AT_FDCWD, path, mode: 0o700)
        if made == -EEXIST { return try Directory.open(path, operations: operations) }
        try made.checked("mkdir \(path)")
        if configuration.durability == .full {
            let parts = path.split(separator: "/")
            let parent = "/" + parts.dropLast().joined(separator: "/")
            let directory = operations.open(AT_FDCWD, parent, flags: O_RDONLY | O_DIRECTORY, mode: 0)
            // One may be allowed to make directories in a directory that one may not read, and so not sync.
            if directory >= 0 {
                defer { _ = operations.close(directory) }
                try operations.synchronize(directory, dataOnly: false).checked("fsync \(parent)")
            }
        }
        return try Directory.open(path, operations: operations)
    }

    private static func checkSafety(of status: stat, _ directory: String) throws(FileError) {
        guard status.st_uid == geteuid() || geteuid() == 0 else {
            throw FileError("trust \(directory), which belongs to user \(status.st_uid) and not to us", EPERM)
        }
        guard status.st_mode & 0o022 == 0 else {
            throw FileError("trust \(directory), to which others may write (chmod 0700 it)", EPERM)
        }
    }

    private static func openingFailed(_ directory: String, _ error: FileError) -> TransportError {
        var failure = error.transportError("The spool \(directory) cannot be opened")
        if error.isNotFound {
            failure.code = .refused
            failure.message = "The spool \(directory) cannot be opened: make its parent directory first."
        } else if error.number == EPROTO {
            failure.code = .conflict
        }
        return failure
    }

    /// The text of the file FORMAT, written by whoever comes first.
    private static func format(
        _ root: Directory, _ temporary: Directory, _ owner: Owner, for configuration: SpoolConfiguration
    ) throws(FileError) -> String {
        if try !root.contains("FORMAT") {
            let text = "switchboard-spool 1 \((configuration.layout ?? .maildir).rawValue)\n"
            let name = "FORMAT@\(owner.name)"
            let durable = configuration.durability == .full
            try temporary.write(name, Array(text.utf8), durable: durable)
            defer { try? temporary.unlink(name) }
            do throws(FileError) {
                try temporary.link(name, to: root, as: "FORMAT")
            } catch  where error.exists {
                // Another process was faster.
            }
            if durable { try root.synchronize() }
        }
        return String(decoding: try root.contents(of: "FORMAT", limit: 4096), as: UTF8.self)
    }

    private static func layout(of format: String) -> SpoolConfiguration.Layout? {
        let words = format.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 3, words[0] == "switchboard-spool", words[1] == "1" else { return nil }
        return SpoolConfiguration.Layout(rawValue: String(words[2]))
    }
}
