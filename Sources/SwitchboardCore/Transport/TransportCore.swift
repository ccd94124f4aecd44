/// What joins the state machines of a transport to its driver: one lock, under which nothing waits and no
/// caller's or driver's code runs; that follows when the lock is free.
///
/// In one file, because one lock guards all of it. What is decided is in the state machines, which have no I/O.
///
///     callers ──publish──▶ Outbox ──────────────┐
///     callers ──subscribe──▶ SubscriptionTable ─┼─▶ DriverConnection
///     run() ──connect──▶ ConnectionLife ────────┘         │
///          ◀───────────── signals, finished tries ────────┘
final class TransportCore: Sendable {
    typealias Instant = Moment

    /// One of the connections.
    fileprivate struct Slot {
        let role: ConnectionRole
        var life: ConnectionLife
        var connection: (any DriverConnection)?
        var window = Outbox.Window.unlimited
        /// The task that serves this role, while it waits for a loss or the next attempt.
        var waiter: UnsafeContinuation<Void, Never>?
        /// When the waiter is to go on; `nil` if nothing is to be waited for.
        var resumeAt: Instant?
        /// Whether the next pause is left out.
        var skipsPause = false
        /// Whether what the lost connection had is still being taken back.
        var isClearing = false

        /// What stood against connecting may be mended.
        ///
        /// - Returns: the task that waits for the next attempt.
        mutating func tryAgain() -> UnsafeContinuation<Void, Never>? {
            if resumeAt != nil {
                resumeAt = nil
                return waiter.take()
            }
            skipsPause = !life.isConnected
            return nil
        }
    }

    struct State {
        fileprivate var outbox: Outbox
        fileprivate var table = SubscriptionTable()
        fileprivate var slots: [Slot]
        /// The connection of the role that publishes.
        fileprivate var publisher: (any DriverConnection)?
        fileprivate var isBegun = false
        fileprivate var wasEverReady = false
        /// Set when the transport is to end.
        fileprivate var isClosing = false
        /// Set when it has ended.
        fileprivate var closed: TransportState?
        fileprivate var timerAt: Instant?
        fileprivate var timer: Task<Void, Never>?
        fileprivate var drainWaiter: UnsafeContinuation<Void, Never>?
        fileprivate var nextID: UInt64 = 0

        fileprivate var current: TransportState {
            if let closed { return closed }
            return .merged(slots.lazy.map { $0.life.state($0.role.consumes ? table.repairing : nil) })
        }
    }

    let clock: TransportClock
    let monitor = TransportMonitor()
    private let state: Locked<State>
    private let errors: PublishErrors
    private let roles: [ConnectionRole]
    private let publishingSlot: Int
    private let consumingSlot: Int

    init(_ driver: any TransportDriver, url: String, maximumWaiting: Int, clock: TransportClock) {
        let roles = driver.roles
        precondition(
            roles.count(where: \.publishes) == 1 && roles.count(where: \.consumes) == 1,
            "A driver has one role that publishes and one that consumes, not \(roles).")
        self.clock = clock
        self.roles = roles
        errors = PublishErrors(url: url)
        publishingSlot = roles.firstIndex(where: \.publishes)!
        consumingSlot = roles.firstIndex(where: \.consumes)!
        let slots = roles.map { Slot(role: $0, life: ConnectionLife(driver.backoff)) }
        state = Locked(State(outbox: Outbox(errors, maximumWaiting: maximumWaiting), slots: slots))
    }

    // MARK: Publishing

    /// Hands a publish over or keeps it. Afterwards it may be over.
    ///
    /// What leaves the lock on the usual way is small and holds no enumeration with payloads: copying such a one costs more
    /// than the lock.
    @inline(__always)
    func accept(_ record: PublishRecord) {
        var connection: (any DriverConnection)?
        var attempt: UInt64 = 0
        let arms = state.withLock { state -> Bool in
            attempt = state.outbox.handAtOnce(record)
            guard attempt > 0 else { return false }
            connection = state.publisher
            if let timerAt = state.timerAt, timerAt <= record.deadline { return false }
            state.timerAt = record.deadline
            return true
        }
        guard attempt > 0 else { return keep(record) }
        if arms { arm(record.deadline) }
        connection?.publish(Publish(record: record, attempt: attempt))
    }

    /// Keeps a publish for which there was no room, or ends it.
    private func keep(_ record: PublishRecord) {
        let (step, connection, arms) = state.withLock { state -> (Outbox.Step, (any DriverConnection)?, Instant?) in
            let step = state.outbox.accept(record)
            switch step {
            case .hand, .queued: break
            case .ended: return (step, nil, nil)
            case .full:
                return (.ended(errors.tooMany(record, state.outbox.maximumWaiting, state.current)), nil, nil)
            }
            return (step, state.publisher, state.noteTime(record.deadline))
        }
        if let arms { arm(arms) }
        switch step {
        case .hand(let publish): connection?.publish(publish)
        case .queued, .full: break
        case .ended(let error):
            let caller = state.withLock { _ in record.end(error) }
            caller?.answer(error)
        }
    }

    /// Leaves a caller that waits; `false` if the publish is over already.
    func park(_ caller: PublishRecord.Caller, on record: PublishRecord) -> Bool {
        state.withLock { _ in
            if record.isOver { return false }
            record.caller = caller
            return true
        }
    }

    @inline(__always)
    func finish(_ publish: Publish, _ outcome: PublishOutcome) {
        guard case .accepted = outcome else { return finishTroubled(publish, outcome) }
        var isReady = false
        var isDrained = false
        let isEnd = state.withLock { state -> Bool in
            let isEnd = state.outbox.accepted(publish)
            isReady = state.outbox.isReady
            isDrained = state.drainWaiter != nil
            return isEnd
        }
        // Only the thread that ended a publish touches its caller from then on.
        if isEnd { publish.record.answer(nil) }
        if isDrained { state.withLock { $0.takeDrained() }?.resume() }
        if isReady { pump() }
    }

    private func finishTroubled(_ publish: Publish, _ outcome: PublishOutcome) {
        let (ending, arms, drained) = state.withLock {
            state -> (Outbox.Ending?, Instant?, UnsafeContinuation<Void, Never>?) in
            let ending = state.outbox.finished(publish, outcome, clock.now)
            var arms: Instant?
            if ending == nil, publish.record.place == .postponed, let moment = publish.record.notBefore {
                arms = state.noteTime(moment)
            }
            return (ending, arms, state.takeDrained())
        }
        if let arms { arm(arms) }
        if let ending { ending.caller?.answer(ending.error) }
        drained?.resume()
        pump()
    }

    func hold(_ publish: Publish, _ reason: TransportError) {
        state.withLock { state in
            if state.outbox.has(publish) { publish.record.reason = reason }
        }
    }

    func memory(of publish: Publish) -> (any AnyObject & Sendable)? {
        state.withLock { _ in publish.record.memory }
    }

    func remember(_ memory: (any AnyObject & Sendable)?, of publish: Publish) {
        state.withLock { state in
            if state.outbox.has(publish) { publish.record.memory = memory }
        }
    }

    func cancel(_ record: PublishRecord) {
        end(record) { $0.cancel(record) }
    }

    func conclude(_ record: PublishRecord) {
        if !record.isOver { end(record) { $0.conclude(record) } }
    }

    private func end(_ record: PublishRecord, _ body: (inout Outbox) -> Outbox.Ending?) {
        let (ending, drained) = state.withLock { state in
            let ending = body(&state.outbox)
            return (ending, state.takeDrained())
        }
        guard let ending else { return }
        ending.caller?.answer(ending.error)
        drained?.resume()
        pump()
    }

    /// Hands over what waits, in order. One thread at a time; others leave it to that one.
    private func pump() {
        var isMine = false
        while true {
            let next = state.withLock { state -> (Publish, any DriverConnection)? in
                if !isMine, state.outbox.isPumping { return nil }
                guard let connection = state.publisher, let next = state.outbox.next() else {
                    if isMine { state.outbox.isPumping = false }
                    return nil
                }
                state.outbox.isPumping = true
                return (next, connection)
            }
            guard let (publish, connection) = next else { return }
            isMine = true
            connection.publish(publish)
        }
    }

    // MARK: Time

    /// Wakes the timer at `moment`, which is in the state already.
    private func arm(_ moment: Instant) {
        let timer = Task { [clock] in
            try? await clock.sleep(until: moment)
            if !Task.isCancelled { self.fire(moment) }
        }
        let unneeded = state.withLock { state -> Task<Void, Never>? in
            guard state.timerAt == moment, state.closed == nil else { return timer }
            defer { state.timer = timer }
            return state.timer
        }
        unneeded?.cancel()
    }

    private func fire(_ moment: Instant) {
        typealias Result = (
            ended: [Outbox.Ending], late: [SubscriptionTable.Entry], resumed: [UnsafeContinuation<Void, Never>],
            next: Instant?, current: TransportState
        )
        let result = state.withLock { state -> Result? in
            guard state.timerAt == moment else { return nil }
            state.timer = nil
            let now = clock.now()
            let current = state.current
            let (ended, nextPublish) = state.outbox.expire(now, current)
            let (late, nextSubscription) = state.table.expire(now)
            var next = [nextPublish, nextSubscription].compactMap(\.self).min()
            var resumed: [UnsafeContinuation<Void, Never>] = []
            for index in state.slots.indices {
                guard let resumeAt = state.slots[index].resumeAt else { continue }
                if resumeAt <= now {
                    state.slots[index].resumeAt = nil
                    if let waiter = state.slots[index].waiter.take() { resumed.append(waiter) }
                } else {
                    next = min(next ?? resumeAt, resumeAt)
                }
            }
            // Deadlines that lie close together are looked at together: the more there is to look at, the more of them.
            let spent = now.duration(to: clock.now())
            state.timerAt = next.map { max($0, now + min(spent * 20, .milliseconds(50))) }
            if let drained = state.takeDrained() { resumed.append(drained) }
            return (ended, late, resumed, state.timerAt, current)
        }
        guard let result else { return }
        for ending in result.ended { ending.caller?.answer(ending.error) }
        for entry in result.late {
            if entry.isEnding {
                entry.waiter?.resume(returning: nil)
            } else {
                let waited = entry.started.duration(to: clock.now())
                entry.waiter?.resume(
                    returning: errors.notLive(
                        entry.subscription.address, waited: waited, entry.reason, result.current))
            }
        }
        for waiter in result.resumed { waiter.resume() }
        if let next = result.next { arm(next) }
        command()
        letIn()
        pump()
    }

    private func note(_ moment: Instant?) {
        guard let moment, let moment = state.withLock({ $0.noteTime(moment) }) else { return }
        arm(moment)
    }

    /// Reports the state. While the transport ends, what happens to its connections is no news.
    private func report() {
        monitor.report { state.withLock { $0.isClosing ? $0.closed : $0.current } }
    }

    // MARK: Life

    /// - Returns: `false` if it was begun before.
    func begin() -> Bool {
        let isFirst = state.withLock { state in
            defer { state.isBegun = true }
            if state.isBegun { return false }
            for index in state.slots.indices { state.slots[index].life.begin() }
            return true
        }
        if isFirst { report() }
        return isFirst
    }

    var roleIndices: Range<Int> { roles.indices }

    /// Keeps one connection until the transport is to end.
    func serve(_ index: Int, by driver: any TransportDriver) async throws(TransportError) {
        var generator = SystemRandomNumberGenerator()
        while let generation = willConnect(index) {
            do throws(ConnectionFailure) {
                let signals = ConnectionSignals { self.received($0, index, generation) }
                let connection = try await driver.connect(roles[index], signals: signals)
                connected(connection, index, generation)
                await waitForLoss(index, generation)
                if isClosing || Task.isCancelled { await drain(index) }
                await connection.close()
                lost(ConnectionFailure("the transport was closed"), index, generation)
            } catch {
                lost(error, index, generation)
            }
            let now = clock.now()
            let (step, error) = state.withLock { state in
                let step = state.slots[index].life.step(
                    wasEverReady: state.wasEverReady, now, using: &generator)
                return (step, state.slots[index].life.failure?.error)
            }
            switch step {
            // What is refused while the transport ends is still worth telling.
            case .end:
                throw error ?? TransportError(.internalError, "The connection ended without a reason.")
            case .connect(let pause):
                if isClosing || Task.isCancelled { return }
                if pause > .zero { await wait(index, until: now + pause) }
            }
        }
    }

    private var isClosing: Bool { state.withLock { $0.isClosing } }

    private func willConnect(_ index: Int) -> UInt64? {
        let isCancelled = Task.isCancelled
        let generation = state.withLock { state in
            if state.isClosing || isCancelled { return nil as UInt64? }
            state.slots[index].skipsPause = false
            return state.slots[index].life.willConnect()
        }
        report()
        return generation
    }

    private func connected(_ connection: any DriverConnection, _ index: Int, _ generation: UInt64) {
        let now = clock.now()
        state.withLock { state in
            guard state.slots[index].life.connected(generation) else { return }
            state.slots[index].connection = connection
            if index == publishingSlot { state.publisher = connection }
            if index == consumingSlot, !state.isClosing { state.table.ask(now) }
        }
        command()
        letIn()
        noteRestoring()
    }

    /// Publishers are let in when all is live that was.
    private func letIn() {
        let now = clock.now()
        state.withLock { state in
            for index in state.slots.indices where state.slots[index].life.phase == .restoring {
                if index == consumingSlot, state.table.isRestoring { continue }
                guard state.slots[index].life.restored(now) else { continue }
                state.wasEverReady = true
                if index == publishingSlot { state.outbox.setWindow(state.slots[index].window) }
            }
        }
        report()
        pump()
    }

    private func noteRestoring() {
        if state.withLock({ $0.table.isRestoring }) { note(clock.now() + SubscriptionTable.restoreTime) }
    }

    /// Returns when the connection is lost, and what it had is taken back; or when the transport is to end.
    private func waitForLoss(_ index: Int, _ generation: UInt64) async {
        await park(index) { slot in
            slot.isClearing || slot.life.generation == generation && slot.life.isConnected
        }
    }

    private func wait(_ index: Int, until moment: Instant) async {
        let arms = state.withLock { state -> Instant? in
            if state.slots[index].skipsPause { return nil }
            state.slots[index].resumeAt = moment
            return state.noteTime(moment)
        }
        if let arms { arm(arms) }
        // Its time may have come already.
        await park(index) { $0.resumeAt != nil }
        state.withLock { $0.slots[index].resumeAt = nil }
    }

    /// Waits to be resumed, unless the task is cancelled, the transport ends, or `isDue` says that there is no need.
    private func park(_ index: Int, _ waits: @Sendable (inout Slot) -> Bool) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (waiter: UnsafeContinuation<Void, Never>) in
                // Under the lock, so that a cancellation is either seen here or finds the waiter.
                let isParked = state.withLock { state in
                    guard !Task.isCancelled, !state.isClosing, waits(&state.slots[index]) else { return false }
                    state.slots[index].waiter = waiter
                    return true
                }
                if !isParked { waiter.resume() }
            }
        } onCancel: {
            wake(index)
        }
    }

    private func wake(_ index: Int) {
        state.withLock { $0.slots[index].waiter.take() }?.resume()
    }

    // MARK: The end

    /// How long publishes that are under way may take when the transport ends.
    private static let drainTime = Duration.seconds(2)

    /// Lets nothing more in. What waits ends with the error; what is under way may finish.
    func beginClosing(_ error: TransportError) {
        let (ended, waiters) = state.withLock { state in
            state.isClosing = true
            let waiters = state.slots.indices.compactMap { state.slots[$0].waiter.take() }
            return (state.outbox.close(error), waiters)
        }
        for ending in ended { ending.caller?.answer(ending.error) }
        for waiter in waiters { waiter.resume() }
    }

    private func drain(_ index: Int) async {
        guard index == publishingSlot else { return }
        let limit = Task { [clock] in
            try? await clock.sleep(until: clock.now() + Self.drainTime)
            state.withLock { $0.drainWaiter.take() }?.resume()
        }
        await withUnsafeContinuation { (waiter: UnsafeContinuation<Void, Never>) in
            let isDrained = state.withLock { state in
                if state.outbox.hasNothingUnderWay { return true }
                state.drainWaiter = waiter
                return false
            }
            if isDrained { waiter.resume() }
        }
        limit.cancel()
    }

    /// The transport has ended.
    ///
    /// - Parameter reason: why, if it wasn't asked to.
    func close(_ error: TransportError, reason: String?) {
        beginClosing(error)
        let (entries, timer) = state.withLock { state in
            for index in state.slots.indices { state.slots[index].life.close() }
            state.closed = state.closed ?? .closed(reason: reason)
            state.timerAt = nil
            return (state.table.removeAll(), state.timer.take())
        }
        timer?.cancel()
        for entry in entries {
            if entry.isEnding {
                entry.waiter?.resume(returning: nil)
            } else if let waiter = entry.waiter {
                waiter.resume(returning: error)
            } else {
                entry.subscription.finish(throwing: error)
            }
        }
        report()
    }

    // MARK: Signals

    private func received(_ signal: ConnectionSignal, _ index: Int, _ generation: UInt64) {
        switch signal {
        case .tryAgain: state.withLock { $0.slots[index].tryAgain() }?.resume()
        case .lost(let failure): lost(failure, index, generation)
        case .window(let messages, let bytes):
            ifCurrent(index, generation) { state in
                state.slots[index].window = Outbox.Window(messages: messages, bytes: bytes)
                guard index == self.publishingSlot, state.slots[index].life.phase == .up else { return }
                state.outbox.setWindow(state.slots[index].window)
            }
            pump()
        case .blocked(let reason): admit(reason.map { .blocked($0) } ?? .open, reason, index, generation)
        case .broken(let error): admit(.broken(error), error.message, index, generation)
        case .live(let subscription):
            let waiter = ifCurrent(index, generation) { state in
                let waiter = state.table.live(subscription.id)
                if waiter != nil { subscription.noteLive() }
                return waiter
            }
            letIn()
            waiter??.resume(returning: nil)
        case .repairing(let subscription, let reason):
            ifCurrent(index, generation) { $0.table.repairing(subscription.id, reason) }
            letIn()
        case .failed(let subscription, let error):
            let entry = ifCurrent(index, generation) { $0.table.failed(subscription.id) }
            if let entry = entry ?? nil { self.failed(entry, error) }
            letIn()
        case .ended(let subscription):
            let waiter = ifCurrent(index, generation) { $0.table.ended(subscription.id) }
            waiter??.resume(returning: nil)
        }
    }

    @discardableResult
    private func ifCurrent<Result: Sendable>(
        _ index: Int, _ generation: UInt64, _ body: @Sendable (inout State) -> Result
    ) -> Result? {
        state.withLock { state in state.slots[index].life.isCurrent(generation) ? body(&state) : nil }
    }

    private func failed(_ entry: SubscriptionTable.Entry, _ error: TransportError) {
        if entry.isEnding {
            entry.waiter?.resume(returning: nil)
        } else if let waiter = entry.waiter {
            waiter.resume(returning: error)
        } else {
            entry.subscription.finish(throwing: error)
        }
    }

    private func admit(_ admission: Outbox.Admission, _ blocked: String?, _ index: Int, _ generation: UInt64) {
        let ended = ifCurrent(index, generation) { state -> [Outbox.Ending] in
            state.slots[index].life.blocked = blocked
            return index == self.publishingSlot ? state.outbox.setAdmission(admission) : []
        }
        for ending in ended ?? [] { ending.caller?.answer(ending.error) }
        report()
        pump()
    }

    private func lost(_ failure: ConnectionFailure, _ index: Int, _ generation: UInt64) {
        typealias Result = (
            ended: [Outbox.Ending], waiters: [SubscriptionTable.Waiter], withdrawn: [Subscription],
            drained: UnsafeContinuation<Void, Never>?
        )
        let result = state.withLock { state -> Result? in
            guard state.slots[index].life.lost(failure, generation) else { return nil }
            state.slots[index].connection = nil
            state.slots[index].window = .unlimited
            // The next connection must not deliver before what this one had is withdrawn.
            state.slots[index].isClearing = true
            var result: Result = ([], [], [], nil)
            if index == publishingSlot {
                state.publisher = nil
                result.ended = state.outbox.lost(failure.reason)
                result.drained = state.drainWaiter.take()
            }
            if index == consumingSlot { (result.waiters, result.withdrawn) = state.table.lost() }
            return result
        }
        guard let result else { return }
        for subscription in result.withdrawn { subscription.withdraw() }
        let server = state.withLock { state in
            state.slots[index].isClearing = false
            return state.slots[index].resumeAt == nil ? state.slots[index].waiter.take() : nil
        }
        for ending in result.ended { ending.caller?.answer(ending.error) }
        for waiter in result.waiters { waiter.resume(returning: nil) }
        report()
        result.drained?.resume()
        server?.resume()
    }

    // MARK: Subscriptions

    /// Tells the connection what to subscribe to and what not any more, in order. One thread at a time.
    private func command() {
        var isMine = false
        while true {
            let next = state.withLock { state -> (SubscriptionTable.Command, any DriverConnection)? in
                if !isMine, state.table.isCommanding { return nil }
                guard let connection = state.slots[consumingSlot].connection, let next = state.table.nextCommand()
                else {
                    if isMine { state.table.isCommanding = false }
                    return nil
                }
                state.table.isCommanding = true
                return (next, connection)
            }
            guard let (command, connection) = next else { return }
            isMine = true
            switch command {
            case .subscribe(let subscription): connection.subscribe(subscription)
            case .unsubscribe(let subscription): connection.unsubscribe(subscription)
            }
        }
    }

    /// Makes a subscription, and returns when it is live.
    func subscribe(to address: Address, _ options: SubscriptionOptions) async throws(TransportError) -> (
        Subscription, Deliveries
    ) {
        let buffer = DeliveryBuffer()
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let subscription = Subscription(id, to: address, options, buffer)
        let deadline = options.deadline.map { Moment($0) }
        let error = await withTaskCancellationHandler {
            await withUnsafeContinuation { (waiter: SubscriptionTable.Waiter) in
                let now = clock.now()
                let early = state.withLock { state -> TransportError? in
                    if let final = state.outbox.final { return final }
                    // Under the lock, so that a cancellation is either seen here or finds the subscription.
                    if Task.isCancelled { return errors.cancelled(address) }
                    state.table.add(.init(subscription, waiter, started: now, deadline: deadline))
                    if state.slots[consumingSlot].life.isConnected { state.table.ask(now) }
                    return nil
                }
                if let early { return waiter.resume(returning: early) }
                note(deadline)
                command()
            }
        } onCancel: {
            state.withLock { $0.table.cancel(id) }?.resume(returning: errors.cancelled(address))
            command()
        }
        if let error { throw error }
        return (subscription, Deliveries(buffer))
    }

    /// How long the connection may take to answer the end of a subscription.
    private static let endTime = Duration.seconds(5)

    /// Ends a subscription, and returns when what was unsettled has gone back.
    func end(_ subscription: Subscription) async {
        subscription.finish()
        let deadline = clock.now() + Self.endTime
        _ = await withUnsafeContinuation { (waiter: SubscriptionTable.Waiter) in
            guard state.withLock({ $0.table.end(subscription.id, waiter, until: deadline) }) else {
                return waiter.resume(returning: nil)
            }
            note(deadline)
            command()
        }
        letIn()
    }
}

extension TransportCore.State {
    /// - Returns: the task that waits until nothing is under way, if nothing is.
    fileprivate mutating func takeDrained() -> UnsafeContinuation<Void, Never>? {
        drainWaiter != nil && outbox.hasNothingUnderWay ? drainWaiter.take() : nil
    }

    /// - Returns: the moment, if the timer is to wake then, and was not to before.
    fileprivate mutating func noteTime(_ moment: TransportCore.Instant) -> TransportCore.Instant? {
        if let timerAt, timerAt <= moment { return nil }
        timerAt = moment
        return moment
    }
}
