// Calls over the in-process driver with the whole stack, both JSON layers, and arguments of 100 bytes.
//
//     swift build -c release --package-path Tests/Benchmarks --product inprocess-bench
//     inprocess-bench [CALLS]
//
// Prints one JSON object, and ends with 1 when there are fewer than 50,000 calls a second with 64 outstanding, or the
// median of one call at a time is over 40 µs.

import Glibc
import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging

struct Arguments: Codable, Sendable {
    var body: String
}

let echo = RPCMethod<Arguments, String>("echo", version: "1.0")
let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
let drivers = DriverRegistry(.inProcess())

func measure(
    _ count: Int, outstanding: Int, _ operation: @escaping @Sendable () async throws -> Void
) async throws -> (perSecond: Double, median: Double, p99: Double) {
    let start = ContinuousClock.now
    let samples = try await withThrowingTaskGroup(of: [Double].self) { group in
        for _ in 0..<outstanding {
            group.addTask {
                var samples: [Double] = []
                samples.reserveCapacity(count / outstanding)
                for _ in 0..<count / outstanding {
                    let start = ContinuousClock.now
                    try await operation()
                    samples.append((ContinuousClock.now - start) / .microseconds(1))
                }
                return samples
            }
        }
        return try await group.reduce(into: []) { $0 += $1 }.sorted()
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return (Double(samples.count) / seconds, samples[samples.count / 2], samples[samples.count * 99 / 100])
}

let count = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 200_000 : 200_000
let clientConnection = try MessageQueueConnection(TransportURL("fake://bench"), drivers: drivers, logger: logger)
let serverConnection = try MessageQueueConnection(TransportURL("fake://bench"), drivers: drivers, logger: logger)
var router = RPCRouter()
router.registerPing()
router.register(echo) { arguments, _ in arguments.body }
let server = RPCServer(serverConnection, topic: Topic("bench"), name: "bench", router: router, logger: logger)

let failed = try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await clientConnection.run() }
    group.addTask { try await serverConnection.run() }
    group.addTask { try await server.run() }
    defer { group.cancelAll() }
    let client = RPCClient(clientConnection, target: RPCTarget(topic: "bench"), timeout: .seconds(30))
    let context = RequestContext(userID: "bench", projectID: "bench")
    while true {
        do {
            _ = try await client.call("oslo_rpc_server_ping", context: context)
            break
        } catch let error as RPCError where error.code == .unroutable {
            await Task.yield()
        }
    }
    let body = String(repeating: "x", count: 100)
    let operation: @Sendable () async throws -> Void = {
        let reply = try await client.call(echo, Arguments(body: body), context: context)
        precondition(reply.utf8.count == 100)
    }
    _ = try await measure(max(64, count / 10), outstanding: 64, operation)
    let many = try await measure(count, outstanding: 64, operation)
    let one = try await measure(count / 10, outstanding: 1, operation)
    func rounded(_ value: Double) -> JSONValue { .double((value * 10).rounded() / 10) }
    let report: JSONValue = [
        "calls_per_s_64": rounded(many.perSecond), "p50_us_64": rounded(many.median), "p99_us_64": rounded(many.p99),
        "calls_per_s_1": rounded(one.perSecond), "p50_us_1": rounded(one.median), "p99_us_1": rounded(one.p99),
    ]
    print(report)
    return many.perSecond < 50_000 || one.median > 40
}
exit(failed ? 1 : 0)
