import SwitchboardCore

extension TransportLaws {
    /// What becomes of a delivery.
    static let settlement: [DriverLaw] = [
        DriverLaw("An accepted message is not delivered again", .settlement) { bench in
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish(all: ["1", "2", "3"], on: transport)
                    _ = try await inbox.accept(3)
                }
                try await bench.publish("last", on: transport)
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("last") }
            }
        },
        DriverLaw("A requeued message is delivered again, marked as redelivered", .settlement, proves: .redelivery) {
            bench in
            try await bench.withInbox { transport, inbox in
                try await bench.publish("again", on: transport)
                try await inbox.next().requeue()
                let second = try await inbox.next()
                try bench.require(second.text == "again", "\"\(second.text)\" came instead of the requeued message.")
                try bench.require(second.isRedelivered, "its second delivery is not marked as redelivered.")
                try bench.require(
                    (second.attempt ?? 2) == 2, "its second delivery is attempt \(second.attempt ?? 2).")
                try await second.accept()
                try await bench.publish("last", on: transport)
                try await inbox.expect("last")
            }
        },
        DriverLaw("A requeued message goes back to its place", .settlement, proves: [.redelivery, .ordered]) {
            bench in
            try await bench.withInbox(prefetch: 1) { transport, inbox in
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                try await inbox.next().requeue()
                for text in ["1", "2", "3"] { try await inbox.expect(text) }
            }
        },
        DriverLaw("Unsettled messages go back when their subscription ends", .settlement) { bench in
            let texts = ["1", "2", "3", "4", "5"]
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish(all: texts, on: transport)
                    _ = try await inbox.take(5)
                }
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    let found = try await inbox.accept(5).sorted()
                    try bench.require(found == texts, "of \(texts), \(found) came back.")
                }
            }
        },
        DriverLaw("Messages that go back keep their order", .settlement, proves: [.redelivery, .ordered]) { bench in
            let texts = ["1", "2", "3", "4", "5", "6"]
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .topic(bench.topic), prefetch: 4) { inbox in
                    try await bench.publish(all: texts, on: transport)
                    let deliveries = try await inbox.take(4)
                    try bench.require(deliveries.map(\.text) == ["1", "2", "3", "4"], "they came in another order.")
                }
                try await bench.withInbox(transport, .topic(bench.topic), prefetch: 1) { inbox in
                    let first = try await inbox.next()
                    try bench.require(first.text == "1", "\"\(first.text)\" came back first.")
                    try bench.require(first.isRedelivered, "what came back is not marked as redelivered.")
                    try await first.accept()
                    for text in texts.dropFirst() { try await inbox.expect(text) }
                }
            }
        },
        DriverLaw("Messages that one consumer leaves unsettled go to another", .settlement, proves: .redelivery) {
            bench in
            try await bench.withTransport { transport in
                try await bench.withTransport { other in
                    try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                        try await bench.publish("left", on: transport)
                        _ = try await inbox.take(1)
                    }
                    try await bench.withInbox(other, .topic(bench.topic)) { inbox in
                        let delivery = try await inbox.next()
                        try bench.require(
                            delivery.text == "left" && delivery.isRedelivered,
                            "\"\(delivery.text)\" came, redelivered: \(delivery.isRedelivered).")
                        try await delivery.accept()
                    }
                }
            }
        },
        DriverLaw("A discarded message is not delivered again", .settlement) { bench in
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish(all: ["bad", "good"], on: transport)
                    for _ in 0..<2 {
                        let delivery = try await inbox.next()
                        if delivery.text == "bad" {
                            try await delivery.discard(reason: "a test")
                        } else {
                            try await delivery.accept()
                        }
                    }
                }
                try await bench.publish("last", on: transport)
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("last") }
            }
        },
        DriverLaw("Discarded messages can be inspected", .settlement, proves: .deadLetters) { bench in
            guard let deadLetters = bench.world.deadLetters else {
                throw Finding("the driver claims deadLetters and the harness's world has no deadLetters to show them.")
            }
            try await bench.withInbox { transport, inbox in
                try await bench.publish(all: ["bad", "good"], on: transport)
                for _ in 0..<2 {
                    let delivery = try await inbox.next()
                    if delivery.text == "bad" {
                        try await delivery.discard(reason: "a test")
                    } else {
                        try await delivery.accept()
                    }
                }
                // A broker may take a moment to move it; what is published later tells nothing about that.
                let deadline = ContinuousClock.now + bench.patience
                var found = try await deadLetters()
                while found.isEmpty, .now < deadline {
                    await Task.yield()
                    found = try await deadLetters()
                }
                try bench.require(
                    found == [Array("bad".utf8)],
                    "the dead letters are \(found.map { String(decoding: $0, as: UTF8.self) }), not [\"bad\"].")
            }
        },
        DriverLaw("A delivery is settled once", .settlement) { bench in
            try await bench.withInbox { transport, inbox in
                try await bench.publish("once", on: transport)
                let delivery = try await inbox.next()
                try await delivery.accept()
                try await bench.requireError(.alreadySettled, from: "a second settlement") {
                    try await delivery.requeue()
                }
                try await bench.publish("last", on: transport)
                try await inbox.expect("last")
            }
        },
        DriverLaw("A settlement after the end of the subscription changes nothing", .settlement) { bench in
            try await bench.withTransport { transport in
                let late = try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish("back", on: transport)
                    return try await inbox.next()
                }
                // It may fail or be ignored; the message has gone back.
                do { try await late.accept() } catch {}
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await inbox.expect("back")
                    try await bench.publish("last", on: transport)
                    try await inbox.expect("last")
                }
            }
        },
    ]
}
