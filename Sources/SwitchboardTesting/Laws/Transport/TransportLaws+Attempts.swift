import Logging
import SwitchboardCore

extension TransportLaws {
    /// What counts as an attempt at handling a message, and what happens after the last one.
    static let attempts: [DriverLaw] = [
        DriverLaw("Each failure to handle a message counts as an attempt", .attempts, proves: .countsAttempts) {
            bench in
            try await bench.withInbox { transport, inbox in
                try await bench.publish("poison", on: transport)
                for attempt in 1...5 {
                    let delivery = try await inbox.next()
                    try bench.requireAttempt(attempt, delivery)
                    try bench.require(
                        delivery.isRedelivered == (attempt > 1),
                        "attempt \(attempt) is \(attempt > 1 ? "not " : "")marked as redelivered.")
                    try await delivery.requeue()
                }
                try bench.requireAttempt(6, try await inbox.next())
            }
        },
        DriverLaw("Releasing a message does not count as an attempt", .attempts, proves: .countsAttempts) { bench in
            try await bench.withInbox { transport, inbox in
                try await bench.publish("busy", on: transport)
                var (failures, releases) = (0, 0)
                for isFailure in [false, true, false, false, true, false] {
                    let delivery = try await inbox.next()
                    try bench.requireAttempt(1 + failures, releases: releases, delivery)
                    try bench.require(
                        delivery.isRedelivered == (failures + releases > 0),
                        "a release is not told from a first delivery.")
                    if isFailure {
                        failures += 1
                        try await delivery.requeue()
                    } else {
                        releases += 1
                        try await delivery.release()
                    }
                }
                try bench.requireAttempt(3, releases: 4, try await inbox.next())
            }
        },
        DriverLaw("A released message goes back to its place", .attempts, proves: [.redelivery, .ordered]) { bench in
            try await bench.withInbox(prefetch: 1) { transport, inbox in
                try await bench.publish(all: ["1", "2", "3"], on: transport)
                try await inbox.next().release()
                for text in ["1", "2", "3"] { try await inbox.expect(text) }
            }
        },
        DriverLaw(
            "The end of a subscription does not count as an attempt", .attempts,
            proves: .countsAttempts
        ) { bench in
            try await bench.withTransport { transport in
                for life in 0..<3 {
                    try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                        if life == 0 { try await bench.publish(all: ["1", "2"], on: transport) }
                        for delivery in try await inbox.take(2) {
                            try bench.requireAttempt(1, releases: life, delivery)
                        }
                    }
                }
            }
        },
        DriverLaw(
            "A consumer that vanishes counts as an attempt", .attempts, proves: [.countsAttempts, .interprocess]
        ) { bench in
            let inOtherProcess = try bench.otherProcess()
            try await bench.withTransport { transport in
                try await bench.declare(.topic(bench.topic), on: transport)
                try await bench.publish("taken", on: transport)
                for _ in 0..<2 { try await inOtherProcess(.takeAndVanish(from: .topic(bench.topic))) }
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    let delivery = try await inbox.next()
                    try bench.requireAttempt(3, delivery)
                    try await delivery.accept()
                }
            }
        },
        DriverLaw("A publisher's headers do not change the count of attempts", .attempts) { bench in
            try await bench.withInbox(prefetch: 1) { transport, inbox in
                for value in ["7", "0", "-1", "9223372036854775807", "18446744073709551616", "1e3", "many", ""] {
                    let names = ["x-delivery-count", "x-acquired-count", "x-death", "x-attempt"]
                    try await bench.publish(
                        "claims \(value)", on: transport,
                        headers: Dictionary(uniqueKeysWithValues: names.map { ($0, value) }))
                    let first = try await inbox.next()
                    try bench.require((first.attempt ?? 1) == 1, "its first delivery is attempt \(first.attempt ?? 1).")
                    try await first.requeue()
                    let second = try await inbox.next()
                    try bench.require(
                        (second.attempt ?? 2) == 2, "its second delivery is attempt \(second.attempt ?? 2).")
                    try await second.release()
                    let third = try await inbox.next()
                    let most = bench.world.countsReleases ? 3 : 2
                    try bench.require(
                        (2...most).contains(third.attempt ?? 2), "its third delivery is attempt \(third.attempt ?? 2).")
                    try await third.accept()
                }
            }
        },
        DriverLaw(
            "A message that always fails is given up after the queue's limit of attempts, with a line in the log",
            .attempts, proves: .limitsAttempts
        ) { bench in
            for limit in [2, 4] { try await bench.checkLimit(of: limit) }
        },
        DriverLaw(
            "Releasing a message brings it no closer to being given up", .attempts,
            proves: [.limitsAttempts, .countsAttempts]
        ) { bench in
            if bench.world.countsReleases { return }
            let transport = try bench.limitedTransport(2, Records().logger)
            try await bench.withTransport(transport) { transport in
                try await bench.withInbox(transport, .topic(bench.topic)) { inbox in
                    try await bench.publish("busy", on: transport)
                    for _ in 0..<30 { try await inbox.next().release() }
                    for attempt in 1...2 {
                        let delivery = try await inbox.next()
                        try bench.requireAttempt(attempt, delivery)
                        if attempt == 1 { try await delivery.requeue() } else { try await delivery.accept() }
                    }
                }
            }
        },
    ]
}

extension LawBench {
    /// Requires that a delivery is such an attempt, where what came back unhandled counts as none.
    ///
    /// - Parameter releases: how often it did, which some servers count.
    func requireAttempt(_ wanted: Int, releases: Int = 0, _ delivery: Delivery) throws {
        let wanted = wanted + (world.countsReleases ? releases : 0)
        guard let attempt = delivery.attempt else {
            throw Finding("the driver claims countsAttempts, and a delivery that is attempt \(wanted) tells none.")
        }
        try require(attempt == wanted, "a delivery that is attempt \(wanted) says that it is \(attempt).")
    }

    func limitedTransport(_ attempts: Int, _ logger: Logger) throws -> Transport {
        guard let make = world.makeLimitedTransport else {
            throw Finding("the driver claims limitsAttempts and the harness's world has no makeLimitedTransport.")
        }
        return try make(attempts, logger)
    }

    fileprivate func checkLimit(of limit: Int) async throws {
        let records = Records()
        let topic = Address.topic(Topic("\(topic.name)-\(limit)", exchange: topic.exchange))
        try await withTransport(limitedTransport(limit, records.logger)) { transport in
            try await withInbox(transport, topic, prefetch: 1) { inbox in
                try await publish("poison", on: transport, to: topic)
                for attempt in 1...limit {
                    let delivery = try await inbox.next()
                    try require(delivery.text == "poison", "of \(limit) attempts, it came \(attempt - 1) times.")
                    try await delivery.requeue()
                }
                try await publish("last", on: transport, to: topic)
                try await inbox.expect("last")
            }
        }
        try require(
            records.entries.contains { $0.level >= .warning },
            "nothing in the log says that a message was given up after \(limit) attempts.")
        if claims.contains(.deadLetters), let deadLetters = world.deadLetters {
            let found = try await deadLetters().count { $0 == Array("poison".utf8) }
            try require(found > 0, "what was given up is not among the dead letters.")
        }
    }
}
