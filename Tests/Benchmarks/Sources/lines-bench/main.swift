// Many lines in one process, and what they cost; what one broker's trouble does to another's calls.
//
//     lines-bench lines URL COUNT    lines to the virtual hosts URL-1, URL-2, …, then a server on each
//     lines-bench stall URL OTHER    large casts to URL, calls to OTHER
//
// When it has printed the figures of the start, it prints "ready" and reads commands, one a line. `lines`: any word prints
// how many seconds it took from then until every line's server answers. `stall`: any word prints the p99 of OTHER's calls
// over the next three seconds under that name.

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

let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

func makeConnection(_ url: String) throws -> MessageQueueConnection {
    try MessageQueueConnection(try TransportURL(url), drivers: drivers, logger: logger)
}

func makeServer(_ connection: MessageQueueConnection) -> RPCServer {
    var router = RPCRouter()
    router.registerPing()
    router.register("echo") { arguments, _ in arguments["body"] ?? .null }
    router.register("drop") { _, _ in .null }
    return RPCServer(connection, topic: Topic("bench"), name: "bench", router: router, logger: logger)
}

func makeClient(_ connection: MessageQueueConnection) -> RPCClient {
    RPCClient(connection, target: RPCTarget(topic: "bench"), timeout: .seconds(120))
}

let context = RequestContext(userID: "bench", projectID: "bench")

/// Returns when the server of every client has answered.
func waitUntilLive(_ clients: [RPCClient]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for client in clients {
            group.addTask {
                let end = ContinuousClock.now + .seconds(120)
                while true {
                    do {
                        _ = try await client.call("echo", ["body": "x"], context: context)
                        return
                    } catch let error as RPCError where .now < end {
                        _ = error
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
            }
        }
        try await group.waitForAll()
    }
}

func seconds(_ body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    try await body()
    return (ContinuousClock.now - start) / .seconds(1)
}

func ready() {
    say("ready")
}

func lines(_ url: String, _ count: Int) async throws {
    let before = Usage.memory
    let connections = try (1...count).map { try makeConnection("\(url)-\($0)") }
    try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        let connected = try await seconds {
            for connection in connections { group.addTask { try await connection.run() } }
            for connection in connections {
                for await state in connection.transport.states() where state == .ready { break }
            }
        }
        figure("connected", connected, "s")
        figure("rss", Double(Usage.memory), "KiB")
        figure("rss per line", Double(Usage.memory - before) / Double(count), "KiB")
        figure("descriptors", Double(Usage.descriptors), "")

        let idleStart = Usage.cpuSeconds
        try await Task.sleep(for: .seconds(5))
        figure("idle cpu", (Usage.cpuSeconds - idleStart) / 5 * 100, "%")

        for connection in connections {
            let server = makeServer(connection)
            group.addTask { try await server.run() }
        }
        let clients = connections.map(makeClient)
        figure("served", try await seconds { try await waitUntilLive(clients) }, "s")

        // Two calls outstanding on each line, all at once.
        let cpu = Usage.cpuSeconds
        let took = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients {
                    for _ in 0..<2 {
                        group.addTask {
                            for _ in 0..<20 { _ = try await client.call("echo", ["body": "x"], context: context) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        figure("burst rate", Double(count * 40) / took, "1/s")
        figure("burst cpu", (Usage.cpuSeconds - cpu) / Double(count * 40) * 1e6, "us")
        figure("threads", Double(Usage.threads), "")
        figure("rss, served", Double(Usage.memory), "KiB")
        ready()
        while let command = readLine() {
            figure(command, try await seconds { try await waitUntilLive(clients) }, "s")
        }
    }
}

func stall(_ url: String, _ other: String) async throws {
    let (stalled, healthy) = (try makeConnection(url), try makeConnection(other))
    try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        for connection in [stalled, healthy] {
            group.addTask { try await connection.run() }
            let server = makeServer(connection)
            group.addTask { try await server.run() }
        }
        let clients = [stalled, healthy].map(makeClient)
        try await waitUntilLive(clients)
        let large = JSONValue.string(String(repeating: "x", count: 65_536))
        for _ in 0..<64 {
            group.addTask {
                // What a stalled broker does not take in time is nobody's loss here.
                while !Task.isCancelled { try? await clients[0].cast("drop", ["body": large], context: context) }
            }
        }
        ready()
        while let command = readLine() {
            let end = ContinuousClock.now + .seconds(3)
            var samples: [Double] = []
            try await withThrowingTaskGroup(of: [Double].self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var samples: [Double] = []
                        while ContinuousClock.now < end {
                            let start = ContinuousClock.now
                            _ = try await clients[1].call("echo", ["body": "x"], context: context)
                            samples.append((ContinuousClock.now - start) / .microseconds(1))
                        }
                        return samples
                    }
                }
                for try await part in group { samples += part }
            }
            let measurement = Measurement(seconds: 3, cpuSeconds: 0, samples: samples.sorted())
            figure("calls \(command)", Double(samples.count), "")
            figure("p99 \(command)", measurement.percentile(0.99), "us")
        }
        exit(0)
    }
}

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "lines" where arguments.count == 4 && (Int(arguments[3]) ?? 0) > 0:
    try await lines(arguments[2], Int(arguments[3]) ?? 0)
case "stall" where arguments.count == 4:
    try await stall(arguments[2], arguments[3])
default:
    say("usage: lines-bench lines URL COUNT, or lines-bench stall URL OTHER")
    exit(2)
}
