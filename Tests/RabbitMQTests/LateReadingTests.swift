#if RabbitMQ
import NIOCore
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Confirms that no caller awaits are read late", .timeLimit(.minutes(3)))
struct LateReadingTests {
    private let topic = Topic("t", exchange: "e")

    private func publish(_ bytes: Int = 1, isAwaited: Bool) -> Publish {
        Publish(Message(body: Array(repeating: 0, count: bytes)), to: .topic(topic), isAwaited: isAwaited) { _ in }
    }

    @Test("Who reads often pauses where it can wait, until the pause is over or ended; who reads seldom never does")
    func pauses() {
        var pauses = ReadingPauses()
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        func after(_ time: TimeAmount) -> NIODeadline {
            now = now + time
            return now
        }
        let (often, seldom) = (TimeAmount.milliseconds(1), ReadingPauses.length * 2)
        var begun = [pauses.read(at: now, canWait: true)]
        for _ in 0..<3 { begun.append(pauses.read(at: after(seldom), canWait: true)) }
        begun.append(pauses.read(at: after(often), canWait: false))
        #expect(begun == [false, false, false, false, false])
        #expect(!pauses.isPausing)
        let begins = pauses.read(at: after(often), canWait: true)
        #expect(begins && pauses.isPausing)
        // What was under way when it began.
        let beginsAgain = pauses.read(at: after(often), canWait: true)
        #expect(!beginsAgain)
        let (ends, endsAgain) = (pauses.end(at: after(ReadingPauses.length)), pauses.end(at: now))
        #expect(ends && !endsAgain && !pauses.isPausing)
        // What came meanwhile is read at once, and the next pause begins.
        let next = pauses.read(at: after(.microseconds(50)), canWait: true)
        #expect(next)
        let last = pauses.end(at: after(ReadingPauses.length))
        let late = pauses.read(at: after(seldom), canWait: true)
        #expect(last && !late)
    }

    @Test("Nothing awaited may be unconfirmed, nor more than a quarter of the window")
    func unread() {
        var unread = UnreadConfirms(ofWindow: 8, bytes: 4000)
        #expect(!unread.mayWait)
        let (quiet, awaited, large) = (
            publish(isAwaited: false), publish(isAwaited: true), publish(1200, isAwaited: false)
        )
        unread.wrote(quiet)
        unread.wrote(quiet)
        #expect(unread.mayWait)
        unread.wrote(quiet)
        #expect(!unread.mayWait)
        unread.left(quiet)
        #expect(unread.mayWait)
        unread.wrote(large)
        unread.left(quiet)
        #expect(!unread.mayWait)
        unread.left(large)
        #expect(unread.mayWait)
        unread.left(quiet)
        unread.wrote(awaited)
        unread.wrote(quiet)
        #expect(!unread.mayWait)
        unread.left(awaited)
        #expect(unread.mayWait)
        // The next one is likely to be awaited too.
        unread.wrote(awaited)
        unread.left(awaited)
        #expect(!unread.mayWait)
        unread.reset()
        #expect(!unread.mayWait)
        unread.wrote(quiet)
        #expect(unread.mayWait)
    }

    @Test("Each outcome comes, accepted or unroutable, while others are awaited between them")
    func outcomes() async throws {
        try await withDriver { [topic] driver, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                let outcomes = Locked<[Int: String]>([:])
                let (told, tell) = AsyncStream.makeStream(of: Void.self)
                let count = 600
                for number in 0..<count {
                    // Some have no queue.
                    let address: Address = number % 50 == 7 ? .mailbox(Mailbox(named: "reply_none")) : .topic(topic)
                    _ = try driver.transport.publish(
                        Message(body: Array("\(number)".utf8)), to: address, deadline: .now + .seconds(60),
                        mandatory: true, isAwaited: false
                    ) { error in
                        outcomes.withLock { $0[number] = error?.code.description ?? "accepted" }
                        tell.yield()
                    }
                    if number % 100 == 50 { try await driver.publish("awaited", to: .topic(topic)) }
                    // Spreads the publishes over several pauses.
                    if number % 20 == 0 { try await Task.sleep(for: .milliseconds(1)) }
                }
                try await withTimeLimit(.seconds(60)) {
                    var answers = told.makeAsyncIterator()
                    for _ in 0..<count { await answers.next() }
                }
                let expected = (0..<count).map { ($0, $0 % 50 == 7 ? "unroutable" : "accepted") }
                #expect(outcomes.withLock { $0 } == Dictionary(uniqueKeysWithValues: expected))
                _ = deliveries
            }
        }
    }

    @Test("A broker that ends in the middle of it leaves no publish without an outcome")
    func lost() async throws {
        try await TestBroker.withBroker { [topic] broker in
            try await broker.addVirtualHost("x")
            let driver = try DriverUnderTest(broker.url(virtualHost: "x"), logger: quietLogger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
                try await driver.publish("first", to: .topic(topic))
                let (told, tell) = AsyncStream.makeStream(of: Void.self)
                let count = 300
                for number in 0..<count {
                    _ = try driver.transport.publish(
                        Message(body: [1]), to: .topic(topic), deadline: .now + .seconds(5), isAwaited: false
                    ) { _ in tell.yield() }
                    if number == count / 2 { await broker.kill9() }
                    // Spreads the publishes over several pauses.
                    if number % 10 == 0 { try await Task.sleep(for: .milliseconds(1)) }
                }
                try await withTimeLimit(.seconds(60)) {
                    var answers = told.makeAsyncIterator()
                    for _ in 0..<count { await answers.next() }
                }
            }
        }
    }
}
#endif
