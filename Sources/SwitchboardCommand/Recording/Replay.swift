import SwitchboardCore
import SwitchboardMessaging

/// Sends a recording to a bus, in its order and with its ids, and looks at the answers.
struct Replay: Sendable {
    let path: String
    /// Only these methods and event types; empty: all.
    var allowed: [GlobPattern] = []
    /// How many times as fast as it was recorded; `nil`: as fast as it goes.
    var speed: Double? = 1
    /// How many messages of the recording are passed by.
    var skip = 0
    /// How long the queue may take for a message, and to open the reply queue.
    var timeout = Duration.seconds(60)
    /// How many calls wait at a time.
    var concurrency = 256

    /// A reply queue on a transport, with a name of its own.
    struct Outlet: Sendable {
        let transport: Transport
        let mailbox: Mailbox
        /// How many messages wait for the queue's confirmation at a time.
        let mostUnconfirmed: Int

        init(_ transport: Transport) {
            self.transport = transport
            mailbox = transport.makeMailbox()
            // A spool's writers keep the order only of what was confirmed before the next.
            mostUnconfirmed = transport.url.scheme == "spool" ? 1 : 4096
        }
    }

    /// How often calls are looked for whose time is over.
    private static let expiryInterval = Duration.milliseconds(100)

    /// Returns at the end of the recording, or when the task is cancelled; then the report says where it goes on.
    ///
    /// - Throws: a ``Failure`` when the recording can't be read, a `TransportError` when replies can't be waited for.
    func run(through outlet: Outlet, into ledger: ReplayLedger) async throws {
        do {
            let options = SubscriptionOptions(prefetch: 256, deadline: .now + timeout)
            try await outlet.transport.withSubscription(to: .mailbox(outlet.mailbox), options: options) { deliveries in
                try await send(through: outlet, answeredBy: deliveries, into: ledger)
            }
        } catch {
            // What a cancelled task's connection says is no news.
            guard Task.isCancelled else { throw error }
            ledger.note { $0.isInterrupted = true }
        }
    }

    private func send(
        through outlet: Outlet, answeredBy deliveries: Deliveries, into ledger: ReplayLedger
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for try await delivery in deliveries {
                    ledger.take(delivery.message)
                    try await delivery.accept()
                }
                return false
            }
            group.addTask {
                while (try? await Task.sleep(for: Self.expiryInterval)) != nil { ledger.expire() }
                return false
            }
            group.addTask {
                try await send(through: outlet, into: ledger)
                return true
            }
            defer { group.cancelAll() }
            while let isOver = try await group.next(), !isOver {}
        }
        try Task.checkCancellation()
    }

    private func send(through outlet: Outlet, into ledger: ReplayLedger) async throws {
        var reader = try RecordingReader(path)
        defer { reader.close() }
        var window = ReplayWindow()
        defer {
            let (damaged, others) = (reader.damaged, window.others)
            ledger.note { report in
                report.damaged = damaged
                report.others += others
            }
        }
        var isRead = false
        var begin: (instant: ContinuousClock.Instant, time: Double)?
        while true {
            while !isRead, window.wantsMore {
                guard let recorded = try reader.next() else {
                    isRead = true
                    break
                }
                if reader.position > skip { window.add(recorded, number: reader.position) }
            }
            guard let item = window.next() else { break }
            guard allowed.isEmpty || allowed.contains(where: { $0.matches(item.method) }) else {
                ledger.note { report in
                    report.passedOver += 1
                    report.position = item.number
                }
                continue
            }
            if let speed {
                let start = begin ?? (.now, item.recorded.time)
                begin = start
                let due = start.instant + .seconds(max(0, item.recorded.time - start.time) / speed)
                if due > .now { try await Task.sleep(until: due, clock: .continuous) }
            }
            try await ledger.waitForRoom(calls: concurrency, messages: outlet.mostUnconfirmed)
            try publish(item, through: outlet, into: ledger)
        }
        try await ledger.waitForEnd()
        let position = reader.position
        ledger.note { $0.position = position }
    }

    /// One after the other, so they keep their order.
    private func publish(_ item: ReplayItem, through outlet: Outlet, into ledger: ReplayLedger) throws {
        var message = item.recorded.sendable
        if item.id != nil {
            do throws(WireError) {
                message = try message.rewritten { members in
                    var members = members
                    members["_reply_q"] = .string(outlet.mailbox.name)
                    return members
                }
            } catch {
                return ledger.note { $0.others += 1 }
            }
        }
        try Task.checkCancellation()
        ledger.begin(item)
        do throws(TransportError) {
            _ = try outlet.transport.publish(
                message, to: item.address, deadline: .now + timeout, mandatory: item.isMandatory,
                allowsDuplicates: true
            ) { ledger.confirm(item, $0) }
        } catch {
            guard error.code != .cancelled else {
                ledger.withdraw(item)
                throw CancellationError()
            }
            ledger.confirm(item, error)
        }
    }
}
