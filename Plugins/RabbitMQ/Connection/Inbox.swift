#if RabbitMQ
import NIOCore
import SwitchboardCore

/// Where callers on any thread leave work for a connection.
///
/// One task of the event loop takes everything that gathered, so that a burst of callers costs one wake-up and no
/// caller hops.
final class Inbox<Item: Sendable>: Sendable {
    private let eventLoop: any EventLoop
    private let drain = Locked<Drain?>(nil)

    /// A function in a struct: a function that a generic type holds would be wrapped once more by each access to it
    /// through `inout`, and so grow for ever.
    private struct Drain: Sendable {
        var run: @Sendable () -> Void
    }

    private struct Contents {
        var items: [Item] = []
        var isScheduled = false
    }

    private let contents = Locked(Contents())

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// What is run on the event loop when something has come. It must not hold its connection strongly.
    func onItems(_ drain: @escaping @Sendable () -> Void) {
        self.drain.withLock { $0 = Drain(run: drain) }
    }

    func submit(_ item: Item) {
        let isFirst = contents.withLock { contents in
            contents.items.append(item)
            defer { contents.isScheduled = true }
            return !contents.isScheduled
        }
        guard isFirst else { return }
        eventLoop.execute {
            let drain = self.drain.withLock { $0 }
            drain?.run()
        }
    }

    /// What has gathered. The next item schedules a drain again.
    func takeAll() -> [Item] {
        contents.withLock { contents in
            let items = contents.items
            contents.items = []
            contents.isScheduled = false
            return items
        }
    }
}
#endif
