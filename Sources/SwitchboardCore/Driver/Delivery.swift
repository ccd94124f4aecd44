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
    public var arrival: ContinuousClock.Instant { state.arrival.instant }
    package var moment: Moment { state.arrival }

    /// For drivers: a delivery that `settler` knows by a number, `token`.
    ///
    /// The settler gets the token at most once. It is typically what the driver has for the subscription or the connection.
    public init(
        _ message: Message, isRedelivered: Bool = false, attempt: Int? = nil, token: UInt64,
        settler: any DeliverySettler
    ) {
        state = State(message, isRedelivered, attempt, token, settler)
    }

    /// Settles, and returns when the driver has recorded that: on disk, if the driver itself is durable, or in the queue
    /// of acknowledgements to a broker.
    public func settle(_ settlement: Settlement) async throws(TransportError) {
        if try settleAtOnce(settlement) { return }
        try state.claim(settlement)
        try await settleForCertain(settlement)
    }

    /// Settles as ``settle(_:)`` does, if the driver records that at once.
    ///
    /// - Returns: whether it does. If not, nothing was done.
    package func settleAtOnce(_ settlement: Settlement) throws(TransportError) -> Bool {
        guard state.settler.recordsAtOnce else { return false }
        try state.claim(settlement)
        try state.settler.settle(state.token, settlement, completion: nil)
        return true
    }

    /// Accepts, and returns when it is certain that the queue won't deliver the message again, whatever happens to the
    /// connection. With a broker this takes a round trip; otherwise it is the same as ``accept()``.
    ///
    /// An error means that the message may be delivered again, or may be gone.
    public func acceptForCertain() async throws(TransportError) {
        try state.claim(.accept)
        try await settleForCertain(.accept)
    }

    private func settleForCertain(_ settlement: Settlement) async throws(TransportError) {
        let error = await withCheckedContinuation { (continuation: CheckedContinuation<TransportError?, Never>) in
            do throws(TransportError) {
                try state.settler.settle(state.token, settlement) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: error)
            }
        }
        if let error { throw error }
    }

    /// Settles without waiting and without reporting an error. If settling fails, the message is delivered again.
    public func settleInBackground(_ settlement: Settlement) {
        guard (try? state.claim(settlement)) != nil else { return }
        try? state.settler.settle(state.token, settlement, completion: nil)
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
        let message: Message
        let isRedelivered: Bool
        let attempt: Int?
        let arrival = Moment.now
        let token: UInt64
        let settler: any DeliverySettler
        private let settled = Atomic<Bool>(false)

        init(
            _ message: Message, _ isRedelivered: Bool, _ attempt: Int?, _ token: UInt64, _ settler: any DeliverySettler
        ) {
            self.message = message
            self.isRedelivered = isRedelivered
            self.attempt = attempt
            self.token = token
            self.settler = settler
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

/// Settles the deliveries of a driver.
public protocol DeliverySettler: AnyObject, Sendable {
    /// Settles a delivery, on any thread. Must not block.
    ///
    /// `completion`, if there is one, is called once, soon, on any thread, unless this method throws: with `nil` when the
    /// settlement is certain (synced to the disk; known to the broker, so that it won't deliver an accepted message
    /// again), otherwise with an error.
    ///
    /// - Throws: why the delivery can't be settled any more, for example `closed` when its subscription has ended.
    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError)

    /// Whether a settlement is recorded when ``settle(_:_:completion:)`` returns. If not, ``Delivery/settle(_:)`` waits
    /// for the completion. `true` by default.
    var recordsAtOnce: Bool { get }
}

extension DeliverySettler {
    public var recordsAtOnce: Bool { true }
}
