#if RabbitMQ && TLS
import Foundation
import Switchboard
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardMessaging
@testable import SwitchboardRabbitMQ

extension Taps {
    /// Taps of real brokers.
    @Suite("Tap", .timeLimit(.minutes(5)))
    struct TapSourceTests {
        /// Serves the topic, and calls it.
        private func served(_ bed: Bed, _ body: (RPCClient) async throws -> Void) async throws {
            try await bed.serving {
                try await withMessageQueue(
                    bed.url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger
                ) { queue in
                    try await body(RPCClient(queue, target: RPCTarget(Examination.topic, server: "host1")))
                }
            }
        }

        /// What a caller declares is there afterwards.
        private func warmUp(_ client: RPCClient) async throws {
            _ = try await client.call("hello", [:])
            try await client.fanout("hello", [:])
        }

        @Test("By the firehose calls are joined with their answers, no call fails over it, and nothing remains")
        func firehose() async throws {
            try await Bed.with { bed in
                try await bed.trace(true)
                try await served(bed) { client in
                    let before = try await bed.everything()
                    let sight = try await bed.tapping { sight in
                        for _ in 0..<50 {
                            let answer = try await client.call("hello", ["name": "canary"])
                            #expect(answer == "hello")
                        }
                        await #expect(throws: RPCError.self) { try await client.call("missing", [:]) }
                        try await client.cast("hello", ["name": "cast"])
                        try await client.fanout("hello", [:])
                        try await sight.waits {
                            $0.records().count >= 53 && $0.records().allSatisfy { $0.outcome != .open }
                        }
                    }
                    #expect(sight.coverage.map(\.replies) == [.firehose])
                    let records = sight.records()
                    let calls = records.filter { $0.kind == .call }
                    #expect(calls.count == 51)
                    #expect(calls.count { $0.outcome == .result } == 50)
                    for call in calls {
                        #expect(call.topic == "compute" && call.server == "host1" && call.exchange == "nova")
                        #expect(call.callerConnection?.isEmpty == false && call.serverConnection?.isEmpty == false)
                        #expect(call.duration ?? .seconds(99) < .seconds(30))
                        #expect(call.requestBytes > 0 && call.replyBytes > 0)
                        #expect(call.caller?.isEmpty == false)
                    }
                    let failed = try #require(calls.first { $0.method == "missing" })
                    #expect(failed.outcome.failureClass?.contains("NoSuchMethod") == true, "\(failed.outcome)")
                    #expect(records.count { $0.kind == .cast && $0.method == "hello" } == 1)
                    #expect(records.count { $0.kind == .fanout && $0.topic == "compute" && $0.server == nil } == 1)
                    #expect(!"\(records)".contains("canary"))
                    try await bed.waits(toBe: before)
                }
                try await bed.trace(false)
            }
        }

        @Test("Without the firehose requests are seen, their answers are not, and it says how they would be")
        func bindings() async throws {
            try await Bed.with { bed in
                try await served(bed) { client in
                    let before = try await bed.everything()
                    let sight = try await bed.tapping {
                        $0.topics = ["compute"]
                    } _: { sight in
                        for _ in 0..<20 { _ = try await client.call("hello", [:]) }
                        try await client.fanout("hello", [:])
                        try await sight.waits { $0.records().count == 21 }
                    }
                    let coverage = try #require(sight.coverage.first)
                    #expect(coverage.replies == .bindings && coverage.exchanges == ["nova", "compute_fanout"])
                    #expect(coverage.remark?.contains("rabbitmqctl trace_on -p \(bed.name)") == true)
                    #expect(coverage.remark?.contains("is off") == true)
                    let records = sight.records()
                    #expect(records.count { $0.kind == .call && $0.outcome == .unseen } == 20)
                    #expect(records.count { $0.kind == .fanout && $0.topic == "compute" && $0.server == nil } == 1)
                    try await bed.waits(toBe: before)
                }
            }
        }

        @Test("Where reply queues have exchanges of their own, answers are seen by bindings to them")
        func replyExchanges() async throws {
            try await Bed.with { bed in
                try await bed.plant(bed.declareExchange("nova"), bed.declareExchange("reply_1"))
                let before = try await bed.everything()
                let transport = try Transport(bed.url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await transport.run() }
                    defer { group.cancelAll() }
                    let sight = try await bed.tapping { sight in
                        let request = OsloRequest(method: "old", messageID: "m1", replyQueue: "reply_1", uniqueID: "u1")
                        let unseen = OsloRequest(method: "new", messageID: "m2", replyQueue: "reply_2", uniqueID: "u2")
                        let deadline = ContinuousClock.now + .seconds(20)
                        for one in [request, unseen] {
                            try await transport.publish(
                                one.message(), to: .topic(Topic("compute", exchange: "nova")), deadline: deadline)
                        }
                        try await sight.waits { $0.messages.count == 2 }
                        try await transport.publish(
                            OsloReply(result: 7, ending: true, messageID: "m1").message(),
                            to: .topic(Topic("reply_1", exchange: "reply_1")),
                            deadline: deadline)
                        try await sight.waits { $0.messages.count == 3 }
                    }
                    let records = sight.records(keepsValues: true)
                    #expect(records.count == 2)
                    #expect(records.first { $0.method == "old" }?.outcome == .result)
                    #expect(records.first { $0.method == "old" }?.result == 7)
                    #expect(records.first { $0.method == "new" }?.outcome == .unseen)
                }
                try await bed.waits(toBe: before)
            }
        }

        @Test("A tap whose connection is lost begins again, and says so")
        func loss() async throws {
            try await Bed.with { bed in
                try await bed.plant(bed.declareExchange("nova"))
                let sight = try await bed.tapping { sight in
                    try await bed.broker.closeConnections(in: bed.name)
                    try await sight.waits { $0.coverage.count == 2 }
                }
                let reasons = sight.events.compactMap { if case .lost(let reason) = $0 { reason } else { nil } }
                #expect(reasons.count == 1, "\(reasons)")
            }
        }

        @Test(
            "What can't be tapped is said in a sentence: no exchange, no permission, a firehose that is off, no broker")
        func refusals() async throws {
            func message(_ bed: Bed, _ url: TransportURL? = nil, _ change: (inout TapWishes) -> Void = { _ in }) async
                -> Failure?
            {
                do {
                    _ = try await bed.tapping(url, change) { _ in }
                    return nil
                } catch {
                    return error as? Failure
                }
            }
            try await Bed.with { bed in
                let missing = await message(bed)
                #expect(missing?.message.contains("no exchange nova") == true && missing?.exit == 2)
                let known = await message(bed) { $0.exchanges = [] }
                #expect(known?.message.contains("--management-url") == true)
                try await bed.plant(bed.declareExchange("nova"))
                let off = await message(bed) { $0.replies = .firehose }
                #expect(off?.message.contains("is off") == true && off?.exit == 5)
                let user = "tap-\(bed.name)"
                try await bed.broker.addUser(user, password: "tap-canary")
                try await bed.broker.setPermissions(
                    of: user, in: bed.name, configure: ".*", write: ".*", read: "^(?!nova$|amq\\.rabbitmq\\.trace$).*")
                var url = bed.url()
                url.hosts[0].username = user
                url.hosts[0].password = "tap-canary"
                let refused = await message(bed, url)
                #expect(refused?.message.contains("permission to read") == true, "\(refused?.message ?? "tapped")")
                try await bed.broker.deleteUser(user)
                let gone = await message(bed, url)
                #expect(gone?.message.contains("switchboard doctor") == true && gone?.exit == 5)
                #expect("\(gone?.message ?? "")\(refused?.message ?? "")".contains("tap-canary") == false)
            }
        }

        @Test("Deliveries by the firehose tell which messages came again")
        func redeliveries() async throws {
            try await Bed.with { bed in
                try await bed.trace(true)
                try await bed.plant(bed.declareExchange("nova"), bed.declareQueue("compute"))
                let sight = try await bed.tapping {
                    $0.followsDeliveries = true
                    $0.topics = ["compute"]
                } _: { sight in
                    let transport = try Transport(bed.url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await transport.run() }
                        defer { group.cancelAll() }
                        let options = SubscriptionOptions(prefetch: 1, deadline: .now + .seconds(20))
                        try await transport.withSubscription(to: .topic(Examination.topic), options: options) {
                            deliveries in
                            try await transport.publish(
                                Message(body: [1]), to: .topic(Examination.topic),
                                deadline: .now + .seconds(20), mandatory: true)
                            var iterator = deliveries.makeAsyncIterator()
                            try await #require(iterator.next()).settle(.requeue)
                            try await #require(iterator.next()).settle(.accept)
                        }
                    }
                    try await sight.waits { $0.messages.count { $0.motion != .published } >= 2 }
                }
                let motions = sight.messages.map(\.motion)
                #expect(motions.contains(.delivered(queue: "compute", isRedelivered: false)))
                #expect(motions.contains(.delivered(queue: "compute", isRedelivered: true)))
                try await bed.trace(false)
            }
        }

        @Test("What comes faster than it is read is counted, and memory stays bounded")
        func feed() async {
            let feed = TapFeed()
            for _ in 0..<100_005 {
                feed.put(TappedDelivery(exchange: "e", routingKey: "k", message: Message(body: []), defect: nil))
            }
            feed.end("over")
            var (count, missed) = (0, 0)
            for await message in feed.messages {
                missed += feed.took(message)
                count += 1
            }
            #expect(count == 100_000 && missed == 5)
            #expect(feed.lossReason == "over")
        }
    }
}
#endif
