import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

@Suite("Keys of contexts that are oslo.messaging's or ours", .timeLimit(.minutes(5)))
struct ForeignContextTests {
    private static let keys = ["msg_id", "reply_q", "client_timeout"]

    private func message(_ context: JSONObject) -> Message {
        OsloRequest(method: "x", messageID: "1", replyQueue: "reply_x", uniqueID: "u", context: context).message()
    }

    @Test("Handlers see no msg_id, reply_q and client_timeout of a peer's, as oslo.messaging's do not", arguments: keys)
    func takenOut(_ key: String) throws {
        let request = try OsloRequest(message([key: "evil", "user_id": "u", "\(key)s": "kept"]))
        #expect(request.context == ["user_id": "u", "\(key)s": "kept"])
        // The message's own keep their meaning.
        #expect(request.messageID == "1" && request.replyQueue == "reply_x")
        let context = try RequestContext(wireObject: request.context)
        #expect(context.additional == ["\(key)s": "kept"])
        let notification = try OsloNotification(
            Message(
                body: JSONValue.object([
                    "priority": "INFO", "event_type": "e", "_context_\(key)": "evil", "_context_user_id": "u",
                ]).serialized()))
        #expect(notification.context == ["user_id": "u"])
    }

    @Test("A call says how long its caller waits, unless it is told not to", arguments: [true, false])
    func deadline(_ sendsDeadline: Bool) async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection("x", network: network)
        var client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(5))
        client.sendsDeadline = sendsDeadline
        let context = RequestContext.plain(["tenant": "t"])
        try await withRunning(connection) { [client] in
            try await connection.transport.withSubscription(to: .topic(Topic("t"))) { deliveries in
                let call = Task { try await client.call("x", context: context) }
                var iterator = deliveries.makeAsyncIterator()
                let delivery = try #require(try await iterator.next())
                try await delivery.accept()
                let object = try OsloEnvelope.open(delivery.message)
                let keys = object.members.map(\.key).filter { $0.hasPrefix("_context_") }
                #expect(
                    keys == ["_context_tenant"] + (sendsDeadline ? ["_context_switchboard_deadline_ms"] : []))
                // Nothing of ours is anywhere else either.
                #expect(
                    object.members.map(\.key).filter { $0.contains("switchboard") }.count == (sendsDeadline ? 1 : 0))
                call.cancel()
                _ = await call.result
            }
        }
    }
}
