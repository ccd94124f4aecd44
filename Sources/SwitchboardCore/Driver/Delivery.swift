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

/// The deliveries of one subscription, in the order in which the queue hands them out.
///
/// For one iteration by one task. Ends when the subscription ends; throws a ``TransportError`` when the driver lost the
/// subscription for good. Back-pressure comes from ``SubscriptionOptions/prefetch``: the driver hands out no more than
/// that many unsettled deliveries.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Delivery

    /// The driver's end of ``Deliveries``.
    public struct Source: Sendable {
        fileprivate let continuation: AsyncThrowingStream<Delivery, any Error>.Continuation

        /// Hands a delivery to the subscriber. `false` when it can no longer take any: the driver keeps the message.
        @discardableResult
        public func yield(_ delivery: Delivery) -> Bool {
            switch continuation.yield(delivery) {
            case .enqueued: true
            default: false
            }
        }

        /// Ends the sequence; with an error when the subscription is lost for good.
        public func finish(throwing error: TransportError? = nil) {
            continuation.finish(throwing: error)
        }
    }

    private let stream: AsyncThrowingStream<Delivery, any Error>

    /// A sequence and the driver's end of it. The buffer is as long as what the driver yields: the prefetch bounds it.
    public static func makeSequence() -> (deliveries: Deliveries, source: Source) {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: Delivery.self, throwing: (any Error).self)
        return (Deliveries(stream: stream), Source(continuation: continuation))
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: stream.makeAsyncIterator())
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: AsyncThrowingStream<Delivery, any Error>.AsyncIterator

        public mutating func next() async throws -> Delivery? {
            try await base.next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Delivery? {
            try await base.next(isolation: actor)
        }
    }
}
