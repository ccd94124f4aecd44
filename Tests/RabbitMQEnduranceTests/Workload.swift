#if RabbitMQ
import Glibc
import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

/// The suites of this target, one test at a time: they look at what the whole process uses, and they use much.
///
/// A fifth of what the names of the tests say, so that every run can afford it; all of it with the environment variable
/// `SWITCHBOARD_ENDURANCE=full`.
@Suite(.serialized)
enum Endurance {
    static let isFull = getenv("SWITCHBOARD_ENDURANCE").map { String(cString: $0) } == "full"

    /// How many of `full` this run makes.
    static func count(of full: Int) -> Int { isFull ? full : full / 5 }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A client and a server on connections of their own, and what the server was asked to do.
final class Workload: Sendable {
    let client: RPCClient
    let connections: [MessageQueueConnection]
    private let server: RPCServer
    /// How often each number was executed.
    private let executions: Locked<[Int: Int]>

    init(_ url: TransportURL, topic: String = "work", timeout: Duration = .seconds(30)) throws {
        let executions = Locked<[Int: Int]>([:])
        var router = RPCRouter()
        router.registerPing()
        router.register("note") { arguments, _ in
            let number = Int(arguments["number"]?.integer ?? -1)
            executions.withLock { $0[number, default: 0] += 1 }
            return .integer(Int64(number))
        }
        let drivers = DriverRegistry(.rabbitMQ())
        connections = try ["client", "server"].map {
            try MessageQueueConnection(url, drivers: drivers, name: $0, logger: quietLogger)
        }
        server = RPCServer(
            connections[1], topic: Topic(topic), name: "host1", router: router, logger: quietLogger)
        client = RPCClient(connections[0], target: RPCTarget(topic: topic), timeout: timeout)
        self.executions = executions
    }

    /// Runs both for as long as `body` does, which begins when the server answers.
    func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in connections { group.addTask { try await connection.run() } }
            group.addTask { try await self.server.run() }
            defer { group.cancelAll() }
            try await answers(within: .seconds(60))
            return try await body()
        }
    }

    func cast(_ number: Int, fanout: Bool = false) async throws {
        let arguments: JSONObject = ["number": .integer(Int64(number))]
        if fanout {
            try await client.fanout("note", arguments, context: RequestContext())
        } else {
            try await client.cast("note", arguments, context: RequestContext())
        }
    }

    /// A call; returns the time to its reply.
    @discardableResult
    func call(_ number: Int, to server: String? = nil, timeout: Duration? = nil) async throws -> Duration {
        let start = ContinuousClock.now
        let reply = try await client.call(
            "note", ["number": .integer(Int64(number))], to: server, context: RequestContext(), timeout: timeout)
        #expect(reply == .integer(Int64(number)))
        return ContinuousClock.now - start
    }

    func executions(of number: Int) -> Int { executions.withLock { $0[number] ?? 0 } }

    /// Waits until a call is answered; the last reason why not is thrown.
    func answers(within limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        while true {
            do {
                try await call(-1, timeout: .seconds(5))
                return
            } catch let error as RPCError where .now < end {
                if error.code == .refused { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Waits until every number was executed, as long as some are within each `limit`: what has gathered in the queue
    /// takes its time. Returns those that were not.
    func missing(_ numbers: some Sequence<Int>, within limit: Duration) async throws -> [Int] {
        var end = ContinuousClock.now + limit
        var least = Int.max
        while true {
            let missing = executions.withLock { done in numbers.filter { done[$0] == nil } }
            if missing.count < least {
                least = missing.count
                end = .now + limit
            }
            if missing.isEmpty || .now >= end { return missing }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// What this process uses, as the kernel counts it.
struct ProcessUse: Sendable, CustomStringConvertible {
    var descriptors: Int
    var threads: Int
    /// Bytes.
    var resident: Int
    /// Of the processor, all threads together.
    var cpu: Duration

    static func now() throws -> ProcessUse {
        let status = try lines(of: "/proc/self/status")
        func number(_ name: String) -> Int {
            let line = status.first { $0.hasPrefix(name) } ?? ""
            return Int(line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first ?? "") ?? 0
        }
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func duration(_ time: timeval) -> Duration { .seconds(time.tv_sec) + .microseconds(Int64(time.tv_usec)) }
        return ProcessUse(
            descriptors: try entries(of: "/proc/self/fd"), threads: number("Threads:"),
            resident: number("VmRSS:") * 1024, cpu: duration(usage.ru_utime) + duration(usage.ru_stime))
    }

    var description: String { "\(descriptors) descriptors, \(threads) threads, \(resident / 1024) KiB" }

    private static func lines(of path: String) throws -> [Substring] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    }

    private static func entries(of path: String) throws -> Int {
        let directory = try #require(opendir(path))
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count
    }
}

extension [Duration] {
    func percentile(_ share: Double) -> Duration {
        let sorted = sorted()
        return sorted[Swift.min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
}
#endif
