import SwitchboardCore
import SwitchboardMessaging

/// Joins requests with their replies. No I/O, no clock.
///
///              request ──▶ pending ──ending reply──▶ told ──one more──▶ duplicate
///                             └──── its time is over ─▶ told ──reply──▶ late
///     reply without request ──▶ early ──request──▶ told
///                             └──── a while ────────▶ told, as a reply
///
/// Memory is bounded: of what waits the oldest makes room for the newest, and is counted in ``dropped``.
struct CallJoiner: Sendable {
    struct Limits: Sendable {
        /// Calls without an answer so far, and answers without a call.
        var pending = 100_000
        /// Calls that are over, for duplicates and late answers.
        var remembered = 50_000
        /// What a call has that says nothing of its time.
        var answerTime = Duration.seconds(60)
        /// How long an answer waits for its call, which another way may bring later.
        var earlyTime = Duration.seconds(2)
        /// How much longer than its own time a call is waited for: the tap sees it sooner or later than its caller does.
        var grace = Duration.milliseconds(500)
    }

    private struct Key: Hashable {
        var id: String
        /// Ids are only unique for one caller, as far as anybody promises.
        var queue: String
    }

    private struct Pending {
        var record: TapRecord
        var begin: ContinuousClock.Instant
        var time: Duration
        var deadline: ContinuousClock.Instant
        var uniqueID: String?
        /// From a reply that was not the last one.
        var partial: PassingMessage.Reply?
    }

    private struct Early {
        var reply: PassingMessage.Reply
        var message: TappedMessage
    }

    private enum Finished {
        case answered
        case unanswered(TapRecord, begin: ContinuousClock.Instant)
    }

    private let limits: Limits
    private let topics: [String]
    private let keepsValues: Bool
    private var pending: Bounded<Key, Pending>
    private var early: Bounded<Key, Early>
    private var finished: Bounded<Key, Finished>
    /// How many calls were forgotten because there were too many.
    private(set) var dropped = 0

    /// - Parameters:
    ///   - topics: names that the caller knows, which may have dots.
    ///   - keepsValues: whether records have arguments' values and results; else only names.
    init(limits: Limits = Limits(), topics: [String] = [], keepsValues: Bool = false) {
        self.limits = limits
        self.topics = topics
        self.keepsValues = keepsValues
        pending = Bounded(limits.pending)
        early = Bounded(limits.pending)
        finished = Bounded(limits.remembered)
    }

    /// Calls that wait for their answers.
    var inFlight: Int { pending.count }

    // MARK: Messages

    /// Takes a message that was published. Returns what can be told now.
    mutating func add(_ message: TappedMessage) -> [TapRecord] {
        var records = expire(message.instant)
        guard message.defect == nil else {
            records.append(other(message, message.defect ?? ""))
            return records
        }
        switch PassingMessage(message.message) {
        case .request(let request): records += add(request, message)
        case .reply(let reply): records += add(reply, message)
        case .notification(let notification): records.append(record(of: notification, message))
        case .other(let reason): records.append(other(message, reason))
        }
        return records
    }

    private mutating func add(_ request: PassingMessage.Request, _ message: TappedMessage) -> [TapRecord] {
        var record = record(of: request, message)
        guard let id = request.id else { return [record] }
        record.kind = .call
        guard message.showsReplies else {
            record.outcome = .unseen
            return [record]
        }
        let key = Key(id: id, queue: request.replyQueue ?? "")
        // The same message again: its sender was not sure that it had arrived.
        if pending.update(key, { $0.record.repeats += 1 }) || finished[key] != nil { return [] }
        let time = message.timeToLive ?? limits.answerTime
        let call = Pending(
            record: record, begin: message.instant, time: time, deadline: message.instant + time + limits.grace,
            uniqueID: request.uniqueID)
        if let answer = early.remove(key) {
            return [finish(call, key, by: answer.reply, answer.message)]
        }
        if pending.set(key, call) != nil { dropped += 1 }
        return []
    }

    private mutating func add(_ reply: PassingMessage.Reply, _ message: TappedMessage) -> [TapRecord] {
        let key = Key(id: reply.id, queue: message.routingKey)
        if var call = pending[key] {
            guard reply.isEnding else {
                if reply.failure != nil || reply.result != .null { call.partial = reply }
                // A sign of life: the caller waits on.
                call.deadline = max(call.deadline, message.instant + call.time + limits.grace)
                pending.replace(key, call)
                return []
            }
            pending.remove(key)
            return [finish(call, key, by: reply, message)]
        }
        switch finished[key] {
        case .unanswered(var record, let begin)?:
            guard reply.isEnding else { return [] }
            finished.replace(key, .answered)
            record.outcome = .late(failure: reply.failure?.className)
            complete(&record, begin, reply, message)
            return [record]
        case .answered?:
            guard reply.isEnding else { return [] }
            return [self.record(of: reply, message, .duplicate)]
        case nil:
            guard reply.isEnding else { return [] }
            if early[key] == nil, early.set(key, Early(reply: reply, message: message)) != nil { dropped += 1 }
            return []
        }
    }

    private mutating func finish(
        _ call: Pending, _ key: Key, by reply: PassingMessage.Reply, _ message: TappedMessage
    ) -> TapRecord {
        _ = finished.set(key, .answered)
        var reply = reply
        if reply.failure == nil, reply.result == .null, let partial = call.partial {
            reply.result = partial.result
            reply.failure = partial.failure
        }
        var record = call.record
        record.outcome = reply.failure.map { .failure(className: $0.className, message: $0.message) } ?? .result
        complete(&record, call.begin, reply, message)
        return record
    }

    private func complete(
        _ record: inout TapRecord, _ begin: ContinuousClock.Instant, _ reply: PassingMessage.Reply,
        _ message: TappedMessage
    ) {
        record.duration = max(.zero, begin.duration(to: message.instant))
        record.replyBytes = message.message.body.count
        record.serverConnection = message.connection
        if keepsValues { record.result = reply.result }
    }

    // MARK: Time

    /// What was waited for in vain up to now.
    mutating func expire(_ now: ContinuousClock.Instant) -> [TapRecord] {
        var records: [TapRecord] = []
        while let (key, answer) = early.oldest, answer.message.instant + limits.earlyTime <= now {
            early.remove(key)
            records.append(record(of: answer.reply, answer.message, Self.outcome(of: answer.reply)))
        }
        // In the order of their requests, whose times are mostly alike: one that waits longer holds back those behind it for that
        // long at most, so all are looked at now and then.
        while let (key, call) = pending.oldest, call.deadline <= now { records.append(giveUp(key, call)) }
        if lastSweep.map({ $0 + Self.sweepPause <= now }) ?? true {
            lastSweep = now
            for (key, call) in pending.all(where: { $0.deadline <= now }) { records.append(giveUp(key, call)) }
        }
        return records
    }

    private var lastSweep: ContinuousClock.Instant?
    private static let sweepPause = Duration.seconds(1)

    private mutating func giveUp(_ key: Key, _ call: Pending) -> TapRecord {
        pending.remove(key)
        var record = call.record
        record.outcome = .noAnswer
        record.duration = call.time
        _ = finished.set(key, .unanswered(record, begin: call.begin))
        return record
    }

    /// Nothing more comes: what is left, in its order. With `asOpen` calls that wait are told too.
    mutating func end() -> [TapRecord] {
        var records: [TapRecord] = []
        for (_, answer) in early.all(where: { _ in true }) {
            records.append(record(of: answer.reply, answer.message, Self.outcome(of: answer.reply)))
        }
        for (_, call) in pending.all(where: { _ in true }) {
            var record = call.record
            record.outcome = .open
            records.append(record)
        }
        early = Bounded(limits.pending)
        pending = Bounded(limits.pending)
        return records
    }

    /// The connection was lost: answers may have passed unseen, so no call that waits is said to have none.
    mutating func interrupt() -> [TapRecord] { end() }

    // MARK: Records

    private static func outcome(of reply: PassingMessage.Reply) -> TapRecord.Outcome {
        reply.failure.map { .failure(className: $0.className, message: $0.message) } ?? .result
    }

    private func record(of request: PassingMessage.Request, _ message: TappedMessage) -> TapRecord {
        let isFanout = message.exchange.hasSuffix("_fanout")
        let (topic, server) =
            isFanout
            ? (String(message.exchange.dropLast("_fanout".count)), nil) : KnownNames.split(message.routingKey, topics)
        var record = TapRecord(
            kind: isFanout ? .fanout : .cast, time: message.time, exchange: message.exchange, topic: topic,
            server: server, method: request.method, outcome: .sent)
        record.namespace = request.namespace
        record.version = request.version
        record.requestID = request.requestID
        record.userID = request.userID
        record.projectID = request.projectID
        record.caller = request.replyQueue
        record.callerConnection = message.connection
        record.requestBytes = message.message.body.count
        record.arguments = keepsValues ? request.arguments : Self.names(of: request.arguments)
        return record
    }

    private func record(of notification: PassingMessage.Notification, _ message: TappedMessage) -> TapRecord {
        var record = TapRecord(
            kind: .notification, time: message.time, exchange: message.exchange, topic: message.routingKey,
            method: notification.eventType, outcome: .sent)
        record.requestID = notification.requestID
        record.userID = notification.userID
        record.projectID = notification.projectID
        record.caller = notification.publisherID
        record.callerConnection = message.connection
        record.requestBytes = message.message.body.count
        if case .object(let payload) = notification.payload {
            record.arguments = keepsValues ? payload : Self.names(of: payload)
        } else if keepsValues {
            record.arguments = ["payload": notification.payload]
        }
        return record
    }

    private func record(
        of reply: PassingMessage.Reply, _ message: TappedMessage, _ outcome: TapRecord.Outcome
    ) -> TapRecord {
        var record = TapRecord(
            kind: .reply, time: message.time, exchange: message.exchange, topic: message.routingKey, method: "",
            outcome: outcome)
        record.caller = message.routingKey
        record.serverConnection = message.connection
        record.replyBytes = message.message.body.count
        if keepsValues { record.result = reply.result }
        return record
    }

    private func other(_ message: TappedMessage, _ reason: String) -> TapRecord {
        var record = TapRecord(
            kind: .other, time: message.time, exchange: message.exchange, topic: message.routingKey, method: "",
            outcome: .unreadable(reason))
        record.callerConnection = message.connection
        record.requestBytes = message.message.body.count
        return record
    }

    private static func names(of arguments: JSONObject) -> JSONObject {
        var names = JSONObject()
        for name in arguments.keys { names.append(key: name, value: .null) }
        return names
    }
}
