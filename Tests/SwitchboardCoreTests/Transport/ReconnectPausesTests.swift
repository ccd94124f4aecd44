import Testing

@testable import SwitchboardCore

@Suite("When a connection is tried again")
struct ReconnectPausesTests {
    private let shortest = Duration.milliseconds(50)
    private let longest = Duration.seconds(5)

    private struct Outcome {
        var retry = ConnectionFailure.Retry.afterPause
        var life: Duration?
    }

    /// The pauses after some outcomes; `nil`: the end.
    private func pauses(_ outcomes: [Outcome], wasEverReady: Bool = true, seed: UInt64 = 1) -> [Duration?] {
        var generator = SeededGenerator(seed: seed)
        var pauses = ReconnectPauses(ReconnectBackoff(shortest: shortest, longest: longest))
        return outcomes.map { outcome in
            let step = pauses.step(
                after: outcome.retry, life: outcome.life, wasEverReady: wasEverReady, using: &generator)
            return if case .connect(let pause) = step { pause } else { nil }
        }
    }

    @Test("A connection that served and was closed costs a short pause, however often it happens", arguments: 0..<20)
    func served(seed: UInt64) {
        for pause in pauses(Array(repeating: Outcome(life: .milliseconds(200)), count: 100), seed: seed) {
            #expect(pause.map { $0 >= .zero && $0 <= shortest } == true)
        }
    }

    @Test(
        "Connections that fail, or are closed as soon as they are ready, are tried more and more rarely",
        arguments: [nil, .zero, .milliseconds(199)] as [Duration?])
    func failing(life: Duration?) {
        for seed: UInt64 in 0..<20 {
            let all = pauses(Array(repeating: Outcome(life: life), count: 100), seed: seed).compactMap(\.self)
            #expect(all.count == 100)
            #expect(all.allSatisfy { $0 >= shortest && $0 <= longest })
            // In a minute there are some dozens of attempts, where without growing pauses there would be a thousand.
            #expect(all.prefix(90).reduce(.zero, +) > .seconds(60))
        }
    }

    @Test("One that served makes up for all that failed before it", arguments: 0..<20)
    func reset(seed: UInt64) {
        let all = pauses(
            Array(repeating: Outcome(), count: 50) + [Outcome(life: .seconds(1)), Outcome()], seed: seed)
        #expect(all.suffix(2).allSatisfy { $0.map { $0 <= shortest * 3 } == true })
    }

    @Test("The next host has its turn at once")
    func atOnce() {
        #expect(pauses([Outcome(retry: .atOnce), Outcome(retry: .atOnce)]) == [.zero, .zero])
    }

    @Test("What is refused for now is tried after pauses that double up to half a minute", arguments: 0..<20)
    func refused(seed: UInt64) {
        for (retry, wasEverReady) in [(ConnectionFailure.Retry.unlessFirst, true), (.afterLongPause, false)] {
            let refusals = Array(repeating: Outcome(retry: retry), count: 20)
            let all = pauses(refusals, wasEverReady: wasEverReady, seed: seed).compactMap(\.self)
            #expect(all.count == 20)
            for (index, pause) in all.enumerated() {
                let full = min(.seconds(30), Duration.milliseconds(500) * (1 << index))
                #expect(pause >= full / 2 && pause <= full)
            }
            // What is put right is noticed in about the time that it took: the next attempt comes before twice as much
            // has passed.
            var time = Duration.zero
            for pause in all.prefix(6) {
                #expect(pause <= time * 2 + .seconds(1))
                time += pause
            }
            let again = pauses(
                refusals + [Outcome(life: .seconds(1)), Outcome(retry: retry)], wasEverReady: true, seed: seed)
            #expect(again.last!.map { $0 <= .milliseconds(500) } == true)
        }
    }

    @Test("What is refused at first, or for good, is the end")
    func end() {
        #expect(pauses([Outcome(retry: .unlessFirst)], wasEverReady: false) == [nil])
        #expect(pauses([Outcome(retry: .never)], wasEverReady: true) == [nil])
    }
}
