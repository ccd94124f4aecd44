import Synchronization

/// A value that is made when it is asked for the first time.
///
/// As the library's `AtomicLazyReference`, whose functions aren't specialized and take many times as long.
struct LazyValue<Value: Sendable>: ~Copyable, Sendable {
    private let made = Atomic<Unmanaged<ReferenceBox<Value>>?>(nil)

    deinit {
        made.load(ordering: .acquiring)?.release()
    }

    /// What was made before, or is made now. Two at once may make it twice; all get the same.
    @inline(__always)
    func value(_ make: () -> Value) -> Value {
        if let box = made.load(ordering: .acquiring) { return box._withUnsafeGuaranteedRef { $0.value } }
        return store(ReferenceBox(make()))
    }

    private func store(_ box: ReferenceBox<Value>) -> Value {
        let mine = Unmanaged.passRetained(box)
        let (isStored, before) = made.compareExchange(
            expected: nil, desired: mine, ordering: .acquiringAndReleasing)
        guard !isStored, let before else { return box.value }
        mine.release()
        return before.takeUnretainedValue().value
    }
}
