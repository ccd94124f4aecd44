// RPC with the whole stack, both JSON layers.
//
//     rpc-bench call  URL N OUTSTANDING BYTES   N echo calls
//     rpc-bench cast  URL N OUTSTANDING BYTES   N casts, each awaited to its confirm, that nobody takes
//     rpc-bench serve URL                       echo and drop until its input closes
//     rpc-bench take  URL N PREFETCH BYTES      fills a queue, then takes N messages of it, each accepted
//
// After them `typed`, for values instead of JSON, `in-place`, for work on the connection's thread, and on another topic, and
// `plain`, for requests without Nova's context.
// `call` on fake:// serves itself. Prints one JSON object, times in microseconds.

import BenchSupport
import Glibc
import RPCBenchSupport
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSpool

prepareOutput()

#if RabbitMQ
    import SwitchboardRabbitMQ
    let drivers = DriverRegistry(.inProcess(), .spool(), .rabbitMQ())
#else
    let drivers = DriverRegistry(.inProcess(), .spool())
#endif

func report(_ measurement: Measurement, count: Int) {
    func rounded(_ value: Double) -> JSONValue { .double((value * 10).rounded() / 10) }
    var report: JSONObject = [
        "n": .integer(Int64(count)), "per_s": rounded(Double(count) / measurement.seconds),
        "cpu_us": rounded(measurement.cpuSeconds / Double(count) * 1e6), "rss_kib": .integer(Int64(Usage.peakMemory)),
    ]
    if !measurement.samples.isEmpty {
        report["p50_us"] = rounded(measurement.percentile(0.5))
        report["p99_us"] = rounded(measurement.percentile(0.99))
    }
    say(JSONValue.object(report))
}

/// A client whose casts lie in their queue, as those of amqp_floor do: the broker has the same to do for both.
func makeCaster(_ connection: MessageQueueConnection) async throws -> RPCClient {
    let topic = Topic("bench-casts")
    try await connection.transport.withSubscription(to: .topic(topic)) { _ in }
    return RPCClient(connection, target: RPCTarget(topic: topic.name), timeout: .seconds(60))
}

/// Takes messages from a queue that was filled before.
func take(_ transport: Transport, count: Int, prefetch: Int, bytes: Int) async throws {
    let address = Address.notifications(Topic("bench-take.info"))
    let message = Message(body: Array(repeating: UInt8(ascii: "x"), count: bytes))
    _ = try await measure(count, outstanding: 500) { try await transport.publish(message, to: address) }
    let measurement = try await transport.withSubscription(
        to: address, options: SubscriptionOptions(prefetch: prefetch)
    ) {
        deliveries in
        var taken = 0
        var (start, cpu) = (ContinuousClock.now, Usage.cpuSeconds)
        for try await delivery in deliveries {
            if taken == 0 { (start, cpu) = (.now, Usage.cpuSeconds) }
            try await delivery.settle(.accept)
            taken += 1
            if taken == count { break }
        }
        return Measurement(
            seconds: (ContinuousClock.now - start) / .seconds(1), cpuSeconds: Usage.cpuSeconds - cpu, samples: [])
    }
    report(measurement, count: count)
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
    say(
        "usage: rpc-bench call|cast URL N OUTSTANDING BYTES, serve URL, or take URL N PREFETCH BYTES; [typed] [in-place] [plain]"
    )
    exit(2)
}
let connection = try MessageQueueConnection(try TransportURL(arguments[2]), drivers: drivers, logger: Echo.logger)
let numbers = arguments.dropFirst(3).prefix(3).compactMap { Int($0) }
let typed = arguments.contains("typed")
let isPlain = arguments.contains("plain")
let isInPlace = arguments.contains("in-place")
let executor = isInPlace ? connection.transport.taskExecutor : nil
let topic = isInPlace ? Topic("bench-in-place") : Echo.topic

try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await connection.run() }
    defer { group.cancelAll() }
    if arguments[1] == "take" {
        guard numbers.count == 3 else { exit(2) }
        try await take(connection.transport, count: numbers[0], prefetch: numbers[1], bytes: numbers[2])
        return
    }
    if arguments[1] == "serve" || connection.transport.url.scheme == "fake" {
        let server = Echo.server(on: connection, topic: topic, typed: typed, executor: executor)
        group.addTask { try await server.run() }
    }
    let client =
        arguments[1] == "cast"
        ? try await makeCaster(connection) : try await Echo.client(of: connection, topic: topic, timeout: .seconds(60))
    if arguments[1] == "serve" {
        say("ready")
        while readLine() != nil {}
        return
    }
    guard numbers.count == 3 else { exit(2) }
    let (count, outstanding) = (numbers[0], numbers[1])
    let text = String(repeating: "x", count: numbers[2])
    let context = isPlain ? RequestContext.plain() : RequestContext(userID: "bench", projectID: "bench")
    let operation: @Sendable () async throws -> Void
    switch (arguments[1], typed) {
    case ("call", true): operation = { _ = try await client.call(Echo.method, .init(body: text), context: context) }
    case ("call", false): operation = { _ = try await client.call("echo", ["body": .string(text)], context: context) }
    case ("cast", true): operation = { try await client.cast(Echo.drop, .init(body: text), context: context) }
    default: operation = { try await client.cast("drop", ["body": .string(text)], context: context) }
    }
    try await withTaskExecutorPreference(executor) {
        _ = try await measure(max(outstanding, count / 10), outstanding: outstanding, operation)
        report(try await measure(count, outstanding: outstanding, operation), count: count)
    }
}
