import Synchronization

/// What happens to a delivery.
public enum Settlement: Sendable, Hashable {
    /// Done: the queue forgets the message.
    case accept
    /// Back to the queue because handling it failed, marked as redelivered. Counts as an attempt. A driver that
    /// guarantees order puts it back in its place.
    case requeue
    /// Back to the queue unhandled, because the program shuts down, has no room, or was cancelled. Like ``requeue``,
    /// but doesn't count as an attempt, so it brings the message no closer to being dropped. The word is AMQP 1.0's.
    case release
    /// Rejected for good: dead-lettered if the driver can do that, otherwise dropped. `reason` is for people.
    case discard(reason: String)
}

/// A received message that isn't settled yet.
///
/// Settle each delivery once, with ``accept()``, ``requeue()``, ``release()`` or ``discard(reason:)``. A second
/// settlement throws ``TransportError/Code/alreadySettled``. A delivery that is unsettled when its subscription ends is
/// released.
public struct Delivery: Sendable {
    /// By one reference, as it passes through many hands.
    private let state: State

    public var message: Message { state.message }

    /// Whether the message was delivered before and came back.
    public var isRedelivered: Bool { state.isRedelivered }

    /// Which attempt at handling the message this is, starting at 1: one more than the number of times that it was
    /// requeued or lost together with its consumer. Releasing it doesn't count. `nil` if the driver doesn't count
    /// attempts.
    public var attempt: Int? { state.attempt }

    /// When its driver created it. Durations in the message, such as a deadline, count from here.
    public var arrival: ContinuousClock.Instant { state.arrival }

    /// For drivers. `settle` runs at most once. It returns when the driver has recorded the settlement: on disk, if the
    /// driver itself is durable, or in the queue of acknowledgements to a broker.
    public init(
        message: Message,
        isRedelivered: Bool = false,
        attempt: Int? = nil,
        settle: @escaping @Sendable (Settlement) async throws(TransportError) -> Void
    ) {
        state = State(message, isRedelivered, attempt, .waiting(settle))
    }

    /// For drivers that record a settlement without waiting. Like the other initializer, but faster.
    public init(
        _ message: Message,
        isRedelivered: Bool = false,
        attempt: Int? = nil,
        settleAtOnce: @escaping @Sendable (Settlement) throws(TransportError) -> Void
    ) {
        state = State(message, isRedelivered, attempt, .atOnce(settleAtOnce))
    }

    /// For drivers that report settlements to a broker. Like the initializer with `settleAtOnce`, but with a way to
    /// learn that the broker has an acceptance.
    ///
    /// `settleAndTell` records the settlement at once. If it also gets a function, which happens only for acceptances,
    /// it calls that function once, soon, on any thread: with `nil` when the broker certainly has the acceptance and
    /// won't deliver the message again, otherwise with an error.
    public init(
        _ message: Message,
        isRedelivered: Bool = false,
        attempt: Int? = nil,
        settleAndTell:
            @escaping @Sendable (Settlement, (@Sendable (TransportError?) -> Void)?) throws(TransportError) -> Void
    ) {
        state = State(message, isRedelivered, attempt, .told(settleAndTell))
    }

    public func settle(_ settlement: Settlement) async throws(TransportError) {
        try state.claim(settlement)
        switch state.settle {
        case .atOnce(let settle): try settle(settlement)
        case .told(let settle): try settle(settlement, nil)
        case .waiting(let settle): try await settle(settlement)
        }
    }

    /// Accepts, and returns when it is certain that the queue won't deliver the message again, whatever happens to the
    /// connection. With a broker this takes a round trip; otherwise it is the same as ``accept()``.
    ///
    /// An error means that the message may be delivered again, or may be gone.
    public func acceptForCertain() async throws(TransportError) {
        guard case .told(let settle) = state.settle else { return try await settle(.accept) }
        try state.claim(.accept)
        let error = await withCheckedContinuation { (continuation: CheckedContinuation<TransportError?, Never>) in
            do throws(TransportError) {
                try settle(.accept) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: error)
            }
        }
        if let error { throw error }
    }

    /// Settles without waiting and without reporting an error. If settling fails, the message is delivered again.
    public func settleInBackground(_ settlement: Settlement) {
        guard (try? state.claim(settlement)) != nil else { return }
        switch state.settle {
        case .atOnce(let settle): try? settle(settlement)
        case .told(let settle): try? settle(settlement, nil)
        case .waiting(let settle): Task { try? await settle(settlement) }
        }
    }

    public func accept() async throws(TransportError) {
        try await settle(.accept)
    }

    public func requeue() async throws(TransportError) {
        try await settle(.requeue)
    }

    public func release() async throws(TransportError) {
        try await settle(.release)
    }

    public func discard(reason: String) async throws(TransportError) {
        try await settle(.discard(reason: reason))
    }

    private final class State: Sendable {
        enum Settle: Sendable {
            case atOnce(@Sendable (Settlement) throws(TransportError) -> Void)
            case told(@Sendable (Settlement, (@Sendable (TransportError?) -> Void)?) throws(TransportError) -> Void)
            case waiting(@Sendable (Settlement) async throws(TransportError) -> Void)
        }

        let message: Message
        let isRedelivered: Bool
        let attempt: Int?
        let arrival = ContinuousClock.now
        let settle: Settle
        private let settled = Atomic<Bool>(false)

        init(_ message: Message, _ isRedelivered: Bool, _ attempt: Int?, _ settle: Settle) {
            self.message = message
            self.isRedelivered = isRedelivered
            self.attempt = attempt
            self.settle = settle
        }

        /// Lets the first settlement through.
        func claim(_ settlement: Settlement) throws(TransportError) {
            let isFirst = settled.compareExchange(
                expected: false, desired: true, ordering: .acquiringAndReleasing
            ).exchanged
            guard isFirst else {
                throw TransportError(
                    .alreadySettled, "The delivery was settled before; \(settlement) came second and was ignored.")
            }
        }
    }
}
