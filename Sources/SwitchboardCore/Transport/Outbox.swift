/// The publishes of a transport: those that wait and those under way. No I/O, no clock.
///
///     accepted ─▶ waiting ──window──▶ sent ──accepted, failed──▶ over
///         │                            │ ▲
///         └──window──────────────────▶ │ └── returned ◀── postponed
///                                      └──lost, again──▶ (over, returned or postponed)
///
/// A publish that its caller has given up is taken out at once, wherever it is, and makes room in the window.
struct Outbox {
    typealias Instant = Moment

    /// A publish that is over: the caller to tell, and its error.
    typealias Ending = (caller: PublishRecord.Caller?, error: TransportError?)

    /// What becomes of a publish at first.
    enum Step {
        case hand(Publish)
        case queued
        case ended(TransportError)
        /// As many wait as may.
        case full
    }

    /// How much may be handed over and unfinished.
    struct Window: Hashable {
        var messages: Int
        var bytes: Int

        static let unlimited = Window(messages: .max, bytes: .max)
        static let closed = Window(messages: 0, bytes: 0)
    }

    /// What the connection says of handing over.
    enum Admission {
        case open
        case blocked(String)
        case broken(TransportError)
    }

    let errors: PublishErrors
    let maximumWaiting: Int
    private let waiting = PublishList()
    /// Came back from a try: before all in `waiting`.
    private let returned = PublishList()
    /// Go out again after a pause.
    private let postponed = PublishList()
    private let sent = PublishList()
    private var sentBytes = 0
    private var sequence: UInt64 = 0
    private var window = Window.closed
    private var admission = Admission.open
    /// What everything ends with from now on.
    private(set) var final: TransportError?
    /// Whether a thread hands over what waits.
    var isPumping = false

    init(_ errors: PublishErrors, maximumWaiting: Int) {
        self.errors = errors
        self.maximumWaiting = maximumWaiting
    }

    var hasNothingUnderWay: Bool { sent.isEmpty }

    /// Whether something waits that may be handed over.
    var isReady: Bool { hasRoom && !(returned.isEmpty && waiting.isEmpty) }

    private var hasRoom: Bool {
        sent.count < window.messages && sentBytes < window.bytes && isOpen
    }

    private var isOpen: Bool { if case .open = admission { true } else { false } }

    private func waitingFor(_ place: PublishRecord.Place) -> PublishErrors.Waiting {
        if case .blocked(let reason) = admission { return .blocked(reason) }
        if place == .sent { return .forSending }
        return window == .closed ? .forConnection : .forWindow
    }

    // MARK: In and out

    /// Takes a publish that may be handed over at once.
    ///
    /// - Returns: the number of the try; 0 if it may not, and nothing was done.
    @inline(__always)
    mutating func handAtOnce(_ record: PublishRecord) -> UInt64 {
        guard hasRoom, !isPumping, waiting.isEmpty, returned.isEmpty else { return 0 }
        sequence += 1
        record.sequence = sequence
        return send(record).attempt
    }

    mutating func accept(_ record: PublishRecord) -> Step {
        let attempt = handAtOnce(record)
        if attempt > 0 { return .hand(Publish(record: record, attempt: attempt)) }
        sequence += 1
        record.sequence = sequence
        return wait(record)
    }

    private mutating func wait(_ record: PublishRecord) -> Step {
        if let final { return .ended(final) }
        if case .broken(let error) = admission { return .ended(error) }
        guard waiting.count + returned.count + postponed.count < maximumWaiting else { return .full }
        record.place = .waiting
        waiting.insert(record)
        return .queued
    }

    @inline(__always)
    private mutating func send(_ record: PublishRecord) -> Publish {
        record.place = .sent
        sent.insert(record)
        sentBytes += record.message.body.count
        return record.nextTry()
    }

    /// The next one to hand over; `nil` if none waits, or there is no room.
    mutating func next() -> Publish? {
        guard hasRoom, let record = returned.first ?? waiting.first else { return nil }
        remove(record)
        return send(record)
    }

    @inline(__always)
    private mutating func remove(_ record: PublishRecord) {
        switch record.place {
        case .none: return
        case .waiting: waiting.remove(record)
        case .returned: returned.remove(record)
        case .postponed: postponed.remove(record)
        case .sent:
            sent.remove(record)
            sentBytes -= record.message.body.count
        }
        record.place = .none
    }

    /// Whether the connection still has this try.
    func has(_ publish: Publish) -> Bool {
        publish.record.place == .sent && publish.record.attempt == publish.attempt
    }

    // MARK: Ends

    /// The queue has accepted a message.
    ///
    /// - Returns: `false` if the publish was over, or this try was.
    @inline(__always)
    mutating func accepted(_ publish: Publish) -> Bool {
        guard has(publish) else { return false }
        remove(publish.record)
        publish.record.endAccepted()
        return true
    }

    /// A try has ended.
    ///
    /// - Returns: `nil` if the publish goes out again, or was over.
    mutating func finished(_ publish: Publish, _ outcome: PublishOutcome, _ now: () -> Instant) -> Ending? {
        guard has(publish) else { return nil }
        remove(publish.record)
        return troubled(publish.record, outcome, now)
    }

    private mutating func troubled(
        _ record: PublishRecord, _ outcome: PublishOutcome, _ now: () -> Instant
    ) -> Ending? {
        let hadBegun = record.endTry()
        switch outcome {
        case .accepted: return end(record, nil)
        case .failed(let error): return end(record, errors.afterSending(record, error))
        case .again(let wasSent, let pause, let otherwise):
            if wasSent, hadBegun { record.wasSent = true }
            if record.wasSent, !record.allowsDuplicates { return end(record, errors.afterSending(record, otherwise)) }
            if let final { return end(record, record.wasSent ? errors.afterSending(record, otherwise) : final) }
            if case .broken(let error) = admission { return end(record, errors.afterSending(record, error)) }
            if pause > .zero {
                record.reason = otherwise
                record.notBefore = now() + pause
                record.place = .postponed
                postponed.insert(record)
            } else {
                record.reason = nil
                record.place = .returned
                returned.insert(record)
            }
            return nil
        }
    }

    private func end(_ record: PublishRecord, _ error: TransportError?) -> Ending {
        (record.end(error), error)
    }

    /// The caller knows that the queue has the message.
    ///
    /// - Returns: `nil` if it was over.
    mutating func conclude(_ record: PublishRecord) -> Ending? {
        guard record.place != .none else { return nil }
        remove(record)
        _ = record.endTry()
        return end(record, nil)
    }

    /// The caller waits no longer.
    ///
    /// - Returns: `nil` if it was over.
    mutating func cancel(_ record: PublishRecord) -> Ending? {
        guard record.place != .none else { return nil }
        remove(record)
        let hadBegun = record.endTry()
        return end(record, errors.cancelled(record, wasSent: record.wasSent || hadBegun))
    }

    // MARK: Time

    /// Ends what is out of time, and takes up what was postponed.
    ///
    /// - Returns: the ends, and when to look again.
    mutating func expire(_ now: Instant, _ state: TransportState) -> (ended: [Ending], next: Instant?) {
        var ended: [Ending] = []
        var due: [PublishRecord] = []
        var next: Instant?
        for list in [returned, waiting, postponed, sent] {
            list.forEach { record in
                if record.deadline <= now {
                    ended.append(outOfTime(record, now, state))
                    return
                }
                var moment = record.deadline
                if record.place == .postponed, let notBefore = record.notBefore {
                    if notBefore <= now { due.append(record) } else { moment = min(moment, notBefore) }
                }
                next = min(next ?? moment, moment)
            }
        }
        for record in due {
            remove(record)
            record.place = .returned
            returned.insert(record)
        }
        return (ended, next)
    }

    private mutating func outOfTime(_ record: PublishRecord, _ now: Instant, _ state: TransportState) -> Ending {
        let place = record.place
        remove(record)
        let reason = record.reason
        let hadBegun = record.endTry()
        // What has begun since may have been sent.
        if let reason, place == .postponed || !hadBegun || record.isReasonOfBegun {
            return end(record, errors.held(record, reason, now, state))
        }
        if place == .sent, hadBegun { return end(record, errors.unconfirmed(record, now, state)) }
        return end(record, errors.unsent(record, waitingFor(place), now, state))
    }

    // MARK: The connection

    /// What may be under way from now on.
    mutating func setWindow(_ window: Window) {
        self.window = final == nil ? window : .closed
    }

    /// - Returns: the ends of those that waited, if the connection is broken.
    mutating func setAdmission(_ admission: Admission) -> [Ending] {
        self.admission = admission
        guard case .broken(let error) = admission else { return [] }
        return endWaiting(error)
    }

    /// The connection is gone. Nothing is handed over; what it had comes back in its order, or ends.
    mutating func lost(_ reason: String) -> [Ending] {
        window = .closed
        admission = .open
        var ended: [Ending] = []
        sent.forEach { record in
            remove(record)
            let outcome = PublishOutcome.again(wasSent: true, otherwise: errors.lost(record, reason))
            if let ending = troubled(record, outcome, { .now }) { ended.append(ending) }
        }
        return ended
    }

    /// There will be no more hand-overs; what is under way may finish, unless the connection only holds it.
    mutating func close(_ error: TransportError) -> [Ending] {
        let error = final ?? error
        final = error
        window = .closed
        var ended = endWaiting(error)
        sent.forEach { record in
            guard record.reason != nil, record.endUnbegun() else { return }
            remove(record)
            ended.append(end(record, errors.afterSending(record, error)))
        }
        return ended
    }

    private mutating func endWaiting(_ error: TransportError) -> [Ending] {
        var ended: [Ending] = []
        for list in [returned, waiting, postponed] {
            list.forEach { record in
                remove(record)
                _ = record.endTry()
                ended.append(end(record, errors.afterSending(record, error)))
            }
        }
        return ended
    }
}
