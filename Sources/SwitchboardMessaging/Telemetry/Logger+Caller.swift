import Logging

extension Logger {
    /// The logger that the caller's task has (`Logger.current`), where it was given one by `withLogger`; else `fallback`.
    static func ofCaller(or fallback: Logger) -> Logger {
        let current = Logger.current
        // What isn't bound has no label.
        return current.label.isEmpty ? fallback : current
    }
}
