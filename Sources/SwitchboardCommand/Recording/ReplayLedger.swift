import SwitchboardCore
import SwitchboardMessaging

/// The messages of a replay that are on their way, and what came of the others.
final class ReplayLedger: Sendable {
    /// What is expected of the answers to calls.
    enum Answers: String, CaseIterable, Sendable {
        /// They are waited for, and have to be the recorded ones.
        case compare
        /// They are waited for.
        case wait
        /// Calls are sent, and their answers let go.
        case ignore
    }

    private struct Call {
        var item: ReplayItem
        var deadline: ContinuousClock.Instant
        var partial: ReplayItem.Answer?
    }

    private struct State {
        var report = ReplayReport()
        var calls: [String: Call] = [:]
        /// Messages that the queue hasn't taken yet.
        var unconfirmed = 0
        var waiting: [AsyncStream<Never>.Continuation] = []
    }

    private let answers: Answers
    private let timeout: Duration
    private let state = Locked(State())

    /// - Parameter timeout: how long a call waits for its answer.
    init(answers: Answers = .compare, timeout: Duration = .seconds(60)) {
        self.answers = answers
        self.timeout = timeout
    }

    var report: ReplayReport { state.withLock { $0.report } }

    /// Changes what is told; not for what this ledger counts itself.
    func note(_ change: (inout ReplayReport) -> Void) {
        state.withLock { change(&$0.report) }
    }

    // MARK: Waiting

    /// Waits until fewer than so many calls, and fewer than so many messages without a confirmation, are on their way.
    func waitForRoom(calls: Int, messages: Int) async throws {
        while true {
            try Task.checkCancellation()
            let (stream, source) = AsyncStream.makeStream(of: Never.self)
            let isFree = state.withLock { state in
                if state.calls.count < calls, state.unconfirmed < messages { return true }
                state.waiting.append(source)
                return false
            }
            if isFree { return }
            for await _ in stream {}
        }
    }

    /// Waits until nothing is on its way.
    func waitForEnd() async throws { try await waitForRoom(calls: 1, messages: 1) }

    /// Waits until the queue has said what became of every message, for so long at most, and notes what is still on its way.
    func waitForConfirmations(within limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.waitForRoom(calls: .max, messages: 1) }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        state.withLock { state in
            state.report.unconfirmed = state.unconfirmed
            state.report.open = state.calls.count
        }
    }

    /// Changes the state, and lets those look again that wait.
    private func change(_ change: (inout State) -> Void) {
        let waiting = state.withLock { state in
            change(&state)
            defer { state.waiting = [] }
            return state.waiting
        }
        for source in waiting { source.finish() }
    }

    // MARK: Messages

    /// A message is about to be sent.
    func begin(_ item: ReplayItem) {
        state.withLock { state in
            state.report.sent += 1
            state.report.position = item.number
            state.unconfirmed += 1
            if let id = item.id, !item.isRepeated, answers != .ignore {
                state.calls[id] = Call(item: item, deadline: .now + timeout)
            }
        }
    }

    /// The queue has taken a message, or has not.
    func confirm(_ item: ReplayItem, _ error: TransportError?) {
        change { state in
            state.unconfirmed -= 1
            guard let error else { return }
            state.report.sent -= 1
            state.report.failures["\(error.code)", default: 0] += 1
            if let id = item.id, state.calls[id]?.item.number == item.number { state.calls[id] = nil }
        }
    }

    /// A message was not sent after all.
    func withdraw(_ item: ReplayItem) {
        change { state in
            state.report.sent -= 1
            state.report.position = item.number - 1
            state.unconfirmed -= 1
            if let id = item.id, state.calls[id]?.item.number == item.number { state.calls[id] = nil }
        }
    }

    // MARK: Answers

    /// A message came to the reply queue.
    func take(_ message: Message) {
        guard case .reply(let reply) = PassingMessage(message) else { return }
        var answer = ReplayItem.Answer(reply)
        change { state in
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
            state.report.add(answer, to: call.item, compares: answers == .compare)
        }
    }

    /// Gives up the calls whose time is over.
    func expire(at now: ContinuousClock.Instant = .now) {
        change { state in
            let late = state.calls.filter { $0.value.deadline <= now }
            for (id, call) in late.sorted(by: { $0.value.item.number < $1.value.item.number }) {
                state.calls[id] = nil
                state.report.add(nil, to: call.item, compares: answers == .compare)
            }
        }
    }
}
