import Synchronization

/// A publish through all its tries. What is not `let` belongs to the lock of its transport, except `word`.
///
/// Unchecked, because the compiler can't see that lock. It is sound: the variables are touched under the lock of `core`
/// only; before that by the caller that makes the record, and `caller` afterwards by the one thread that ended it. A lock
/// for each publish would cost an allocation and two locks more.
@usableFromInline
final class PublishRecord: @unchecked Sendable {
    typealias Instant = Moment

    /// The list that has it.
    enum Place: UInt8 {
        case none, waiting, returned, postponed, sent
    }

    enum Caller {
        case task(UnsafeContinuation<TransportError?, Never>)
        case function(@Sendable (TransportError?) -> Void)

        func answer(_ error: TransportError?) {
            switch self {
            case .task(let continuation): continuation.resume(returning: error)
            case .function(let completion): completion(error)
            }
        }
    }

    /// Where the outcome goes of a publish that isn't the transport's own.
    struct Relay: Sendable {
        /// The try that a decorator made this one of.
        let origin: Publish?
        private let end: (@Sendable (PublishOutcome) -> Void)?

        init(_ origin: Publish?, _ end: (@Sendable (PublishOutcome) -> Void)?) {
            self.origin = origin
            self.end = end
        }

        func finish(_ outcome: PublishOutcome, _ record: PublishRecord) {
            if origin == nil, record.endAlone() { return }
            if let end { end(outcome) } else { origin?.finish(outcome) }
        }
    }

    /// What only those publishes have that don't go through at once; apart, so that the others stay small.
    private final class Trouble {
        var reason: TransportError?
        /// Whether the try had begun when the reason was given.
        var isReasonOfBegun = false
        var notBefore: Instant?
        var error: TransportError?
        var memory: (any AnyObject & Sendable)?
    }

    @usableFromInline let message: Message
    @usableFromInline let address: Address
    let deadline: Instant
    let started: Instant
    @usableFromInline let mandatory: Bool
    @usableFromInline let allowsDuplicates: Bool
    @usableFromInline let isAwaited: Bool
    let core: TransportCore?
    let relay: Relay?

    /// Four times the number of the try, and what has become of it: see ``Phase``.
    private let word = Atomic<UInt64>(0)
    @exclusivity(unchecked) var place = Place.none
    @exclusivity(unchecked) private(set) var attempt: UInt64 = 0
    /// The place among all publishes of the transport.
    @exclusivity(unchecked) var sequence: UInt64 = 0
    /// Whether somebody may have the message from an earlier try.
    @exclusivity(unchecked) var wasSent = false
    @exclusivity(unchecked) private var trouble: Trouble?
    @exclusivity(unchecked) var caller: Caller?
    @exclusivity(unchecked) var previous: Unmanaged<PublishRecord>?
    @exclusivity(unchecked) var next: Unmanaged<PublishRecord>?

    /// The two low bits of `word`.
    private enum Phase {
        /// Handed over; nothing has left.
        static let handed: UInt64 = 0
        static let begun: UInt64 = 1
        /// The try is over, the publish isn't.
        static let tryOver: UInt64 = 2
        static let over: UInt64 = 3
    }

    init(
        _ message: Message, to address: Address, deadline: Instant, started: Instant, mandatory: Bool,
        allowsDuplicates: Bool, isAwaited: Bool, core: TransportCore
    ) {
        self.message = message
        self.address = address
        self.deadline = deadline
        self.started = started
        self.mandatory = mandatory
        self.allowsDuplicates = allowsDuplicates
        self.isAwaited = isAwaited
        self.core = core
        relay = nil
    }

    init(relaying origin: Publish, to address: Address, _ finish: (@Sendable (PublishOutcome) -> Void)?) {
        let record = origin.record
        message = record.message
        self.address = address
        deadline = record.deadline
        started = record.started
        mandatory = record.mandatory
        allowsDuplicates = record.allowsDuplicates
        isAwaited = record.isAwaited
        core = record.core
        relay = Relay(origin, finish)
    }

    /// One that no transport has made.
    init(
        _ message: Message, to address: Address, mandatory: Bool, allowsDuplicates: Bool, isAwaited: Bool,
        finish: @escaping @Sendable (PublishOutcome) -> Void
    ) {
        self.message = message
        self.address = address
        started = .now
        deadline = started + .seconds(3600)
        self.mandatory = mandatory
        self.allowsDuplicates = allowsDuplicates
        self.isAwaited = isAwaited
        core = nil
        relay = Relay(nil, finish)
    }

    func now() -> Instant { core?.clock.now() ?? .now }

    /// What its caller gets if time runs out now, where a connection has said so.
    var reason: TransportError? {
        get { trouble?.reason }
        set {
            guard newValue != nil || trouble != nil else { return }
            let trouble = makeTrouble()
            trouble.reason = newValue
            trouble.isReasonOfBegun = word.load(ordering: .acquiring) & 3 == Phase.begun
        }
    }
    var isReasonOfBegun: Bool { trouble?.isReasonOfBegun ?? false }
    /// When it leaves the postponed ones.
    var notBefore: Instant? {
        get { trouble?.notBefore }
        set { makeTrouble().notBefore = newValue }
    }
    var memory: (any AnyObject & Sendable)? {
        get { trouble?.memory }
        set { if newValue != nil || trouble != nil { makeTrouble().memory = newValue } }
    }
    /// What it has ended with. Read only after ``isOver``.
    var error: TransportError? { trouble?.error }

    @inline(never) private func makeTrouble() -> Trouble {
        if let trouble { return trouble }
        let made = Trouble()
        trouble = made
        return made
    }

    // MARK: On any thread

    /// Whether it has ended. Its ``error`` was written before.
    var isOver: Bool { word.load(ordering: .acquiring) & 3 == Phase.over }

    func isOver(_ attempt: UInt64) -> Bool {
        word.load(ordering: .acquiring) & ~1 != attempt << 2
    }

    func begin(_ attempt: UInt64) -> Bool {
        let (done, was) = word.compareExchange(
            expected: attempt << 2 | Phase.handed, desired: attempt << 2 | Phase.begun, ordering: .acquiringAndReleasing
        )
        return done || was == attempt << 2 | Phase.begun
    }

    /// Ends a publish that no transport has made.
    ///
    /// - Returns: whether it was over before.
    fileprivate func endAlone() -> Bool {
        word.exchange(Phase.over, ordering: .acquiringAndReleasing) == Phase.over
    }

    /// Tells its caller, once it is over.
    @inline(__always)
    func answer(_ error: TransportError?) {
        switch caller {
        case .task(let continuation)?:
            caller = nil
            continuation.resume(returning: error)
        case .function(let completion)?:
            caller = nil
            completion(error)
        case nil: break
        }
    }

    // MARK: Under the lock

    /// Begins another try.
    func nextTry() -> Publish {
        attempt += 1
        if let trouble { trouble.reason = nil }
        word.store(attempt << 2 | Phase.handed, ordering: .releasing)
        return Publish(record: self, attempt: attempt)
    }

    /// Nothing of this try is begun any more.
    ///
    /// - Returns: whether it had been.
    func endTry() -> Bool {
        word.exchange(attempt << 2 | Phase.tryOver, ordering: .acquiringAndReleasing) & 3 == Phase.begun
    }

    /// Ends this try if nothing of it is begun.
    func endUnbegun() -> Bool {
        word.compareExchange(
            expected: attempt << 2 | Phase.handed, desired: attempt << 2 | Phase.tryOver,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// It is over, and the queue has the message. Its caller is told by ``answer(_:)``.
    @inline(__always)
    func endAccepted() {
        word.store(attempt << 2 | Phase.over, ordering: .releasing)
    }

    /// It is over.
    ///
    /// - Returns: the caller to tell.
    func end(_ error: TransportError?) -> Caller? {
        if let error { makeTrouble().error = error }
        word.store(attempt << 2 | Phase.over, ordering: .releasing)
        return caller.take()
    }
}

/// Publishes in the order of their numbers, linked through themselves: nothing is allocated, and taking one out needs no
/// search. A publish is in one list at most, which holds it. A class, so that a list lets go of its publishes when it ends.
final class PublishList {
    private typealias Link = Unmanaged<PublishRecord>

    @exclusivity(unchecked) private var head: Link?
    @exclusivity(unchecked) private var tail: Link?
    @exclusivity(unchecked) private(set) var count = 0

    deinit {
        while let first { remove(first) }
    }

    var isEmpty: Bool { head == nil }
    var first: PublishRecord? { head?.takeUnretainedValue() }

    /// Puts a publish behind those with lower numbers. Looks from the end, where it belongs nearly always.
    func insert(_ record: PublishRecord) {
        let link = Link.passRetained(record)
        var before = tail
        while let candidate = before, candidate._withUnsafeGuaranteedRef({ $0.sequence > record.sequence }) {
            before = candidate._withUnsafeGuaranteedRef { $0.previous }
        }
        record.previous = before
        if let before {
            record.next = before._withUnsafeGuaranteedRef { $0.next }
            before._withUnsafeGuaranteedRef { $0.next = link }
        } else {
            record.next = head
            head = link
        }
        if let next = record.next {
            next._withUnsafeGuaranteedRef { $0.previous = link }
        } else {
            tail = link
        }
        count += 1
    }

    func remove(_ record: PublishRecord) {
        let (previous, next) = (record.previous, record.next)
        if let next { next._withUnsafeGuaranteedRef { $0.previous = previous } } else { tail = previous }
        if let previous { previous._withUnsafeGuaranteedRef { $0.next = next } } else { head = next }
        record.previous = nil
        record.next = nil
        count -= 1
        Link.passUnretained(record).release()
    }

    /// Calls `body` with each; it may take out the one that it gets.
    func forEach(_ body: (PublishRecord) -> Void) {
        var current = first
        while let record = current {
            current = record.next?.takeUnretainedValue()
            body(record)
        }
    }
}
