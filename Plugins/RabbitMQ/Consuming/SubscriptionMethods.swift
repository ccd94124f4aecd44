#if RabbitMQ
/// What a subscription sends on its channel to begin and to end. No I/O.
struct SubscriptionMethods {
    /// What it declares and takes from: as planned, or as the broker demands.
    var plan: SubscriptionPlan
    /// The consumer's tag.
    let tag: String
    let prefetch: UInt16
    /// What the broker refuses to declare since the subscription was live, as it is there otherwise or we may not any more.
    var leftOut: Set<Declaration> = []

    /// What is declared to make it live.
    var declarations: [Declaration] {
        leftOut.isEmpty ? plan.declarations : plan.declarations.filter { !leftOut.contains($0) }
    }

    /// What is sent to make it live, in one go: a channel of its own, so that a refusal affects no other subscription.
    ///
    /// - Parameter offset: where a stream goes on.
    func setUp(from offset: Int64?) -> [OutgoingMethod] {
        [.channelOpen, .prefetch(prefetch)] + declarations.map(\.method) + [consume(from: offset)]
    }

    func consume(from offset: Int64?) -> OutgoingMethod {
        var arguments = plan.consumeArguments
        // Only to be refused by a stream, which has no such argument and would give each consumer every message.
        if !plan.isStream, leftOut.contains(where: { if case .queue = $0 { true } else { false } }) {
            arguments = arguments.replacing("x-priority", .int32(0))
        }
        if let offset { arguments = arguments.replacing("x-stream-offset", .int64(offset)) }
        return .consume(queue: plan.queue, tag: tag, arguments: arguments)
    }

    /// What is sent so that nothing more comes, and everything unsettled goes back to its place in the queue, as not handled:
    /// also what is on its way to here. A channel that ends with unsettled messages costs each an attempt.
    var release: [OutgoingMethod] {
        [.cancel(tag: tag)] + (plan.isStream ? [] : [.nack(tag: 0, multiple: true, requeue: true)])
    }

    /// What is sent to end it.
    var tearDown: [OutgoingMethod] {
        release + (plan.deletesQueueAtEnd ? [.deleteQueue(plan.queue)] : []) + [
            .channelClose(code: 200, text: "Goodbye")
        ]
    }
}
#endif
