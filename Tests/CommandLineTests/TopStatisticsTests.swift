import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// What `top` counts and shows.
@Suite("Top")
struct TopStatisticsTests {
    private static let start = ContinuousClock.now

    private func call(
        _ method: String = "work", _ outcome: TapRecord.Outcome = .result, milliseconds: Int = 10,
        topic: String = "compute"
    ) -> TapRecord {
        TapRecord(
            kind: .call, time: 0, exchange: "nova", topic: topic, method: method, outcome: outcome,
            duration: .milliseconds(milliseconds))
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { Self.start + .seconds(seconds) }

    @Test(
        "Percentiles are right within 3 %, however long the times are", arguments: [1.0, 37, 1000, 98_765, 3_000_000])
    func percentiles(scale: Double) throws {
        var counts = LatencyCounts()
        #expect(counts.percentile(0.5) == nil)
        let times = (1...1000).map { scale * Double($0) }
        for time in times.shuffled() { counts.add(.microseconds(time)) }
        for (share, index) in [(0.001, 0), (0.5, 499), (0.95, 949), (0.99, 989), (1, 999)] {
            let found = try #require(counts.percentile(share)) / .microseconds(1)
            #expect(abs(found - times[index]) <= times[index] * 0.03 + 1, "\(share): \(found) for \(times[index])")
        }
        counts.add(.seconds(Int64.max))
        counts.add(.zero - .seconds(5))
        #expect(counts.total == 1002 && counts.percentile(0) == .zero)
        var doubled = counts
        doubled += counts
        #expect(doubled.total == 2004 && doubled.percentile(0.5) == counts.percentile(0.5))
    }

    @Test("Only the last seconds count")
    func window() {
        var statistics = TopStatistics(window: 10, start: Self.start)
        for second in 0..<30 { statistics.add(call(), cell: nil, at: at(Double(second) + 0.5)) }
        #expect(statistics.totals(at: at(29.9)).counts.values.map(\.calls) == [10])
        #expect(statistics.totals(at: at(29.9)).seconds == 10)
        #expect(statistics.totals(at: at(35)).counts.values.map(\.calls) == [4])
        #expect(statistics.totals(at: at(60)).counts.isEmpty)
        // An instant that is a little early is no fault.
        statistics.add(call(), cell: nil, at: at(29.2))
        #expect(statistics.totals(at: at(29.9)).counts.values.map(\.calls) == [11])
    }

    @Test("Errors are counted by class; a late answer isn't a call once more; casts are others")
    func kinds() throws {
        var statistics = TopStatistics(window: 10, start: Self.start)
        var cast = call()
        cast.kind = .cast
        cast.outcome = .sent
        for record in [
            call(), call("work", .failure(className: "m.Busy", message: ""), milliseconds: 20), call("work", .noAnswer),
            call("work", .late(failure: nil)), call("work", .duplicate), cast,
        ] {
            statistics.add(record, cell: "one", at: at(1))
        }
        let counts = try #require(
            statistics.totals(at: at(1)).counts[.init(cell: "one", topic: "compute", method: "work")])
        #expect(counts.calls == 4 && counts.others == 1)
        #expect(counts.errors == ["m.Busy": 1, "no answer": 1, "late": 1, "duplicate": 1])
        #expect(counts.latencies.total == 2)
    }

    @Test("Memory is bounded, whatever methods and errors peers invent")
    func bounds() {
        var statistics = TopStatistics(window: 10, start: Self.start)
        for number in 0..<6000 {
            statistics.add(call("m\(number)"), cell: nil, at: at(1))
            statistics.add(call("errors", .failure(className: "E\(number)", message: "")), cell: nil, at: at(1))
        }
        let totals = statistics.totals(at: at(1))
        #expect(totals.counts.count <= TopStatistics.mostKeys + 1)
        #expect(totals.counts.values.map(\.calls).reduce(0, +) == 12_000)
        #expect(totals.counts.values.map(\.errors.count).max() ?? 0 <= 51)
    }

    private func report(
        _ grouping: TopReport.Grouping = .method, _ order: TopReport.Order = .calls, seesAnswers: Bool = true
    ) -> TopReport {
        var statistics = TopStatistics(window: 10, start: Self.start)
        for _ in 0..<20 { statistics.add(call("fast", milliseconds: 5), cell: "one", at: at(1)) }
        for _ in 0..<10 { statistics.add(call("slow", milliseconds: 500), cell: "two", at: at(1)) }
        statistics.add(call("fast", .failure(className: "nova.exception.Busy", message: "")), cell: "one", at: at(1))
        statistics.addRedelivery(.init(cell: "one", name: "compute.h1"), at: at(1))
        statistics.addMissed(3, at: at(1))
        return TopReport(
            statistics.totals(at: at(10)), inFlight: [.init(cell: "two", topic: "compute", method: "slow"): 4],
            backlogs: [.init(cell: "two", name: "compute"): .init(ready: 7, consumers: 1)], grouping: grouping,
            order: order,
            time: 3661, seesAnswers: seesAnswers, seesDeliveries: seesAnswers)
    }

    @Test("Rows are methods, topics or cells, in the order that was asked for")
    func rows() {
        #expect(report().rows.map(\.key.method) == ["fast", "slow"])
        #expect(report(.method, .latency).rows.map(\.key.method) == ["slow", "fast"])
        #expect(report(.method, .errors).rows.map(\.key.method) == ["fast", "slow"])
        #expect(report(.method, .inFlight).rows.map(\.key.method) == ["slow", "fast"])
        #expect(report(.cell).rows.map(\.key.cell) == ["one", "two"])
        #expect(report(.topic).rows.map(\.counts.calls) == [21, 10])
        #expect(report().total.counts.calls == 31 && report().total.inFlight == 4)
    }

    @Test("The table has what is asked for, and JSON the same")
    func output() throws {
        let lines = report().lines()
        let text = lines.joined(separator: "\n")
        #expect(lines.first?.hasPrefix("01:01:01") == true && lines.first?.contains("3 messages missed") == true)
        #expect(text.contains("CELL") && text.contains("1 Busy") && text.contains(" ms") && text.contains("compute.h1"))
        #expect(!report(.topic).lines().joined().contains("METHOD"))
        let object = try JSONValue(parsing: "\(report().object)")
        #expect(object["total"]?["calls"] == 31 && object["rows"]?[0]?["method"] == "fast")
        #expect(object["rows"]?[0]?["errors"]?["nova.exception.Busy"] == 1)
        #expect(object["queues"]?[0]?["waiting"] == 7 && object["queues"]?[1]?["redelivered"] == 1)
        #expect(object["missed"] == 3)
    }

    @Test("Without answers what comes from them is unknown, and not none")
    func withoutAnswers() throws {
        let report = report(seesAnswers: false)
        #expect(report.lines().first?.contains("- in flight  - errors") == true)
        let rows = report.lines().filter { $0.contains(" fast ") || $0.contains(" slow ") }
        #expect(rows.count == 2 && rows.allSatisfy { $0.hasSuffix("-  -") }, "\(rows)")
        #expect(report.lines().contains { $0.contains("compute.h1") && $0.hasSuffix("-") })
        let object = try JSONValue(parsing: "\(report.object)")
        for row in [object["total"], object["rows"]?[0]] {
            #expect(row?["in_flight"] == .null && row?["errors"] == .null && row?["calls"] != .null)
        }
        #expect(object["queues"]?[0]?["redelivered"] == .null && object["queues"]?[0]?["waiting"] == 7)
    }

    @Test(
        "A screen shows as many lines, and as much of each, as there is room for; what a peer named can't move the cursor"
    )
    func screen() {
        let text = TerminalScreen.text(of: ["abcdef", "x\u{1B}[2Jy", "three", "four"], columns: 4, rows: 3)
        #expect(text == "\u{1B}[Habcd\u{1B}[K\r\nx\\u{\u{1B}[K\r\n… 2 \u{1B}[K\u{1B}[J")
        #expect(TerminalScreen.text(of: ["a"], columns: 80, rows: 24) == "\u{1B}[Ha\u{1B}[K\u{1B}[J")
    }
}
