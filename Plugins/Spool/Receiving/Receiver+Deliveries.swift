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
    private func deliver(_ id: UInt64) -> Bool {
        guard let consumer = consumers[id], !consumer.isFinished, let reader = consumer.reader,
            consumer.claims.hasRoom(within: consumer.subscription.prefetch)
        else { return false }
        let subscription = consumer.subscription
        var claim: Claim
        do throws(FileError) {
            guard let next = try reader.claim() else {
                if subscription.isDrain, consumer.claims.isEmpty, consumer.strays.isEmpty {
                    consumers[id]?.isFinished = true
                    subscription.finish()
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
        // Where settling never meets a sync, whoever has the delivery accepts it, which spares two changes of threads; now
        // and then not, so that a task with a long queue before it waits.
        let isOurs = store.isDurable || subscription.isDrain || token.isMultiple(of: UInt64(WorkerThreads.turns))
        consumer.claims.add(claim, as: token, acceptance: isOurs ? nil : reader.acceptance(of: claim))
        let delivery = Delivery(
            claim.message, isRedelivered: claim.name.isRedelivered, attempt: claim.name.attempt, token: token,
            settler: consumer.settler)
        guard subscription.append(delivery) else {
            // The subscriber takes nothing any more; its body will end.
            consumers[id]?.isFinished = true
            _ = consumer.claims.take(token)
            try? giveBack(claim, to: consumer, reader, .release)
            return false
        }
        // On this thread: whoever takes it as it comes need not be woken.
        subscription.handOut()
        return true
    }

    /// - Returns: why not.
    func settle(_ id: UInt64, _ token: UInt64, _ settlement: Settlement) -> TransportError? {
        guard let consumer = consumers[id] else {
            return closure
                ?? TransportError(
                    .closed, "The subscription has ended; its unsettled message went back to the queue.")
        }
        guard let reader = consumer.reader, let claim = consumer.claims.take(token) else {
            return closure
                ?? TransportError(
                    .closed,
                    "The message's queue was removed or replaced while it was handled; whether it comes again is up to "
                        + "whoever did that.")
        }
        do throws(FileError) {
            switch settlement {
            case .requeue, .release: try giveBack(claim, to: consumer, reader, settlement)
            case .accept, .discard: try reader.settle(claim, settlement)
            }
        } catch {
            return notSettled(claim, of: id, error)
        }
        noteRoom(in: reader.queue.name)
        pump()
        schedule()
        return nil
    }

    /// Gives a claim back to its queue. A drain has delivered to nobody: however often the other side takes nothing, the
    /// message is not given up for that.
    func giveBack(
        _ claim: Claim, to consumer: Consumer, _ reader: any QueueReader, _ settlement: Settlement
    ) throws(FileError) {
        if consumer.subscription.isDrain {
            try reader.withdraw(claim)
        } else {
            try reader.settle(claim, settlement)
        }
    }

    /// Keeps a claim whose settlement failed on the disk, until that lets it go back. The error for whoever settled.
    func notSettled(_ claim: Claim, of id: UInt64, _ error: FileError) -> TransportError {
        let queue = consumers[id].map { " of \($0.address)" } ?? ""
        if error.isNotFound {
            return TransportError(
                .conflict, "The delivery \(claim.name)\(queue) was taken out by somebody else.", cause: error)
        }
        store.health.failed(error)
        consumers[id]?.strays.append(claim)
        nextRescan = min(nextRescan, .now + .milliseconds(200))
        schedule()
        return error.transportError("The delivery \(claim.name)\(queue) was not settled", at: store.root.path)
    }
}
