/// One subscription of a transport, as its driver sees it. It outlives the connections that serve it.
public final class Subscription: Sendable {
    public let address: Address

    /// How many deliveries may be unsettled at a time; at least 1.
    public let prefetch: Int

    /// A number that no other subscription of the transport has.
    public let id: UInt64

    /// Whether its deliveries end when the queue has nothing more to hand out. Only the spool has such subscriptions.
    package let isDrain: Bool

    private enum Receiver: Sendable {
        case buffer(DeliveryBuffer)
        case relay(append: @Sendable (Delivery) -> Bool, origin: Subscription)
        case function(@Sendable (Delivery) -> Bool)
    }

    private struct State {
        var hasBeenLive = false
        var memory: (any AnyObject & Sendable)?
    }

    private let receiver: Receiver
    private let state = Locked(State())

    init(_ id: UInt64, to address: Address, _ options: SubscriptionOptions, _ buffer: DeliveryBuffer) {
        self.id = id
        self.address = address
        prefetch = options.prefetch
        isDrain = options.isDrain
        receiver = .buffer(buffer)
    }

    /// For decorators: the same subscription, perhaps to another address, whose deliveries go to `append`. Signals about
    /// one are signals about the other.
    ///
    /// `address` is `nil` if it stays the same. `append` is like ``append(_:)``; `nil` passes deliveries on.
    public init(
        relaying origin: Subscription, to address: Address? = nil,
        append: (@Sendable (Delivery) -> Bool)? = nil
    ) {
        id = origin.id
        self.address = address ?? origin.address
        prefetch = origin.prefetch
        isDrain = origin.isDrain
        receiver = .relay(append: append ?? { origin.append($0) }, origin: origin)
    }

    /// For tests of connections: a subscription that no transport has made. Deliveries go to `append`.
    public init(
        _ id: UInt64, to address: Address, prefetch: Int = 100, append: @escaping @Sendable (Delivery) -> Bool
    ) {
        self.id = id
        self.address = address
        self.prefetch = prefetch
        isDrain = false
        receiver = .function(append)
    }

    /// Adds a delivery. Call ``handOut()`` soon afterwards, on any thread. Don't call this after the connection was lost.
    ///
    /// - Returns: `false` if the subscriber takes no more: return the message to its queue, and send no more.
    public func append(_ delivery: Delivery) -> Bool {
        switch receiver {
        case .buffer(let buffer): buffer.append(delivery)
        case .relay(let append, _), .function(let append): append(delivery)
        }
    }

    /// Passes what was added to the subscriber, on this thread if the subscriber is a function. Don't call this while
    /// holding a lock that settling or publishing takes.
    public func handOut() {
        switch receiver {
        case .buffer(let buffer): buffer.handOut()
        case .relay(_, let origin): origin.handOut()
        case .function: break
        }
    }

    /// Takes back what the subscriber hasn't taken. `Transport` does so when the connection is lost; a connection does
    /// so when the messages come again for another reason.
    ///
    /// - Returns: what was taken back, in order.
    @discardableResult
    public func withdraw() -> [Delivery] {
        switch receiver {
        case .buffer(let buffer): buffer.removeAll()
        case .relay(_, let origin): origin.withdraw()
        case .function: []
        }
    }

    /// Whether the subscription has been live: a refusal that comes later may pass.
    public var hasBeenLive: Bool {
        if case .relay(_, let origin) = receiver { return origin.hasBeenLive }
        return state.withLock { $0.hasBeenLive }
    }

    /// What the driver wants to know of this subscription on its next connection. `nil` at first.
    public var memory: (any AnyObject & Sendable)? {
        get {
            if case .relay(_, let origin) = receiver { return origin.memory }
            return state.withLock { $0.memory }
        }
        set {
            if case .relay(_, let origin) = receiver { return origin.memory = newValue }
            state.withLock { $0.memory = newValue }
        }
    }

    func noteLive() {
        if case .relay(_, let origin) = receiver { return origin.noteLive() }
        state.withLock { $0.hasBeenLive = true }
    }

    /// Ends the deliveries, after those that the subscriber hasn't taken yet.
    package func finish(throwing error: TransportError? = nil) {
        switch receiver {
        case .buffer(let buffer): buffer.finish(error)
        case .relay(_, let origin): origin.finish(throwing: error)
        case .function: break
        }
    }
}

/// How a subscription is made.
public struct SubscriptionOptions: Sendable {
    /// How many deliveries may be unsettled at a time; at least 1.
    public var prefetch: Int

    /// When to stop waiting for the subscription to be live. `nil` waits for as long as the task lives.
    public var deadline: ContinuousClock.Instant?

    package var isDrain = false

    public init(prefetch: Int = 100, deadline: ContinuousClock.Instant? = nil) {
        precondition(prefetch >= 1, "A subscription's prefetch is at least 1, not \(prefetch).")
        self.prefetch = prefetch
        self.deadline = deadline
    }
}
