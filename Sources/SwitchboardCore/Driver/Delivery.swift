import Synchronization

/// What becomes of a delivery.
public enum Settlement: Sendable, Hashable {
    /// Done: the queue forgets the message.
    case accept
    /// Back to the queue because handling it failed, marked as redelivered. Counts as an attempt. A driver that promises
    /// order puts it back where it was.
    case requeue
    /// Back to the queue unhandled, as the program shuts down, has no room, or was cancelled. As ``requeue``, but not
    /// counted: the message is no nearer to being dropped. AMQP 1.0 has the same word for it.
    case release
    /// Not wanted by anybody: dead-lettered where the driver can, else dropped. `reason` is for people.
    case discard(reason: String)
}

/// A message not yet settled.
///
/// Each delivery is settled once, by one of ``accept()``, ``requeue()``, ``release()`` and ``discard(reason:)``; a second
/// settlement throws ``TransportError/Code/alreadySettled``. What is unsettled when its subscription ends is released.
public struct Delivery: Sendable {
    /// By one reference, as it passes through many hands.
    private let state: State

    public var message: Message { state.message }

    /// Whether the message was delivered before and came back.
    public var isRedelivered: Bool { state.isRedelivered }

    /// Which attempt at handling the message this is, from 1 on, where the driver counts: one more than how often it was
    /// requeued, or was lost with the consumer that had it. What was released doesn't count.
    public var attempt: Int? { state.attempt }

    /// When its driver made it: what a message's time is counted from that it brought with it.
    public var arrival: ContinuousClock.Instant { state.arrival }

    /// For drivers: `settle` runs at most once. It returns when the driver has taken the settlement over: written down
    /// where the driver is durable by itself, queued for sending where a broker is told.
    public init(
        message: Message,
        isRedelivered: Bool = false,
        attempt: Int? = nil,
        settle: @escaping @Sendable (Settlement) async throws(TransportError) -> Void
    ) {
        state = State(message, isRedelivered, attempt, .waiting(settle))
    }

    /// For drivers that take a settlement over without waiting for anything: as the other initializer, and faster.
    public init(
        _ message: Message,
        isRedelivered: Bool = false,
        attempt: Int? = nil,
        settleAtOnce: @escaping @Sendable (Settlement) throws(TransportError) -> Void
    ) {
        state = State(message, isRedelivered, attempt, .atOnce(settleAtOnce))
    }

    /// For drivers that tell a broker: as the initializer with `settleAtOnce`, and with a way to learn that the broker has
    /// taken an acceptance over.
    ///
    /// - Parameter settleAndTell: takes the settlement over at once. Where it also gets a function, which comes with
    ///   acceptances only, it calls that once, on any thread, soon: with `nil` when the broker has the acceptance for
    ///   certain and delivers the message to no one else, else with an error.
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

    /// Accepts, and returns when it is certain that the queue delivers the message to no one else, whatever becomes of
    /// the connection from now on. A broker is asked for that, which takes a round trip; elsewhere it is as ``accept()``.
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

    /// Settles for who cannot wait, and does not need to know how it went: what could not be settled comes again.
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
