internal import SwitchboardCore

/// Writes a message as a file: whole and synced under `tmp`, then by its name in the queue.
struct MaildirWriter {
    private let store: SpoolStore

    init(_ store: SpoolStore) {
        self.store = store
    }

    /// Writes the file and gives it its names, then has the directories synced; the last sync finishes the operation.
    ///
    /// Throws when nothing was published: then no queue has the message.
    func write(
        _ bytes: [UInt8], _ name: MessageName, to targets: [Queue], _ operation: PublishOperation
    ) throws(FileError) {
        let durable = store.isDurable ? targets.filter { !$0.name.isEphemeral } : []
        let temporary = try writeTemporary(bytes, name, durable: !durable.isEmpty)
        if let failure = try place(temporary, "\(name)", in: targets) {
            store.health.failed(failure)
            var error = failure.transportError("A message to \(operation.address) is in some of its queues only")
            error.code = .indeterminate
            return operation.finish(.failed(error))
        }
        store.health.succeeded()
        if durable.isEmpty {
            // What dies with its subscribers was looked for a moment ago, and may have gone with them since.
            for queue in targets where !queue.name.isEphemeral {
                guard let error = queue.place.defect, undo("\(name)", in: targets) else { continue }
                store.forget(queue)
                return operation.finish(.moved(error.transportError(notWritten(to: queue))))
            }
            return operation.finish(.done)
        }
        let settled = operation.settling(durable.count)
        for queue in durable {
            queue.readySync.request { [self, store] failure in
                guard let failure else { return settled(nil) }
                if failure.isOutOfPlace {
                    // Whoever took it from there meanwhile has it: then it was in its place.
                    guard undo("\(name)", in: [queue]) else { return settled(nil) }
                    store.forget(queue)
                    return settled(.moved(failure.transportError(notWritten(to: queue))))
                }
                store.health.failed(failure)
                // The message has its name, and may or may not have it after a crash.
                var error = failure.transportError("The directory of \(queue.name) was not synced")
                error.code = .indeterminate
                settled(.failed(error))
            }
        }
    }

    private func notWritten(to queue: Queue) -> String {
        "A message was not written to \(queue.name) of the spool \(store.root.path)"
    }

    /// Takes a message out of queues whose directories are not where they should be. Whether it was still in one.
    private func undo(_ name: String, in targets: [Queue]) -> Bool {
        var isUndone = false
        for queue in targets where (try? queue.ready.unlink(name)) != nil {
            queue.release(bytes: MessageName(name)?.size ?? 0)
            isUndone = true
        }
        return isUndone
    }

    private func writeTemporary(_ bytes: [UInt8], _ name: MessageName, durable: Bool) throws(FileError) -> String {
        let text = "\(name.key)@\(store.owner.name)"
        do throws(FileError) {
            try store.temporary.write(text, bytes, durable: durable)
            return text
        } catch {
            guard error.isDeviceError else { throw error }
            // Never a second fsync of the same file: the message is written once more, from memory, to a new one.
            store.health.failed(error)
            if store.health.readOnlyReason != nil { throw error }
            let second = store.temporaryName(name.key)
            try store.temporary.write(second, bytes, durable: durable)
            return second
        }
    }

    /// Gives the file its names. Throws when no queue has the message; returns why not all have it where one has, and its
    /// reader was faster than we were to take it back.
    private func place(_ temporary: String, _ name: String, in targets: [Queue]) throws(FileError) -> FileError? {
        if targets.count == 1, let queue = targets.first {
            do throws(FileError) {
                // Names are never given twice (spool-wide clock, owner's tag), so this cannot replace a message.
                try store.temporary.rename(temporary, to: queue.ready, as: name)
            } catch {
                try? store.temporary.unlink(temporary)
                throw error
            }
            return nil
        }
        // One file with a name in each queue: a copy costs a directory entry.
        defer { try? store.temporary.unlink(temporary) }
        var placed: [Queue] = []
        for queue in targets {
            do throws(FileError) {
                try store.temporary.link(temporary, to: queue.ready, as: name)
                placed.append(queue)
            } catch {
                // A subscriber that left meanwhile gets no copy.
                if error.isNotFound && queue.name.isEphemeral { continue }
                var isTaken = false
                for queue in placed {
                    do throws(FileError) { try queue.ready.unlink(name) } catch { isTaken = true }
                }
                if isTaken { return error }
                throw error
            }
        }
        return nil
    }
}
