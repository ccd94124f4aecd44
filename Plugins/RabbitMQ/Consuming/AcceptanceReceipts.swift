#if RabbitMQ
import DequeModule
import SwitchboardCore

/// Those who wait to know that the broker has taken their acceptances on one channel. No I/O.
///
/// A broker does not answer an acknowledgement. It works on the methods of a channel in their order, so its answer to the
/// next one that it does answer says that the acknowledgements before it have gone to the queue. One question serves
/// all acceptances of a turn.
struct AcceptanceReceipts {
    typealias Waiter = @Sendable (TransportError?) -> Void

    /// Since the last question.
    private var new: [Waiter] = []
    /// Those of each question that is not answered yet, the oldest first.
    private var asked: Deque<[Waiter]> = []

    mutating func add(_ waiter: @escaping Waiter) {
        new.append(waiter)
    }

    /// Called when the acknowledgements have been encoded. Returns whether a question is to follow them.
    mutating func ask() -> Bool {
        guard !new.isEmpty else { return false }
        asked.append(new)
        new = []
        return true
    }

    /// The broker has answered the oldest question.
    mutating func answered() {
        for waiter in asked.popFirst() ?? [] { waiter(nil) }
    }

    /// The broker has answered the end of the channel, and so all before it.
    mutating func allAnswered() {
        for waiter in asked.joined() + new { waiter(nil) }
        (new, asked) = ([], [])
    }

    /// The channel is gone.
    mutating func lost(_ address: Address) {
        guard !new.isEmpty || !asked.isEmpty else { return }
        let error = TransportError(
            .indeterminate,
            "The connection was lost before the broker confirmed that it has the acceptance of a message from \(address); it "
                + "may deliver the message again.")
        for waiter in asked.joined() + new { waiter(error) }
        (new, asked) = ([], [])
    }

    /// For those whose channel was gone before.
    static func neverSent(_ address: Address) -> TransportError {
        TransportError(
            .closed,
            "The connection that a message from \(address) came by is lost; the message was not accepted and comes again."
        )
    }
}
#endif
