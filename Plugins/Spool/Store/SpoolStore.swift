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
    private let places: [HeldPath]
    private let purpose: Purpose
    private let opened = Locked<[QueueName: Queue]>([:])
    private let ephemeral = Locked(EphemeralQueues())
    private let serial = Locked<UInt64>(0)
    let allowance = Locked(SpaceAllowance())

    package var isDurable: Bool { configuration.durability == .full }

    /// The directories in a spool's directory.
    static let parts = ["tmp", "owners", "queues", "bindings", "dead"]

    /// What a spool is opened for.
    package enum Purpose: Sendable {
        /// To publish, receive and change; where there is none, one is made, of the preferred layout when the configuration
        /// names none.
        case use(preferring: SpoolConfiguration.Layout?)
        /// To look only: nothing is written, so that it may be read-only.
        case looking
    }

    /// Opens the spool, and makes it where the parent directory is there. Blocks.
    ///
    /// Throws `refused` for what is not safe (a symbolic link, another's directory, one that others write to) or not
    /// there, `conflict` for another layout or format.
    package init(
        _ configuration: SpoolConfiguration, for purpose: Purpose = .use(preferring: nil),
        operations: any FileOperations = SystemFileOperations(),
        logger: Logger, onReadOnly: @escaping @Sendable (TransportError) -> Void = { _ in }
    ) throws(TransportError) {
        self.configuration = configuration
        self.purpose = purpose
        self.operations = operations
        self.logger = logger
        health = Health(onReadOnly: onReadOnly)
        do throws(FileError) {
            root = try Self.openRoot(configuration, purpose, operations)
            let status = try root.status()
            try Self.checkSafety(of: status, configuration.directory)
            if purpose.isUse {
                for name in Self.parts { try root.makeDirectory(name) }
                if configuration.durability == .full { try root.synchronize() }
            }
            temporary = try root.directory("tmp")
            owners = try root.directory("owners")
            queues = try root.directory("queues")
            bindings = try root.directory("bindings")
            dead = try root.directory("dead")
            owner = purpose.isUse ? try Owner.register(in: owners, temporary: temporary) : .onlooker
        } catch {
            throw Self.openingFailed(configuration.directory, error)
        }
        do throws(FileError) {
            clock =
                purpose.isUse
                ? try SharedCounters.open(
                    "clock", in: root, temporary: temporary, temporaryName: "clock@\(owner.name)")
                : try SharedCounters.copy(of: "clock", in: root)
            layout = try SpoolFormat.open(root, temporary, owner, configuration, purpose)
            var places: [HeldPath] = []
            for directory in [root, temporary, owners, queues, bindings, dead] { places.append(try directory.place()) }
            let format = FileIdentity(try root.status("FORMAT"))
            places.append(HeldPath("\(root.path)/FORMAT", format, operations: operations))
            if let place = try owner.place() { places.append(place) }
            if let place = clock.place { places.append(place) }
            self.places = places
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

    /// What is not where it should be of all that is held open; `nil` when everything is.
    package var defect: FileError? {
        for place in places {
            if let defect = place.defect { return defect }
        }
        return nil
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
            let queue = try Queue(name, in: self)
            try checkAddress(of: queue)
            // Who only looks sees what the counters say now.
            if !purpose.isUse { return queue }
            if name.isEphemeral {
                ephemeral.withLock { $0.keep(queue) }
                return queue
            }
            return opened.withLock { opened in
                // One handle for all, also when several open it at the same time.
                if let other = opened[name] { return other }
                opened[name] = queue
                return queue
            }
        } catch  where error.isNotFound {
            return nil
        }
    }

    /// The queue of that name if it is open already.
    func openedQueue(_ name: QueueName) -> Queue? {
        guard name.isEphemeral else { return opened.withLock { $0[name] } }
        guard let queue = ephemeral.withLock({ $0.queue(name) }) else { return nil }
        // It may have gone, and come again under the same name.
        if queue.isCurrent(in: queues) { return queue }
        forget(queue)
        return nil
    }

    /// Lets go of the queues that went with their subscribers, and of those that were removed or replaced.
    package func forgetGone() {
        for queue in ephemeral.withLock({ $0.all }) where !queue.isCurrent(in: queues) { forget(queue) }
        for queue in opened.withLock({ Array($0.values) }) where queue.defect != nil { forget(queue) }
    }

    /// The counters in a file of the spool.
    func counters(_ name: String, in directory: Directory) throws(FileError) -> SharedCounters {
        guard purpose.isUse else { return try SharedCounters.copy(of: name, in: directory) }
        return try SharedCounters.open(
            name, in: directory, temporary: temporary, temporaryName: temporaryName(name))
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
        var tries = 0
        while true {
            tries += 1
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
                // Or it is there in part.
                if tries > 1 { try complete(name) }
                if tries > 8 { throw error }
            }
        }
    }

    /// Makes the parts of a queue that somebody removed from its directory.
    package func complete(_ name: QueueName) throws(FileError) {
        let directory = try queues.directory(name.directoryName)
        for part in Queue.directories(layout) + ["consumers"] { try directory.makeDirectory(part) }
        if try !directory.contains("address") {
            try directory.replace(
                "address", with: Array("\(name.encoded)\n".utf8), through: temporary,
                temporaryName: temporaryName("address"), durable: isDurable && !name.isEphemeral)
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
        var tries = 0
        while true {
            tries += 1
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
            } catch  where error.isNotFound && tries < 8 {
                continue
            }
        }
    }

    /// Whether `queue` has a copy of whatever is published to `source`.
    package func isBound(_ queue: QueueName, to source: QueueName) throws(FileError) -> Bool {
        try bindings.contains("\(source.directoryName)/\(queue.directoryName)")
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
