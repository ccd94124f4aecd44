import SwitchboardCore

extension TransportLaws {
    /// Lost connections. Messages may come twice around a loss; they may not get lost.
    static let reconnecting: [DriverLaw] = [
        DriverLaw("A lost connection comes back with all its subscriptions", .reconnecting, proves: .reconnects) {
            bench in
            let interrupt = try bench.interruption()
            // oslo.messaging names a queue by its topic alone, so notifications of the same name would compete with it.
            let info = Topic("\(bench.topic.name).info", exchange: bench.topic.exchange)
            let addresses = [
                Address.topic(bench.topic), .server(bench.topic, server: "one"), .fanout(bench.topic),
                .mailbox(Mailbox(named: "reply_1")), .notifications(info), .pool("audit", of: info),
            ]
            try await bench.withTransport { transport in
                try await bench.withInboxes(transport, addresses[...]) { inboxes in
                    try await interrupt()
                    for inbox in inboxes {
                        let target: Address =
                            if case .pool(_, let topic) = inbox.address { .notifications(topic) } else {
                                inbox.address
                            }
                        try await bench.publishUntilTaken("after", on: transport, to: target)
                        while try await inbox.accept() != "after" {}
                    }
                }
            }
        },
        DriverLaw(
            "Messages that were unsettled when the connection was lost are delivered again", .reconnecting,
            proves: .reconnects
        ) {
            bench in
            let interrupt = try bench.interruption()
            try await bench.withInbox(prefetch: 3) { transport, inbox in
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                let held = try await inbox.take(3)
                try await interrupt()
                let again = try await inbox.take(3)
                let found = again.map(\.text).sorted()
                try bench.require(found == ["1", "2", "3"], "\(found) came again.")
                if bench.claims.contains(.redelivery) {
                    try bench.require(again.allSatisfy(\.isRedelivered), "they are not marked as redelivered.")
                }
                for delivery in again { try await delivery.accept() }
                // The old deliveries are of a connection that is gone: an error or nothing, and no harm.
                for delivery in held { do { try await delivery.accept() } catch {} }
                try await bench.publishUntilTaken("last", on: transport, to: .topic(bench.topic))
                try await inbox.expect("last")
            }
        },
        DriverLaw(
            "A message published around a lost connection arrives, or its publisher is told", .reconnecting,
            proves: .reconnects
        ) {
            bench in
            let interrupt = try bench.interruption()
            try await bench.withInbox { transport, inbox in
                let published = try await withThrowingTaskGroup(of: String?.self) { group in
                    for number in 0..<50 {
                        group.addTask {
                            do throws(TransportError) {
                                try await bench.publish("m\(number)", on: transport)
                                return "m\(number)"
                            } catch {
                                guard error.code == .unavailable || error.code == .indeterminate else { throw error }
                                return nil
                            }
                        }
                    }
                    try await interrupt()
                    var published: Set<String> = []
                    for try await text in group { if let text { published.insert(text) } }
                    return published
                }
                var missing = published
                while !missing.isEmpty {
                    let delivery = try await inbox.next()
                    do throws(TransportError) {
                        try await delivery.accept()
                    } catch {
                        // It came by the connection that is gone, and comes again.
                        guard error.code == .closed else { throw error }
                        continue
                    }
                    missing.remove(delivery.text)
                }
            }
        },
    ]
}
