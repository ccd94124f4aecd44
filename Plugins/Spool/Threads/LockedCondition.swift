internal import Glibc

/// One value behind one lock, and threads that sleep until it is as they want it.
///
/// For threads of our own: no thread that Swift's tasks share may sleep here.
final class LockedCondition<Value>: @unchecked Sendable {
    // Sound: `value` and `sleepers` are touched only between lock and unlock of `mutex`; the pointers live as long as this
    // object, which every caller retains.
    @exclusivity(unchecked) private var value: Value
    @exclusivity(unchecked) private var sleepers = 0
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        var type = pthread_mutexattr_t()
        pthread_mutexattr_init(&type)
        // As in `Locked`: what is done under the lock is shorter than going to sleep and being woken.
        pthread_mutexattr_settype(&type, Int32(PTHREAD_MUTEX_ADAPTIVE_NP))
        pthread_mutex_init(mutex, &type)
        pthread_mutexattr_destroy(&type)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Runs `body` with the value, alone. Not re-entrant.
    @inline(__always)
    func withLock<Result>(_ body: (inout sending Value) -> sending Result) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// The same, and wakes a sleeping thread if `body` says so.
    ///
    /// - Parameter body: gets how many threads sleep. What woke a thread before may not have reached it yet.
    @inline(__always)
    func withLock<Result>(
        waking body: (inout sending Value, _ sleepers: Int) -> sending (result: Result, wakes: Bool)
    ) -> sending Result {
        pthread_mutex_lock(mutex)
        let (result, wakes) = body(&value, sleepers)
        pthread_mutex_unlock(mutex)
        // Outside the lock: the thread that is woken needs it at once.
        if wakes { pthread_cond_signal(condition) }
        return result
    }

    func wakeAll() {
        pthread_cond_broadcast(condition)
    }

    /// Sleeps until `body` returns something. It is asked at first, and each time when the thread has been woken.
    ///
    /// - Parameter limit: how long at most; `nil` waits for ever.
    /// - Returns: `nil` when the time is over.
    func wait<Result>(
        atMost limit: Duration? = nil, for body: (inout sending Value) -> sending Result?
    ) -> sending Result? {
        let deadline = limit.map(Self.moment)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            sleepers += 1
            let isOver = sleep(until: deadline)
            sleepers -= 1
            if isOver { return body(&value) }
        }
    }

    /// - Returns: whether the time is over.
    private func sleep(until deadline: timespec?) -> Bool {
        guard var deadline else {
            pthread_cond_wait(condition, mutex)
            return false
        }
        return pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT
    }

    private static func moment(after limit: Duration) -> timespec {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        let (seconds, attoseconds) = limit.components
        let nanoseconds = moment.tv_nsec + Int(attoseconds / 1_000_000_000)
        moment.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        moment.tv_nsec = nanoseconds % 1_000_000_000
        return moment
    }
}
