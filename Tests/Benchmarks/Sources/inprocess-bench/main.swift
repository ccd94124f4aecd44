// Calls over the in-process driver with the whole stack, both JSON layers, and arguments of 100 bytes.
//
//     swift build -c release --package-path Tests/Benchmarks --product inprocess-bench
//     inprocess-bench [CALLS]
//
// Prints one JSON object, and ends with 1 when there are fewer than 50,000 calls a second with 64 outstanding, or the
// median of one call at a time is over 40 µs.

import BenchSupport
import Glibc
import RPCBenchSupport
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging

prepareOutput()

let count = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 200_000 : 200_000
let drivers = DriverRegistry(.inProcess())
let clientConnection = try MessageQueueConnection(TransportURL("fake://bench"), drivers: drivers, logger: Echo.logger)
let serverConnection = try MessageQueueConnection(TransportURL("fake://bench"), drivers: drivers, logger: Echo.logger)
let server = Echo.server(on: serverConnection)

let failed = try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await clientConnection.run() }
    group.addTask { try await serverConnection.run() }
    group.addTask { try await server.run() }
    defer { group.cancelAll() }
    let client = try await Echo.client(of: clientConnection, timeout: .seconds(30))
    let context = RequestContext(userID: "bench", projectID: "bench")
    let body = String(repeating: "x", count: 100)
    let operation: @Sendable () async throws -> Void = {
        let reply = try await client.call(Echo.method, .init(body: body), context: context)
        precondition(reply.utf8.count == 100)
    }
    _ = try await measure(max(64, count / 10), outstanding: 64, operation)
    let many = try await measure(count, outstanding: 64, operation)
    let one = try await measure(count / 10, outstanding: 1, operation)
    func rounded(_ value: Double) -> JSONValue { .double((value * 10).rounded() / 10) }
    func rate(_ measurement: Measurement) -> Double { Double(measurement.samples.count) / measurement.seconds }
    let report: JSONValue = [
        "calls_per_s_64": rounded(rate(many)), "p50_us_64": rounded(many.percentile(0.5)),
        "p99_us_64": rounded(many.percentile(0.99)), "calls_per_s_1": rounded(rate(one)),
        "p50_us_1": rounded(one.percentile(0.5)), "p99_us_1": rounded(one.percentile(0.99)),
    ]
    say(report)
    return rate(many) < 50_000 || one.percentile(0.5) > 40
}
exit(failed ? 1 : 0)
