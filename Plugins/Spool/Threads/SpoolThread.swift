internal import Glibc
internal import SwitchboardCore

/// A thread that is an actor's executor and waits for file events between the actor's jobs.
///
/// Before it starts and after it has ended, jobs run on the thread that brings them: one at a time all the same.
package final class SpoolThread: SerialExecutor {
    private enum Job {
        case task(UnownedJob)
        case call(@Sendable () -> Void)
    }

    private struct State {
        var jobs: [Job] = []
        /// Whether somebody is running jobs, or will see new ones before sleeping.
        var isAwake = false
        var hasThread = false
        var isStopping = false
        var wakeAt: ContinuousClock.Instant?
        var runner: pthread_t?
        var onWake: (@Sendable () -> Void)?
        var stopped: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())
    private let wakeUp: Pipe

    package init() throws(FileError) {
        wakeUp = try Pipe()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        enqueue(.task(UnownedJob(job)))
    }

    /// Runs `body` among the actor's jobs, isolated to it, without a task.
    package func call(_ body: @escaping @Sendable () -> Void) {
        enqueue(.call(body))
    }

    private func enqueue(_ job: Job) {
        // The runtime calls this without holding on to the executor: its actor does, and nobody may have that one any more
        // once the job has run, here or on the thread.
        let keeper = Unmanaged.passRetained(self)
        defer { keeper.release() }
        let (wake, drain) = state.withLock { state in
            state.jobs.append(job)
            if state.isAwake { return (false, false) }
            state.isAwake = true
            return (state.hasThread, !state.hasThread)
        }
        if wake { wakeUp.signal() }
        if drain { runJobs() }
    }

    package func isIsolatingCurrentContext() -> Bool? {
        let current = pthread_self()
        return state.withLock { $0.runner == current }
    }

    /// Makes the thread call `onWake` no later than `moment`.
    package func wake(at moment: ContinuousClock.Instant) {
        let wake = state.withLock { state in
            if let earlier = state.wakeAt, earlier <= moment { return false }
            state.wakeAt = moment
            if state.isAwake || !state.hasThread { return false }
            state.isAwake = true
            return true
        }
        if wake { wakeUp.signal() }
    }

    /// Calls `onWake` on the thread, isolated to the actor whose executor this is, whenever the watched descriptor is
    /// readable or the moment of ``wake(at:)`` has come.
    package func onWake(_ onWake: @escaping @Sendable () -> Void) {
        state.withLock { $0.onWake = onWake }
    }

    /// Starts the thread: before the actor has its first job, so that two threads never run its jobs at once.
    package func start(watching descriptor: CInt?) {
        state.withLock { state in
            state.hasThread = true
            state.isAwake = true
        }
        startThread { [self] in
            while true {
                runJobs()
                guard let timeout = timeoutOrEnd() else { break }
                let isReadable = wakeUp.wait(alsoFor: descriptor, milliseconds: timeout)
                let onWake: (@Sendable () -> Void)? = state.withLock { state in
                    state.isAwake = true
                    var isDue = isReadable
                    if let moment = state.wakeAt, moment <= .now {
                        state.wakeAt = nil
                        isDue = true
                    }
                    return isDue ? state.onWake : nil
                }
                if let onWake {
                    let previous = exchangeRunner(pthread_self())
                    onWake()
                    _ = exchangeRunner(previous)
                }
            }
            let stopped = state.withLock { state in
                defer { state.stopped = nil }
                state.onWake = nil
                return state.stopped
            }
            stopped?.resume()
        }
    }

    /// Returns when the thread has run what it had and ended.
    package func stop() async {
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state in
                guard state.hasThread else { return false }
                state.isStopping = true
                state.stopped = continuation
                return true
            }
            if isRunning {
                wakeUp.signal()
            } else {
                continuation.resume()
            }
        }
    }

    private func exchangeRunner(_ thread: pthread_t?) -> pthread_t? {
        state.withLock { state in
            defer { state.runner = thread }
            return state.runner
        }
    }

    private func runJobs() {
        while true {
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                if state.jobs.isEmpty && !state.hasThread { state.isAwake = false }
                return state.jobs
            }
            if jobs.isEmpty { return }
            let previous = exchangeRunner(pthread_self())
            for job in jobs {
                switch job {
                case .task(let job): job.runSynchronously(on: asUnownedSerialExecutor())
                case .call(let body): body()
                }
            }
            _ = exchangeRunner(previous)
        }
    }

    /// How long the thread may sleep; `nil` when it is to end.
    private func timeoutOrEnd() -> CInt? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return 0 }
            if state.isStopping {
                state.hasThread = false
                state.isAwake = false
                return nil
            }
            state.isAwake = false
            guard let moment = state.wakeAt else { return -1 }
            let rest = (moment - .now).wholeMilliseconds
            return CInt(clamping: max(0, min(rest, 60_000)))
        }
    }
}

/// A pipe that wakes a sleeping thread.
package final class Pipe: Sendable {
    private let reading: CInt
    private let writing: CInt

    package init() throws(FileError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw FileError("make a pipe", errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        reading = ends[0]
        writing = ends[1]
    }

    deinit {
        close(reading)
        close(writing)
    }

    package func signal() {
        var byte: UInt8 = 1
        _ = write(writing, &byte, 1)
    }

    /// Sleeps until there is a signal, `descriptor` is readable or time is over. Whether `descriptor` is readable.
    package func wait(alsoFor descriptor: CInt?, milliseconds: CInt) -> Bool {
        var waiting = [
            pollfd(fd: reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&waiting, 2, milliseconds) > 0 else { return false }
        if waiting[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(reading, &bytes, 64) == 64 {}
        }
        return waiting[1].revents != 0
    }
}
