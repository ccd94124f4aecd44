package import SwitchboardCore

/// Why one part of a publish came to nothing.
package enum PublishFailure: Sendable {
    /// It is certainly not where it should be, as its place has changed.
    case moved(TransportError)
    case failed(TransportError)
}

/// One publish on its way through the threads: finished once, by whoever comes first of the disk, the deadline and the
/// cancellation.
package final class PublishOperation: Sendable {
    package enum Outcome: Sendable {
        case done
        /// The queue is full: worth another try when something has left it.
        case full(Queue)
        /// Not in the spool, because what was held open of it is not what its paths name any more: worth another try.
        case moved(TransportError)
        case failed(TransportError)
    }

    private enum Phase {
        case waiting, started, finished
    }

    private struct State {
        var phase = Phase.waiting
        var continuation: CheckedContinuation<Outcome, Never>?
        var observer: (@Sendable (Outcome) -> Void)?
        var early: Outcome?
        var remaining = 0
        /// Whether one of the parts is there.
        var isPartlyDone = false
        var failure: PublishFailure?
    }

    package let address: Address
    package let deadline: ContinuousClock.Instant
    private let state = Locked(State())

    package init(to address: Address, deadline: ContinuousClock.Instant) {
        self.address = address
        self.deadline = deadline
    }

    package func outcome(_ start: () -> Void) async -> Outcome {
        await withCheckedContinuation { continuation in
            let early: Outcome? = state.withLock { state in
                if let early = state.early { return early }
                state.continuation = continuation
                return nil
            }
            if let early { return continuation.resume(returning: early) }
            start()
        }
    }

    /// To be called before anything is written. `false` when the caller has given up: then nothing may be written.
    package func begin() -> Bool {
        state.withLock { state in
            guard state.phase == .waiting else { return false }
            state.phase = .started
            return true
        }
    }

    /// Undoes ``begin()``: nothing was written, and another thread is to begin.
    package func putBack() {
        state.withLock { state in
            if state.phase == .started { state.phase = .waiting }
        }
    }

    package func finish(_ outcome: Outcome) {
        finish { _ in outcome }
    }

    /// Finishes with what `outcome` makes of whether it has begun, in one step: it cannot begin in between.
    private func finish(_ outcome: (_ hasBegun: Bool) -> Outcome?) {
        let (result, continuation, observer) = state.withLock { state in
            guard state.phase != .finished, let outcome = outcome(state.phase == .started) else {
                return (
                    nil as Outcome?, nil as CheckedContinuation<Outcome, Never>?, nil as (@Sendable (Outcome) -> Void)?
                )
            }
            state.phase = .finished
            if state.continuation == nil { state.early = outcome }
            defer { state.continuation = nil }
            return (outcome, state.continuation, state.observer)
        }
        guard let result else { return }
        continuation?.resume(returning: result)
        observer?(result)
    }

    /// Calls `observer` with the outcome; for callers that do not await it.
    package func onFinish(_ observer: @escaping @Sendable (Outcome) -> Void) {
        state.withLock { $0.observer = observer }
    }

    /// The caller stopped waiting because of its deadline.
    package func expire() {
        finish { [address] hasBegun in
            .failed(
                hasBegun
                    ? TransportError(
                        .indeterminate,
                        "A message to \(address) was being written when its deadline passed; it may be in the spool.")
                    : TransportError(
                        .unavailable,
                        "A message to \(address) waited for the spool's writers until its deadline and was not written."
                    ))
        }
    }

    /// The caller was cancelled. What is being written is waited for: it is a matter of one sync.
    package func cancel() {
        finish { [address] hasBegun in
            hasBegun
                ? nil
                : .failed(
                    TransportError(.cancelled, "The task was cancelled before a message to \(address) was written."))
        }
    }

    /// Expects as many calls of ``settled(_:)`` before it is done.
    package func expect(_ count: Int) {
        state.withLock { $0.remaining = count }
    }

    /// One of the expected parts is over.
    package func settled(_ failure: PublishFailure?) {
        let outcome: Outcome? = state.withLock { state in
            state.remaining -= 1
            if failure == nil { state.isPartlyDone = true }
            if state.failure == nil { state.failure = failure }
            guard state.remaining == 0 else { return nil }
            switch state.failure {
            case nil: return .done
            // One queue has it, so that it was not "not sent"; and trying again would give it to that one twice.
            case .moved(var error)? where state.isPartlyDone, .failed(var error)? where state.isPartlyDone:
                error.code = .indeterminate
                return .failed(error)
            case .moved(let error)?: return .moved(error)
            case .failed(let error)?: return .failed(error)
            }
        }
        if let outcome { finish(outcome) }
    }
}
