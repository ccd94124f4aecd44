#if RabbitMQ
import NIOCore
import SwitchboardCore

/// Where callers on any thread leave work for a connection.
///
/// One task of the event loop takes everything that gathered, so that a burst of callers costs one wake-up and no
/// caller hops.
final class Inbox<Item: Sendable>: Sendable {
    let eventLoop: any EventLoop
    let wakeUps: LoopWakeUps?
    private let drain = Locked<Drain?>(nil)

    /// A function in a struct: a function that a generic type holds would be wrapped once more by each access to it
    /// through `inout`, and so grow for ever.
    private struct Drain: Sendable {
        var run: @Sendable () -> Void
    }

    private struct Contents {
        var items: [Item] = []
        var isScheduled = false
        /// Whether the owner comes by itself, soon.
        var isExpected = false
        /// Whether the connection is over, so that nothing is taken out any more.
        var isClosed = false
    }

    private let contents = Locked(Contents())

    /// - Parameter wakeUps: puts off waking the loop, where that pays.
    init(eventLoop: any EventLoop, wakeUps: LoopWakeUps? = nil) {
        self.eventLoop = eventLoop
        self.wakeUps = wakeUps
    }

    /// What is run on the event loop when something has come. It must not hold its connection strongly.
    func onItems(_ drain: @escaping @Sendable () -> Void) {
        self.drain.withLock { $0 = Drain(run: drain) }
    }

    /// - Parameter canWait: whether the item has time until the owner comes by itself, where it is expected to.
    /// - Returns: `false` if the connection is over.
    @discardableResult
    func submit(_ item: Item, canWait: Bool = false) -> Bool {
        let (isTaken, wakes) = contents.withLock { contents in
            if contents.isClosed { return (false, false) }
            contents.items.append(item)
            if contents.isScheduled || canWait && contents.isExpected { return (true, false) }
            contents.isScheduled = true
            return (true, true)
        }
        guard wakes else { return isTaken }
        if let wakeUps, let drain = drain.withLock({ $0 }), wakeUps.hold(drain.run) { return true }
        eventLoop.execute {
            let drain = self.drain.withLock { $0 }
            drain?.run()
        }
        return true
    }

    /// Takes nothing more. What has gathered is still to be taken.
    func close() {
        contents.withLock { $0.isClosed = true }
    }

    /// The owner will take all soon without being woken. `false` when that was known.
    func expect() -> Bool {
        contents.withLock { contents in
            defer { contents.isExpected = true }
            return !contents.isExpected
        }
    }

    /// Moves what has gathered into `items`, which must be empty; its memory serves the items to come. The next item
    /// schedules a drain again.
    func takeAll(into items: inout [Item]) {
        contents.withLock { contents in
            swap(&contents.items, &items)
            contents.isScheduled = false
            contents.isExpected = false
        }
    }
}
#endif
