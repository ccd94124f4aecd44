#if RabbitMQ
/// What waits in a queue and who consumes it, asked for now.
package enum QueueCount: Hashable, Sendable {
    case counted(ready: Int, consumers: Int)
    case missing
    /// Another connection owns it.
    case locked
    /// The broker doesn't say, for a reason of its own.
    case refused(text: String)
}

extension BrokerLook {
    /// Counts a queue's messages and consumers, which changes nothing.
    package func count(_ queue: String) async throws(InspectionFailure) -> QueueCount {
        let conversation = try await session.ask([.inspectQueue(queue)])
        if case .queueDeclareOK(let ready, let consumers)? = conversation.answers.first {
            return .counted(ready: Int(ready), consumers: Int(consumers))
        }
        guard let closure = conversation.closure else { return .refused(text: "no answer") }
        return switch closure.code {
        case 404: .missing
        case 405: .locked
        default: .refused(text: "\(closure.code) \(closure.text)")
        }
    }
}
#endif
