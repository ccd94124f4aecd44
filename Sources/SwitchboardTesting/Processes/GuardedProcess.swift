#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#endif
import SwitchboardCore

/// A process that cannot outlive this one.
///
/// A small shell stands between the two. It holds one end of a connection whose only other end is ours: when that
/// closes, because we ended it or because this process died in whatever way, the shell kills the process and removes
/// its directory. The process leads a session of its own, so an interrupt from the terminal reaches us first.
package final class GuardedProcess: Sendable {
    /// Where the process's output goes, and whether it can be written to.
    package enum Streams {
        /// Standard output and errors are appended to a file; there is no input.
        case log(String)
        /// Input and output are connected to us; errors are appended to a file.
        case connected(errors: String)
    }

    /// How a process ended.
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    private struct State {
        var exit: Exit?
        var guardLine: Int32?
    }

    /// The process itself, not the shell that guards it.
    package let processID: pid_t
    /// Writes to the process's standard input; `-1` with ``Streams/log(_:)``. Whoever uses it closes it.
    package let input: Int32
    /// Reads the process's standard output; `-1` with ``Streams/log(_:)``. Whoever uses it closes it.
    package let output: Int32

    private let shellID: pid_t
    private let state: Locked<State>

    /// Starts `command` (a path, then arguments) with exactly `environment`.
    ///
    /// `scratch` is a directory that is removed when this process dies before it has ended the other.
    package init(
        _ command: [String], environment: [String: String], streams: Streams, scratch: String? = nil
    ) throws(TestBrokerError) {
        var files = SpawnFiles()
        defer { files.closeTheirs() }
        let guardLine = try files.connection(at: 3)
        let report = try files.connection(at: 4)
        defer { close(report) }
        var input: Int32 = -1
        var output: Int32 = -1
        switch streams {
        case .log(let path):
            try files.file("/dev/null", O_RDONLY, at: [0, 5])
            try files.file(path, O_WRONLY | O_CREAT | O_APPEND, at: [1, 2])
        case .connected(let path):
            try files.file("/dev/null", O_RDONLY, at: [0])
            input = try files.connection(at: 5)
            output = try files.connection(at: 1)
            try files.file(path, O_WRONLY | O_CREAT | O_APPEND, at: [2])
        }
        shellID = try files.spawn(
            ["/bin/sh", "-c", Self.script, "guard", scratch ?? ""] + command, environment: environment)
        files.closeTheirs()
        guard let line = Self.readLine(from: report), let processID = pid_t(line) else {
            throw TestBrokerError("The shell that should start \(command[0]) said nothing.")
        }
        self.processID = processID
        self.input = input
        self.output = output
        self.state = Locked(State(exit: nil, guardLine: guardLine))
    }

    /// Descriptor 3 is the guard line, 4 takes the process's id, 5 becomes its standard input.
    private static let script = """
        scratch=$1; shift
        "$@" <&5 3<&- 4>&- 5<&- &
        child=$!
        echo $child >&4
        exec 4>&- 5<&- >/dev/null 2>&1
        (
            read -r _ <&3
            trap '' TERM
            kill -KILL $child
            if [ -n "$scratch" ]; then sleep 0.1; rm -rf "$scratch"; fi
        ) &
        watcher=$!
        exec 3<&-
        wait $child
        code=$?
        kill $watcher
        exit $code
        """

    private static func readLine(from descriptor: Int32) -> String? {
        var line: [UInt8] = []
        while true {
            var byte: UInt8 = 0
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }

    /// How the process ended; `nil` while it runs.
    package var exit: Exit? {
        state.withLock { state in
            if let exit = state.exit { return exit }
            var status: Int32 = 0
            let result = waitpid(shellID, &status, WNOHANG)
            guard result != 0, !(result < 0 && errno == EINTR) else { return nil }
            // The shell tells a signal by 128 + its number.
            let code = result < 0 ? 255 : (status >> 8) & 0xFF
            let exit: Exit = code > 128 ? .signal(code - 128) : .code(code)
            state.exit = exit
            if let guardLine = state.guardLine { close(guardLine) }
            state.guardLine = nil
            return exit
        }
    }

    /// Sends a signal, unless the process has ended.
    package func signal(_ number: Int32) {
        if exit == nil { kill(processID, number) }
    }

    /// Stops the process, until it gets `SIGCONT`. Returns when none of its threads runs any more, of which sending the signal
    /// says nothing: on a busy machine they can go on for a while.
    package func pause() {
        signal(SIGSTOP)
        for _ in 0..<5000 where exit == nil && !isStopped { usleep(1000) }
    }

    /// Whether all of the process's threads are stopped, as far as the system tells.
    private var isStopped: Bool {
        let threads = "/proc/\(processID)/task"
        return ScratchDirectory.names(in: threads).allSatisfy { thread in
            let descriptor = open("\(threads)/\(thread)/stat", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return true }
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = read(descriptor, &bytes, bytes.count)
            let line = bytes.prefix(max(0, count))
            // `ID (NAME) STATE …`
            guard let end = line.lastIndex(of: UInt8(ascii: ")")), end + 2 < line.endIndex else { return true }
            return "TtZX".utf8.contains(line[end + 2])
        }
    }

    /// Waits for the end; `nil` when it has not come within `timeout`. Cancellation does not shorten the wait.
    package func waitForExit(within timeout: Duration) async -> Exit? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let exit { return exit }
            if ContinuousClock.now >= deadline { return nil }
            await pauseUncancelled(.milliseconds(5))
        }
    }

    /// Kills the process if it runs, and returns when it is gone.
    package func end() async {
        signal(SIGKILL)
        _ = await waitForExit(within: .seconds(60))
    }

    deinit {
        // Closing the guard line is what ends a process that nobody ended; reaping is then nobody's business but init's.
        state.withLock { state in
            if let guardLine = state.guardLine { close(guardLine) }
        }
    }
}

/// Sleeps, whether or not the task is cancelled: what cleans up after a cancelled task still has to wait.
package func pauseUncancelled(_ duration: Duration) async {
    await Task { try? await Task.sleep(for: duration) }.value
}
