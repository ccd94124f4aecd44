import Foundation
import SwitchboardCore

/// A program that is asked for something: its output, within bounds of time and size.
///
/// Started with `posix_spawn`: Foundation's `Process` keeps a part of itself for each program, which the leak sanitizer finds.
struct HelperProgram {
    enum End {
        case status(Int32)
        case tookTooLong
        case notStarted(String)
    }

    var output: [UInt8] = []
    var errors: [UInt8] = []
    var end: End

    /// Runs a program without a shell, with nothing on its standard input, and waits for its end. It is looked for in `PATH`, as
    /// a shell does. One that takes too long is ended. What it prints beyond the maximum is dropped.
    static func run(_ words: [String], limit: Duration, maximumOutput: Int) -> HelperProgram {
        let deadline = ContinuousClock.now + limit
        let pipes: (output: Pipe, errors: Pipe)
        let process: pid_t
        do throws(Errno) {
            pipes = (try Pipe(), try Pipe())
            process = try start(words, pipes.output, pipes.errors)
        } catch {
            return HelperProgram(end: .notStarted(String(cString: strerror(error.code))))
        }
        var result = HelperProgram(end: .tookTooLong)
        let isComplete = result.collect(pipes.output, pipes.errors, until: deadline, maximumOutput)
        if isComplete, let status = status(of: process, until: deadline) {
            result.end = .status(status)
            return result
        }
        kill(process, SIGTERM)
        if status(of: process, until: .now + .seconds(1)) == nil {
            kill(process, SIGKILL)
            _ = status(of: process, until: nil)
        }
        return result
    }

    private static func start(_ words: [String], _ output: Pipe, _ errors: Pipe) throws(Errno) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.theirs, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.theirs, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that this process ignores or blocks are its own affair.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let result = posix_spawnp(&process, words[0], &actions, &attributes, &arguments, environ)
        output.closeTheirs()
        errors.closeTheirs()
        guard result == 0 else { throw Errno(code: result) }
        return process
    }

    /// How a process ended, as a shell tells it, once it has; nil if it hasn't at the deadline.
    private static func status(of process: pid_t, until deadline: ContinuousClock.Instant?) -> Int32? {
        var status: Int32 = 0
        while true {
            switch waitpid(process, &status, deadline == nil ? 0 : WNOHANG) {
            case process:
                let signal = status & 0x7F
                return signal == 0 ? status >> 8 & 0xFF : 128 + signal
            case 0:
                guard let deadline, deadline > .now else { return nil }
                usleep(2000)
            default:
                // Somebody else has asked for it.
                guard errno == EINTR else { return 0 }
            }
        }
    }

    /// Reads both until they end. Returns whether they did in time.
    private mutating func collect(
        _ output: Pipe, _ errors: Pipe, until deadline: ContinuousClock.Instant, _ maximum: Int
    ) -> Bool {
        let pipes = [output.ours, errors.ours]
        var isOpen = [true, true]
        var block = [UInt8](repeating: 0, count: 4096)
        while isOpen.contains(true) {
            var wanted = zip(pipes, isOpen).map { pollfd(fd: $1 ? $0 : -1, events: Int16(POLLIN), revents: 0) }
            let left = Self.milliseconds(until: deadline)
            guard left > 0 else { return false }
            guard poll(&wanted, 2, CInt(left)) > 0 else { continue }
            for index in 0..<2 where isOpen[index] && wanted[index].revents != 0 {
                let count = block.withUnsafeMutableBytes { read(pipes[index], $0.baseAddress, $0.count) }
                if count <= 0 {
                    isOpen[index] = count < 0 && errno == EINTR
                } else if index == 0 {
                    self.output += block[..<min(count, maximum + 1 - self.output.count)]
                } else {
                    self.errors += block[..<min(count, 65_536 - self.errors.count)]
                }
            }
        }
        return true
    }

    private static func milliseconds(until deadline: ContinuousClock.Instant) -> Int {
        max(0, Int((deadline - .now) / .milliseconds(1)))
    }

    private struct Errno: Error {
        var code = errno
    }

    /// A pipe that no other program gets: the process's end is duplicated for it.
    private final class Pipe {
        let ours: CInt
        private(set) var theirs: CInt

        init() throws(Errno) {
            var ends: [CInt] = [-1, -1]
            guard pipe(&ends) == 0 else { throw Errno() }
            (ours, theirs) = (ends[0], ends[1])
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        func closeTheirs() {
            guard theirs >= 0 else { return }
            close(theirs)
            theirs = -1
        }

        deinit {
            close(ours)
            closeTheirs()
        }
    }
}
