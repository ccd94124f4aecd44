import Foundation
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

/// What an oslo server did with a request that was made by hand.
struct ServerCase: Sendable, CustomTestStringConvertible {
    let name: String
    let message: Message
    let times: Int
    let isAccepted: Bool
    let replies: [JSONObject]
    let calls: [JSONValue]

    var testDescription: String { name }

    static let all: [ServerCase] = {
        guard let bytes = try? testData("server-tolerance-cases.json"),
            case .array(let cases)? = try? JSONValue(parsing: bytes)
        else { return [] }
        return cases.map(ServerCase.init)
    }()

    init(_ entry: JSONValue) {
        name = entry["case"]?.string ?? ""
        let body =
            entry["body"]?.string.map { Array($0.utf8) }
            ?? Array(Data(base64Encoded: entry["base64"]?.string ?? "") ?? Data())
        var message = Message(body: body, contentType: entry["contentType"]?.string ?? "")
        message.contentEncoding = entry["contentEncoding"]?.string ?? ""
        if let compression = entry["compression"]?.string { message.headers["compression"] = compression }
        self.message = message
        times = Int(entry["times"]?.integer ?? 1)
        isAccepted = entry["settled"] == "accept"
        replies =
            (try? entry["replies"]?.decode([JSONValue].self))?.compactMap {
                if case .object(let object) = $0 { object } else { nil }
            } ?? []
        calls = (try? entry["calls"]?.decode([JSONValue].self)) ?? []
    }

    var isDeviation: Bool { Deviation.requests.contains { $0.name == name } }
}

@Suite("What an oslo server answers, ours answers", .timeLimit(.minutes(5)))
struct ServerToleranceTests {
    /// What became of a request here.
    private struct Outcome {
        var settlements: [Settlement] = []
        var replies: [JSONObject] = []
        var calls: [JSONValue] = []
    }

    /// The endpoint of the captures: version 1.3, no namespace. `slow` lasts until its keepalive, if there is to be one.
    private func makeRouter(
        _ calls: Locked<[JSONValue]>, slow: @escaping @Sendable () async -> Void
    ) -> RPCRouter {
        struct Needs: Codable, Sendable { var x: Int }
        var router = RPCRouter()
        router.implement("1.3")
        router.register("echo") { arguments, _ in
            calls.withLock { $0.append(.object(arguments)) }
            return .object(arguments)
        }
        router.register(RPCMethod<Needs, Int>("needs")) { needs, _ in needs.x }
        router.register("big") { _, _ in ["n": .number(JSONNumber("1180591620717411303424")!)] }
        router.register("_priv") { _, _ in "never" }
        router.register("slow") { _, _ in
            await slow()
            return "slow-done"
        }
        return router
    }

    private func outcome(of test: ServerCase) async throws -> Outcome {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let calls = Locked<[JSONValue]>([])
        let settlements = Locked<[Settlement]>([])
        let (keepalives, keepaliveSource) = AsyncStream.makeStream(of: Void.self)
        let router = makeRouter(calls) {
            guard test.replies.count > 1, test.name.hasPrefix("_timeout") else { return }
            for await _ in keepalives { return }
        }
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("raw"), server: "raw", router: router,
            configuration: RPCServerConfiguration(), logger: quietLogger)
        let transport = connection.transport
        let replies = try await withRunning(connection) {
            try await transport.withSubscription(to: .mailbox(Mailbox(named: "rawreply"))) { deliveries in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for _ in 0..<test.times {
                            await handling.handle(
                                Delivery(message: test.message) { settlement throws(TransportError) in
                                    settlements.withLock { $0.append(settlement) }
                                })
                        }
                        // All replies are published by now: this one is the last.
                        try await transport.publish(
                            Message(body: Array("end".utf8)), to: .mailbox(Mailbox(named: "rawreply")))
                    }
                    var replies: [JSONObject] = []
                    // The handler ends with the keepalives that are expected; on a machine that stands still for a
                    // second, another one is on its way by then.
                    let expected = test.replies.count { $0["ending"] == false }
                    var surplus = -expected
                    for try await delivery in deliveries {
                        try await delivery.accept()
                        if delivery.message.body == Array("end".utf8) { break }
                        let object = try OsloEnvelope.open(delivery.message)
                        if object["ending"] == false {
                            keepaliveSource.yield()
                            surplus += 1
                            if expected > 0, surplus > 0 { continue }
                        }
                        replies.append(object)
                    }
                    try await group.waitForAll()
                    return replies
                }
            }
        }
        return Outcome(settlements: settlements.withLock { $0 }, replies: replies, calls: calls.withLock { $0 })
    }

    @Test("There are cases, and every deviation is one of them")
    func cases() {
        #expect(ServerCase.all.count == 66)
        for deviation in Deviation.requests {
            #expect(ServerCase.all.contains { $0.name == deviation.name }, "\(deviation.name)")
        }
    }

    @Test(
        "A request is settled and answered as by an oslo server", arguments: ServerCase.all.filter { !$0.isDeviation })
    func same(_ test: ServerCase) async throws {
        let outcome = try await outcome(of: test)
        #expect(outcome.settlements.count == test.times)
        for settlement in outcome.settlements {
            if case .discard(let reason) = settlement {
                #expect(!test.isAccepted)
                #expect(!reason.isEmpty)
            } else {
                #expect(settlement == .accept)
                #expect(test.isAccepted)
            }
        }
        try #require(outcome.replies.count == test.replies.count)
        for (reply, expected) in zip(outcome.replies, test.replies) {
            #expect(reply.keys == ["result", "failure", "ending", "_msg_id", "_unique_id"])
            #expect(reply["result"] == expected["result"])
            #expect(reply["ending"] == expected["ending"])
            #expect(reply["_msg_id"] == expected["_msg_id"])
            guard let failure = expected["failure"], failure != .null else {
                #expect(reply["failure"] == .null)
                continue
            }
            let ours = try JSONValue(parsing: try #require(reply["failure"]?.string))
            #expect(ours["class"] == failure["class"])
            #expect(ours["module"] == failure["module"])
            // What oslo says on purpose is said in the same words; see `Deviation.general` for the rest.
            if failure["module"] == "oslo_messaging.rpc.dispatcher" {
                #expect(ours["message"] == failure["message"])
            } else {
                #expect(ours["message"]?.string?.isEmpty == false)
            }
        }
        // A kombu datetime is an object of Python's there.
        if !test.name.hasPrefix("__type__ in non") { #expect(outcome.calls == test.calls) }
    }

    @Test("Names of arguments and of attributes are not special")
    func deviations() async throws {
        for test in ServerCase.all where test.isDeviation {
            let reply = try #require(try await outcome(of: test).replies.first)
            if test.name == "kwarg named ctxt" {
                #expect(reply["result"] == ["ctxt": 1])
            } else {
                let failure = try JSONValue(parsing: try #require(reply["failure"]?.string))
                #expect(failure["class"] == "NoSuchMethod")
            }
        }
    }

    @Test("Keepalives are sent for the intervals that oslo sends them for")
    func keepalives() {
        let none: [JSONValue?] = [nil, nil as JSONValue, 0, 1, true, "abc", [1], -2, 1.9, ["a": 1]]
        for value in none { #expect(RPCKeepalive.interval(value) == nil) }
        for value: JSONValue in [2, 2.9, "2"] { #expect(RPCKeepalive.interval(value) == .seconds(1)) }
        #expect(RPCKeepalive.interval(5) == .milliseconds(2500))
    }

    @Test("An empty body is rejected with a reason")
    func empty() {
        #expect(throws: WireError.self) { try OsloRequest(Message(body: [])) }
    }

    @Test("A body of very many members takes time in proportion to them")
    func manyMembers() throws {
        let body = "{" + (0..<100_000).map { "\"k\($0)\": 1" }.joined(separator: ",") + "}"
        let request = try OsloRequest(Message(body: Array(body.utf8)))
        #expect(request.rawMethod == .null)
    }
}
