// RPC with the whole stack, both JSON layers: rpc-bench URL OPERATIONS OUTSTANDING BYTES
//   rpc-bench call URL N OUTSTANDING BYTES   N echo calls
//   rpc-bench cast URL N OUTSTANDING BYTES   N casts, each awaited to its confirm
//   rpc-bench serve URL                      echo and drop on topic "bench", until its input closes
// `call` and `cast` on fake:// serve themselves. Prints one JSON object, times in microseconds.

import Glibc
import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSpool

#if RabbitMQ
    import SwitchboardRabbitMQ
    let drivers = DriverRegistry(.inProcess(), .spool(), .rabbitMQ())
#else
    let drivers = DriverRegistry(.inProcess(), .spool())
#endif

let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
let topic = Topic("bench")

func makeServer(_ connection: MessageQueueConnection) -> RPCServer {
    var router = RPCRouter()
    router.registerPing()
    router.register("echo") { arguments, _ in arguments["body"] ?? .null }
    router.register("drop") { _, _ in .null }
    return RPCServer(connection, topic: topic, name: "bench", router: router, logger: logger)
}

func cpuSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

func measure(
    _ count: Int, outstanding: Int, _ operation: @escaping @Sendable () async throws -> Void
) async throws -> (seconds: Double, cpu: Double, samples: [Double]) {
    let start = ContinuousClock.now
    let cpu = cpuSeconds()
    let samples = try await withThrowingTaskGroup(of: [Double].self) { group in
        for worker in 0..<outstanding {
            group.addTask {
                var samples: [Double] = []
                let share = count / outstanding + (worker < count % outstanding ? 1 : 0)
                samples.reserveCapacity(share)
                for _ in 0..<share {
                    let start = ContinuousClock.now
                    try await operation()
                    samples.append((ContinuousClock.now - start) / .microseconds(1))
                }
                return samples
            }
        }
        return try await group.reduce(into: []) { $0 += $1 }
    }
    return ((ContinuousClock.now - start) / .seconds(1), cpuSeconds() - cpu, samples.sorted())
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
    print("usage: rpc-bench call|cast URL N OUTSTANDING BYTES, or rpc-bench serve URL")
    exit(2)
}
let connection = try MessageQueueConnection(try TransportURL(arguments[2]), drivers: drivers, logger: logger)

try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await connection.run() }
    if arguments[1] == "serve" || connection.transport.url.scheme == "fake" {
        let server = makeServer(connection)
        group.addTask { try await server.run() }
    }
    defer { group.cancelAll() }
    let client = RPCClient(connection, target: RPCTarget(topic: topic.name), timeout: .seconds(30))
    while true {
        do {
            _ = try await client.call("oslo_rpc_server_ping", context: RequestContext())
            break
        } catch let error as RPCError where error.code == .unroutable {
            try await Task.sleep(for: .milliseconds(10))
        }
    }
    if arguments[1] == "serve" {
        print("ready")
        fflush(nil)
        while readLine() != nil {}
        return
    }
    guard arguments.count == 6, let count = Int(arguments[3]), let outstanding = Int(arguments[4]),
        let bytes = Int(arguments[5])
    else { exit(2) }
    let body = JSONValue.string(String(repeating: "x", count: bytes))
    let context = RequestContext(userID: "bench", projectID: "bench")
    let isCall = arguments[1] == "call"
    let operation: @Sendable () async throws -> Void = {
        if isCall {
            _ = try await client.call("echo", ["body": body], context: context)
        } else {
            try await client.cast("drop", ["body": body], context: context)
        }
    }
    _ = try await measure(max(outstanding, count / 10), outstanding: outstanding, operation)
    let (seconds, cpu, samples) = try await measure(count, outstanding: outstanding, operation)
    func percentile(_ share: Double) -> Double { samples[min(samples.count - 1, Int(Double(samples.count) * share))] }
    func rounded(_ value: Double) -> JSONValue { .double((value * 10).rounded() / 10) }
    let report: JSONValue = [
        "n": .integer(Int64(count)), "outstanding": .integer(Int64(outstanding)), "bytes": .integer(Int64(bytes)),
        "per_s": rounded(Double(count) / seconds), "cpu_us": rounded(cpu / Double(count) * 1e6),
        "p50_us": rounded(percentile(0.5)), "p99_us": rounded(percentile(0.99)),
    ]
    print(report)
}
