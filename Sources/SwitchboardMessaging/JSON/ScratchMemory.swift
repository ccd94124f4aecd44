#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory in which a text is written before its length is known. Each thread keeps the last one for the next text.
///
/// A text of some KiB is more than the allocator keeps at hand for a thread: each time that one grows would search its
/// lists, behind a lock. Here only the finished text is allocated, and in its own length.
struct ScratchMemory: ~Copyable {
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int

    /// Larger memory isn't kept.
    private static var keptCapacity: Int { 65_536 }
    private static var firstCapacity: Int { 4096 }

    /// A thread's memory that isn't in use; its capacity is in its first word.
    private static let kept: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, free)
        precondition(result == 0, "pthread_key_create failed with \(result).")
        return key
    }()

    /// The thread's own, or new.
    init() {
        if let memory = pthread_getspecific(Self.kept) {
            pthread_setspecific(Self.kept, nil)
            capacity = memory.load(as: Int.self)
            bytes = memory.assumingMemoryBound(to: UInt8.self)
        } else {
            capacity = Self.firstCapacity
            bytes = Self.checked(malloc(capacity))
        }
    }

    /// New memory, for at least one word; with a small one, what is written grows.
    init(capacity: Int) {
        self.capacity = max(capacity, MemoryLayout<Int>.size)
        bytes = Self.checked(malloc(self.capacity))
    }

    deinit {
        if capacity <= Self.keptCapacity, pthread_getspecific(Self.kept) == nil {
            UnsafeMutableRawPointer(bytes).storeBytes(of: capacity, as: Int.self)
            pthread_setspecific(Self.kept, bytes)
        } else {
            free(bytes)
        }
    }

    /// Makes room for so many bytes at least; what is in it stays.
    @inline(never)
    mutating func grow(toHold needed: Int) {
        capacity = max(needed, 2 * capacity)
        bytes = Self.checked(realloc(bytes, capacity))
    }

    private static func checked(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<UInt8> {
        // As everywhere else in Swift: an allocation that fails ends the process, no caller can go on without it.
        guard let memory else { fatalError("There is no memory left.") }
        return memory.assumingMemoryBound(to: UInt8.self)
    }
}
