internal import Logging
internal import SwitchboardCore

/// What becomes of subscriptions when directories are removed, renamed or replaced under them: descriptors outlive that,
/// and would go on showing what nobody writes to any more.
extension Receiver {
    /// Looks whether everything that is held open is still where it should be: when the kernel reported something of it, with
    /// every look at everything, and when a publisher found that it is not.
    func checkPlaces() {
        nextPlaceCheck = nil
        if isLost { return }
        if let defect = store.defect { return lose(defect) }
        for id in order {
            do throws(FileError) {
                if let reader = subscriptions[id]?.reader { try checkPlace(of: id, reader.queue) }
                if subscriptions[id]?.reader == nil { try restore(id) }
            } catch {
                nextRescan = min(nextRescan, .now + .seconds(1))
                guard let address = subscriptions[id]?.address else { continue }
                logger.warning(
                    "Queue not opened again; its subscription waits",
                    metadata: ["spool.queue": "\(QueueName(address))", "error": "\(error)"])
            }
        }
    }

    private func checkPlace(of id: Int, _ queue: Queue) throws(FileError) {
        guard let subscription = subscriptions[id] else { return }
        if let defect = queue.defect {
            logger.warning(
                "Queue removed or replaced under its subscription",
                metadata: ["spool.queue": "\(queue.name)", "error": "\(defect)"])
            subscription.source.withdraw()
            detach(id)
            store.forget(queue)
            return
        }
        // What says that there is a consumer may be gone alone.
        var isDeclared = try queue.directory.contains("consumers/\(subscription.marker)")
        if isDeclared, !queue.name.isEphemeral { isDeclared = try queue.directory.contains("declared") }
        if isDeclared, let source = source(of: subscription.address) {
            isDeclared = try store.isBound(queue.name, to: source)
        }
        if !isDeclared { _ = try declare(subscription.address, subscription.marker) }
    }

    private func restore(_ id: Int) throws(FileError) {
        do throws(FileError) {
            try attach(id)
        } catch {
            detach(id)
            throw error
        }
    }

    /// Lets go of the spool. Subscriptions wait until it is open again.
    private func lose(_ defect: FileError) {
        isLost = true
        for id in order {
            subscriptions[id]?.source.withdraw()
            detach(id)
            guard subscriptions[id]?.isDrain == true else { continue }
            // What it was to drain is gone; another spool in the same place is another one.
            subscriptions[id]?.isFinished = true
            subscriptions[id]?.source.finish(throwing: defect.transportError("The spool was not drained"))
        }
        for number in watches.keys { inotify?.forget(number) }
        watches = [:]
        for number in [ownersWatch, rootWatch] where number >= 0 { inotify?.forget(number) }
        (ownersWatch, rootWatch) = (-1, -1)
        suspects = [:]
        nextSuspectCheck = nil
        onLoss(store, defect)
    }

    /// Goes on with the spool as it was opened again.
    func adopt(_ opened: SpoolStore) throws(FileError) {
        store = opened
        try listen()
        isLost = false
        checkPlaces()
        for waiter in spaceWaiters.values { waiter.continuation.yield() }
        pump()
        schedule()
    }

    /// For publishers that found something out of its place.
    func checkPlaces(of suspect: SpoolStore) {
        guard suspect === store else { return }
        checkPlaces()
        pump()
        schedule()
    }
}
