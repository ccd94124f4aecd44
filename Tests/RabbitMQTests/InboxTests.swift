#if RabbitMQ
import NIOCore
import NIOEmbedded
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

@Suite("The inbox of a connection")
struct InboxTests {
    /// An inbox, and what was taken from it with each wake-up.
    private func makeInbox() -> (inbox: Inbox<Int>, taken: Locked<[[Int]]>, eventLoop: EmbeddedEventLoop) {
        // Of the thread of the test, which may be another one than that of its suite.
        let eventLoop = EmbeddedEventLoop()
        let inbox = Inbox<Int>(eventLoop: eventLoop)
        let taken = Locked<[[Int]]>([])
        inbox.onItems { [weak inbox] in
            var items: [Int] = []
            inbox?.takeAll(into: &items)
            taken.withLock { $0.append(items) }
        }
        return (inbox, taken, eventLoop)
    }

    @Test("What comes before the loop has woken is taken together")
    func burst() {
        let (inbox, taken, eventLoop) = makeInbox()
        for item in 1...3 { inbox.submit(item) }
        eventLoop.run()
        inbox.submit(4)
        eventLoop.run()
        #expect(taken.withLock { $0 } == [[1, 2, 3], [4]])
    }

    @Test("What can wait wakes nobody while the owner is expected, and goes with what cannot")
    func waiting() {
        let (inbox, taken, eventLoop) = makeInbox()
        inbox.submit(1, canWait: true)
        eventLoop.run()
        #expect(taken.withLock { $0 } == [[1]])
        #expect(inbox.expect())
        #expect(!inbox.expect())
        inbox.submit(2, canWait: true)
        eventLoop.run()
        #expect(taken.withLock { $0 } == [[1]])
        inbox.submit(3)
        eventLoop.run()
        #expect(taken.withLock { $0 } == [[1], [2, 3]])
        // The owner has come; it is to be expected anew.
        inbox.submit(4, canWait: true)
        eventLoop.run()
        #expect(taken.withLock { $0 } == [[1], [2, 3], [4]])
        #expect(inbox.expect())
    }

    @Test("The hundred-thousandth wake-up costs what the first did")
    func manyWakeUps() {
        let eventLoop = EmbeddedEventLoop()
        let inbox = Inbox<Int>(eventLoop: eventLoop)
        let count = Locked(0)
        inbox.onItems { [weak inbox] in
            var items: [Int] = []
            inbox?.takeAll(into: &items)
            for item in items { count.withLock { $0 += item } }
        }
        // A function that each call wraps once more ends this with an overflow of the stack.
        for _ in 0..<100_000 {
            inbox.submit(1)
            eventLoop.run()
        }
        #expect(count.withLock { $0 } == 100_000)
    }
}
#endif
