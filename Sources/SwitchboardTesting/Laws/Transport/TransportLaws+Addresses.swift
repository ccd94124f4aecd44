import SwitchboardCore

extension TransportLaws {
    /// Who gets a message.
    static let addresses: [DriverLaw] = [
        DriverLaw("Consumers of a topic compete, and idle ones get their share", .addresses) { bench in
            try await expectSharing(.topic(bench.topic), bench)
        },
        DriverLaw("Consumers of one server's name compete", .addresses) { bench in
            try await expectSharing(.server(bench.topic, server: "one"), bench)
        },
        DriverLaw("A topic keeps its messages while it has no subscribers", .addresses) { bench in
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish("kept", on: transport, mandatory: true)
                try await bench.withInbox(transport, .topic(bench.topic)) { try await $0.expect("kept") }
            }
        },
        DriverLaw("A topic's messages reach no other topic", .addresses) { bench in
            let other = Address.topic(Topic("laws-other", exchange: bench.topic.exchange))
            try await bench.withInbox { transport, inbox in
                try await bench.withInbox(transport, other) { otherInbox in
                    try await bench.publish("here", on: transport)
                    try await bench.publish("there", on: transport, to: other)
                    try await inbox.expect("here")
                    try await otherInbox.expect("there")
                }
            }
        },
        DriverLaw("A message to a server goes to that server alone", .addresses) { bench in
            let (one, two) = (Address.server(bench.topic, server: "one"), Address.server(bench.topic, server: "two"))
            try await bench.withInbox { transport, anyInbox in
                try await bench.withInbox(transport, one) { oneInbox in
                    try await bench.withInbox(transport, two) { twoInbox in
                        for round in 0..<5 { try await bench.publish("two \(round)", on: transport, to: two) }
                        try await bench.publish("one", on: transport, to: one)
                        try await bench.publish("any", on: transport)
                        let found = Set(try await twoInbox.accept(5))
                        try bench.require(found.count == 5, "server two got \(found.sorted()).")
                        try await oneInbox.expect("one")
                        try await anyInbox.expect("any")
                    }
                }
            }
        },
        DriverLaw("A fanout gives every subscription its copy", .addresses) { bench in
            let fanout = Address.fanout(bench.topic)
            try await bench.withTransport { transport in
                try await bench.withTransport { other in
                    try await bench.withInbox(transport, fanout) { first in
                        try await bench.withInbox(transport, fanout) { second in
                            try await bench.withInbox(other, fanout) { third in
                                try await bench.publish(all: ["1", "2", "3"], on: transport, to: fanout)
                                for inbox in [first, second, third] {
                                    let found = try await inbox.accept(3).sorted()
                                    try bench.require(found == ["1", "2", "3"], "a subscription got \(found).")
                                }
                                try await bench.publish("last", on: other, to: fanout)
                                for inbox in [first, second, third] { try await inbox.expect("last") }
                            }
                        }
                    }
                }
            }
        },
        DriverLaw("A fanout keeps nothing for later subscribers", .addresses, proves: .ephemeralFanouts) { bench in
            let fanout = Address.fanout(bench.topic)
            try await bench.withTransport { transport in
                try await bench.publish("early", on: transport, to: fanout)
                try await bench.declare(fanout, on: transport)
                try await bench.publish("between", on: transport, to: fanout)
                try await bench.withInbox(transport, fanout) { inbox in
                    try await bench.publish("now", on: transport, to: fanout)
                    try await inbox.expect("now")
                }
            }
        },
        DriverLaw("A mailbox gets its own messages and no others", .addresses) { bench in
            let (mine, yours) = (Address.mailbox(Mailbox(named: "reply_1")), Address.mailbox(Mailbox(named: "reply_2")))
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, mine) { myInbox in
                    try await bench.withInbox(transport, yours) { yourInbox in
                        try await bench.publish(all: ["yours", "last"], on: transport, to: yours)
                        try await bench.publish("mine", on: transport, to: mine)
                        try await myInbox.expect("mine")
                        let found = Set(try await yourInbox.accept(2))
                        try bench.require(found == ["yours", "last"], "the other mailbox got \(found).")
                    }
                }
            }
        },
        DriverLaw("Notifications are kept from the first one on", .addresses) { bench in
            let info = Address.notifications(Topic("notifications.info", exchange: bench.topic.exchange))
            try await bench.withTransport { transport in
                try await bench.publish("first", on: transport, to: info, mandatory: true)
                try await bench.withInbox(transport, info) { try await $0.expect("first") }
            }
        },
        DriverLaw("Each pool gets a copy of the notifications, and its members compete for it", .addresses) { bench in
            let topic = Topic("notifications.info", exchange: bench.topic.exchange)
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .pool("audit", of: topic), prefetch: 2) { member in
                    try await bench.withInbox(transport, .pool("audit", of: topic), prefetch: 2) { colleague in
                        try await bench.withInbox(transport, .pool("billing", of: topic)) { billing in
                            try await bench.withInbox(transport, .notifications(topic)) { main in
                                let texts = ["1", "2", "3", "4"]
                                try await bench.publish(all: texts, on: transport, to: .notifications(topic))
                                for inbox in [billing, main] {
                                    let found = try await inbox.accept(4).sorted()
                                    try bench.require(found == texts, "\(inbox.address) got \(found).")
                                }
                                let shared = try await member.take(2) + colleague.take(2)
                                let found = shared.map(\.text).sorted()
                                try bench.require(found == texts, "the members of the pool got \(found).")
                                for delivery in shared { try await delivery.accept() }
                            }
                        }
                    }
                }
            }
        },
        DriverLaw("A pool over several topics has one queue", .addresses) { bench in
            let info = Topic("notifications.info", exchange: bench.topic.exchange)
            let error = Topic("notifications.error", exchange: bench.topic.exchange)
            try await bench.withTransport { transport in
                try await bench.withInbox(transport, .pool("audit", of: info), prefetch: 2) { first in
                    try await bench.withInbox(transport, .pool("audit", of: error), prefetch: 2) { second in
                        // Whatever topic they are of, both subscriptions share them.
                        for topic in [info, error] {
                            let texts = ["1", "2", "3", "4"]
                            try await bench.publish(all: texts, on: transport, to: .notifications(topic))
                            let shared = try await first.take(2) + second.take(2)
                            let found = shared.map(\.text).sorted()
                            try bench.require(found == texts, "of \(topic), the two subscriptions got \(found).")
                            for delivery in shared { try await delivery.accept() }
                        }
                    }
                }
            }
        },
        DriverLaw("An address that no queue can have is refused", .addresses) { bench in
            try await bench.withTransport { transport in
                let long = String(repeating: "x", count: 256)
                for address in [Address.topic(Topic("")), .topic(Topic(long)), .mailbox(Mailbox(named: "a\0b"))] {
                    try await bench.requireError(.invalidAddress, from: "publishing to a bad address") {
                        try await bench.publish("x", on: transport, to: address)
                    }
                    try await bench.requireError(.invalidAddress, from: "subscribing to a bad address") {
                        try await bench.declare(address, on: transport)
                    }
                }
                try await bench.requireError(.invalidAddress, from: "publishing to a pool") {
                    try await bench.publish("x", on: transport, to: .pool("audit", of: bench.topic))
                }
            }
        },
    ]

    /// Two consumers that settle nothing and may hold five each get five each of ten messages.
    private static func expectSharing(_ address: Address, _ bench: LawBench) async throws {
        let texts = (0..<10).map { "m\($0)" }
        try await bench.withTransport { transport in
            try await bench.withTransport { other in
                try await bench.withInbox(transport, address, prefetch: 5) { first in
                    try await bench.withInbox(other, address, prefetch: 5) { second in
                        try await bench.publish(all: texts, on: transport, to: address)
                        let deliveries = try await first.take(5) + second.take(5)
                        let found = deliveries.map(\.text).sorted()
                        try bench.require(found == texts, "together they got \(found).")
                        for delivery in deliveries { try await delivery.accept() }
                        try await bench.publish("last", on: other, to: address)
                    }
                }
            }
        }
    }
}
