import SwitchboardCore
import SwitchboardMessaging

/// Sends a recording to a bus, in its order and with its ids, and looks at the answers.
struct Replay: Sendable {
    let path: String
    /// Only these methods and event types; empty: all.
    var allowed: [GlobPattern] = []
    /// How many times as fast as it was recorded; `nil`: as fast as it goes.
    var speed: Double? = 1
    var compares = false
    /// How many messages of the recording are passed by.
    var skip = 0
    /// How long a call waits for its answer, and a message for being taken by the queue.
    var timeout = Duration.seconds(60)
    /// How many calls wait at a time.
    var concurrency = 256

    /// A reply queue on a transport, with a name of its own.
    struct Outlet: Sendable {
        let transport: Transport
        let mailbox: Mailbox
    }

    private struct Waiting: Sendable {
        var item: ReplayItem
        var deadline: ContinuousClock.Instant
        var partial: ReplayItem.Answer?
    }

    private struct State: Sendable {
        var report = ReplayReport()
        var calls: [String: Waiting] = [:]
        /// Messages that the queue hasn't taken yet.
        var unconfirmed = 0
    }

    /// Returns at the end of the recording, or when the task is cancelled; then what was sent until then counts.
    ///
    /// - Throws: a ``Failure`` when the recording can't be read, a `TransportError` when replies can't be waited for.
    func run(through outlet: Outlet) async throws -> ReplayReport {
        let state = Locked(State())
        do {
            try await run(through: outlet, state)
        } catch {
            // What a cancelled task's connection says is no news.
            guard Task.isCancelled else { throw error }
            state.withLock { $0.report.isInterrupted = true }
        }
        return state.withLock { $0.report }
    }

    private func run(through outlet: Outlet, _ state: Locked<State>) async throws {
        let options = SubscriptionOptions(prefetch: 256, deadline: .now + timeout)
        try await outlet.transport.withSubscription(to: .mailbox(outlet.mailbox), options: options) { deliveries in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    for try await delivery in deliveries {
                        take(delivery.message, state)
                        try await delivery.accept()
                    }
                    return false
                }
                group.addTask {
                    while (try? await Task.sleep(for: .milliseconds(50))) != nil { expire(state) }
                    return false
                }
                group.addTask {
                    try await send(through: outlet, state)
                    return true
                }
                defer { group.cancelAll() }
                while let isOver = try await group.next(), !isOver {}
            }
        }
    }

    // MARK: Sending

    private func send(through outlet: Outlet, _ state: Locked<State>) async throws {
        var reader = try RecordingReader(path)
        defer { reader.close() }
        var window = ReplayWindow()
        var isRead = false
        var begin: (instant: ContinuousClock.Instant, time: Double)?
        do {
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
                    state.withLock { state in
                        state.report.passedOver += 1
                        state.report.position = item.number
                    }
                    continue
                }
                if let speed {
                    let start = begin ?? (.now, item.recorded.time)
                    begin = start
                    let due = start.instant + .seconds(max(0, item.recorded.time - start.time) / speed)
                    if due > .now { try await Task.sleep(until: due, clock: .continuous) }
                }
                while state.withLock({ $0.calls.count >= concurrency || $0.unconfirmed >= concurrency }) {
                    try await Task.sleep(for: .milliseconds(1))
                }
                try Task.checkCancellation()
                publish(item, through: outlet, state)
            }
            while state.withLock({ !$0.calls.isEmpty || $0.unconfirmed > 0 }) {
                try await Task.sleep(for: .milliseconds(5))
            }
        } catch is CancellationError {
            state.withLock { $0.report.isInterrupted = true }
        }
        let (damaged, others) = (reader.damaged, window.others)
        state.withLock { state in
            state.report.damaged = damaged
            state.report.others = others
            if !state.report.isInterrupted { state.report.position = reader.position }
        }
    }

    /// One after the other, so they keep their order.
    private func publish(_ item: ReplayItem, through outlet: Outlet, _ state: Locked<State>) {
        var message = item.recorded.message
        let deadline = ContinuousClock.now + timeout
        let headers = message.headers
        message.headers["properties.expiration"] = nil
        message.timeToLive = headers["properties.expiration"].flatMap(Int64.init).map { .milliseconds(max(1, $0)) }
        if item.id != nil {
            do throws(WireError) {
                message = try message.rewritten { members in
                    var members = members
                    members["_reply_q"] = .string(outlet.mailbox.name)
                    return members
                }
            } catch {
                return state.withLock { $0.report.others += 1 }
            }
        }
        state.withLock { state in
            state.report.sent += 1
            state.report.position = item.number
            state.unconfirmed += 1
            if let id = item.id, state.calls[id] == nil { state.calls[id] = Waiting(item: item, deadline: deadline) }
        }
        do throws(TransportError) {
            let isFanout = if case .fanout = item.address { true } else { false }
            let isNotification = if case .notifications = item.address { true } else { false }
            _ = try outlet.transport.publish(
                message, to: item.address, deadline: deadline, mandatory: !isFanout && !isNotification,
                allowsDuplicates: true
            ) { error in sent(item, error, state) }
        } catch {
            sent(item, error, state)
        }
    }

    private func sent(_ item: ReplayItem, _ error: TransportError?, _ state: Locked<State>) {
        state.withLock { state in
            state.unconfirmed -= 1
            guard let error else { return }
            state.report.failures["\(error.code)", default: 0] += 1
            if let id = item.id { state.calls[id] = nil }
        }
    }

    // MARK: Answers

    private func take(_ message: Message, _ state: Locked<State>) {
        guard case .reply(let reply) = PassingMessage(message) else { return }
        var answer = ReplayItem.Answer(reply)
        state.withLock { state in
            guard var call = state.calls[reply.id] else { return }
            guard reply.isEnding else {
                if answer != .result(.null) { call.partial = answer }
                // A sign of life.
                call.deadline = .now + timeout
                state.calls[reply.id] = call
                return
            }
            if answer == .result(.null), let partial = call.partial { answer = partial }
            state.calls[reply.id] = nil
            state.report.add(answer, to: call.item, compares: compares)
        }
    }

    private func expire(_ state: Locked<State>) {
        let now = ContinuousClock.now
        state.withLock { state in
            let late = state.calls.filter { $0.value.deadline <= now }
            for (id, call) in late.sorted(by: { $0.value.item.number < $1.value.item.number }) {
                state.calls[id] = nil
                state.report.add(nil, to: call.item, compares: compares)
            }
        }
    }
}
