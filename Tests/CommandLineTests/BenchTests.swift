import Foundation
import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

@Suite("Histograms of latencies")
struct LatencyHistogramTests {
    /// From nanoseconds to centuries: as many of each magnitude.
    private static func values(_ count: Int) -> [UInt64] {
        (0..<count).map { _ in UInt64.random(in: 0...UInt64.max) >> UInt64.random(in: 1...63) }
    }

    @Test("A percentile is never below the exact one, and above it by no more than the promised error")
    func error() throws {
        let values = Self.values(20_000).sorted()
        var histogram = LatencyHistogram()
        for value in values.shuffled() { histogram.record(nanoseconds: value) }
        // In hundredths of a percent.
        for hundredths in [0, 1, 100, 1000, 2500, 5000, 7500, 9000, 9900, 9990, 9999, 10_000] {
            let percent = Double(hundredths) / 100
            let exact = values[max(1, hundredths * 2) - 1]
            let read = try #require(histogram.percentile(percent)).wholeNanoseconds
            #expect(
                read >= exact && Double(read - exact) <= Double(exact) * LatencyHistogram.maximumError, "\(percent)")
        }
        #expect(
            histogram.minimum?.wholeNanoseconds == values.first && histogram.maximum?.wholeNanoseconds == values.last)
    }

    @Test("Each value is in the bucket that ends at it or just above it, and all are counted once")
    func buckets() {
        let powers = (0..<63).map { UInt64(1) << UInt64($0) }
        let edges: [UInt64] = powers + powers.map { $0 - 1 } + powers.map { $0 + 1 } + [UInt64(Int64.max)]
        for value in edges + Self.values(2000) {
            var histogram = LatencyHistogram()
            histogram.record(nanoseconds: value)
            let bucket = histogram.buckets
            #expect(bucket.count == 1 && bucket[0].count == 1)
            #expect(bucket[0].upperBound >= value)
            #expect(Double(bucket[0].upperBound - value) <= Double(value) * LatencyHistogram.maximumError, "\(value)")
        }
        var all = LatencyHistogram()
        for value in edges { all.record(nanoseconds: value) }
        #expect(all.buckets.map(\.count).reduce(0, +) == edges.count && all.count == edges.count)
        let bounds = all.buckets.map(\.upperBound)
        #expect(bounds == bounds.sorted() && Set(bounds).count == bounds.count)
    }

    @Test("The largest value that there is has a bucket")
    func largest() {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: .max)
        histogram.record(.seconds(Int64.max))
        histogram.record(.seconds(-5))
        #expect(histogram.count == 3 && histogram.buckets.last?.upperBound == .max)
        #expect(histogram.minimum == .zero)
    }

    @Test("Merged histograms are as if all had been recorded in one")
    func merge() {
        let (first, second) = (Self.values(500), Self.values(700))
        var (one, other, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in first {
            one.record(nanoseconds: value)
            both.record(nanoseconds: value)
        }
        for value in second {
            other.record(nanoseconds: value)
            both.record(nanoseconds: value)
        }
        one.merge(other)
        #expect(one.buckets == both.buckets && one.count == both.count)
        #expect(one.minimum == both.minimum && one.maximum == both.maximum)
        #expect(one.percentile(99) == both.percentile(99))
        one.merge(LatencyHistogram())
        #expect(one.buckets == both.buckets && one.minimum == both.minimum)
    }

    @Test("Nothing recorded has no percentile and no mean")
    func empty() {
        let histogram = LatencyHistogram()
        #expect(histogram.percentile(50) == nil && histogram.mean == nil && histogram.minimum == nil)
        #expect(histogram.maximum == nil && histogram.buckets.isEmpty)
    }

    @Test("The mean is that of the values themselves")
    func mean() throws {
        var histogram = LatencyHistogram()
        for value in [1_000_000, 2_000_000, 6_000_000] { histogram.record(nanoseconds: UInt64(value)) }
        let mean = try #require(histogram.mean)
        #expect(abs(mean / .milliseconds(1) - 3) < 1e-6)
    }
}

@Suite("Loads of a measurement", .timeLimit(.minutes(5)))
struct BenchLoadTests {
    @Test("A steady rate is due evenly, and each request within the time once")
    func steady() throws {
        let load = BenchLoad.rate(from: 200, to: 200)
        #expect(load.count(within: .seconds(3)) == 600 && !load.isRamp)
        #expect(load.due(0, within: .seconds(3)) == .zero)
        let last = try #require(load.due(599, within: .seconds(3)))
        #expect(abs(last / .seconds(1) - 2.995) < 1e-6)
        #expect(load.due(600, within: .seconds(3)) == nil)
    }

    @Test("A ramp grows, or falls, evenly", arguments: [(100.0, 500.0), (500, 100), (0, 300), (300, 0)])
    func ramp(first: Double, last: Double) throws {
        let load = BenchLoad.rate(from: first, to: last)
        let count = try #require(load.count(within: .seconds(10)))
        #expect(count == Int((first + last) * 5))
        let dues = (0..<count).map { load.due($0, within: .seconds(10)).map { $0 / .seconds(1) } ?? .infinity }
        #expect(dues == dues.sorted() && dues[0] == 0)
        #expect(load.due(count + 1, within: .seconds(10)) == nil)
        // So many in the first half as the rates say.
        let expected = (first + (first + last) / 2) / 2 * 5
        #expect(abs(Double(dues.count { $0 < 5 }) - expected) <= 1)
        #expect(load.rate(inStep: 0, of: 10) == first + (last - first) * 0.05)
    }

    @Test("Ramps are two numbers, not both 0")
    func parsing() {
        #expect(BenchLoad.ramp("10:20.5") == .rate(from: 10, to: 20.5))
        for text in ["", "10", "10:", ":10", "0:0", "-1:5", "1:nan", "1:inf", "1:2:3", "a:b", "1:2000000"] {
            #expect(BenchLoad.ramp(text) == nil, "\(text)")
        }
    }

    @Test("A stall is seen in each request that it delayed")
    func coordinatedOmission() async {
        let count = Locked(0)
        let generator = LoadGenerator(load: .rate(from: 200, to: 200), concurrency: 1, span: .seconds(1)) { _ in
            let isTenth = count.withLock { count in
                count += 1
                return count == 10
            }
            if isTenth { try await Task.sleep(for: .milliseconds(300)) }
        }
        let tally = await generator.run()
        // The 40 requests that were due in the 200 ms after it began waited for at least 100 ms.
        let slow = tally.latencies.buckets.filter { $0.upperBound >= 100_000_000 }.map(\.count).reduce(0, +)
        #expect(slow + tally.late >= 40)
        #expect(tally.succeeded + tally.late == 200)
    }

    @Test("What was due and never began is told")
    func late() async {
        let generator = LoadGenerator(load: .rate(from: 100, to: 100), concurrency: 1, span: .milliseconds(500)) { _ in
            try await Task.sleep(for: .milliseconds(50))
        }
        let tally = await generator.run()
        #expect(tally.late >= 40 && tally.succeeded + tally.late == 50 && tally.failed == 0)
    }

    @Test("Failures are counted by their codes, in their part of the time")
    func failures() async {
        let generator = LoadGenerator(
            load: .rate(from: 100, to: 100), concurrency: 8, span: .milliseconds(400), steps: 4
        ) { _ in throw RPCError(.timeout, "No.") }
        let tally = await generator.run()
        #expect(tally.failures.keys.sorted() == ["timeout"] && tally.succeeded == 0)
        #expect(tally.failed + tally.late == 40)
        #expect(tally.steps.map(\.failed).reduce(0, +) == tally.failed)
        #expect(tally.steps[0].failed == 10)
    }

    @Test("A cancelled measurement tells what there was until then, and what was under way counts for nothing")
    func cancelled() async {
        let begun = Locked(0)
        let generator = LoadGenerator(load: .asFastAsReplied, concurrency: 4, span: .seconds(3600)) { _ in
            let number = begun.withLock { begun in
                begun += 1
                return begun
            }
            if number > 20 { try await Task.sleep(for: .seconds(3600)) }
        }
        let tally = await withTaskGroup(of: BenchTally?.self) { group in
            group.addTask { await generator.run() }
            while begun.withLock({ $0 }) < 24, !Task.isCancelled { await Task.yield() }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(tally?.succeeded == 20 && tally?.failed == 0 && tally?.late == 0)
    }
}

@Suite("switchboard bench", .timeLimit(.minutes(5)))
struct BenchCommandTests {
    @Test("Each kind is measured, and each request counted once", arguments: BenchServing.Kind.allCases)
    func kinds(kind: BenchServing.Kind) throws {
        let program = try Program()
        let result = try program.run(
            "bench", kind.rawValue, "--transport-url", "fake://bench", "--rate", "200", "--for", "0.5", "--warm-up",
            "0.1",
            "--timeout", "60", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let report = try result.json()
        #expect(report["kind"] == .string(kind.rawValue) && report["failed"] == 0 && report["strangers"] == 0)
        let requests = try #require(report["requests"]?.integer)
        let late = try #require(report["too_late"]?.integer)
        #expect(requests + late == 100 && requests > 0)
        guard case .array(let buckets)? = report["histogram"] else { throw RPCError(.invalidReply, "No histogram.") }
        #expect(buckets.compactMap { $0["count"]?.integer }.reduce(0, +) == requests)
        #expect((report["latency_ms"]?["p99"] != nil) && (report["arrival_ms"] != nil) == (kind != .calls))
        if kind != .calls { #expect(report["lost"] == 0) }
    }

    @Test("As text: a ramp has a line for each tenth, and the sum below")
    func text() throws {
        let program = try Program()
        let result = try program.run(
            "bench", "--transport-url", "fake://bench", "--ramp", "50:250", "--for", "0.6", "--warm-up", "0",
            "--timeout", "60")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.lines.first?.hasPrefix("ASKED/S") == true)
        #expect(result.lines.count { $0.first?.isNumber == true } == 10)
        #expect(result.output.contains("\nrequests   ") && result.output.contains("\nlatency    p50 "))
        #expect(result.errors.contains("Control-C"))
    }

    @Test("On a spool nothing stays, also when it is interrupted")
    func interrupted() throws {
        let program = try Program()
        let url = "spool://\(program.folder)/spool"
        func queues() -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: program.folder + "/spool/queues")) ?? []
        }
        let running = try program.start(["bench", "casts", "--transport-url", url, "--for", "600", "--json"])
        let deadline = Date.now + 60
        while queues().isEmpty, Date.now < deadline { usleep(10_000) }
        #expect(!queues().isEmpty)
        running.interrupt()
        let result = try running.wait()
        // It may come before anything was measured, which is told.
        if result.status == 0 {
            #expect(try result.json()["interrupted"] == true)
        } else {
            #expect(result.status == 1 && result.errors.contains("before anything was measured"), "\(result.errors)")
        }
        #expect(queues().isEmpty, "\(queues())")
    }

    @Test("An interrupted measurement has what was measured until then")
    func interruption() async throws {
        let premises = BenchTopic(nil, of: try TransportURL("fake://bench"), timeout: .seconds(60))
        var bench = Bench(serving: BenchServing(.casts, topic: premises.topic, size: 10, timeout: .seconds(60)))
        bench.span = .seconds(3600)
        bench.warmUp = .zero
        bench.interruption = { [serving = bench.serving] in
            while serving.arrivals.withLock({ $0.latencies.count }) < 10, !Task.isCancelled { await Task.yield() }
        }
        let result = try await premises.connected("it") { [bench] client, server in
            try await bench.run(from: client, to: server)
        }
        #expect(result.isInterrupted && result.tally.succeeded > 0 && result.tally.failed == 0)
        #expect(result.lines.contains { $0.contains("interrupted") })
    }

    @Test("Requests and replies of others are told")
    func strangers() async throws {
        let url = try TransportURL("fake://bench")
        let premises = BenchTopic(nil, of: url, timeout: .seconds(60))
        var bench = Bench(serving: BenchServing(.calls, topic: premises.topic, size: 10, timeout: .seconds(60)))
        bench.span = .milliseconds(200)
        bench.warmUp = .zero
        let result = try await premises.connected("it") { [bench] client, server in
            try await bench.serving.serving(on: server) {
                let other = RPCClient(client, target: RPCTarget(premises.topic), timeout: .seconds(60))
                await #expect(throws: RPCError.self) { try await other.call("reboot_instance") }
            }
            return try await bench.run(from: client, to: server)
        }
        #expect(result.arrivals.strangers == 1 && !result.isClean)
        #expect(result.lines.contains { $0.hasPrefix("strangers  1 ") })
    }

    @Test(
        "Wrong usage",
        arguments: [
            ["--rate", "1", "--ramp", "1:2"], ["--rate", "0"], ["--rate", "nan"], ["--ramp", "5"], ["--for", "0"],
            ["--concurrency", "0"], ["--size", "-1"], ["--warm-up", "-1"], ["--timeout", "0"], ["--topic", ""],
            ["talks"],
        ])
    func usage(arguments: [String]) throws {
        let program = try Program()
        let result = try program.start(["bench", "--transport-url", "fake://bench"] + arguments).wait()
        #expect(result.status == 64 && result.output.isEmpty)
    }
}
