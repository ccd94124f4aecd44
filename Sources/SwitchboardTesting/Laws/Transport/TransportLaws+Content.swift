import SwitchboardCore

extension TransportLaws {
    /// What is wrong with one message, or only strange, is that message's matter.
    static let content: [DriverLaw] = [
        DriverLaw("A message with any headers arrives with them or is refused, without affecting others", .delivery) {
            bench in
            try await bench.withInbox { transport, inbox in
                let unrest = try await bench.watchForUnrest(on: transport)
                defer { unrest.stop() }
                async let others: Void = bench.publish(all: (0..<20).map { "other \($0)" }, on: transport)
                var sent: [String: [String: String]] = [:]
                for (index, headers) in oddHeaders.enumerated() {
                    do throws(TransportError) {
                        try await bench.publish("odd \(index)", on: transport, headers: headers)
                        sent["odd \(index)"] = headers
                    } catch {
                        let isHonest = [.messageTooLarge, .unsupported, .invalidAddress].contains(error.code)
                        try bench.require(isHonest, "a message with odd headers failed with \"\(error)\".")
                    }
                }
                try await others
                var left = Set(sent.keys).union((0..<20).map { "other \($0)" })
                while !left.isEmpty {
                    let delivery = try await inbox.next()
                    try await delivery.accept()
                    try bench.require(left.remove(delivery.text) != nil, "\"\(delivery.text)\" came twice.")
                    for (name, value) in sent[delivery.text] ?? [:] {
                        try bench.require(
                            delivery.message.headers[name] == value,
                            "the header \"\(name.prefix(40))\" of \(value.utf8.count) bytes arrived as "
                                + "\"\(delivery.message.headers[name]?.prefix(40) ?? "nothing")\".")
                    }
                }
                try unrest.requireNone()
            }
        },
        DriverLaw(
            "A message that cannot be taken does not affect others, and does not come back", .delivery,
            proves: .interprocess
        ) { bench in
            let untakeable = try bench.untakeableMessages()
            let others: [Address] = [
                .topic(Topic("others", exchange: "switchboard")), .server(bench.topic, server: "s"),
                .mailbox(Mailbox(named: "laws_mailbox")), .notifications(Topic("laws.info", exchange: "switchboard")),
            ]
            let transport = try untakeable.makeTransport()
            try await bench.withTransport(transport) { transport in
                try await bench.withInboxes(transport, others[...]) { inboxes in
                    let unrest = try await bench.watchForUnrest(on: transport)
                    defer { unrest.stop() }
                    for round in 1...2 {
                        // The second time it is there before the subscription is.
                        try await bench.declare(.topic(bench.topic), on: transport)
                        if round == 2 { try await untakeable.plant(.topic(bench.topic)) }
                        try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                            try await bench.publish("before", on: transport)
                            try await inbox.expect("before")
                            try await untakeable.plant(.topic(bench.topic))
                            try await bench.publish("after", on: transport)
                            try await inbox.expect("after")
                            for (address, other) in zip(others, inboxes) {
                                try await bench.publish("other", on: transport, to: address)
                                try await other.expect("other")
                            }
                        }
                    }
                    try unrest.requireNone()
                }
            }
        },
    ]

    /// Each of them is one that some queue has stumbled over.
    private static let oddHeaders: [[String: String]] = [
        ["": ""], ["x": ""], ["x-delivery-count": "9223372036854775807", "x-death": "1"],
        ["\u{0}\n": "\u{202E}\r\n\u{1}\u{FFFD}"], ["x": String(repeating: "x", count: 33_000)],
        ["x": String(repeating: "x", count: 200_000)], [String(repeating: "n", count: 300): "v"],
        Dictionary(uniqueKeysWithValues: (0..<2000).map { ("name \($0)", "value \($0)") }),
    ]
}

extension LawBench {
    func untakeableMessages() throws -> UntakeableMessages {
        guard let untakeable = world.untakeable else {
            throw Unproven(reason: "the harness's world cannot make messages that the driver cannot take")
        }
        return untakeable
    }

    /// Notes whether a transport, which is ready now or soon, is ever anything else.
    func watchForUnrest(on transport: Transport) async throws -> Unrest {
        try await waitForState(of: transport, "ready") { $0 == .ready }
        return Unrest(transport)
    }
}

/// The states of a transport that should stay ready.
final class Unrest: Sendable {
    private let found: Locked<TransportState?>
    private let watch: Task<Void, Never>

    init(_ transport: Transport) {
        let found = Locked<TransportState?>(nil)
        self.found = found
        let states = transport.states()
        watch = Task {
            for await state in states where state != .ready { found.withLock { $0 = state } }
        }
    }

    func stop() {
        watch.cancel()
    }

    func requireNone() throws {
        if let state = found.withLock({ $0 }) { throw Finding("the transport was \(state) for a while.") }
    }
}
