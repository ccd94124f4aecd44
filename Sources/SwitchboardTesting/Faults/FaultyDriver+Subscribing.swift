public import SwitchboardCore

extension FaultyDriver {
    public func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions,
        _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        let (deliveries, source) = Deliveries.makeSequence()
        let (isLive, live) = AsyncThrowingStream.makeStream(of: Void.self)
        // No child: when the subscriber's task is cancelled, the deliveries end, but what it has can be settled until `body`
        // has ended too.
        let keeper = Task { await self.keepSubscribed(to: address, options, source, live) }
        func end() async {
            keeper.cancel()
            await keeper.value
        }
        do {
            // Ends without an element when the task is cancelled.
            var iterator = isLive.makeAsyncIterator()
            guard try await iterator.next() != nil else {
                throw TransportError(.cancelled, "The task was cancelled before it was subscribed to \(address).")
            }
            let result = try await withTaskCancellationHandler {
                try await body(deliveries)
            } onCancel: {
                source.finish()
            }
            await end()
            return result
        } catch {
            await end()
            throw error
        }
    }

    /// Subscribes to the driver below, again after each lost connection, until cancelled.
    private func keepSubscribed(
        to address: Address, _ options: SubscriptionOptions, _ source: Deliveries.Source,
        _ live: AsyncThrowingStream<Void, any Error>.Continuation
    ) async {
        var isFirst = true
        while !Task.isCancelled {
            let deadline = isFirst ? options.deadline : nil
            let isUp = await line.wait(until: deadline) { condition, _ in condition == .up || condition == .over }
            guard isUp else {
                live.finish(
                    throwing: Task.isCancelled
                        ? nil
                        : TransportError(
                            .unavailable, "The connection was \(monitor.state) until the deadline of \(address)."))
                break
            }
            guard let epoch = line.enter() else { continue }
            defer { line.leave() }
            do {
                var options = options
                options.deadline = deadline
                try await base.withSubscription(to: address, options: options) { inner in
                    live.yield()
                    live.finish()
                    isFirst = false
                    try await forward(inner, epoch, source)
                }
                // A lost connection goes round again; else the driver below has ended the deliveries.
                if line.epoch == epoch || line.condition == .over { break }
            } catch {
                live.finish(throwing: error)
                source.finish(throwing: error as? TransportError)
                return
            }
        }
        source.finish()
    }

    /// Passes deliveries on until the connection of this epoch is lost.
    private func forward(_ inner: Deliveries, _ epoch: Int, _ source: Deliveries.Source) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let held = HeldDelivery(source)
                try await withThrowingTaskGroup(of: Void.self) { releases in
                    for try await delivery in inner {
                        let isTaken = try await self.pass(self.lent(delivery, epoch), held, source, &releases)
                        guard isTaken else {
                            try await self.retire(inner, delivery, epoch)
                            break
                        }
                    }
                    held.release()
                    releases.cancelAll()
                }
            }
            group.addTask {
                _ = await self.line.wait(until: nil) { condition, now in now != epoch || condition == .over }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// The subscriber takes no more deliveries but has not ended its subscription, as it may settle what it has: the
    /// driver below is told by ending its deliveries in the same way.
    private func retire(_ inner: Deliveries, _ refused: Delivery, _ epoch: Int) async throws {
        let rest = try await withThrowingTaskGroup(of: [Delivery].self) { group in
            group.cancelAll()
            group.addTask {
                var rest: [Delivery] = []
                for try await delivery in inner { rest.append(delivery) }
                return rest
            }
            return try await group.next() ?? []
        }
        // Not before the end: what goes back would be delivered here again, for ever.
        for delivery in [refused] + rest { try await delivery.release() }
        _ = await line.wait(until: nil) { condition, now in now != epoch || condition == .over }
    }

    /// Whether the subscriber takes more.
    private func pass(
        _ delivery: Delivery, _ held: HeldDelivery, _ source: Deliveries.Source,
        _ releases: inout ThrowingTaskGroup<Void, any Error>
    ) async throws -> Bool {
        if line.condition == .halfOpen {
            // What a half-open connection holds is lost with it, and comes again.
            _ = await line.wait(until: nil) { condition, _ in condition != .halfOpen }
            return true
        }
        let isTaken: Bool
        switch nextDeliveryFault() {
        case nil:
            isTaken = source.yield(delivery)
        case .delay(let duration):
            try await clock.sleep(for: duration)
            isTaken = source.yield(delivery)
        case .dropConnection(let outage):
            isTaken = source.yield(delivery)
            dropConnection(outage: outage)
        case .reorder(let duration):
            held.release()
            held.hold(delivery)
            releases.addTask { [clock] in
                try await clock.sleep(for: duration)
                held.release()
            }
            return true
        }
        held.release()
        return isTaken
    }

    /// A delivery that can be settled for as long as its connection lives.
    private func lent(_ delivery: Delivery, _ epoch: Int) -> Delivery {
        Delivery(message: delivery.message, isRedelivered: delivery.isRedelivered, attempt: delivery.attempt) {
            [line] settlement throws(TransportError) in
            guard line.epoch == epoch else {
                throw TransportError(
                    .closed, "The connection that the delivery came by is lost; the message comes again.")
            }
            try await delivery.settle(settlement)
        }
    }
}

/// The delivery that waits for the next one to pass it.
private final class HeldDelivery: Sendable {
    private let source: Deliveries.Source
    private let delivery = Locked<Delivery?>(nil)

    init(_ source: Deliveries.Source) {
        self.source = source
    }

    func hold(_ delivery: Delivery) {
        self.delivery.withLock { $0 = delivery }
    }

    func release() {
        let delivery: Delivery? = delivery.withLock { held in
            defer { held = nil }
            return held
        }
        if let delivery { source.yield(delivery) }
    }
}
