#if RabbitMQ
import SwitchboardCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What tells one fanout or reply queue from another: 32 hexadecimal digits, or, with stable names, host, program and a
/// number (oslo-wire.md §2.3).
///
/// The number is the lowest that nobody on this machine has, by a locked file for each: two processes with one name
/// would steal each other's messages (bug 2110957 of oslo.messaging), and a program that is started again finds its
/// queue.
struct QueueNames: Sendable {
    private let options: RabbitMQTopology
    private let lockDirectory: String

    init(_ options: RabbitMQTopology, lockDirectory: String = Self.sharedDirectory) {
        self.options = options
        self.lockDirectory = lockDirectory
    }

    /// What is behind the last `_` of the queue's name, for a subscription to a fanout; empty for all others.
    func next(for address: Address) throws(TransportError) -> QueueName {
        guard case .fanout(let topic) = address else { return QueueName(suffix: "", lock: nil) }
        guard options.stableNames else { return QueueName(suffix: Self.random(), lock: nil) }
        return try lowest("\(topic.name)_fanout_", "\(address) has so many subscriptions")
    }

    /// The same for a queue of replies; `nil`: nothing asks for a stable name.
    func nextForReplies() throws(TransportError) -> QueueName? {
        options.stableNames ? try lowest("reply_", "there are so many reply queues") : nil
    }

    private func lowest(_ prefix: String, _ complaint: String) throws(TransportError) -> QueueName {
        let host = options.hostName.isEmpty ? Self.machineName : options.hostName
        let program = options.processName.isEmpty ? ConnectionSettings.programName : options.processName
        for number in 1...Self.mostNumbers {
            let suffix = "\(host):\(program):\(number)"
            let path = "\(lockDirectory)/switchboard-\(Self.digest(prefix + suffix)).lock"
            if let lock = try FileLock(path) { return QueueName(suffix: suffix, lock: lock) }
        }
        throw TransportError(
            .exhausted,
            "All \(Self.mostNumbers) names of program \(program) on host \(host) are taken: \(complaint) already; another "
                + "processname makes room (use_queue_manager).")
    }

    private static let mostNumbers = 4096

    /// Where all processes of the machine look, as oslo.messaging's queue manager does.
    private static let sharedDirectory: String = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"

    private static let machineName: String = {
        var name = [CChar](repeating: 0, count: 256)
        let result = gethostname(&name, name.count - 1)
        guard result == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()

    private static func random() -> String {
        hexadecimal(UInt64.random(in: 0...UInt64.max)) + hexadecimal(UInt64.random(in: 0...UInt64.max))
    }

    /// FNV-1a: the same in every process. Two names that share one only leave a number out.
    private static func digest(_ text: String) -> String {
        hexadecimal(text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What is behind the last `_` of a queue's name, for as long as the queue is used.
struct QueueName: Sendable {
    let suffix: String
    fileprivate let lock: FileLock?

    /// Another queue may have the name.
    func release() {
        lock?.release()
    }
}

/// A file that one queue's user of the machine holds; the kernel lets go of it when the process ends, however it ends.
private final class FileLock: Sendable {
    private let descriptor: Locked<Int32?>

    /// `nil` when somebody else has it.
    init?(_ path: String) throws(TransportError) {
        // A file of another user's in a sticky directory may be opened, not created.
        var descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0, errno == ENOENT {
            descriptor = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        }
        guard descriptor >= 0 else {
            throw TransportError(
                .internalError,
                "The file \(path), which keeps a stable queue name to one process (use_queue_manager), cannot be opened: "
                    + "\(String(cString: strerror(errno))).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = Locked(descriptor)
    }

    deinit {
        release()
    }

    func release() {
        let open = descriptor.withLock { $0.take() }
        if let open { close(open) }
    }
}
#endif
