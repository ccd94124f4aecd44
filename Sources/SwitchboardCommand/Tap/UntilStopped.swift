import UnixSignals

/// How something that goes on until somebody has enough of it came to its end.
enum Ending: Hashable, Sendable {
    /// By itself.
    case done
    /// Its time is over.
    case time
    /// Control-C or SIGTERM.
    case signal
}

/// Runs `body` until it returns, its time is over, or Control-C or SIGTERM comes. It is cancelled then, and waited for.
///
/// - Parameter limit: how long it may run; `nil`: for as long as it likes.
func untilStopped(after limit: Duration?, _ body: @escaping @Sendable () async throws -> Void) async throws -> Ending {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Ending?.self) { group in
        group.addTask {
            try await body()
            return .done
        }
        group.addTask {
            for await _ in signals { return .signal }
            return nil
        }
        if let limit {
            group.addTask {
                do { try await Task.sleep(for: limit) } catch { return nil }
                return .time
            }
        }
        var ending: Ending?
        while let next = try await group.next() {
            // What ends first says why; the body is waited for.
            guard let next else { continue }
            if ending == nil { ending = next }
            group.cancelAll()
        }
        return ending ?? .done
    }
}
