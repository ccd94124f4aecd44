/// The deliveries of one subscription, in the order in which the queue hands them out.
///
/// For one iteration by one task. Ends when the subscription ends; throws a ``TransportError`` when the driver lost the
/// subscription for good. Back-pressure comes from ``SubscriptionOptions/prefetch``: the driver hands out no more than
/// that many unsettled deliveries.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Delivery

    /// The driver's end of ``Deliveries``.
    public struct Source: Sendable {
        fileprivate let buffer: DeliveryBuffer

        /// Hands a delivery to the subscriber's task. `false` when it can no longer take any: the driver keeps the
        /// message.
        @discardableResult
        public func yield(_ delivery: Delivery) -> Bool {
            buffer.add(delivery)
        }

        /// As ``yield(_:)``, for drivers that call ``handOut()`` soon after, on any thread: a subscriber that has no task
        /// for the work (``Deliveries/receive(_:)``) gets the delivery there. A driver uses one of both, not each in turn.
        @discardableResult
        public func append(_ delivery: Delivery) -> Bool {
            buffer.append(delivery)
        }

        /// Runs the subscriber's code, when it has some, on what was appended. Called without any lock that settling or
        /// publishing takes.
        public func handOut() {
            buffer.handOut()
        }

        /// Takes back what the subscriber has not taken yet. For drivers that lost their connection: what was delivered
        /// on it comes again, and would gather here with each loss.
        @discardableResult
        public func withdraw() -> [Delivery] {
            buffer.removeAll()
        }

        /// Ends the sequence; with an error when the subscription is lost for good.
        public func finish(throwing error: TransportError? = nil) {
            buffer.finish(error)
        }
    }

    private let subscriber: Subscriber

    /// A sequence and the driver's end of it. The buffer is as long as what the driver yields: the prefetch bounds it.
    public static func makeSequence() -> (deliveries: Deliveries, source: Source) {
        let buffer = DeliveryBuffer()
        return (Deliveries(subscriber: Subscriber(buffer)), Source(buffer: buffer))
    }

    /// Has each delivery taken by a function, instead of iterating: where the driver allows, on the thread that brings it,
    /// so that nobody has to be woken.
    ///
    /// Returns or throws when the sequence would end, after all deliveries have been taken; cancelled, it ends too.
    ///
    /// - Parameter take: called with one delivery after the other, never two at a time. It must not wait, and has no thread
    ///   of its own: the driver reads on when it has returned. `false` when it cannot take the delivery now; it gets that
    ///   again after ``resume()``.
    public func receive(_ take: @escaping @Sendable (Delivery) -> Bool) async throws {
        try await subscriber.buffer.receive(take)
    }

    /// Lets ``receive(_:)`` go on with the delivery that it could not take.
    public func resume() {
        subscriber.buffer.resume()
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(subscriber: subscriber)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let subscriber: Subscriber

        public mutating func next() async throws -> Delivery? {
            try await next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Delivery? {
            try await subscriber.buffer.next(isolation: actor)
        }
    }

    /// What the sequence and its iterators share; with the last of them nobody can take deliveries any more.
    fileprivate final class Subscriber: Sendable {
        let buffer: DeliveryBuffer

        init(_ buffer: DeliveryBuffer) {
            self.buffer = buffer
        }

        deinit {
            buffer.finish(nil)
        }
    }
}
