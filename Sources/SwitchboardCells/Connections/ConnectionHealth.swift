import SwitchboardCore
import SwitchboardMessaging

/// Notices when a cell's queue does not answer, and has it probed until it does.
///
/// What counts is the queue, never the servers behind it: a message that it does not take over in time, a reply mailbox
/// that cannot be opened, a connection that is not there. A slow handler is none of this.
final class ConnectionHealth: SendingObserver {
    /// What the connection was said to be in trouble with, last.
    struct Trouble: Sendable, Hashable {
        let message: String
        let at: ContinuousClock.Instant
    }

    private struct State {
        var breaker = CircuitBreaker()
        var transport: TransportState = .idle
        /// Since when there has been no connection.
        var disconnectedSince: ContinuousClock.Instant?
        var lastTrouble: Trouble?
        /// Whether something was to be sent since ``takeUse()``.
        var isUsed = false
    }

    private let title: String
    private let silenceLimit: Duration
    private let state = Locked(State())
    /// One element when there is something to probe.
    let alarms: AsyncStream<Void>
    private let alarmSource: AsyncStream<Void>.Continuation
    private let report: @Sendable (CellConnectionEvent.Kind) -> Void

    /// - Parameters:
    ///   - title: what errors call the cell.
    ///   - silenceLimit: how long a queue that answers takes at most.
    init(title: String, silenceLimit: Duration, report: @escaping @Sendable (CellConnectionEvent.Kind) -> Void) {
        self.title = title
        self.silenceLimit = silenceLimit
        self.report = report
        (alarms, alarmSource) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Since when the queue has not answered; `nil` when it does.
    var silence: CircuitBreaker.Silence? {
        state.withLock { state in
            guard case .silent(let silence) = state.breaker.phase else { return nil }
            return silence
        }
    }

    var lastTrouble: Trouble? {
        state.withLock { $0.lastTrouble }
    }

    /// Why nothing is sent.
    static func sentence(_ title: String, _ silence: CircuitBreaker.Silence) -> String {
        let seconds = Int(silence.since.duration(to: .now) / .seconds(1))
        return
            "The message queue of cell \(title) has not answered for \(seconds) s (\(silence.reason)); nothing is sent "
            + "until it does. It is tried again all the time."
    }

    // MARK: What is sent

    func admit() throws(TransportError) {
        let silence: CircuitBreaker.Silence? = state.withLock { state in
            state.isUsed = true
            guard case .silent(let silence) = state.breaker.phase else { return nil }
            return silence
        }
        guard let silence else { return }
        throw TransportError(.unavailable, Self.sentence(title, silence))
    }

    /// Whether something was to be sent since this was asked last.
    func takeUse() -> Bool {
        state.withLock { state in
            defer { state.isUsed = false }
            return state.isUsed
        }
    }

    func sent() {
        let change = state.withLock { $0.breaker.phase == .answering ? nil : $0.breaker.succeeded() }
        act(on: change)
    }

    func failed(_ error: any Error, after waited: Duration) {
        let hadTime = waited >= silenceLimit
        switch error {
        case is CancellationError:
            if hadTime { notAnswered("nothing within \(waited.rounded)", isCertain: true) }
        case let error as TransportError where [.unavailable, .indeterminate].contains(error.code):
            let isDown = if case .connecting(_, _?) = state.withLock({ $0.transport }) { true } else { false }
            notAnswered(error.message, isCertain: hadTime || (isDown && error.code == .unavailable))
        case let error as TransportError where error.code == .cancelled:
            if hadTime { notAnswered("nothing within \(waited.rounded)", isCertain: true) }
        default: break
        }
    }

    /// Somebody gave up waiting for the cell, for whatever reason: a look at its queue is due.
    func suspect() {
        notAnswered("somebody has waited in vain", isCertain: false)
    }

    // MARK: What is probed

    /// How long the next probe may take; `nil` when there is nothing to probe.
    var probeTimeout: Duration? {
        state.withLock { state in
            switch state.breaker.phase {
            case .answering: nil
            case .suspect: silenceLimit
            // Longer than a connection takes: it waits for that.
            case .silent: max(silenceLimit, .seconds(5))
            }
        }
    }

    func probeFailed(_ error: any Error) {
        let reason = (error as? RPCError)?.message ?? "\(error)"
        notAnswered(reason, isCertain: true)
    }

    // MARK: The connection

    func opened() {
        report(.opened)
    }

    func drains() {
        report(.draining)
    }

    func closed(_ reason: CellConnectionEvent.Closing) {
        report(.closed(reason))
    }

    /// Takes note of the connection's state.
    func observe(_ transport: TransportState) {
        let now = ContinuousClock.now
        let event: CellConnectionEvent.Kind? = state.withLock { state in
            let old = state.transport
            state.transport = transport
            switch transport {
            case .ready:
                state.disconnectedSince = nil
                return old == .ready ? nil : .connected
            case .connecting(_, let reason):
                state.disconnectedSince = state.disconnectedSince ?? now
                if let reason { state.lastTrouble = Trouble(message: reason, at: now) }
                return old == .ready ? .interrupted(reason: reason ?? "the connection was lost") : nil
            case .blocked(let reason):
                state.lastTrouble = Trouble(message: reason, at: now)
                return .interrupted(reason: reason)
            case .closed(let reason):
                if let reason { state.lastTrouble = Trouble(message: reason, at: now) }
                return nil
            case .idle: return nil
            }
        }
        if let event { report(event) }
    }

    /// Silences a queue that has been without a connection for longer than `limit`.
    func check(_ limit: Duration, now: ContinuousClock.Instant) {
        let reason: String? = state.withLock { state in
            guard let since = state.disconnectedSince, since + limit <= now else { return nil }
            if case .silent = state.breaker.phase { return nil }
            return "\(state.transport)"
        }
        if let reason { notAnswered(reason, isCertain: true) }
    }

    private func notAnswered(_ reason: String, isCertain: Bool) {
        let now = ContinuousClock.now
        let change = state.withLock { state in
            if isCertain { state.lastTrouble = Trouble(message: reason, at: now) }
            return state.breaker.failed(reason, isCertain: isCertain, now: now)
        }
        act(on: change, reason)
    }

    private func act(on change: CircuitBreaker.Change?, _ reason: String = "") {
        switch change {
        case nil: break
        case .suspected: alarmSource.yield()
        case .silenced:
            alarmSource.yield()
            report(.silent(reason: reason))
        case .answersAgain: report(.answering)
        }
    }
}

extension Duration {
    /// To milliseconds: what people read.
    fileprivate var rounded: String { "\(Int(self / .milliseconds(1))) ms" }
}
