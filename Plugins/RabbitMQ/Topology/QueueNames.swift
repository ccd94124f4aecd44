#if RabbitMQ
import Logging
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
    private let locks = NameLocks()

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
        let host = options.hostName ?? Self.machineName
        let program = options.processName ?? ConnectionSettings.programName
        for number in 1...Self.mostNumbers {
            let suffix = "\(host):\(program):\(number)"
            let path = "\(lockDirectory)/switchboard-\(Self.digest(prefix + suffix)).lock"
            if let lock = try NameLock(path) {
                locks.add(lock)
                return QueueName(suffix: suffix, lock: lock)
            }
        }
        throw TransportError(
            .exhausted,
            "All \(Self.mostNumbers) names of program \(program) on host \(host) are taken: \(complaint) already; another "
                + "processname makes room (use_queue_manager).")
    }

    /// Sees to it that the names which are in use stay this process's, until its task is cancelled: a cleaner may remove their
    /// files. Returns at once where no name is stable.
    func keep(logger: Logger) async {
        guard options.stableNames else { return }
        while (try? await Task.sleep(for: Self.keepInterval)) != nil {
            for path in renew() {
                logger.warning(
                    "Another process may take messages from a queue of this one: the file that kept its name was removed",
                    metadata: [
                        "file": "\(path)",
                        "rabbitmq.hint": "leave out the files switchboard-*.lock when \(lockDirectory) is cleaned",
                    ])
            }
        }
    }

    /// The names that are another process's now, by the files that keep them.
    func renew() -> [String] { locks.renew() }

    private static let keepInterval = Duration.seconds(5)
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
        UInt64.random(in: 0...UInt64.max).hexadecimal + UInt64.random(in: 0...UInt64.max).hexadecimal
    }

    /// FNV-1a: the same in every process. Two names that share one only leave a number out.
    private static func digest(_ text: String) -> String {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }.hexadecimal
    }
}

/// What is behind the last `_` of a queue's name, for as long as the queue is used.
struct QueueName: Sendable {
    let suffix: String
    fileprivate let lock: NameLock?

    /// Another queue may have the name.
    func release() {
        lock?.release()
    }
}
#endif
