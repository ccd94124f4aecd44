/// What a driver has handed out and its subscriber has not taken yet.
///
/// As an `AsyncThrowingStream`, with two differences: the driver can take back what nobody has taken, and a subscriber can
/// be a function, which is called with what comes. After the end, also the one that cancelling the subscriber's task
/// brings, what is in it is still handed out, and nothing is added.
final class DeliveryBuffer: Sendable {
    private typealias Waiter = UnsafeContinuation<Delivery?, any Error>
    private typealias Idler = UnsafeContinuation<Void, Never>

    private struct State {
        /// The oldest is at `head`; those before it have been taken.
        var deliveries: [Delivery?] = []
        var head = 0
        /// Takes the next delivery or the end. Never beside deliveries.
        var waiter: Waiter?
        var isFinished = false
        /// Thrown once, after what is left.
        var error: TransportError?
        var receiver = Receiver()

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

        mutating func putBack(_ first: Delivery) {
            if head > 0 {
                head -= 1
                deliveries[head] = first
            } else {
                deliveries.insert(first, at: 0)
            }
        }

        /// Who is to see the end, when there is nothing left before it.
        mutating func takeIdlerAtEnd() -> Idler? {
            isFinished && deliveries.isEmpty && !receiver.isAtWork ? receiver.idler.take() : nil
        }
    }

    /// A subscriber that is a function.
    private struct Receiver {
        var take: (@Sendable (Delivery) -> Bool)?
        /// Whether a thread is handing out. It takes what comes meanwhile too.
        var isAtWork = false
        /// Whether the first delivery was not taken.
        var isPaused = false
        /// Whether ``DeliveryBuffer/resume()`` was called since the last delivery was offered.
        var isResumed = false
        /// The subscriber's task, which waits for something to hand out that nobody else will, or for the end.
        var idler: Idler?

        /// Who hands out what has come.
        mutating func takeIdler() -> Idler? {
            isAtWork || isPaused ? nil : idler.take()
        }
    }

    private let state = Locked(State())

    /// `false` after the end.
    func add(_ delivery: Delivery) -> Bool {
        let (isTaken, waiter, idler) = state.withLock { state -> (Bool, Waiter?, Idler?) in
            guard !state.isFinished else { return (false, nil, nil) }
            if let waiter = state.waiter.take() { return (true, waiter, nil) }
            state.deliveries.append(delivery)
            return (true, nil, state.receiver.takeIdler())
        }
        waiter?.resume(returning: delivery)
        idler?.resume()
        return isTaken
    }

    /// As ``add(_:)``, but leaves it to ``handOut()`` to call a function.
    func append(_ delivery: Delivery) -> Bool {
        let (isTaken, waiter) = state.withLock { state -> (Bool, Waiter?) in
            guard !state.isFinished else { return (false, nil) }
            if let waiter = state.waiter.take() { return (true, waiter) }
            state.deliveries.append(delivery)
            return (true, nil)
        }
        waiter?.resume(returning: delivery)
        return isTaken
    }

    func removeAll() -> [Delivery] {
        let (removed, idler) = state.withLock { state in
            let removed = state.deliveries[state.head...].compactMap(\.self)
            state.deliveries = []
            state.head = 0
            return (removed, state.takeIdlerAtEnd())
        }
        idler?.resume()
        return removed
    }

    func finish(_ error: TransportError?) {
        let (waiter, idler) = state.withLock { state -> (Waiter?, Idler?) in
            guard !state.isFinished else { return (nil, nil) }
            state.isFinished = true
            if let waiter = state.waiter.take() { return (waiter, nil) }
            state.error = error
            return (nil, state.takeIdlerAtEnd())
        }
        idler?.resume()
        guard let waiter else { return }
        if let error { waiter.resume(throwing: error) } else { waiter.resume(returning: nil) }
    }

    // MARK: To a task

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

    // MARK: To a function

    /// Has `take` called with what comes, until the end.
    func receive(_ take: @escaping @Sendable (Delivery) -> Bool) async throws {
        state.withLock { state in
            precondition(state.receiver.take == nil, "The deliveries of a subscription are for one receiver.")
            state.receiver.take = take
        }
        // What the function holds may hold this buffer.
        defer { state.withLock { $0.receiver.take = nil } }
        try await withTaskCancellationHandler {
            while true {
                handOut()
                await withUnsafeContinuation { (idler: Idler) in
                    if !park(idler) { idler.resume() }
                }
                if let end = state.withLock({ Self.end(&$0) }) { return try end.get() }
            }
        } onCancel: {
            finish(nil)
        }
    }

    /// Leaves the subscriber's task until it has something to do; `false` when it has already.
    private func park(_ idler: Idler) -> Bool {
        state.withLock { state in
            let isDue =
                state.deliveries.isEmpty
                ? state.isFinished && !state.receiver.isAtWork : !state.receiver.isAtWork && !state.receiver.isPaused
            if !isDue { state.receiver.idler = idler }
            return !isDue
        }
    }

    private static func end(_ state: inout State) -> Result<Void, any Error>? {
        guard state.isFinished, state.deliveries.isEmpty, !state.receiver.isAtWork else { return nil }
        return state.error.take().map { .failure($0) } ?? .success(())
    }

    /// Calls the function with what there is, unless another thread does.
    func handOut() {
        let begun = state.withLock { state -> (take: @Sendable (Delivery) -> Bool, first: Delivery)? in
            guard let take = state.receiver.take, !state.receiver.isAtWork, !state.receiver.isPaused,
                let first = state.takeFirst()
            else { return nil }
            state.receiver.isAtWork = true
            state.receiver.isResumed = false
            return (take, first)
        }
        guard let (take, first) = begun else { return }
        var next: Delivery? = first
        while let delivery = next {
            let isTaken = take(delivery)
            let idler: Idler?
            (next, idler) = state.withLock { state in
                if !isTaken {
                    state.putBack(delivery)
                    state.receiver.isPaused = !state.receiver.isResumed
                }
                state.receiver.isResumed = false
                if !state.receiver.isPaused, let next = state.takeFirst() { return (next, nil) }
                state.receiver.isAtWork = false
                return (nil, state.takeIdlerAtEnd())
            }
            idler?.resume()
        }
    }

    func resume() {
        let isPaused = state.withLock { state in
            state.receiver.isResumed = true
            return state.receiver.isPaused.take()
        }
        if isPaused { handOut() }
    }
}

extension Bool {
    /// What it was; `false` from now on.
    fileprivate mutating func take() -> Bool {
        defer { self = false }
        return self
    }
}
