#if RabbitMQ
import SwitchboardCore

/// A connection that is logged in and looks at what is there. It changes nothing at the broker, but for the few probes that say so.
package struct BrokerLook: Sendable {
    let session: InspectionSession
    package let broker: BrokerIdentity
    package let username: String
    let topology: Topology

    /// Says goodbye.
    package func close() async {
        await session.close()
    }

    /// Why the broker takes no messages: an alarm. `nil` when it takes them.
    ///
    /// A broker tells a connection only when it publishes, so an empty message goes to a queue that doesn't exist, and comes back.
    /// The connection is of no more use where there is an alarm.
    package func alarm() async throws(InspectionFailure) -> String? {
        let conversation = try await session.publish(toAbsent: Self.probeName())
        if let reason = await session.blockedReason { return reason }
        guard conversation.closure == nil else { return nil }
        // The broker reads no more of a connection that it blocks: a question tells.
        _ = try await session.ask([.prefetch(1)])
        return await session.blockedReason
    }

    /// Whether the broker takes queues that are neither durable nor exclusive, as oslo.messaging declares by default.
    ///
    /// Only a declaration tells: a queue with a random name, which is deleted at once. A broker that refuses closes the connection.
    package func takesTransientQueues() async throws(InspectionFailure) -> Bool {
        let name = Self.probeName()
        let queue = QueueDeclaration(
            name: name, isDurable: false, deletesItself: false, arguments: ["x-expires": .int32(60_000)])
        do {
            _ = try await session.ask([.declareQueue(queue), .deleteQueue(name)])
            return true
        } catch  where error.reason.contains("transient_nonexcl_queues") {
            return false
        }
    }

    /// Deletes queues that the caller has made, with what is in them. Those that aren't there are no error.
    package func delete(queues names: [String]) async throws(InspectionFailure) {
        for name in names {
            let conversation = try await session.ask([.deleteQueue(name)])
            if let closure = conversation.closure { throw InspectionFailure(.open, "\(closure.code) \(closure.text)") }
        }
    }

    /// A name as a reply queue's, which no other program uses.
    static func probeName() -> String {
        "reply_" + (0..<2).map { _ in UInt64.random(in: 0...UInt64.max).hexadecimal }.joined()
    }
}
#endif
