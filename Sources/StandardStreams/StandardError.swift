import Dispatch
import SwitchboardCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Standard error, the one way to it. It fails in silence: there is nobody to tell.
package enum StandardError {
    private static let isStuck = Locked(false)
    private static let queue = DispatchQueue(label: "switchboard.standard-error")

    /// How long a line waits for a reader. After that lines are dropped until somebody reads again.
    private static let patience: Duration = .seconds(2)

    /// A line: what could play with a terminal in it, line breaks too, is shown escaped, and what looks like a credential
    /// is masked.
    package static func line(_ text: String) {
        write(Secret.masked(in: text).printable + "\n")
    }

    /// Text of several lines, each as with ``line(_:)``.
    package static func lines(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { self.line(String(line)) }
    }

    /// Text as it is, for what this program has made up itself.
    package static func write(_ text: String) {
        queue.sync {
            let limit = isStuck.withLock { $0 ? Duration.zero : patience }
            do throws(OutputFailure) {
                try DescriptorWriter(descriptor: STDERR_FILENO).write(Array(text.utf8)) { $0 >= limit }
                isStuck.withLock { $0 = false }
            } catch {
                isStuck.withLock { $0 = true }
            }
        }
    }
}
