import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

/// Joins what taps see, and prints what passes a filter.
actor TapPrinter {
    /// As many records were printed as were asked for.
    struct Enough: Error {}

    private let filter: TapFilter
    private let text: TapText
    private let json: TapJSON
    private let printsJSON: Bool
    private let topics: [String]
    private let limits: CallJoiner.Limits
    private var joiners: [String: CallJoiner] = [:]
    private var remaining: Int?

    /// How many records were printed.
    private(set) var printed = 0
    /// How many messages were not seen as they came too fast, and calls forgotten as there were too many.
    private(set) var missed = 0

    /// - Parameter count: how many records are printed; `nil`: all.
    init(
        filter: TapFilter, topics: [String], showsValues: Bool, redaction: TapRedaction, printsJSON: Bool, count: Int?,
        limits: CallJoiner.Limits = .init()
    ) {
        self.filter = filter
        self.topics = topics
        self.limits = limits
        text = TapText(showsValues: showsValues, redaction: redaction)
        json = TapJSON(showsValues: showsValues, redaction: redaction)
        self.printsJSON = printsJSON
        remaining = count
    }

    /// - Parameter name: tells the taps apart.
    func take(_ event: TapEvent, from name: String, cell: String?) throws {
        switch event {
        case .began(let coverage):
            complain("tapping \(name): \(Self.words(coverage)); Control-C ends it")
            if let remark = coverage.remark { complain(remark) }
            if coverage.replies != .firehose, filter.failuresOnly || filter.slowerThan != nil {
                complain("--failures and --slower-than go by answers: without the firehose few or none are listed")
            }
        case .message(let message):
            guard message.motion == .published else { return }
            var joiner = joiners[name] ?? CallJoiner(limits: limits, topics: topics, keepsValues: text.showsValues)
            joiners[name] = nil
            let records = joiner.add(message)
            joiners[name] = joiner
            try print(records, cell)
        case .missed(let count):
            missed += count
            complain("\(count) messages of \(name) came too fast and were not looked at")
        case .lost(let reason):
            complain("\(name) is not tapped for now: \(reason)")
            let records = joiners[name]?.interrupt() ?? []
            try print(records, cell)
        }
    }

    /// Tells the calls whose time is over.
    func tick(_ now: ContinuousClock.Instant, cells: [String: String]) throws {
        for name in joiners.keys {
            let records = joiners[name]?.expire(now) ?? []
            try print(records, cells[name])
        }
        try StandardOutput.flush()
    }

    /// Tells the calls that wait.
    func end(cells: [String: String]) throws {
        for name in joiners.keys.sorted() {
            missed += joiners[name]?.dropped ?? 0
            let records = joiners[name]?.end() ?? []
            try print(records, cells[name])
        }
    }

    private func print(_ records: [TapRecord], _ cell: String?) throws {
        for record in records where filter.allows(record) {
            if let remaining, remaining <= 0 { throw Enough() }
            if printsJSON {
                try StandardOutput.json(.object(json.object(record, cell: cell)))
            } else {
                try StandardOutput.line(text.line(record, cell: cell))
            }
            printed += 1
            remaining = remaining.map { $0 - 1 }
        }
        if remaining == 0 { throw Enough() }
    }

    private static func words(_ coverage: TapCoverage) -> String {
        let replies =
            switch coverage.replies {
            case .firehose: "everything by the firehose"
            case .bindings, .none: "the exchanges \(coverage.exchanges.joined(separator: ", "))"
            }
        return "virtual host \(coverage.virtualHost), \(replies)"
    }
}
