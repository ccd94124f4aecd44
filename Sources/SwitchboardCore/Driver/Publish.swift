/// One try of a publish, handed to one connection.
///
/// Cheap to keep: a reference and a number. A publish that its caller has given up is over; a connection drops it when
/// it comes across it.
public struct Publish: Sendable {
    @usableFromInline let record: PublishRecord
    /// Which try of the publish this is, from 1 on.
    package let attempt: UInt64

    // Inlinable, so that looking at a part of the message doesn't copy all of it.
    @inlinable public var message: Message { record.message }
    @inlinable public var address: Address { record.address }

    /// Whether a message that no consumer takes is an error (`unroutable`) instead of being dropped.
    @inlinable public var mandatory: Bool { record.mandatory }

    /// Whether the message may arrive twice.
    @inlinable public var allowsDuplicates: Bool { record.allowsDuplicates }

    /// Whether a caller awaits the outcome. If not, the connection may report it some milliseconds late, to handle several
    /// outcomes in one wake-up.
    @inlinable public var isAwaited: Bool { record.isAwaited }

    /// How long its caller still waits; for protocols that tell their peer. Never negative.
    public var timeLeft: Duration {
        max(.zero, record.now().duration(to: record.deadline))
    }

    /// To be called before the first byte leaves. `false` if the caller has given up: nothing may be sent then.
    ///
    /// From here on, a lost connection or a deadline means that the message may have been sent (`indeterminate`).
    public func begin() -> Bool {
        if let origin = record.relay?.origin { return origin.begin() }
        return record.begin(attempt)
    }

    /// Whether nothing more is to be done for this try: its caller has given up, or it is finished.
    public var isOver: Bool {
        if let origin = record.relay?.origin { return origin.isOver }
        return record.isOver(attempt)
    }

    /// Says why the connection keeps the publish without sending it, or what is known of it so far: the error that its
    /// caller gets if time runs out now.
    ///
    /// `Transport` adds how long the caller has waited and the state of the connection.
    public func hold(_ reason: TransportError) {
        if let origin = record.relay?.origin { return origin.hold(reason) }
        record.core?.hold(self, reason)
    }

    /// Ends this try. A second end, or one that comes after the connection was lost, is ignored.
    ///
    /// Runs the caller's code, which may publish: don't hold a lock that ``DriverConnection/publish(_:)`` takes.
    public func finish(_ outcome: PublishOutcome) {
        if let relay = record.relay { return relay.finish(outcome, record) }
        record.core?.finish(self, outcome)
    }

    /// What the driver wants to know of this publish when it comes again, on this connection or a later one. `nil` at
    /// first.
    public var memory: (any AnyObject & Sendable)? {
        get {
            if let origin = record.relay?.origin { return origin.memory }
            return record.core?.memory(of: self)
        }
        nonmutating set {
            if let origin = record.relay?.origin {
                origin.memory = newValue
            } else {
                record.core?.remember(newValue, of: self)
            }
        }
    }

    /// For tests of connections: a publish that no transport has made. Its first outcome goes to `finish`.
    public init(
        _ message: Message, to address: Address, mandatory: Bool = false, allowsDuplicates: Bool = false,
        finish: @escaping @Sendable (PublishOutcome) -> Void
    ) {
        self.init(
            message, to: address, mandatory: mandatory, allowsDuplicates: allowsDuplicates, isAwaited: true,
            finish: finish)
    }

    /// For tests of connections, as the form without `isAwaited`.
    package init(
        _ message: Message, to address: Address, mandatory: Bool = false, allowsDuplicates: Bool = false,
        isAwaited: Bool, finish: @escaping @Sendable (PublishOutcome) -> Void
    ) {
        self.init(
            record: PublishRecord(
                message, to: address, mandatory: mandatory, allowsDuplicates: allowsDuplicates, isAwaited: isAwaited,
                finish: finish),
            attempt: 0)
    }

    init(record: PublishRecord, attempt: UInt64) {
        self.record = record
        self.attempt = attempt
    }

    /// For decorators: the same try, perhaps to another address, with its outcome passed to `finish`, which decides what
    /// becomes of this one.
    ///
    /// - Parameters:
    ///   - address: `nil` if it stays the same.
    ///   - finish: `nil` passes each outcome on.
    public func relayed(
        to address: Address? = nil, _ finish: (@Sendable (PublishOutcome) -> Void)? = nil
    ) -> Publish {
        Publish(record: PublishRecord(relaying: self, to: address ?? self.address, finish), attempt: attempt)
    }
}

/// What became of one try of a publish.
public enum PublishOutcome: Sendable {
    /// The queue has the message: a broker's confirm, a synced file.
    case accepted
    /// The publish has failed, and trying again wouldn't help.
    case failed(TransportError)
    /// The peer didn't take the message on this try. `Transport` tries again after a pause if it may, and otherwise
    /// ends the publish with `otherwise`.
    ///
    /// - Parameters:
    ///   - wasSent: whether somebody may have the message all the same. It is sent again only if it may arrive twice.
    ///   - after: the pause before the next try.
    ///   - otherwise: what the caller gets if there is no next try, or if time runs out in the pause.
    case again(wasSent: Bool, after: Duration = .zero, otherwise: TransportError)
}
