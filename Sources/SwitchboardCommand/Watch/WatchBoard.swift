import SwitchboardCore

/// What a watch knows now: its loop writes it, outputs read it.
final class WatchBoard: Sendable {
    struct Content: Sendable {
        var states = HostStates()
        /// Of the last sweep that ended.
        var summary: SweepSummary?
        var changes: [HostClass: Int] = [:]
        var readsDirectory = true
        /// The newest last; few.
        var events: [WatchEvent] = []
        /// When the next sweep begins; `nil` while one runs.
        var nextSweep: ContinuousClock.Instant?

        /// `nil` before the first sweep has ended.
        var metrics: String? {
            summary.map {
                WatchMetrics(states: states, summary: $0, changes: changes, readsDirectory: readsDirectory).text
            }
        }
    }

    private let content: Locked<Content>

    init(confirmations: Int = 2) {
        content = Locked(Content(states: HostStates(confirmations: confirmations)))
    }

    var current: Content { content.withLock { $0 } }

    /// Changes the states; notes and returns the events that come of it.
    func change(_ body: (inout HostStates) -> [WatchEvent]) -> [WatchEvent] {
        content.withLock { content in
            let events = body(&content.states)
            for case .host(_, _, let finding) in events.map(\.kind) {
                content.changes[finding.hostClass, default: 0] += 1
            }
            content.note(events)
            return events
        }
    }

    /// Notes whether the directory could be read; returns what is new about that.
    func noteDirectory(failure: String?, at time: Double) -> [WatchEvent] {
        content.withLock { content in
            guard content.readsDirectory != (failure == nil) else { return [] }
            content.readsDirectory = failure == nil
            let kind: WatchEvent.Kind = failure.map { .directoryFailed(reason: $0) } ?? .directoryReadable
            let events = [WatchEvent(time: time, cell: nil, kind: kind)]
            content.note(events)
            return events
        }
    }

    func begin() {
        content.withLock { $0.nextSweep = nil }
    }

    func end(_ summary: SweepSummary, next: ContinuousClock.Instant) {
        content.withLock { content in
            content.summary = summary
            content.nextSweep = next
        }
    }
}

extension WatchBoard.Content {
    fileprivate mutating func note(_ new: [WatchEvent]) {
        events = (events + new).suffix(100)
    }
}
