/// What a driver has handed out and its subscriber has not taken yet.
///
/// As an `AsyncThrowingStream`, with one difference: the driver can take back what nobody has taken. After the end, also
/// the one that cancelling the subscriber's task brings, what is in it is still handed out, and nothing is added.
final class DeliveryBuffer: Sendable {
    private typealias Waiter = UnsafeContinuation<Delivery?, any Error>

    private struct State {
        /// The oldest is at `head`; those before it have been taken.
        var deliveries: [Delivery?] = []
        var head = 0
        /// Takes the next delivery or the end. Never beside deliveries.
        var waiter: Waiter?
        var isFinished = false
        /// Thrown once, after what is left.
        var error: TransportError?

        mutating func takeFirst() -> Delivery? {
            guard head < deliveries.count else { return nil }
            let first = deliveries[head].take()
            head += 1
            if head == deliveries.count {
                deliveries.removeAll(keepingCapacity: deliveries.count <= 64)
                head = 0
            } else if head >= 64, head * 2 >= deliveries.count {
                deliveries.removeFirst(head)
                head = 0
            }
            return first
        }
    }

    private let state = Locked(State())

    /// `false` after the end.
    func add(_ delivery: Delivery) -> Bool {
        let (isTaken, waiter) = state.withLock { state -> (Bool, Waiter?) in
            guard !state.isFinished else { return (false, nil) }
            guard let waiter = state.waiter.take() else {
                state.deliveries.append(delivery)
                return (true, nil)
            }
            return (true, waiter)
        }
        waiter?.resume(returning: delivery)
        return isTaken
    }

    func removeAll() -> [Delivery] {
        state.withLock { state in
            defer {
                state.deliveries = []
                state.head = 0
            }
            return state.deliveries[state.head...].compactMap(\.self)
        }
    }

    func finish(_ error: TransportError?) {
        let waiter = state.withLock { state -> Waiter? in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            guard let waiter = state.waiter.take() else {
                state.error = error
                return nil
            }
            return waiter
        }
        guard let waiter else { return }
        if let error { waiter.resume(throwing: error) } else { waiter.resume(returning: nil) }
    }

    func next(isolation actor: isolated (any Actor)?) async throws -> Delivery? {
        if let delivery = state.withLock({ $0.takeFirst() }) { return delivery }
        return try await withTaskCancellationHandler(
            operation: {
                try await withUnsafeThrowingContinuation(isolation: actor) { (waiter: Waiter) in
                    if let outcome = self.park(waiter) { waiter.resume(with: outcome) }
                }
            },
            onCancel: { self.finish(nil) },
            isolation: actor)
    }

    /// Leaves the waiter for the next delivery or the end; or returns what there is already.
    private func park(_ waiter: Waiter) -> Result<Delivery?, any Error>? {
        state.withLock { state in
            if let delivery = state.takeFirst() { return .success(delivery) }
            if let error = state.error.take() { return .failure(error) }
            if state.isFinished { return .success(nil) }
            precondition(state.waiter == nil, "The deliveries of a subscription are for one task.")
            state.waiter = waiter
            return nil
        }
    }
}
