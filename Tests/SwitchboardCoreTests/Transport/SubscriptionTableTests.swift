import Testing

@testable import SwitchboardCore

@Suite("The subscriptions of a transport")
struct SubscriptionTableTests {
    private let now = Moment.now

    private func subscription(_ id: UInt64) -> Subscription {
        Subscription(id, to: .topic(Topic("t")), SubscriptionOptions(), DeliveryBuffer())
    }

    /// A table with a subscription that waits for a connection, by number.
    private func withTable(
        _ ids: UInt64..., deadline: Moment? = nil,
        _ body: (inout SubscriptionTable, SubscriptionTable.Waiter) -> Void
    ) async {
        _ = await withUnsafeContinuation { (waiter: SubscriptionTable.Waiter) in
            var table = SubscriptionTable()
            for id in ids { table.add(.init(subscription(id), waiter, started: now, deadline: deadline)) }
            body(&table, waiter)
            waiter.resume(returning: nil)
        }
    }

    private func commands(_ table: inout SubscriptionTable) -> [String] {
        var all: [String] = []
        while let command = table.nextCommand() {
            switch command {
            case .subscribe(let subscription): all.append("subscribe \(subscription.id)")
            case .unsubscribe(let subscription): all.append("unsubscribe \(subscription.id)")
            }
        }
        return all
    }

    @Test("A connection is asked for those that wait, once, the oldest first")
    func asked() async {
        await withTable(3, 1, 2) { table, _ in
            check(commands(&table) == [])
            table.ask(now)
            table.ask(now)
            check(commands(&table) == ["subscribe 1", "subscribe 2", "subscribe 3"])
            #expect(!table.isRestoring)
            check(table.live(2) != nil)
            check(table.live(2) == nil)
            check(table.live(4) == nil)
        }
    }

    @Test("After a loss all that were live are restored before it is over; new ones don't count")
    func restoring() async {
        await withTable(1, 2, 3) { table, waiter in
            table.ask(now)
            _ = (table.live(1), table.live(2))
            check(table.lost().withdrawn.count == 3)
            #expect(table.isRestoring)
            check(table.live(1) == nil)
            table.ask(now)
            check(commands(&table) == ["subscribe 1", "subscribe 2", "subscribe 3"])
            check(table.live(1) == nil)
            #expect(table.isRestoring)
            _ = table.live(2)
            #expect(!table.isRestoring)
            check(table.live(3) != nil)
        }
    }

    @Test("A restoration is answered by a failure, by a repair, by its subscriber's end, or by time")
    func answers() async {
        await withTable(1, 2, 3, 4) { table, waiter in
            table.ask(now)
            for id in 1...4 { _ = table.live(UInt64(id)) }
            _ = table.lost()
            table.ask(now)
            check(table.failed(1) != nil)
            table.repairing(2, "its queue is gone")
            check(table.end(3, waiter, until: now + .seconds(5)))
            #expect(table.isRestoring)
            #expect(table.repairing == "the subscription to topic openstack/t: its queue is gone")
            let next = table.expire(now).next
            #expect(next == now + .seconds(5))
            check(table.expire(now + SubscriptionTable.restoreTime).late.map(\.subscription.id) == [3])
            #expect(!table.isRestoring)
            _ = (table.live(2), table.live(4))
            #expect(table.repairing == nil)
        }
    }

    @Test("A subscriber that is done waits for the connection's answer, which may be its loss")
    func ending() async {
        await withTable(1, 2) { table, waiter in
            check(!table.end(9, waiter, until: now))
            table.ask(now)
            _ = (table.live(1), table.live(2), commands(&table))
            check(table.end(1, waiter, until: now + .seconds(5)))
            check(commands(&table) == ["unsubscribe 1"])
            check(table.live(1) == nil)
            check(table.ended(2) == nil)
            check(table.ended(1) != nil)
            check(table.ended(1) == nil)
            check(table.end(2, waiter, until: now + .seconds(5)))
            let (ended, withdrawn) = table.lost()
            #expect(ended.count == 1 && withdrawn.isEmpty)
            check(commands(&table) == [])
        }
    }

    @Test("One that no connection knows of just ends")
    func endsUnknown() async {
        await withTable(1, 2) { table, waiter in
            check(!table.end(1, waiter, until: now))
            check(table.cancel(2) != nil)
            check(table.cancel(2) == nil)
            table.ask(now)
            check(commands(&table) == [])
        }
    }

    @Test("A subscriber's deadline and cancellation take it back from the connection")
    func givenUp() async {
        await withTable(1, 2, deadline: now + .seconds(1)) { table, _ in
            table.ask(now)
            check(commands(&table).count == 2)
            check(table.cancel(1) != nil)
            let early = table.expire(now)
            #expect(early.late.isEmpty && early.next == now + .seconds(1))
            check(table.expire(now + .seconds(1)).late.map(\.subscription.id) == [2])
            check(commands(&table) == ["unsubscribe 1", "unsubscribe 2"])
            check(table.live(2) == nil)
            check(table.expire(now + .seconds(2)).next == nil)
        }
    }

    @Test("The deadline is for the first time only")
    func deadlineOnce() async {
        await withTable(1, deadline: now + .seconds(1)) { table, _ in
            table.ask(now)
            check(table.live(1) != nil)
            check(table.expire(now + .seconds(2)).late.isEmpty)
            check(table.cancel(1) == nil)
        }
    }

    @Test("Whether a subscription has been live, a decorator's one knows as well")
    func relayed() {
        let origin = subscription(1)
        let relay = Subscription(relaying: origin)
        #expect(!relay.hasBeenLive)
        relay.noteLive()
        #expect(origin.hasBeenLive && relay.hasBeenLive)
        let note = Changes()
        relay.memory = note
        check(origin.memory === note)
    }
}
