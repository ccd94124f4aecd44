import SwitchboardCore

/// Keeps notifications, for tests: oslo.messaging's driver `test`.
public final class NotificationSink: Sendable {
    private struct State {
        var events: [NotificationEvent] = []
        var failure: (any Error)?
    }

    private let capacity: Int
    private let state = Locked(State())

    /// - Parameter capacity: how many are kept; older ones go.
    public init(capacity: Int = 10_000) {
        precondition(capacity >= 1, "A sink keeps at least one notification.")
        self.capacity = capacity
    }

    /// What was notified, the oldest first.
    public var events: [NotificationEvent] {
        state.withLock { $0.events }
    }

    /// Takes what was notified out.
    public func removeAll() -> [NotificationEvent] {
        state.withLock { state in
            defer { state.events = [] }
            return state.events
        }
    }

    /// From now on, notifying throws this; `nil` ends that.
    public func fail(with error: (any Error)?) {
        state.withLock { $0.failure = error }
    }

    fileprivate func take(_ event: NotificationEvent) throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            if state.events.count >= capacity { state.events.removeFirst() }
            state.events.append(event)
        }
    }
}

extension NotificationDriver {
    /// Keeps notifications in `sink`, for tests.
    public static func sink(_ sink: NotificationSink) -> NotificationDriver {
        NotificationDriver("test") { event, _ in try sink.take(event) }
    }
}
