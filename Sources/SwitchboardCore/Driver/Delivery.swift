import Synchronization

/// What becomes of a delivery.
public enum Settlement: Sendable, Hashable {
    /// Done: the queue forgets the message.
    case accept
    /// Back to the queue, marked as redelivered. A driver that promises order puts it back where it was.
    case requeue
    /// Not wanted by anybody: dead-lettered where the driver can, else dropped. `reason` is for people.
    case discard(reason: String)
}

/// A message not yet settled.
///
/// Each delivery is settled once, by one of ``accept()``, ``requeue()`` and ``discard(reason:)``; a second settlement
/// throws ``TransportError/Code/alreadySettled``. What is unsettled when its subscription ends goes back to the queue.
public struct Delivery: Sendable {
    public let message: Message

    /// Whether the message was delivered before and came back.
    public let isRedelivered: Bool

    /// How often the message has been delivered, this time included, where the driver counts.
    public let attempt: Int?

    private let state: State

    /// For drivers: `settle` runs at most once. It returns when the driver has taken the settlement over: written down
    /// where the driver is durable by itself, queued for sending where a broker is told.
    public init(
        message: Message,
        isRedelivered: Bool = false,
        attempt: Int? = nil,
        settle: @escaping @Sendable (Settlement) async throws(TransportError) -> Void
    ) {
        self.message = message
        self.isRedelivered = isRedelivered
        self.attempt = attempt
        self.state = State(settle: settle)
    }

    public func settle(_ settlement: Settlement) async throws(TransportError) {
        guard state.claim() else {
            throw TransportError(
                .alreadySettled, "The delivery was settled before; \(settlement) came second and was ignored.")
        }
        try await state.settle(settlement)
    }

    public func accept() async throws(TransportError) {
        try await settle(.accept)
    }

    public func requeue() async throws(TransportError) {
        try await settle(.requeue)
    }

    public func discard(reason: String) async throws(TransportError) {
        try await settle(.discard(reason: reason))
    }

    private final class State: Sendable {
        let settle: @Sendable (Settlement) async throws(TransportError) -> Void
        private let settled = Atomic<Bool>(false)

        init(settle: @escaping @Sendable (Settlement) async throws(TransportError) -> Void) {
            self.settle = settle
        }

        func claim() -> Bool {
            settled.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        }
    }
}
