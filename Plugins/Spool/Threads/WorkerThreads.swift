internal import DequeModule
internal import Glibc

/// A few threads of our own for calls that block: a file that is being synced must not hold one of the threads that
/// Swift's tasks share.
package final class WorkerThreads: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct State {
        var jobs: Deque<Job> = []
        var threads = 0
        /// How many callers do a job themselves.
        var guests = 0
        /// How many alone were about to, up to ``turns``.
        var turn = 0
        var isStopping = false
        var stopped: [CheckedContinuation<Void, Never>] = []
    }

    private let count: Int
    private let state = LockedCondition(State())

    package init(count: Int) {
        self.count = count
    }

    private enum Reception {
        case taken
        /// A thread has to be started for it.
        case starts
        case stopped
    }

    /// Runs `job` on one of the threads. `false` when they have been stopped.
    package func submit(_ job: @escaping Job) -> Bool {
        let reception: Reception = state.withLock(waking: { (state, idle) in
            guard !state.isStopping else { return (.stopped, false) }
            state.jobs.append(job)
            // A thread that has been woken for an earlier job may not have taken it yet.
            guard state.jobs.count > idle, state.threads < count else { return (.taken, idle > 0) }
            state.threads += 1
            return (.starts, false)
        })
        if case .starts = reception { startThread { [self] in work() } }
        if case .stopped = reception { return false }
        return true
    }

    /// How many jobs in a row a caller may do itself: a task that never waits would keep its thread from all others.
    package static let turns = 32

    /// Runs `job`, which does not block for long, on the calling thread. Does not when the threads have been stopped.
    ///
    /// - Parameter waitsAfter: whether the caller has to wait for something when the job is done. If not, the job is not run
    ///   when another caller is at it, and now and then so that the caller has to wait.
    package func perform(waitsAfter: Bool, _ job: () -> Void) {
        let isWelcome = state.withLock { state in
            var isWelcome = !state.isStopping && (waitsAfter || state.guests == 0)
            if isWelcome && !waitsAfter {
                state.turn = (state.turn + 1) % Self.turns
                isWelcome = state.turn > 0
            }
            if isWelcome { state.guests += 1 }
            return isWelcome
        }
        guard isWelcome else { return }
        job()
        leave { $0.guests -= 1 }
    }

    /// Runs `body` on one of the threads and returns its result; `nil` when they have been stopped.
    package func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result? {
        await withCheckedContinuation { continuation in
            if !submit({ continuation.resume(returning: body()) }) {
                continuation.resume(returning: nil)
            }
        }
    }

    /// Takes nothing new, and returns when all that was taken is done and the threads have ended.
    package func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                state.isStopping = true
                let isOver = state.threads == 0 && state.guests == 0
                if !isOver { state.stopped.append(continuation) }
                return isOver
            }
            state.wakeAll()
            if isOver { continuation.resume() }
        }
    }

    private enum Step {
        case job(Job)
        case end
    }

    private func work() {
        while case .job(let job)? = state.wait(for: { state -> Step? in
            if let job = state.jobs.popFirst() { return .job(job) }
            return state.isStopping ? .end : nil
        }) {
            job()
        }
        leave { $0.threads -= 1 }
    }

    /// One fewer is at work; after the last, whoever stopped the threads goes on.
    private func leave(_ change: (inout State) -> Void) {
        let stopped: [CheckedContinuation<Void, Never>] = state.withLock { state in
            change(&state)
            guard state.isStopping, state.threads == 0, state.guests == 0 else { return [] }
            defer { state.stopped = [] }
            return state.stopped
        }
        for continuation in stopped { continuation.resume() }
    }
}

private final class ThreadBody {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
        self.run = run
    }
}

/// Starts a detached POSIX thread.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { raw in
            guard let raw else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue().run()
            return nil
        }, Unmanaged.passRetained(ThreadBody(body)).toOpaque())
    precondition(result == 0, "A thread for the spool could not be started (error \(result)).")
    pthread_detach(thread)
}
