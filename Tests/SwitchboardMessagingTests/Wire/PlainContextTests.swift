import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

@Suite("Contexts of programs that are not Nova's", .timeLimit(.minutes(5)))
struct PlainContextTests {
    @Test("What travels are the members that were given, and nothing that was set beside them")
    func members() {
        var context = RequestContext.plain(["tenant": "t"])
        #expect(context.isPlain && !RequestContext().isPlain)
        context.userID = "u"
        context.additional["is_admin"] = true
        #expect(context.wireObject() == ["tenant": "t", "is_admin": true])
        #expect(context.wireObject().keys == ["tenant", "is_admin"])
        #expect(context.elevated().wireObject() == context.wireObject())
        #expect(context.userID == "u" && context.requestID.hasPrefix("req-"))
    }

    @Test("In notifications it is empty")
    func redacted() {
        let context = RequestContext.plain(["auth_token": "t0ken-5ecret"])
        #expect(context.redacted().wireObject() == [:])
        #expect(context.redactedNestedWireMembers() == [])
    }

    @Test("A cast carries it and no key of our own; a call carries its deadline beside it")
    func onTheWire() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(20))
        try await withRunning(connection) {
            let requests = try await connection.transport.withSubscription(to: .topic(Topic("t"))) { deliveries in
                try await client.cast("m", context: .plain(["tenant": "t"]))
                async let reply = try? client.call("m", context: .plain(), timeout: .milliseconds(200))
                var requests: [OsloRequest] = []
                for try await delivery in deliveries {
                    requests.append(try OsloRequest(delivery.message))
                    try await delivery.settle(.accept)
                    if requests.count == 2 { break }
                }
                _ = await reply
                return requests
            }
            let cast = try #require(requests.first { $0.messageID == nil })
            #expect(cast.context == ["tenant": "t"] && cast.deadline == nil)
            let call = try #require(requests.first { $0.messageID != nil })
            #expect(call.context == [:] && call.deadline != nil)
        }
    }
}
