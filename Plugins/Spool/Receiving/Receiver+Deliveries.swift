import Logging
import SwitchboardCore

/// Handing out, and what becomes of what was handed out.
extension Receiver {
    /// Hands out what there is: one message to each subscription in turn, so that those of one queue share it.
    func pump() {
        var isMoving = true
        while isMoving {
            isMoving = false
            for id in order where deliver(id) { isMoving = true }
        }
    }

    /// Whether a message was handed to the subscription.
    func deliver(_ id: Int) -> Bool {
        guard let subscription = subscriptions[id], !subscription.isFinished, let reader = subscription.reader,
            subscription.claims.hasRoom(within: subscription.prefetch)
        else { return false }
        var claim: Claim
        do throws(FileError) {
            guard let next = try reader.claim() else {
                if subscription.isDrain, subscription.claims.isEmpty, subscription.strays.isEmpty {
                    subscriptions[id]?.isFinished = true
                    subscription.source.finish()
                }
                return false
            }
            claim = next
        } catch {
            store.health.failed(error)
            logger.warning(
                "Message not claimed",
                metadata: ["spool.queue": "\(reader.queue.name)", "error": "\(error)"])
            // Nothing may ever report this message again: look once more soon.
            nextRescan = min(nextRescan, .now + .milliseconds(200))
            return false
        }
        if subscription.isDrain, let expires = claim.name.expires {
            // It goes on elsewhere, with what is left of its time.
            let now = Timestamp.now.milliseconds
            claim.message.timeToLive = .milliseconds(Int64(clamping: expires > now ? expires - now : 0))
        }
        nextToken += 1
        let token = nextToken
        let delivery = delivery(of: claim, as: token, to: id, subscription, reader)
        subscription.claims.add(claim, as: token)
        guard subscription.source.append(delivery) else {
            // The subscriber takes nothing any more; its body will end.
            subscriptions[id]?.isFinished = true
            _ = subscription.claims.take(token)
            try? giveBack(claim, to: subscription, reader, .release)
            return false
        }
        // On this thread: whoever takes it as it comes need not be woken.
        subscription.source.handOut()
        return true
    }

    private func delivery(
        of claim: Claim, as token: UInt64, to id: Int, _ subscription: Subscription, _ reader: any QueueReader
    ) -> Delivery {
        let (held, thread) = (subscription.claims, thread)
        // Where settling never meets a sync, whoever has the delivery accepts it, which spares two changes of threads; now
        // and then not, so that a task with a long queue before it waits.
        let isOurs = store.isDurable || subscription.isDrain || token.isMultiple(of: UInt64(WorkerThreads.turns))
        let acceptance = isOurs ? nil : reader.acceptance(of: claim)
        return Delivery(
            message: claim.message, isRedelivered: claim.name.isRedelivered, attempt: claim.name.attempt
        ) { (settlement) async throws(TransportError) in
            guard case .accept = settlement, let acceptance, let claim = held.take(token) else {
                return try await self.settle(id, token, settlement)
            }
            do throws(FileError) {
                try acceptance()
            } catch {
                throw await self.notSettled(claim, of: id, error)
            }
            if held.endStarving() { thread.wake(at: .now) }
        }
    }

    func settle(_ id: Int, _ token: UInt64, _ settlement: Settlement) throws(TransportError) {
        guard let subscription = subscriptions[id] else {
            throw closure
                ?? TransportError(
                    .closed, "The subscription has ended; its unsettled message went back to the queue.")
        }
        guard let reader = subscription.reader, let claim = subscription.claims.take(token) else {
            throw closure
                ?? TransportError(
                    .closed,
                    "The message's queue was removed or replaced while it was handled; whether it comes again is up to "
                        + "whoever did that.")
        }
        do throws(FileError) {
            switch settlement {
            case .requeue, .release: try giveBack(claim, to: subscription, reader, settlement)
            case .accept, .discard: try reader.settle(claim, settlement)
            }
        } catch {
            throw notSettled(claim, of: id, error)
        }
        for waiter in spaceWaiters.values where waiter.queue === reader.queue { waiter.continuation.yield() }
        pump()
        schedule()
    }

    /// Gives a claim back to its queue. A drain has delivered to nobody: however often the other side takes nothing, the
    /// message is not given up for that.
    func giveBack(
        _ claim: Claim, to subscription: Subscription, _ reader: any QueueReader, _ settlement: Settlement
    ) throws(FileError) {
        if subscription.isDrain {
            try reader.withdraw(claim)
        } else {
            try reader.settle(claim, settlement)
        }
    }

    /// Keeps a claim whose settlement failed on the disk, until that lets it go back. The error for whoever settled.
    private func notSettled(_ claim: Claim, of id: Int, _ error: FileError) -> TransportError {
        let queue = subscriptions[id].map { " of \($0.address)" } ?? ""
        if error.isNotFound {
            return TransportError(
                .conflict, "The delivery \(claim.name)\(queue) was taken out by somebody else.", cause: error)
        }
        store.health.failed(error)
        subscriptions[id]?.strays.append(claim)
        nextRescan = min(nextRescan, .now + .milliseconds(200))
        schedule()
        return error.transportError("The delivery \(claim.name)\(queue) was not settled", at: store.root.path)
    }
}
