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
                if let reader = consumers[id]?.reader { try checkPlace(of: id, reader.queue) }
                if consumers[id]?.reader == nil { try restore(id) }
            } catch {
                notAttached(id, error)
            }
        }
    }

    private func checkPlace(of id: UInt64, _ queue: Queue) throws(FileError) {
        guard let consumer = consumers[id] else { return }
        if let defect = queue.defect {
            logger.warning(
                "Queue removed or replaced under its subscription",
                metadata: ["spool.queue": "\(queue.name)", "error": "\(defect)"])
            consumer.subscription.withdraw()
            detach(id)
            store.forget(queue)
            return
        }
        // What says that there is a consumer may be gone alone.
        var isDeclared = try queue.directory.contains("consumers/\(consumer.marker)")
        if isDeclared, !queue.name.isEphemeral { isDeclared = try queue.directory.contains("declared") }
        if isDeclared, let source = source(of: consumer.address) {
            isDeclared = try store.isBound(queue.name, to: source)
        }
        if !isDeclared { _ = try declare(consumer.address, consumer.marker) }
    }

    private func restore(_ id: UInt64) throws(FileError) {
        do throws(FileError) {
            try attach(id)
        } catch {
            detach(id)
            throw error
        }
        guard let consumer = consumers[id], consumer.isRepairing else { return }
        consumers[id]?.isRepairing = false
        signals.send(.live(consumer.subscription))
    }

    /// Lets go of the spool. Its connection ends.
    private func lose(_ defect: FileError) {
        isLost = true
        for id in order {
            guard let subscription = consumers[id]?.subscription else { continue }
            subscription.withdraw()
            detach(id)
            // What it was to drain is gone; another spool in the same place is another one.
            guard subscription.isDrain else { continue }
            consumers[id]?.isFinished = true
            signals.send(.failed(subscription, defect.transportError("The spool was not drained")))
        }
        for number in watches.keys { inotify?.forget(number) }
        watches = [:]
        for number in [ownersWatch, rootWatch] where number >= 0 { inotify?.forget(number) }
        (ownersWatch, rootWatch) = (-1, -1)
        suspects = [:]
        nextSuspectCheck = nil
        connection?.lose(defect)
    }

    /// For publishers that found something out of its place.
    func checkPlacesNow() {
        checkPlaces()
        pump()
        schedule()
    }
}
