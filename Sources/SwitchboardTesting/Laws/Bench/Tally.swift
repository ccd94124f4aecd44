import SwitchboardCore

/// What handlers of a law have done, for the law to wait for and look at.
final class Tally: Sendable {
    private let state = Locked<[String]>([])
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init() {
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// In the order in which they came.
    var entries: [String] { state.withLock { $0 } }

    func add(_ entry: String) {
        state.withLock { $0.append(entry) }
        change.yield()
    }

    /// Waits until there are as many entries. For one task at a time.
    func wait(for count: Int) async throws {
        if entries.count >= count { return }
        for await _ in changes where entries.count >= count { return }
        try Task.checkCancellation()
    }
}
