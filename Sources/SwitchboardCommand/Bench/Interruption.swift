import SwitchboardCore

/// Somebody's wish that something ends early, which may be waited for by several and again.
final class Interruption: Sendable {
    private struct State {
        var isWished = false
        var waiting: [AsyncStream<Never>.Continuation] = []
    }

    private let state = Locked(State())

    func wish() {
        let waiting = state.withLock { state in
            state.isWished = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for source in waiting { source.finish() }
    }

    /// Returns when it is wished, or the task is cancelled.
    func wait() async {
        let (stream, source) = AsyncStream.makeStream(of: Never.self)
        let isWished = state.withLock { state in
            if !state.isWished { state.waiting.append(source) }
            return state.isWished
        }
        if isWished { return }
        for await _ in stream {}
    }
}
