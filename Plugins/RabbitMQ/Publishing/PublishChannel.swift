#if RabbitMQ
import DequeModule
import NIOCore
import SwitchboardCore

/// The channel on which a publishing connection publishes, and on which the broker confirms.
///
///     opening ──confirm.select-ok──▶ ready ──channel exception──▶ opening
final class PublishChannel {
    static let number: UInt16 = 1
    /// How many unconfirmed publishes without a waiting caller are remembered, at a few bytes each.
    private static let abandonedLimit = 100_000
    /// How often a message is returned for the want of a queue that is declared, before it is unroutable.
    private static let returnLimit = 20

    private enum State {
        case closed, opening, ready
    }

    private struct Unconfirmed {
        let publish: Publish
        let route: PublishRoute
        /// The connection's count of flushes when it was encoded.
        let flush: UInt64
        var answer = Answer.none
    }

    /// What the broker has said of a publish before its confirm.
    private enum Answer {
        case none
        /// No queue took it.
        case unroutable(IncomingMethod.Return)
        /// No queue took it although its route declares one, which has gone since: it goes out again.
        case lacksQueue(IncomingMethod.Return)

        var isNone: Bool { if case .none = self { true } else { false } }
    }

    private let control: ControlChannel
    private let errors: BrokerErrors
    private let outcomes: PublishOutcomes
    private let metrics: DriverMetrics
    private let answerTime: Duration

    // The properties on the path of each message are marked `exclusivity(unchecked)`: one thread touches them, and no access
    // lasts while another function of this class runs. The check at run time costs more than most of the accesses.
    @exclusivity(unchecked) private var connection: AMQPConnection?
    @exclusivity(unchecked) private var state = State.closed
    /// Whether the broker has stopped the channel (`channel.flow`).
    @exclusivity(unchecked) private var isPaused = false
    /// Whether another connection is about to take over.
    @exclusivity(unchecked) private var isDraining = false
    /// When the broker should have answered the opening.
    @exclusivity(unchecked) private(set) var answerDeadline: Moment?
    /// Handed over and not written yet.
    @exclusivity(unchecked) private var waiting: Deque<Publish> = []
    @exclusivity(unchecked) private var window = ConfirmWindow<Unconfirmed>()
    /// How many publishes still have to go alone, after a channel exception that did not say whose it was.
    @exclusivity(unchecked) private var probes = 0
    @exclusivity(unchecked) private var returning = ContentAssembler<IncomingMethod.Return>()
    @exclusivity(unchecked) private var unread: UnreadConfirms
    /// As the metric was told last.
    @exclusivity(unchecked) private var reportedUnconfirmed = 0
    private var generator = SystemRandomNumberGenerator()

    init(
        control: ControlChannel, errors: BrokerErrors, outcomes: PublishOutcomes, metrics: DriverMetrics,
        answerTime: Duration, unread: UnreadConfirms
    ) {
        self.control = control
        self.errors = errors
        self.outcomes = outcomes
        self.metrics = metrics
        self.answerTime = answerTime
        self.unread = unread
    }

    var isReady: Bool { state == .ready }

    /// Whether the broker has confirmed all that callers wait for.
    var isIdle: Bool { !window.contains { !$0.publish.isOver } }

    /// Whether only confirms can come that no caller awaits.
    var canReadLater: Bool {
        state == .ready && unread.mayWait && probes == 0 && !isDraining && waiting.isEmpty
    }

    /// When publishes are to be looked at that go alone: their callers may have given up.
    var probeDeadline: Moment? {
        probes > 0 && !waiting.isEmpty ? .now + .milliseconds(50) : nil
    }

    // MARK: The channel

    func open(_ connection: AMQPConnection) {
        self.connection = connection
        openChannel()
    }

    private func openChannel() {
        state = .opening
        send(.channelOpen)
        send(.confirmSelect)
        answerDeadline = .now + answerTime
    }

    private func send(_ method: OutgoingMethod) {
        guard let connection else { return }
        do {
            try connection.send(method, channel: Self.number)
        } catch {
            connection.end(error.message)
        }
    }

    /// The broker reads nothing for now.
    func postponeAnswer() {
        if answerDeadline != nil { answerDeadline = .now + answerTime }
    }

    func received(_ method: IncomingMethod) throws(ProtocolViolation) {
        switch method {
        case .ack(let tag, let multiple): try settle(tag, multiple: multiple, isPositive: true)
        case .nack(let tag, let multiple): try settle(tag, multiple: multiple, isPositive: false)
        case .returned(let returned):
            try returning.began(returned)
            metrics.returned()
        case .channelOpenOK: break
        case .confirmSelectOK:
            state = .ready
            answerDeadline = nil
        case .channelFlow(let active):
            isPaused = !active
            send(.channelFlowOK(active: active))
        case .channelClose(let closure):
            send(.channelCloseOK)
            closed(by: closure)
        default:
            throw ProtocolViolation("the broker sent \(method) on the publishing connection's channel \(Self.number)")
        }
    }

    /// Tells the metric how many are unconfirmed.
    func finishTurn() {
        if window.count != reportedUnconfirmed {
            reportedUnconfirmed = window.count
            metrics.unconfirmed(window.count)
        }
    }

    // MARK: Writing

    func add(_ publish: Publish) {
        waiting.append(publish)
    }

    /// Writes nothing more: another connection is about to take over.
    func drain() {
        isDraining = true
    }

    /// Puts publishes before those that wait.
    func addFirst(_ publishes: [Publish]) {
        waiting.prepend(contentsOf: publishes)
    }

    /// Writes what waits, as far as broker and network allow.
    func pump(_ route: (Address) throws(TransportError) -> PublishRoute) {
        guard let connection, state == .ready, !isPaused, !isDraining, connection.blockedReason == nil else { return }
        if probes > 0 { dropAbandoned() }
        while probes == 0 || window.count == 0, connection.canWrite, let next = waiting.popFirst() {
            if next.isOver { continue }
            do throws(TransportError) {
                try write(next, try route(next.address), connection)
            } catch {
                outcomes.add(next, .failed(error))
            }
        }
    }

    private func write(_ publish: Publish, _ route: PublishRoute, _ connection: AMQPConnection) throws(TransportError) {
        if let defect = publish.message.framingDefect(frameMax: Int(connection.tuning.frameMax)) {
            throw errors.unframeable(publish.address, defect)
        }
        guard control.isDeclared(route) else { return control.park(publish, route.plan) }
        guard publish.begin() else { return }
        try connection.encode { buffer throws(TransportError) in
            buffer.writeBytes(publish.mandatory ? route.mandatoryFrame : route.frame)
            try buffer.writeContent(
                of: publish.message, channel: Self.number, frameMax: Int(connection.tuning.frameMax))
        }
        window.append(Unconfirmed(publish: publish, route: route, flush: connection.flushes))
        unread.wrote(publish)
        if window.isSweepDue { dropAbandoned() }
    }

    /// Forgets the messages of publishes that no caller waits for, and keeps in mind only that their confirms are to come:
    /// a queue that never confirms, such as one without a leader, must not fill the memory.
    private func dropAbandoned() {
        let before = window.abandoned
        abandonWhatIsOver()
        if probes > 0 { probes -= min(probes, window.abandoned - before) }
        guard window.abandoned > Self.abandonedLimit else { return }
        connection?.end("the broker did not confirm \(window.abandoned) messages within their deadlines")
    }

    private func abandonWhatIsOver() {
        window.abandon {
            guard $0.publish.isOver else { return false }
            unread.left($0.publish)
            return true
        }
    }

    // MARK: Confirms

    private func settle(_ tag: UInt64, multiple: Bool, isPositive: Bool) throws(ProtocolViolation) {
        try window.settle(tag, multiple: multiple) { unconfirmed in
            let publish = unconfirmed.publish
            unread.left(publish)
            if probes > 0 { probes -= 1 }
            switch unconfirmed.answer {
            case .lacksQueue(let returned): declareAgain(publish, returned)
            case .unroutable(let returned):
                outcomes.add(publish, .failed(errors.unroutable(publish.address, returned)))
            case .none where isPositive: outcomes.add(publish, .accepted)
            case .none: refused(publish)
            }
        }
    }

    /// A `basic.nack`: a queue is full and rejects, or has no leader just now.
    ///
    /// Where several queues take the message, one may have it already.
    private func refused(_ publish: Publish) {
        let error = errors.negative(publish.address)
        guard publish.allowsDuplicates else { return outcomes.add(publish, .failed(error)) }
        let round = PublishTroubles.note(publish, \.refusals).refusals
        let isFanout = if case .fanout = publish.address { true } else { false }
        outcomes.add(publish, .again(wasSent: isFanout, after: pause(publish, round), otherwise: error))
    }

    /// No queue took it although its route declares one: somebody deleted the queue, its binding or the exchange between
    /// the declaration and the publish. No queue has the message, so it may always be sent again.
    private func declareAgain(_ publish: Publish, _ returned: IncomingMethod.Return) {
        control.forgetDeclarations()
        let round = PublishTroubles.note(publish, \.returns).returns
        let error = errors.unroutable(publish.address, returned)
        // The first time at once; a deletion that takes its time returns it again.
        outcomes.add(
            publish, .again(wasSent: false, after: round > 1 ? pause(publish, round) : .zero, otherwise: error))
    }

    /// What a broker that is not stuck needs to confirm or refuse a message.
    private static let answerMargin: Duration = .milliseconds(50)

    /// The pause before a round, but not so late that the broker's answer may miss the deadline: its last answer says more
    /// than that one is missing.
    private func pause(_ publish: Publish, _ round: Int) -> Duration {
        let pause = Duration.milliseconds(20 << min(round, 6)) * Double.random(in: 0.5...1, using: &generator)
        return pause + Self.answerMargin > publish.timeLeft ? publish.timeLeft + .seconds(1) : pause
    }

    // MARK: Returns

    func received(_ header: ContentHeader) throws(ProtocolViolation) {
        var header = header
        // What no publish under way is the size of is read past: it can be none of them.
        if !window.contains(where: { UInt64($0.publish.message.body.count) == header.bodySize }) {
            header.defect = .bodyTooLarge(bytes: header.bodySize, limit: 0)
        }
        if let content = try returning.received(header, limit: .max) { try returned(content) }
    }

    func received(_ body: UnsafeRawBufferPointer) throws(ProtocolViolation) {
        if let content = try returning.received(body) { try returned(content) }
    }

    /// A return names no tag and our messages have no id on the wire, as oslo.messaging's have none. The broker returns
    /// in the order of publishing, before the confirm: so it is the oldest publish of that exchange, key and body that
    /// has not been returned. Where two are the same in all of that, it does not matter which is told first.
    ///
    /// A return that matches nothing belongs to a publish that is no longer awaited. If there isn't one, the broker sends
    /// nonsense, and could go on forever.
    private func returned(
        _ content: ContentAssembler<IncomingMethod.Return>.Content
    ) throws(ProtocolViolation) {
        let isKnown = window.update { unconfirmed in
            let (publish, route) = (unconfirmed.publish, unconfirmed.route)
            guard unconfirmed.answer.isNone, content.header.defect == nil,
                publish.message.body.count == content.body.count, route.bindsQueue || publish.mandatory,
                route.plan.exchange == content.method.exchange, route.plan.routingKey == content.method.routingKey,
                publish.message.body == content.body
            else { return false }
            let goesAgain = route.bindsQueue && PublishTroubles.returns(of: publish) < Self.returnLimit
            unconfirmed.answer = goesAgain ? .lacksQueue(content.method) : .unroutable(content.method)
            // No queue has it, whether it is sent again or not.
            publish.hold(errors.unroutable(publish.address, content.method))
            return true
        }
        guard isKnown || window.abandoned > 0 else {
            throw ProtocolViolation("the broker returned a message that it was not sent")
        }
    }

    // MARK: Ends of the channel

    /// The connection is gone. What isn't ended here, `Transport` takes back.
    func closed() {
        let flushes = connection?.flushes ?? 0
        connection = nil
        state = .closed
        answerDeadline = nil
        waiting.removeAll()
        unread.reset()
        for unconfirmed in window.reset() {
            let publish = unconfirmed.publish
            switch unconfirmed.answer {
            case .lacksQueue(let returned):
                outcomes.add(
                    publish, .again(wasSent: false, otherwise: errors.unroutable(publish.address, returned)))
            case .unroutable(let returned):
                outcomes.add(publish, .failed(errors.unroutable(publish.address, returned)))
            case .none where unconfirmed.flush == flushes:
                outcomes.add(publish, .again(wasSent: false, otherwise: errors.unwritten(publish.address)))
            case .none: break
            }
        }
    }

    /// The channel is gone, and all that was pipelined behind the offending publish was dropped without a confirm.
    private func closed(by closure: IncomingMethod.Closure) {
        isPaused = false
        abandonWhatIsOver()
        let isAlone = window.count == 1 && window.abandoned == 0
        let lost = window.reset()
        unread.reset()
        let missing = closure.code == 404 ? Self.quotedName(in: closure.text) : nil
        if missing != nil { control.forgetDeclarations() }
        let firstDropped = Self.firstCertainlyDropped(lost.map(\.route.plan.exchange), missing: missing)
        var again = 0
        for (index, unconfirmed) in lost.enumerated() {
            let publish = unconfirmed.publish
            let exceptions = PublishTroubles.note(publish, \.exceptions).exceptions
            let isCulprit = missing == nil && isAlone
            let isCertain = isCulprit || index >= firstDropped || !unconfirmed.answer.isNone
            if case .unroutable(let returned) = unconfirmed.answer {
                outcomes.add(publish, .failed(errors.unroutable(publish.address, returned)))
            } else if isCulprit || exceptions > Self.exceptionLimit(missing != nil && isCertain) {
                let error = errors.rejected(publish.address, closure)
                outcomes.add(
                    publish, isCertain ? .failed(error) : .failed(errors.lost(publish.address, closure)))
            } else {
                // Not there for longer: somebody deletes it all the time, or it may not be declared.
                let isMissingForLong = missing != nil && isCertain && exceptions > 3
                let error =
                    isMissingForLong
                    ? errors.unroutable(publish.address, .init(closure, exchange: missing ?? ""))
                    : errors.lost(publish.address, closure)
                outcomes.add(
                    publish,
                    .again(
                        wasSent: !isCertain, after: isMissingForLong ? pause(publish, exceptions - 3) : .zero,
                        otherwise: error))
                again += 1
            }
        }
        // Not told whose fault it was: one at a time, until the culprit is alone.
        probes = missing == nil ? again : 0
        openChannel()
    }

    /// How often a message may come back with a closed channel before it is given up. One that was certainly not taken, as its
    /// exchange is missing, goes out later each time.
    private static func exceptionLimit(_ isMissingExchange: Bool) -> Int { isMissingExchange ? 25 : 3 }

    /// The index from which on publishes were certainly not taken, when the exchange `missing` was the reason.
    ///
    /// The culprit is a publish to that exchange. With one in flight it is that one; with several it may be any, and
    /// only what lies behind the last is certain.
    static func firstCertainlyDropped(_ exchanges: [String], missing: String?) -> Int {
        guard let missing, let first = exchanges.firstIndex(of: missing),
            let last = exchanges.lastIndex(of: missing)
        else { return exchanges.count }
        return first == last ? first : last + 1
    }

    /// `NOT_FOUND - no exchange 'x' in vhost '/'` → `x`
    static func quotedName(in text: String) -> String? {
        let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[1]) : nil
    }
}

extension IncomingMethod.Return {
    /// A channel that was closed over a missing exchange says of its message what a return says.
    fileprivate init(_ closure: IncomingMethod.Closure, exchange: String) {
        self.init(code: closure.code, text: closure.text, exchange: exchange, routingKey: "")
    }
}
#endif
