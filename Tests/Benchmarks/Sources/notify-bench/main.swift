// Notifications over a queue, with both JSON layers.
//
//     notify-bench send    URL N OUTSTANDING BYTES   N notifications, each awaited to its confirm
//     notify-bench listen  URL N SIZE BYTES          fills a queue with N, then handles them in batches of SIZE
//     notify-bench through URL N SIZE BYTES          sends and handles at the same time, in one process
//     notify-bench drain   URL N SIZE BYTES          handles N that another process sends with `fill`
//     notify-bench fill    URL N OUTSTANDING BYTES   sends those
//
// After them `in-place`, for work on the connection's thread. Prints one figure a line.

import BenchSupport
import Glibc
import Logging
import SwitchboardCore
import SwitchboardMessaging

prepareOutput()

#if RabbitMQ
    import SwitchboardRabbitMQ
    let drivers = DriverRegistry(.rabbitMQ())
#else
    let drivers = DriverRegistry()
#endif

/// Counts what was handled, and says when it is enough.
actor Handled {
    private let wanted: Int
    private var count = 0
    private var start: (time: ContinuousClock.Instant, cpu: Double)?
    private let source: AsyncStream<Measurement>.Continuation
    let done: AsyncStream<Measurement>

    init(wanted: Int) {
        self.wanted = wanted
        (done, source) = AsyncStream.makeStream()
    }

    func add(_ number: Int) {
        // From the first batch on: the others' way from the broker counts, not the start of the listener.
        let begin = start ?? (.now, Usage.cpuSeconds)
        start = begin
        count += number
        guard count >= wanted else { return }
        source.yield(
            Measurement(
                seconds: (ContinuousClock.now - begin.time) / .seconds(1), cpuSeconds: Usage.cpuSeconds - begin.cpu,
                samples: []))
        source.finish()
    }
}

let arguments = CommandLine.arguments
let numbers = arguments.dropFirst(3).compactMap { Int($0) }
guard arguments.count >= 6, numbers.count == 3 else {
    say("usage: notify-bench send|fill URL N OUTSTANDING BYTES, or listen|through|drain URL N SIZE BYTES; [in-place]")
    exit(2)
}
let (count, size) = (numbers[0], numbers[1])
let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
let connection = try MessageQueueConnection(try TransportURL(arguments[2]), drivers: drivers, logger: logger)
let executor = arguments.contains("in-place") ? connection.transport.taskExecutor : nil
let mode = arguments[1]
let topic = Topic("bench-notify-\(mode == "fill" ? "drain" : mode)")
let notifier = Notifier(
    publisherID: "bench.host", drivers: [.messagingV2(connection, topics: [topic])], logger: logger)
let payload: JSONValue = ["body": .string(String(repeating: "x", count: numbers[2]))]
let context = RequestContext(userID: "bench", projectID: "bench")

@Sendable func send(_ count: Int, outstanding: Int) async throws -> Measurement {
    try await withTaskExecutorPreference(executor) {
        try await measure(count, outstanding: outstanding) {
            try await notifier.send(.info, "bench", payload, context: context)
        }
    }
}

try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await connection.run() }
    defer { group.cancelAll() }
    if mode == "send" || mode == "fill" {
        if mode == "send" { _ = try await send(max(size, count / 10), outstanding: size) }
        try await send(count, outstanding: size).report()
        return
    }
    if mode == "listen" { _ = try await send(count, outstanding: 500) }
    let handled = Handled(wanted: count)
    var router = NotificationRouter()
    router.handleBatches([.info]) { await handled.add($0.count) }
    var configuration = NotificationListenerConfiguration()
    configuration.batchSize = size
    configuration.executor = executor
    let listener = NotificationListener(
        connection, topics: [topic], router: router, configuration: configuration, logger: logger)
    group.addTask { try await listener.run() }
    if mode == "through" {
        try await listener.waitUntilListening()
        _ = try await send(count, outstanding: 5 * size)
    }
    for await measurement in handled.done { measurement.report(count: count) }
}
