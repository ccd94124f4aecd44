import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// What answers make of hosts, and when that is said. Without I/O and without a clock.
@Suite("Watch, states of hosts")
struct HostStatesTests {
    static let one = WatchedCell(CellMapping(id: CellID("11111111-0000-4000-8000-000000000001")!, name: "one"))
    static let two = WatchedCell(CellMapping(id: CellID("22222222-0000-4000-8000-000000000002")!, name: "two"))

    static func finding(_ hostClass: HostClass) -> HostFinding {
        let answers = [HostClass.answering, .noPing, .slow].contains(hostClass)
        return HostFinding(
            hostClass: hostClass, roundTrip: answers ? .milliseconds(5) : nil, detail: "a detail of \(hostClass.text)")
    }

    static func observation(
        _ hosts: [String: HostClass], _ outcome: CellObservation.Outcome = .reached(roundTrip: .milliseconds(2)),
        of cell: WatchedCell = one
    ) -> CellObservation {
        CellObservation(cell: cell, outcome: outcome, hosts: hosts.mapValues(finding))
    }

    /// What is said of `h` when sweeps find these, one after the other; a `nil` is a sweep that doesn't reach the cell.
    private func changes(_ found: HostClass?...) -> [[HostClass]] {
        var states = HostStates()
        #expect(states.follow([(Self.one, ["h"])], at: 0).isEmpty)
        return found.enumerated().map { index, found in
            let observation =
                found.map { Self.observation(["h": $0]) }
                ?? Self.observation([:], .failed(reason: "down", isCertain: false))
            return states.apply(observation, at: Double(index)).compactMap { event in
                guard case .host("h", _, let finding) = event.kind else { return nil }
                return finding.hostClass
            }
        }
    }

    // MARK: One answer

    @Test("An answer is in time or slow; one without a ping is alive")
    func answers() {
        let classifier = HostClassifier(slow: .milliseconds(100))
        #expect(classifier.finding(answeredIn: .milliseconds(100), hasPing: true).hostClass == .answering)
        #expect(classifier.finding(answeredIn: .milliseconds(100), hasPing: false).hostClass == .noPing)
        for hasPing in [true, false] {
            let slow = classifier.finding(answeredIn: .milliseconds(101), hasPing: hasPing)
            #expect(slow.hostClass == .slow && slow.roundTrip == .milliseconds(101))
            #expect(slow.detail.contains("101.0 ms") && slow.detail.contains("100.0 ms"))
        }
    }

    @Test(
        "Each error says what the host is, or that the queue is in the way",
        arguments: [
            (RPCError.Code.remote, HostClass.noPing), (.noSuchMethod, .noPing), (.unsupportedVersion, .noPing),
            (.invalidReply, .noPing), (.timeout, .deaf), (.unroutable, .absent), (.invalidTarget, .absent),
            (.unavailable, .unreachable), (.indeterminate, .unreachable), (.refused, .unreachable),
            (.closed, .unreachable), (.exhausted, .unreachable), (.transport, .unreachable), (.noQueue, .unreachable),
        ])
    func errors(code: RPCError.Code, expected: HostClass) {
        let finding = HostClassifier(slow: .seconds(1)).finding(RPCError(code, "the error's text"), after: .seconds(10))
        // An answer after ten seconds is slow, whatever it says.
        #expect(finding.hostClass == (expected == .noPing ? .slow : expected))
        #expect(
            HostClassifier(slow: .seconds(20)).finding(RPCError(code, "the error's text"), after: .seconds(10))
                .hostClass == expected)
        if expected == .deaf { #expect(finding.detail.contains("10 s")) }
        if expected == .unreachable { #expect(finding.detail == "the error's text") }
    }

    // MARK: When it is said

    @Test("The first good answer is no news, and neither is the same again")
    func noNews() {
        #expect(changes(.answering, .answering) == [[], []])
        #expect(changes(.noPing, .noPing) == [[], []])
        #expect(changes(.answering, .noPing, .answering) == [[], [.noPing], [.answering]])
    }

    @Test("A host that nobody serves is said at once, also at the first sweep")
    func absent() {
        #expect(changes(.absent, .absent, .answering) == [[.absent], [], [.answering]])
        #expect(changes(.answering, .absent) == [[], [.absent]])
    }

    @Test("What one sweep can't make certain is said with the second in a row", arguments: [HostClass.deaf, .slow])
    func confirmation(kind: HostClass) {
        #expect(changes(kind, kind, kind, .answering) == [[], [kind], [], [.answering]])
        #expect(changes(.answering, kind, .answering, kind, .answering) == [[], [], [], [], []])
        #expect(changes(kind, nil, kind, kind) == [[], [], [], [kind]])
    }

    @Test("Deaf and slow in turn is trouble: it is said as what the second is")
    func mixedTrouble() {
        #expect(changes(.answering, .deaf, .slow, .deaf) == [[], [], [.slow], [.deaf]])
    }

    @Test("Deaf after absent waits for its second sweep, and absent after deaf doesn't")
    func kinds() {
        #expect(changes(.absent, .deaf, .deaf, .absent) == [[.absent], [], [.deaf], [.absent]])
    }

    @Test(
        "A cell that isn't reached says nothing of its hosts; what they were before is compared with what they are after"
    )
    func outage() {
        #expect(changes(.deaf, .deaf, nil, nil, .answering) == [[], [.deaf], [], [], [.answering]])
        #expect(changes(.answering, nil, nil, nil, .answering) == [[], [], [], [], []])
    }

    // MARK: Cells

    private func reachEvents(_ outcomes: [CellObservation.Outcome]) -> [[String]] {
        var states = HostStates()
        _ = states.follow([(Self.one, ["a", "b"])], at: 0)
        return outcomes.map { outcome in
            states.apply(Self.observation([:], outcome), at: 0).map(\.text)
        }
    }

    @Test("A cell that doesn't answer is unreachable with the second sweep, one that refuses at once")
    func cells() {
        let (well, silent, refused): (CellObservation.Outcome, CellObservation.Outcome, CellObservation.Outcome) = (
            .reached(roundTrip: .zero), .failed(reason: "silent", isCertain: false),
            .failed(reason: "refused", isCertain: true)
        )
        let gone = "cell one: unreachable, with 2 hosts (silent)"
        #expect(reachEvents([well, silent, silent, silent]) == [[], [], [gone], []])
        #expect(reachEvents([silent, well, silent, well]) == [[], [], [], []])
        #expect(
            reachEvents([refused, well, silent, silent]) == [
                ["cell one: unreachable, with 2 hosts (refused)"], ["cell one: reachable again"], [], [gone],
            ])
    }

    @Test("Hosts of an unreachable cell count as unreachable and not as deaf, and another cell's stay what they are")
    func unreachableCounts() {
        var states = HostStates()
        _ = states.follow([(Self.one, ["a", "b"]), (Self.two, ["c"])], at: 0)
        #expect(states.counts == [.unknown: 3])
        _ = states.apply(Self.observation(["a": .absent, "b": .answering]), at: 0)
        _ = states.apply(Self.observation(["c": .answering], of: Self.two), at: 0)
        #expect(states.counts == [.absent: 1, .answering: 2])
        let down = Self.observation([:], .failed(reason: "down", isCertain: true))
        #expect(states.apply(down, at: 0).count == 1)
        #expect(states.counts == [.unreachable: 2, .answering: 1])
        #expect(states.apply(Self.observation(["a": .answering, "b": .answering]), at: 0).count == 2)
        #expect(states.counts == [.answering: 3])
    }

    // MARK: Mappings

    @Test("New and deleted hosts and cells are followed; a host that moves is new in its cell")
    func mappings() {
        var states = HostStates()
        #expect(states.follow([(Self.one, ["a", "b"])], at: 0).isEmpty)
        _ = states.apply(Self.observation(["a": .answering, "b": .absent]), at: 0)
        let events = states.follow([(Self.one, ["a"]), (Self.two, ["b"])], at: 1)
        #expect(
            events.map(\.text) == ["cell two, host b: mapped", "cell one, host b: not mapped any more"])
        #expect(states.counts == [.answering: 1, .unknown: 1])
        // Of hosts and cells that aren't mapped any more nothing is said.
        #expect(states.apply(Self.observation(["b": .absent]), at: 2).isEmpty)
        #expect(states.follow([(Self.two, ["b"])], at: 3).map(\.text) == ["cell one, host a: not mapped any more"])
        #expect(states.apply(Self.observation(["a": .absent]), at: 4).isEmpty)
        #expect(states.counts == [.unknown: 1])
    }

    // MARK: Laws

    @Test(
        "The events of any history are a chain, tell all that is certain within two sweeps, and never a single miss",
        arguments: 0..<20)
    func laws(seed: UInt64) {
        var generator = Numbers(state: seed)
        let kinds: [HostClass] = [.answering, .answering, .answering, .noPing, .slow, .deaf, .absent]
        for _ in 0..<50 {
            var states = HostStates()
            _ = states.follow([(Self.one, ["h"])], at: 0)
            var told = HostClass.unknown
            var isUnreachable = false
            var history: [HostClass?] = []
            for time in 0..<30 {
                let found = Int.random(in: 0..<8, using: &generator) == 0 ? nil : kinds.randomElement(using: &generator)
                history.append(found)
                let wasUnreachable = isUnreachable
                let outcome: CellObservation.Outcome =
                    found == nil ? .failed(reason: "down", isCertain: false) : .reached(roundTrip: .zero)
                let observation = Self.observation(found.map { ["h": $0] } ?? [:], outcome)
                for event in states.apply(observation, at: Double(time)) {
                    switch event.kind {
                    case .host(_, let old, let new):
                        // A chain: each begins with what was told last, but for what is no news.
                        #expect(old == told || (told == .unknown && old.isWell))
                        #expect(old != new.hostClass && new.hostClass == found)
                        told = new.hostClass
                    case .cellUnreachable: isUnreachable.toggle()
                    case .cellReachable: isUnreachable.toggle()
                    default: Issue.record("\(event)")
                    }
                }
                let host = states.cells[Self.one.id]!.hosts["h"]!
                if told != .unknown { #expect(host.judged == told) }
                let (last, before) = (history.last!, history.dropLast().last ?? nil)
                let trouble: [HostClass?] = [.deaf, .slow]
                if trouble.contains(last), trouble.contains(before) { #expect(host.judged == last) }
                if let last, last.isWell || last == .absent { #expect(host.judged == last) }
                let isDown = history.count > 1 && last == nil && before == nil
                #expect(isUnreachable == (isDown || (last == nil && wasUnreachable)))
                let total = states.counts.values.reduce(0, +)
                #expect(total == 1)
                #expect((states.counts[.unreachable] == 1) == isUnreachable)
            }
            // One miss between good answers was never told.
            let wasEverInDoubt = zip(history, history.dropFirst()).contains { pair in
                [.deaf, .slow].contains(pair.0) && [.deaf, .slow].contains(pair.1)
            }
            if !wasEverInDoubt, !history.contains(.absent) { #expect(told == .unknown || told.isWell) }
        }
    }

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }
}
