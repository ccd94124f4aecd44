#if canImport(Glibc)
    public import Glibc
#elseif canImport(Musl)
    public import Musl
#else
    public import Darwin
#endif

/// One value behind one lock: what the framework guards its state with, and drivers may.
///
/// Ours, and not `Synchronization.Mutex`, because the thread sanitizer of Swift 6.3 reports races on that one which are
/// none; a pthread mutex it understands. Public and inlinable throughout: a generic function that is called across modules
/// and not specialised there copies what `body` returns by way of its type's metadata, which costs more than the lock.
///
/// With Glibc whoever finds it locked looks again for a moment before it sleeps: what is done under these locks is shorter
/// than going to sleep and being woken.
public final class Locked<Value>: @unchecked Sendable {
    // Before `value`, whose size then says nothing about where it is: to find it, unspecialised code would read the object's
    // type before it has the lock, which the thread sanitizer takes for a race.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // Sound: `value` is touched only between lock and unlock of `mutex`, and enters and leaves as `sending`. So no two
    // accesses to it overlap, and the look at run time for those that do would cost more than the lock.
    @exclusivity(unchecked) @usableFromInline var value: Value

    /// - Parameter value: what is guarded.
    @inlinable
    public init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        #if canImport(Glibc)
            pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ADAPTIVE_NP))
        #endif
        let result = pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
        precondition(result == 0, "pthread_mutex_init failed with \(result).")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` with the value, alone. Not re-entrant; `body` must not wait for anything.
    @inlinable @inline(__always)
    public func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
