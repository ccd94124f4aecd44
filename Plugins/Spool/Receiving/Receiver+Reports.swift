internal import Logging
internal import SwitchboardCore

/// What the kernel reports, and what time does.
extension Receiver {
    func watch(
        _ directory: Directory, _ events: UInt32, _ use: (inout Watch) -> Void
    ) throws(FileError) {
        guard let inotify else { return }
        let number = try inotify.watch(directory.path, events)
        use(&watches[number, default: Watch()])
    }

    func unwatch(_ change: (inout Watch) -> Void) {
        for number in watches.keys {
            change(&watches[number, default: Watch()])
            if watches[number]?.isEmpty == true {
                watches[number] = nil
                inotify?.forget(number)
            }
        }
    }

    func wake() {
        let now = ContinuousClock.Instant.now
        readReports()
        if let moment = nextSuspectCheck, moment <= now { checkSuspects() }
        if let moment = nextPlaceCheck, moment <= now { checkPlaces() }
        if nextRescan <= now { rescanAll() }
        pump()
        schedule()
    }

    func readReports() {
        guard let inotify else { return }
        for event in inotify.events() {
            if event.isOverflow {
                rescanAll(becauseOfLoss: true)
            } else if event.watch == rootWatch || event.isMove || event.isUnmount {
                suspectPlaces()
            } else if event.watch == ownersWatch {
                suspects[event.name] = 0
                echoes = store.layout == .segment ? 8 : 0
            } else if let watch = watches[event.watch] {
                if !event.isRemoval {
                    for id in watch.readers { consumers[id]?.reader?.noticed(event.name) }
                }
                if event.isGone || (!watch.homes.isEmpty && event.isRemoval) { suspectPlaces() }
                for queue in watch.full { noteRoom(in: queue) }
                if event.isGone { watches[event.watch] = nil }
            }
        }
        if !suspects.isEmpty { checkSuspects() }
    }

    private func suspectPlaces() {
        if nextPlaceCheck == nil { nextPlaceCheck = .now + .milliseconds(100) }
    }

    /// Looks whether owners that closed their file are dead: the kernel reports the close a moment before it drops the
    /// lock.
    func checkSuspects() {
        nextSuspectCheck = nil
        let names = Array(suspects.keys)
        do throws(FileError) {
            try store.reap(names)
        } catch {
            logger.warning("Claims of dead processes not given back", metadata: ["error": "\(error)"])
        }
        for name in names {
            guard let looks = suspects[name] else { continue }
            let isThere = (try? store.owners.contains(name)) ?? false
            suspects[name] = isThere && looks < 12 ? looks + 1 : nil
        }
        if let looks = suspects.values.min() {
            nextSuspectCheck = .now + .milliseconds(1 << looks)
        } else if echoes > 0 {
            // A dying process drops its locks of records after that of its owner's file.
            nextSuspectCheck = .now + .milliseconds(1 << (8 - echoes))
            echoes -= 1
        }
        for consumer in consumers.values { (consumer.reader as? SegmentReader)?.ownerDied() }
    }

    /// - Parameter becauseOfLoss: a long queue is not read again for each report that was lost; its next turn stays.
    func rescanAll(becauseOfLoss: Bool = false) {
        if !becauseOfLoss { nextRescan = .now + rescanInterval }
        checkPlaces()
        if isLost { return }
        store.forgetGone()
        do throws(FileError) {
            try store.reap()
        } catch {
            logger.warning("Claims of dead processes not given back", metadata: ["error": "\(error)"])
        }
        for (id, consumer) in consumers {
            guard let reader = consumer.reader else { continue }
            do throws(FileError) {
                for claim in consumer.strays {
                    try giveBack(claim, to: consumer, reader, .requeue)
                    consumers[id]?.strays.removeFirst()
                }
                if becauseOfLoss, reader.isBehind { continue }
                try reader.rescan()
            } catch {
                nextRescan = min(nextRescan, .now + .seconds(1))
                logger.warning(
                    "Queue not scanned",
                    metadata: ["spool.queue": "\(reader.queue.name)", "error": "\(error)"])
            }
        }
        for queue in fullQueues { noteRoom(in: queue) }
    }

    /// Tells the thread when to look up again.
    func schedule() {
        var next = nextRescan
        if let moment = nextSuspectCheck { next = min(next, moment) }
        if let moment = nextPlaceCheck { next = min(next, moment) }
        thread.wake(at: next)
    }
}
