import Dispatch
import SwitchboardCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Standard output, the one way to it. What fails once fails for good, so no later call takes for written what was lost.
///
/// Text is collected, and written when there is much of it, or with ``flush()``, which every program calls before it ends.
package enum StandardOutput {
    private struct State {
        var buffer: [UInt8] = []
        var failure: OutputFailure?
        /// How long a write may be stuck from now on; `nil`: for as long as it likes.
        var patience: Duration?
    }

    private static let state = Locked(State())
    /// Has a thread of its own, so that a reader who does not read holds up no task but those that wait for it.
    private static let queue = DispatchQueue(label: "switchboard.standard-output")
    private static let bufferSize = 32_768

    /// A line: what could play with a terminal in it, line breaks too, is shown escaped.
    package static func line(_ text: String) throws(OutputFailure) {
        try write(text.printable + "\n")
    }

    /// Text of several lines, each as with ``line(_:)``.
    package static func lines(_ text: String) throws(OutputFailure) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { try self.line(String(line)) }
    }

    /// Text as it is, for what this program has made up itself.
    package static func write(_ text: String) throws(OutputFailure) {
        let isFull = state.withLock { state in
            state.buffer.append(contentsOf: text.utf8)
            return state.buffer.count >= bufferSize
        }
        if isFull { try flush() }
    }

    /// Returns when all is written.
    package static func flush() throws(OutputFailure) {
        let failure = queue.sync { drain() }
        if let failure { throw failure }
    }

    /// Writes a line and returns when it is written, without holding up the thread: what a service does before it
    /// acknowledges the message that the line is of.
    package static func deliver(_ text: String) async throws(OutputFailure) {
        try line(text)
        let failure = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: drain()) }
        }
        if let failure { throw failure }
    }

    /// Has writes give up that are stuck for longer than `patience`. A service says so when it is told to end.
    package static func limitWaiting(to patience: Duration) {
        state.withLock { $0.patience = patience }
    }

    private static func drain() -> OutputFailure? {
        let (bytes, failure) = state.withLock { ($0.buffer.take(), $0.failure) }
        if let failure { return failure }
        do {
            try DescriptorWriter(descriptor: STDOUT_FILENO).write(bytes) { idle in
                state.withLock { $0.patience.map { idle >= $0 } ?? false }
            }
            return nil
        } catch {
            state.withLock { $0.failure = error }
            return error
        }
    }
}

extension [UInt8] {
    fileprivate mutating func take() -> [UInt8] {
        let taken = self
        self = []
        return taken
    }
}
