import Foundation
import SwitchboardCore
import SwitchboardSpool
import Testing

/// What holds for both layouts.
@Suite("A spool", .timeLimit(.minutes(5)))
struct SpoolBehaviourTests {
    static let layouts = ["maildir", "segment"]

    @Test("A message goes to one of the consumers, whole, with its headers", arguments: layouts)
    func topic(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
                let message = Message(
                    body: body, contentType: "text/x: y\n", contentEncoding: "%", headers: ["a:b": "c\nd", "é": "ü"])
                try await transport.publish(message, to: compute)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions()) { deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.message == message)
                    #expect(!delivery.isRedelivered)
                    #expect(delivery.attempt == 1)
                    try await delivery.accept()
                    await #expect(throws: TransportError.self) { try await delivery.accept() }
                }
            }
        }
    }

    @Test("Messages of one publisher arrive in order", arguments: layouts)
    func order(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for number in 0..<100 { try await transport.send("\(number)", to: compute) }
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 7)) {
                    deliveries in
                    for number in 100..<200 { try await transport.send("\(number)", to: compute) }
                    #expect(try await deliveries.take(200) == (0..<200).map { "\($0)" })
                }
            }
        }
    }

    @Test("A requeued message comes first, marked", arguments: layouts)
    func requeue(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                try await transport.send("one", to: compute)
                try await transport.send("two", to: compute)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    for attempt in 1...5 {
                        let delivery = try #require(try await iterator.next())
                        #expect(delivery.text == "one")
                        #expect(delivery.attempt == attempt)
                        #expect(delivery.isRedelivered == (attempt > 1))
                        if attempt < 5 { try await delivery.requeue() } else { try await delivery.accept() }
                    }
                    #expect(try #require(try await iterator.next()).text == "two")
                }
                // What was not settled went back.
                #expect(try await transport.take(1, from: compute) == ["two"])
            }
        }
    }

    @Test("A discarded message lies in dead/ with its reason", arguments: layouts)
    func discard(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                try await transport.send("bad", to: compute)
                try await transport.send("good", to: compute)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    try await #require(try await iterator.next()).discard(reason: "nobody\nknows it")
                    let next = try #require(try await iterator.next())
                    #expect(next.text == "good")
                    try await next.accept()
                }
                let dead = directory.files("dead")
                try #require(dead.count == 2)
                #expect(directory.text("dead/\(dead[0])").hasSuffix("\n\nbad"))
                #expect(
                    directory.text("dead/\(dead[1])").contains("Reason: nobody knows it\nQueue: topic~nova~compute\n"))
            }
        }
    }

    @Test("Every subscriber of a fanout has a copy; the copies die with it", arguments: layouts)
    func fanout(layout: String) async throws {
        let fanout = Address.fanout(Topic("compute"))
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                let options = SubscriptionOptions()
                try await transport.send("to nobody", to: fanout)
                #expect(await code { try await transport.send("x", to: fanout, mandatory: true) } == .unroutable)
                try await transport.withSubscription(to: fanout, options: options) { first in
                    try await transport.withSubscription(to: fanout, options: options) { second in
                        try await transport.send("all", to: fanout, mandatory: true)
                        #expect(try await first.take(1) == ["all"])
                        #expect(try await second.take(1) == ["all"])
                        try await transport.send("left behind", to: fanout)
                    }
                }
                #expect(directory.files("queues").isEmpty)
                #expect(await code { try await transport.send("x", to: fanout, mandatory: true) } == .unroutable)
            }
        }
    }

    @Test("A mailbox lives as long as its subscription", arguments: layouts)
    func mailbox(layout: String) async throws {
        let mailbox = Address.mailbox(Mailbox(named: "reply_1"))
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                #expect(await code { try await transport.send("x", to: mailbox, mandatory: true) } == .unroutable)
                for round in 0..<3 {
                    try await transport.withSubscription(to: mailbox, options: SubscriptionOptions()) { deliveries in
                        try await transport.send("\(round)", to: mailbox, mandatory: true)
                        #expect(try await deliveries.take(1) == ["\(round)"])
                        try await transport.send("late", to: mailbox)
                    }
                }
                #expect(await code { try await transport.send("x", to: mailbox, mandatory: true) } == .unroutable)
                #expect(directory.files("queues").isEmpty)
            }
        }
    }

    @Test("Notifications wait for a listener; each pool has a copy", arguments: layouts)
    func notifications(layout: String) async throws {
        let info = Address.notifications(Topic("notifications.info"))
        let error = Address.notifications(Topic("notifications.error"))
        let pool = Address.pool("audit", of: Topic("notifications.info"))
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                try await transport.send("before", to: info, mandatory: true)
                try await transport.withSubscription(to: pool, options: SubscriptionOptions()) { _ in }
                try await transport.withSubscription(
                    to: .pool("audit", of: Topic("notifications.error")), options: SubscriptionOptions()
                ) { _ in }
                try await transport.send("both", to: info)
                try await transport.send("bad", to: error)
                #expect(try await transport.take(2, from: info) == ["before", "both"])
                #expect(try await transport.take(2, from: pool) == ["both", "bad"])
                #expect(try await transport.take(1, from: error) == ["bad"])
            }
        }
    }

    @Test("Mandatory is about whether a consumer has ever declared the address", arguments: layouts)
    func unroutable(layout: String) async throws {
        let server = Address.server(Topic("compute"), server: "host1")
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                #expect(await code { try await transport.send("x", to: server, mandatory: true) } == .unroutable)
                try await transport.send("kept", to: server)
                #expect(await code { try await transport.send("x", to: server, mandatory: true) } == .unroutable)
                #expect(try await transport.take(1, from: server) == ["kept"])
                try await transport.send("later", to: server, mandatory: true)
                #expect(try await transport.take(1, from: server) == ["later"])
            }
        }
    }

    @Test("What has expired is not delivered", arguments: layouts)
    func expiry(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                try await transport.send("gone", to: compute, timeToLive: .zero)
                try await transport.send("there", to: compute, timeToLive: .seconds(60))
                #expect(try await transport.take(1, from: compute) == ["there"])
            }
        }
    }

    @Test("A full queue makes publishers wait, then says exhausted", arguments: layouts)
    func bounds(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&max_messages=2") { transport in
                try await transport.send("1", to: compute)
                try await transport.send("2", to: compute)
                #expect(
                    await code { try await transport.send("3", to: compute, within: .seconds(1)) } == .exhausted)
                async let third: Void = transport.send("3", to: compute)
                #expect(try await transport.take(3, from: compute, prefetch: 1) == ["1", "2", "3"])
                try await third
            }
            try await withTransport(directory, "layout=\(layout)&max_bytes=1000") { transport in
                try await transport.send(String(repeating: "x", count: 700), to: compute)
                #expect(
                    await code {
                        try await transport.send(
                            String(repeating: "x", count: 700), to: compute, within: .seconds(1))
                    } == .exhausted)
            }
        }
    }

    @Test("Expired messages make room", arguments: layouts)
    func expiredMakeRoom(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&max_messages=2") { transport in
                try await transport.send("1", to: compute, timeToLive: .zero)
                try await transport.send("2", to: compute, timeToLive: .zero)
                try await transport.send("3", to: compute)
                #expect(try await transport.take(1, from: compute) == ["3"])
            }
        }
    }

    @Test("Two drivers share a queue: each message once, all of them", arguments: layouts)
    func competing(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { one in
                try await withTransport(directory, "layout=\(layout)") { other in
                    let seen = Locked<[String]>([])
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for transport in [one, other, one] {
                            group.addTask {
                                try await transport.withSubscription(
                                    to: compute, options: SubscriptionOptions(prefetch: 3)
                                ) { deliveries in
                                    for try await delivery in deliveries {
                                        seen.withLock { $0.append(delivery.text) }
                                        try await delivery.accept()
                                    }
                                }
                            }
                        }
                        for number in 0..<300 { try await other.send("\(number)", to: compute) }
                        try await eventually("300 messages arrived") { seen.withLock { $0.count } >= 300 }
                        group.cancelAll()
                    }
                    let all = seen.withLock { $0 }
                    #expect(all.count == 300)
                    #expect(Set(all).count == 300)
                }
            }
        }
    }

    @Test("What keeps coming back goes to dead/ at the limit", arguments: layouts)
    func limit(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&max_attempts=3") { transport in
                try await transport.send("poison", to: compute)
                try await transport.withSubscription(to: compute, options: SubscriptionOptions(prefetch: 1)) {
                    deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    for _ in 0..<3 { try await #require(try await iterator.next()).requeue() }
                    try await transport.send("next", to: compute)
                    #expect(try #require(try await iterator.next()).text == "next")
                }
                let reason = directory.files("dead").filter { $0.hasSuffix(".reason") }.first ?? ""
                #expect(directory.text("dead/\(reason)").contains("delivered 3 times"))
            }
        }
    }

    @Test("The layout is found in the spool, and another one is a conflict", arguments: layouts)
    func layout(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { try await $0.send("x", to: compute) }
            try await withTransport(directory) { transport in
                let taken = try await transport.take(1, from: compute)
                #expect(taken == ["x"])
            }
            let other = layout == "maildir" ? "segment" : "maildir"
            #expect(
                await code {
                    try await withTransport(directory, "layout=\(other)") { try await $0.send("x", to: compute) }
                } == .conflict)
        }
    }

    @Test("Cancelling a subscriber ends its deliveries, and nothing is lost", arguments: layouts)
    func cancellation(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                let (live, isLive) = AsyncStream.makeStream(of: Void.self)
                let task = Task {
                    try await transport.withSubscription(to: compute, options: SubscriptionOptions()) { deliveries in
                        isLive.finish()
                        var held: [Delivery] = []
                        for try await delivery in deliveries { held.append(delivery) }
                        return held
                    }
                }
                for await _ in live {}
                for number in 0..<5 { try await transport.send("\(number)", to: compute) }
                task.cancel()
                let held = try await task.value
                for delivery in held {
                    #expect(await code { try await delivery.accept() } == .closed)
                }
                #expect(try await transport.take(5, from: compute) == ["0", "1", "2", "3", "4"])
            }
        }
    }

    @Test("After the run, publishing says closed; before it, it waits to its deadline", arguments: layouts)
    func life(layout: String) async throws {
        try await withDirectory { directory in
            let transport = try makeTransport("spool://\(directory.spool)?layout=\(layout)")
            #expect(
                await code { try await transport.send("x", to: compute, within: .milliseconds(20)) } == .unavailable)
            async let early: Void = transport.send("early", to: compute)
            let running = Task { try await transport.run() }
            try await early
            running.cancel()
            try await running.value
            #expect(await code { try await transport.send("late", to: compute) } == .closed)
            #expect(directory.files("owners").isEmpty)
            #expect(directory.files("tmp").isEmpty)
        }
    }

    @Test("Durable publishes by many at once all arrive", arguments: layouts)
    func durable(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)&durability=full") { transport in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for publisher in 0..<32 {
                        group.addTask {
                            for number in 0..<10 { try await transport.send("\(publisher) \(number)", to: compute) }
                        }
                    }
                    try await group.waitForAll()
                }
                let all = try await transport.take(320, from: compute)
                for publisher in 0..<32 {
                    let own = all.filter { $0.hasPrefix("\(publisher) ") }
                    #expect(own == (0..<10).map { "\(publisher) \($0)" })
                }
            }
        }
    }
}
