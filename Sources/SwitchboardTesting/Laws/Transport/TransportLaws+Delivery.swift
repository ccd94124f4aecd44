import SwitchboardCore

extension TransportLaws {
    /// What is published arrives: whole, once, in order.
    static let delivery: [DriverLaw] = [
        DriverLaw("A message arrives as it was published", .delivery) { bench in
            try await bench.withInbox { transport, inbox in
                let message = Message(
                    body: Array(#"{"a": "ü"}"#.utf8), contentType: "application/json", contentEncoding: "utf-8")
                try await transport.publish(message, to: .topic(bench.topic), deadline: bench.later)
                let delivery = try await inbox.next()
                try await delivery.accept()
                let found = delivery.message
                try bench.require(found.body == message.body, "the body became \"\(delivery.text)\".")
                try bench.require(
                    found.contentType == message.contentType && found.contentEncoding == message.contentEncoding,
                    "the content is \(found.contentType) in \(found.contentEncoding) on arrival.")
                try bench.require(!delivery.isRedelivered, "its first delivery is marked as redelivered.")
                try bench.require(
                    (delivery.attempt ?? 1) == 1, "its first delivery is attempt \(delivery.attempt ?? 1).")
            }
        },
        DriverLaw(
            "A subscriber that is a function gets every message, and gets those again that it could not take", .delivery
        ) {
            bench in
            let options = SubscriptionOptions(prefetch: 20, deadline: bench.later)
            try await bench.withTransport { transport in
                try await transport.withSubscription(to: .topic(bench.topic), options: options) { deliveries in
                    let taken = Tally()
                    let room = Locked(10)
                    let receiver = Task {
                        try await deliveries.receive { delivery in
                            let hasRoom = room.withLock { room in
                                room -= 1
                                return room >= 0
                            }
                            guard hasRoom else { return false }
                            taken.add(delivery.text)
                            delivery.settleInBackground(.accept)
                            return true
                        }
                    }
                    defer {
                        receiver.cancel()
                        // It ends when it has taken what there is.
                        room.withLock { $0 = 1000 }
                        deliveries.resume()
                    }
                    let texts = (0..<50).map { "\($0)" }
                    // The first one tells that the receiver has begun: what it finds when it begins, it takes by itself.
                    try await bench.publish(all: [texts[0]], on: transport)
                    try await bench.within("the first of 50 messages") { try await taken.wait(for: 1) }
                    try await Task.sleep(for: .milliseconds(50))
                    try await bench.publish(all: Array(texts.dropFirst()), on: transport)
                    try await bench.within("the first ten of 50 messages") { try await taken.wait(for: 10) }
                    let early = taken.entries.count
                    try bench.require(early == 10, "\(early) messages were taken where there was room for 10.")
                    room.withLock { $0 = 1000 }
                    deliveries.resume()
                    try await bench.within("the rest of 50 messages") { try await taken.wait(for: 50) }
                    let found = taken.entries
                    let isRight = bench.claims.contains(.ordered) ? found == texts : found.sorted() == texts.sorted()
                    try bench.require(isRight, "50 messages in order arrived as \(found).")
                    receiver.cancel()
                    try await receiver.value
                }
            }
        },
        DriverLaw("Bodies of 0 bytes to 16 MiB arrive whole", .delivery) { bench in
            let sizes = [0, 1, 4095, 4096, 4097, 131_064, 131_072, 131_080, 1 << 20, 16 << 20]
            try await bench.withInbox(prefetch: 1) { transport, inbox in
                for size in sizes {
                    var body = [UInt8](repeating: 0xA5, count: size)
                    for index in stride(from: 0, to: size, by: 1021) { body[index] = UInt8(truncatingIfNeeded: index) }
                    try await transport.publish(Message(body: body), to: .topic(bench.topic), deadline: bench.later)
                    let delivery = try await inbox.next()
                    try await delivery.accept()
                    try bench.require(
                        delivery.message.body == body,
                        "of a body of \(size) bytes, \(delivery.message.body.count) arrived, or others.")
                }
            }
        },
        DriverLaw("A body of arbitrary bytes arrives unchanged", .delivery) { bench in
            let bodies: [[UInt8]] = [
                Array(0...255), [0], [0xFF, 0xFE], [0xC3, 0x28], Array("\r\n\r\n".utf8), Array("]]>\"'\\".utf8), [0xCE],
            ]
            try await bench.withInbox { transport, inbox in
                for body in bodies {
                    try await transport.publish(
                        Message(body: body, contentType: "application/octet-stream", contentEncoding: "binary"),
                        to: .topic(bench.topic), deadline: bench.later)
                    let delivery = try await inbox.next()
                    try await delivery.accept()
                    try bench.require(
                        delivery.message.body == body, "the bytes \(body) became \(delivery.message.body).")
                }
            }
        },
        DriverLaw("Each message arrives exactly once while nothing fails", .delivery) { bench in
            let texts = (0..<100).map { "m\($0)" }
            try await bench.withInbox { transport, inbox in
                try await bench.publish(all: texts, on: transport)
                let found = try await inbox.accept(texts.count)
                try bench.require(
                    found.sorted() == texts.sorted(), "100 different messages were published; \(found) came.")
                try await bench.publish("last", on: transport)
                try await inbox.expect("last")
            }
        },
        DriverLaw("The messages of one publisher arrive in order", .delivery, proves: .ordered) { bench in
            let texts = (0..<200).map { "m\($0)" }
            try await bench.withInbox(prefetch: 7) { transport, inbox in
                try await bench.publish(all: texts, on: transport)
                for text in texts { try await inbox.expect(text) }
            }
        },
        DriverLaw("What was published before the subscription arrives in order", .delivery, proves: .ordered) {
            bench in
            let texts = (0..<50).map { "m\($0)" }
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish(all: texts, on: transport)
                try await bench.withInbox(transport, .topic(bench.topic), prefetch: 3) { inbox in
                    for text in texts { try await inbox.expect(text) }
                }
            }
        },
        DriverLaw("Many tasks publish and settle at once, and nothing is lost or duplicated", .delivery) { bench in
            let (publishers, each, consumers) = (16, 25, 4)
            let counts = Locked<[String: Int]>([:])
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for publisher in 0..<publishers {
                        group.addTask {
                            for number in 0..<each { try await bench.publish("\(publisher).\(number)", on: transport) }
                        }
                    }
                    for _ in 0..<consumers {
                        group.addTask {
                            try await bench.withInbox(transport, .topic(bench.topic), prefetch: 5) { inbox in
                                while case let text = try await inbox.accept(), text != "end" {
                                    let total = counts.withLock { counts in
                                        counts[text, default: 0] += 1
                                        return counts.values.reduce(0, +)
                                    }
                                    guard total == publishers * each else { continue }
                                    for _ in 0..<consumers { try await bench.publish("end", on: transport) }
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            let found = counts.withLock { $0 }
            let doubled = found.filter { $0.value != 1 }
            try bench.require(
                found.count == publishers * each, "\(publishers * each - found.count) of 400 messages were lost.")
            try bench.require(doubled.isEmpty, "messages arrived more than once: \(doubled).")
        },
    ]
}
