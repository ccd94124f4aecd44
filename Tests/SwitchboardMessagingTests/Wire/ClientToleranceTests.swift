import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

/// What an oslo client made of replies that were made by hand.
struct ClientCase: Sendable, CustomTestStringConvertible {
    let name: String
    let timeout: Double
    let monitor: Double?
    /// Bodies, with `<MSG_ID>` where the call's id belongs.
    let replies: [String]
    let result: JSONValue?
    /// The Python class that was raised.
    let exception: String?

    var testDescription: String { name }
    var isDeviation: Bool { Deviation.replies.contains { $0.name == name } }

    static let all: [ClientCase] = {
        guard let bytes = try? testData("client-tolerance-cases.json"),
            case .array(let cases)? = try? JSONValue(parsing: bytes)
        else { return [] }
        return cases.map(ClientCase.init)
    }()

    init(_ entry: JSONValue) {
        name = entry["case"]?.string ?? ""
        timeout = (try? entry["timeout"]?.decode(Double.self)) ?? 0
        monitor = try? entry["monitor"]?.decode(Double?.self)
        replies = (try? entry["replies"]?.decode([String].self)) ?? []
        exception = entry["outcome"]?["exc"]?.string
        result = exception == nil ? entry["outcome"]?["result"] : nil
    }
}

/// The exceptions of the module that the captured client allowed.
private struct KW: RPCTransferableError, Equatable {
    static let remoteClass = "KW"
    static let remoteModule = "allowedmod"
    var message: String
    var x: Int64?

    init?(_ remote: RemoteError) {
        message = remote.arguments.first?.string ?? ""
        x = remote.keywordArguments["x"]?.integer
    }

    var remoteError: RemoteError {
        RemoteError(className: Self.remoteClass, module: Self.remoteModule, message: message)
    }
}

@Suite("What an oslo client makes of replies, ours makes", .timeLimit(.minutes(2)))
struct ClientToleranceTests {
    /// Calls a server that sends the bodies as its replies, one after another.
    private func call(
        timeout: Duration, monitor: Duration? = nil, registry: RPCErrorRegistry = RPCErrorRegistry(),
        _ replies: [String]
    ) async throws -> JSONValue {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let server = try makeConnection(network: network).transport
        let (live, liveSource) = AsyncStream.makeStream(of: Void.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await connection.run() }
            group.addTask { try await server.run() }
            group.addTask {
                try await server.withSubscription(to: .topic(Topic("raw"))) { deliveries in
                    liveSource.yield()
                    for try await delivery in deliveries {
                        try await delivery.accept()
                        let request = try OsloRequest(delivery.message)
                        let mailbox = Mailbox(named: try #require(request.replyQueue))
                        for reply in replies {
                            let body = reply.replacing("<MSG_ID>", with: request.messageID?.string ?? "")
                            try await server.publish(Message(body: Array(body.utf8)), to: .mailbox(mailbox))
                        }
                    }
                }
            }
            defer { group.cancelAll() }
            for await _ in live { break }
            var client = RPCClient(
                connection, target: RPCTarget(topic: "raw"), timeout: timeout, keepaliveInterval: monitor)
            client.errors = registry
            return try await client.call("x", context: RequestContext())
        }
    }

    private func outcome(of test: ClientCase) async throws -> JSONValue {
        var registry = RPCErrorRegistry()
        registry.register(KW.self)
        // Cannot be made of one argument, as the captured class.
        registry.register("Strict", module: "allowedmod") { remote in remote.arguments.count == 2 ? KW(remote) : nil }
        // Replies come without their pauses; only what shall time out is short.
        let isTimeout = test.exception?.hasSuffix("MessagingTimeout") == true
        let factor = isTimeout ? 0.1 : 20
        return try await call(
            timeout: .seconds(test.timeout * factor), monitor: test.monitor.map { .seconds($0 * factor) },
            registry: registry, test.replies)
    }

    @Test("There are cases, and every deviation is one of them")
    func cases() {
        #expect(ClientCase.all.count == 34)
        for deviation in Deviation.replies {
            #expect(ClientCase.all.contains { $0.name == deviation.name }, "\(deviation.name)")
        }
    }

    @Test(
        "A call returns or throws what an oslo client returned or raised",
        arguments: ClientCase.all.filter { !$0.isDeviation })
    func same(_ test: ClientCase) async throws {
        let outcome: Result<JSONValue, any Error>
        do { outcome = .success(try await self.outcome(of: test)) } catch { outcome = .failure(error) }
        guard let exception = test.exception else {
            #expect(try outcome.get() == test.result)
            return
        }
        guard case .failure(let thrown) = outcome else {
            Issue.record("It returned \(outcome) instead of \(exception).")
            return
        }
        if exception == "allowedmod_Remote.KW_Remote" {
            let error = try #require(thrown as? KW)
            #expect(error.message == "m")
            #expect(error.x == 1)
            return
        }
        let error = try #require(thrown as? RPCError, "\(thrown)")
        switch exception {
        case "oslo_messaging.exceptions.MessagingTimeout": #expect(error.code == .timeout)
        case "oslo_messaging.rpc.dispatcher_Remote.NoSuchMethod_Remote": #expect(error.code == .noSuchMethod)
        case "oslo_messaging.rpc.dispatcher_Remote.UnsupportedVersion_Remote":
            #expect(error.code == .unsupportedVersion)
        case "oslo_messaging.rpc.client.RemoteError":
            #expect(error.code == .remote)
            #expect(error.remote?.className.isEmpty == false)
        default:
            #expect(error.code == .remote)
            #expect("\(error.remote?.module ?? "").\(error.remote?.className ?? "")" == exception)
        }
        // The trace never gets into the message.
        #expect(!error.message.contains("T1"))
        if error.remote?.message == "boom" { #expect(error.remote?.traceback == ["T1\n", "T2\n"]) }
    }

    @Test("Replies that make an oslo client stumble are understood")
    func deviations() async throws {
        for test in ClientCase.all where test.isDeviation {
            switch test.name {
            case "legacy second msg w/o failure key": #expect(try await outcome(of: test) == 5)
            case "fail not JSON":
                let error = await #expect(throws: RPCError.self) { try await outcome(of: test) }
                #expect(error?.remote?.className == "UnreadableFailure")
                #expect(error?.message.contains("not json") == true)
            default:
                let error = await #expect(throws: RPCError.self) { try await outcome(of: test) }
                #expect(error?.remote?.className == "OSError")
                #expect(error?.remote?.arguments == [2, "No such file"])
            }
        }
    }
}
