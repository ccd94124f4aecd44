// What is counted, not timed: N calls or notifications over the in-process driver, or N encodings and decodings of JSON,
// and nothing else.
//
//     counts-bench call N     typed calls, one at a time, whole stack with both JSON layers, 100 bytes of arguments
//     counts-bench actor N    the same, from a distributed actor's protocol to a distributed actor
//     counts-bench unlisted N the same, where the server finds the method by its Swift name
//     counts-bench notify N   notifications of 1 KiB, sent one at a time, and handled in batches of 100
//     counts-bench json N     reads and writes a notification's JSON of about 1 KiB

import BenchSupport
import Dispatch
import Distributed
import Glibc
import RPCBenchSupport
import SwitchboardActors
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging

prepareOutput()

func calls(_ count: Int) async throws {
    let connection = try MessageQueueConnection(
        try TransportURL("fake://bench"), drivers: DriverRegistry(.inProcess()), logger: Echo.logger)
    let server = Echo.server(on: connection)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await connection.run() }
        group.addTask { try await server.run() }
        defer { group.cancelAll() }
        let client = try await Echo.client(of: connection, timeout: .seconds(600))
        let context = RequestContext(userID: "bench", projectID: "bench")
        let body = String(repeating: "x", count: 100)
        for _ in 0..<count {
            let reply = try await client.call(Echo.method, .init(body: body), context: context)
            precondition(reply.utf8.count == 100, "The reply is not what was sent.")
        }
    }
}

@Resolvable
protocol Echoing: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func echo(body: String) async throws -> String
}

distributed actor EchoActor: Echoing {
    typealias ActorSystem = SwitchboardActorSystem

    distributed func echo(body: String) async throws -> String { body }
}

/// - Parameter hasTable: whether the server lists the method, or finds it by its Swift name.
func actorCalls(_ count: Int, hasTable: Bool) async throws {
    let connection = try MessageQueueConnection(
        try TransportURL("fake://bench"), drivers: DriverRegistry(.inProcess()), logger: Echo.logger)
    let system = SwitchboardActorSystem(connection, timeout: .seconds(600))
    var methods = ActorMethods<EchoActor>()
    if hasTable { methods.register("echo", .init("body", String.self)) { try await $0.echo(body: $1) } }
    var router = RPCRouter()
    router.registerPing()
    router.register(EchoActor(actorSystem: system), methods)
    let server = RPCServer(connection, topic: Echo.topic, name: "bench", router: router, logger: Echo.logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await connection.run() }
        group.addTask { try await server.run() }
        defer { group.cancelAll() }
        _ = try await Echo.client(of: connection, timeout: .seconds(600))
        let echo = try $Echoing.resolve(id: SwitchboardActorID(topic: "bench"), using: system)
        let body = String(repeating: "x", count: 100)
        try await withRequestContext(RequestContext(userID: "bench", projectID: "bench")) {
            for _ in 0..<count {
                let reply = try await echo.echo(body: body)
                precondition(reply.utf8.count == 100, "The reply is not what was sent.")
            }
        }
    }
}

func notifications(_ count: Int) async throws {
    let connection = try MessageQueueConnection(
        try TransportURL("fake://bench"), drivers: DriverRegistry(.inProcess()), logger: Echo.logger)
    let (handled, source) = AsyncStream.makeStream(of: Int.self)
    var router = NotificationRouter()
    router.handleBatches([.info]) { source.yield($0.count) }
    let topic = Topic("bench")
    let listener = NotificationListener(connection, topics: [topic], router: router, logger: Echo.logger)
    let notifier = Notifier(
        publisherID: "bench.host", drivers: [.messagingV2(connection, topics: [topic])], logger: Echo.logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await connection.run() }
        group.addTask { try await listener.run() }
        defer { group.cancelAll() }
        try await listener.waitUntilListening()
        let payload: JSONValue = ["body": .string(String(repeating: "x", count: 1024))]
        let context = RequestContext(userID: "bench", projectID: "bench")
        for _ in 0..<count { try await notifier.send(.info, "bench", payload, context: context) }
        var left = count
        for await number in handled {
            left -= number
            if left == 0 { break }
        }
    }
}

/// Not by an asynchronous main: that leaves the main thread to Dispatch, which waits for signals with a constant mask;
/// valgrind writes to such masks, and ends.
func wait(for work: @escaping @Sendable () async throws -> Void) {
    let isDone = DispatchSemaphore(value: 0)
    Task.detached {
        do {
            try await work()
        } catch {
            complain(error)
            exit(1)
        }
        isDone.signal()
    }
    isDone.wait()
}

func json(_ count: Int) throws {
    let value: JSONValue = [
        "message_id": "6f70656e-7374-4163-8b00-000000000001", "publisher_id": "compute.host1",
        "event_type": "compute.instance.create.end", "priority": "INFO",
        "payload": [
            "instance_id": "6f70656e-7374-4163-8b00-000000000002", "memory_mb": 2048, "ratio": 1.5, "wait": true,
            "fault": nil, "notes": .array(Array(repeating: "a \"quoted\" note with a grüße in it", count: 16)),
        ],
    ]
    let text = "\(value)"
    for _ in 0..<count {
        let read = try JSONValue(parsing: text)
        precondition("\(read)".utf8.count == text.utf8.count, "What was read is not what was written.")
    }
}

let arguments = CommandLine.arguments
let count = arguments.count == 3 ? Int(arguments[2]) : nil
switch (arguments.dropFirst().first, count) {
case ("call"?, let count?): wait { try await calls(count) }
case ("actor"?, let count?): wait { try await actorCalls(count, hasTable: true) }
case ("unlisted"?, let count?): wait { try await actorCalls(count, hasTable: false) }
case ("notify"?, let count?): wait { try await notifications(count) }
case ("json"?, let count?): try json(count)
default:
    say("usage: counts-bench call|actor|unlisted|notify|json N")
    exit(2)
}
