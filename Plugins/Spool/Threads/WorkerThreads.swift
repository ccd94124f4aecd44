internal import Glibc

/// A few threads of our own for calls that block: a file that is being synced must not hold one of the threads that
/// Swift's tasks share.
package final class WorkerThreads: @unchecked Sendable {
    // Sound: `state` is touched only between lock and unlock of `mutex`; the pointers live as long as this object, which
    // every thread retains.
    package typealias Job = @Sendable () -> Void

    private struct State {
        var jobs: [Job] = []
        var next = 0
        var idle = 0
        var threads = 0
        /// How many callers do a job themselves.
        var guests = 0
        /// How many alone were about to, up to ``turns``.
        var turn = 0
        var isStopping = false
        var stopped: [CheckedContinuation<Void, Never>] = []
    }

    private let count: Int
    private var state = State()
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init(count: Int) {
        self.count = count
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Runs `job` on one of the threads. `false` when they have been stopped.
    package func submit(_ job: @escaping Job) -> Bool {
        pthread_mutex_lock(mutex)
        guard !state.isStopping else {
            pthread_mutex_unlock(mutex)
            return false
        }
        state.jobs.append(job)
        let hasIdle = state.idle > 0
        let startsOne = !hasIdle && state.threads < count
        if startsOne { state.threads += 1 }
        pthread_mutex_unlock(mutex)
        // Outside the lock: whoever is woken needs it at once.
        if hasIdle { pthread_cond_signal(condition) }
        if startsOne { startThread { [self] in work() } }
        return true
    }

    /// How many jobs in a row a caller may do itself: a task that never waits would keep its thread from all others.
    package static let turns = 32

    /// Runs `job`, which does not block for long, on the calling thread. Does not when the threads have been stopped.
    ///
    /// - Parameter waitsAfter: whether the caller has to wait for something when the job is done. If not, the job is not run
    ///   when another caller is at it, and now and then so that the caller has to wait.
    package func perform(waitsAfter: Bool, _ job: () -> Void) {
        pthread_mutex_lock(mutex)
        var isWelcome = !state.isStopping && (waitsAfter || state.guests == 0)
        if isWelcome && !waitsAfter {
            state.turn = (state.turn + 1) % Self.turns
            isWelcome = state.turn > 0
        }
        if isWelcome { state.guests += 1 }
        pthread_mutex_unlock(mutex)
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
            pthread_mutex_lock(mutex)
            state.isStopping = true
            let isOver = state.threads == 0 && state.guests == 0
            if !isOver { state.stopped.append(continuation) }
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
            if isOver { continuation.resume() }
        }
    }

    private func work() {
        pthread_mutex_lock(mutex)
        while true {
            if state.next < state.jobs.count {
                let job = state.jobs[state.next]
                state.next += 1
                if state.next == state.jobs.count || state.next == 1024 {
                    state.jobs.removeFirst(state.next)
                    state.next = 0
                }
                pthread_mutex_unlock(mutex)
                job()
                pthread_mutex_lock(mutex)
            } else if state.isStopping {
                break
            } else {
                state.idle += 1
                pthread_cond_wait(condition, mutex)
                state.idle -= 1
            }
        }
        pthread_mutex_unlock(mutex)
        leave { $0.threads -= 1 }
    }

    /// One fewer is at work; after the last, whoever stopped the threads goes on.
    private func leave(_ change: (inout State) -> Void) {
        pthread_mutex_lock(mutex)
        change(&state)
        var stopped: [CheckedContinuation<Void, Never>] = []
        if state.isStopping, state.threads == 0, state.guests == 0 { swap(&stopped, &state.stopped) }
        pthread_mutex_unlock(mutex)
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
