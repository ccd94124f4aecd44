import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

/// Joins and counts what taps see, or what comes of asking hosts.
actor TopCollector {
    /// A message queue that something is told of.
    struct Source: Sendable {
        /// Tells it from others.
        var name: String
        /// Where rows are shown by cell.
        var cell: String?
        /// `nil` where a cell has none that can be used.
        var url: TransportURL?
    }

    private let topics: [GlobPattern]
    private let knownTopics: [String]
    private var statistics: TopStatistics
    private var joiners: [String: CallJoiner] = [:]
    /// By their names.
    private var known: [String: Source] = [:]
    /// Hosts that were asked and haven't answered yet, by the source's name.
    private var asked: [String: Int] = [:]
    private let sweptTopic: Topic?
    private var backlogs: [TopStatistics.Queue: TopReport.Backlog] = [:]
    private var queues: [String: Set<String>] = [:]
    /// Those that see no answers, or few.
    private var withoutAnswers: Set<String> = []

    private static let mostQueues = 200

    /// For taps. `window`: how many seconds are looked back.
    init(topics: [GlobPattern], knownTopics: [String], window: Int) {
        self.topics = topics
        self.knownTopics = knownTopics
        sweptTopic = nil
        statistics = TopStatistics(window: window, start: .now)
    }

    /// For sweeps over the hosts that serve a topic.
    init(sweeping topic: Topic, window: Int) {
        topics = []
        knownTopics = []
        sweptTopic = topic
        statistics = TopStatistics(window: window, start: .now)
    }

    /// Those that something was told of.
    var sources: [Source] { Array(known.values) }

    // MARK: From taps

    func take(_ event: TapEvent, from source: Source) {
        let (name, cell) = (source.name, source.cell)
        known[name] = source
        switch event {
        case .began(let coverage):
            if let remark = coverage.remark { complain("\(name): \(remark)") }
            if coverage.replies == .firehose { withoutAnswers.remove(name) } else { withoutAnswers.insert(name) }
            // What waits in them is wanted also when nothing comes.
            queues[name, default: []].formUnion(topics.filter(\.isLiteral).map(\.text))
        case .message(let message):
            if case .delivered(let queue, let isRedelivered) = message.motion {
                let (topic, _) = KnownNames.split(queue, knownTopics)
                guard isRedelivered, topics.allow(topic) else { return }
                return statistics.addRedelivery(.init(cell: cell, name: queue), at: message.instant)
            }
            var joiner = joiners[name] ?? CallJoiner(topics: knownTopics)
            joiners[name] = nil
            let records = joiner.add(message)
            joiners[name] = joiner
            noteQueue(of: message, name)
            count(records, cell, message.instant)
        case .missed(let count): statistics.addMissed(count, at: .now)
        case .lost(let reason):
            complain("\(name) is not tapped for now: \(reason)")
            _ = joiners[name]?.interrupt()
        }
    }

    /// Requests go to queues of their routing keys' names.
    private func noteQueue(of message: TappedMessage, _ name: String) {
        guard !message.exchange.isEmpty, !message.routingKey.isEmpty, message.routingKey.utf8.count <= 255,
            topics.allow(KnownNames.split(message.routingKey, knownTopics).topic),
            (queues[name]?.count ?? 0) < Self.mostQueues
        else { return }
        queues[name, default: []].insert(message.routingKey)
    }

    private func count(_ records: [TapRecord], _ cell: String?, _ instant: ContinuousClock.Instant) {
        for record in records where topics.isEmpty || record.kind != .reply && topics.allow(record.topic) {
            statistics.add(record, cell: cell, at: instant)
        }
    }

    // MARK: From sweeps

    /// Each request to a host is a call.
    func take(_ step: HostSweep.Step, from source: Source) {
        known[source.name] = source
        switch step {
        case .asked: asked[source.name, default: 0] += 1
        case .answered(let host, let finding):
            asked[source.name, default: 0] -= 1
            count(host, finding, source)
        case .known(let host, let finding): count(host, finding, source)
        case .unreachable(let reason):
            count(.failure(className: HostClass.unreachable.rawValue, message: reason), source)
        }
    }

    private func count(_ host: String, _ finding: HostFinding, _ source: Source) {
        guard let topic = sweptTopic else { return }
        let queue = "\(topic.name).\(host)"
        if finding.hostClass != .deaf {
            queues[source.name]?.remove(queue)
            backlogs[.init(cell: source.cell, name: queue)] = nil
        } else if (queues[source.name]?.count ?? 0) < Self.mostQueues {
            // What waits in it tells whether it is served all the same.
            queues[source.name, default: []].insert(queue)
        }
        switch finding.hostClass {
        case .answering, .noPing, .slow: count(.result, source, duration: finding.roundTrip)
        case .deaf, .absent, .unreachable, .unknown:
            count(.failure(className: finding.hostClass.rawValue, message: finding.detail), source)
        }
    }

    private func count(_ outcome: TapRecord.Outcome, _ source: Source, duration: Duration? = nil) {
        guard let topic = sweptTopic else { return }
        let record = TapRecord(
            kind: .call, time: 0, exchange: topic.exchange, topic: topic.name, method: HostSweep.method,
            outcome: outcome, duration: duration)
        statistics.add(record, cell: source.cell, at: .now)
    }

    // MARK: What there is to show

    /// Queues whose backlogs are to be looked at.
    func queues(of name: String) -> [String] { (queues[name] ?? []).sorted() }

    func set(_ found: [String: TopReport.Backlog], of name: String) {
        let cell = known[name]?.cell
        for queue in queues[name] ?? [] { backlogs[.init(cell: cell, name: queue)] = found[queue] }
    }

    func report(grouping: TopReport.Grouping, order: TopReport.Order) -> TopReport {
        let now = ContinuousClock.now
        var inFlight: [TopStatistics.Key: Int] = [:]
        for name in joiners.keys {
            let cell = known[name]?.cell
            count(joiners[name]?.expire(now) ?? [], cell, now)
            for (key, count) in joiners[name]?.inFlightByMethod ?? [:] where topics.allow(key.topic) {
                inFlight[.init(cell: cell, topic: key.topic, method: key.method), default: 0] += count
            }
        }
        for (name, count) in asked where count > 0 {
            let key = TopStatistics.Key(
                cell: known[name]?.cell, topic: sweptTopic?.name ?? "", method: HostSweep.method)
            inFlight[key, default: 0] += count
        }
        return TopReport(
            statistics.totals(at: now), inFlight: inFlight, backlogs: backlogs, grouping: grouping, order: order,
            time: Date.now.timeIntervalSince1970, seesAnswers: withoutAnswers.isEmpty,
            seesDeliveries: sweptTopic == nil && withoutAnswers.isEmpty)
    }
}
