import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

/// Joins and counts what taps see.
actor TopCollector {
    private let topics: [GlobPattern]
    private let knownTopics: [String]
    private var statistics: TopStatistics
    private var joiners: [String: CallJoiner] = [:]
    private var cells: [String: String] = [:]
    private var backlogs: [TopStatistics.Queue: TopReport.Backlog] = [:]
    private var queues: [String: Set<String>] = [:]
    /// Those that see no answers, or few.
    private var withoutAnswers: Set<String> = []

    private static let mostQueues = 200

    /// - Parameter window: how many seconds are looked back.
    init(topics: [GlobPattern], knownTopics: [String], window: Int) {
        self.topics = topics
        self.knownTopics = knownTopics
        statistics = TopStatistics(window: window, start: .now)
    }

    /// - Parameter name: tells the taps apart.
    func take(_ event: TapEvent, from name: String, cell: String?) {
        cells[name] = cell
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

    /// Queues whose backlogs are to be looked at.
    func queues(of name: String) -> [String] { (queues[name] ?? []).sorted() }

    func set(_ found: [String: TopReport.Backlog], of name: String) {
        let cell = cells[name]
        for queue in queues[name] ?? [] { backlogs[.init(cell: cell, name: queue)] = found[queue] }
    }

    func report(grouping: TopReport.Grouping, order: TopReport.Order) -> TopReport {
        let now = ContinuousClock.now
        var inFlight: [TopStatistics.Key: Int] = [:]
        for name in joiners.keys {
            count(joiners[name]?.expire(now) ?? [], cells[name], now)
            for (key, count) in joiners[name]?.inFlightByMethod ?? [:] where topics.allow(key.topic) {
                inFlight[.init(cell: cells[name], topic: key.topic, method: key.method), default: 0] += count
            }
        }
        return TopReport(
            statistics.totals(at: now), inFlight: inFlight, backlogs: backlogs, grouping: grouping, order: order,
            time: Date.now.timeIntervalSince1970, seesAnswers: withoutAnswers.isEmpty)
    }
}
