#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("When a connection is tried again")
struct ReconnectingTests {
    private let first = Duration.milliseconds(50)
    private let most = Duration.seconds(5)

    /// The pauses after some outcomes; `nil`: the end.
    private func pauses(
        _ outcomes: [Reconnecting.Outcome], endsRound: Bool = true, seed: UInt64
    ) -> [Duration?] {
        var generator = SeededGenerator(seed)
        var reconnecting = Reconnecting(first: first, most: most)
        return outcomes.map { outcome in
            switch reconnecting.step(after: outcome, endsRound: endsRound, using: &generator) {
            case .connect(let pause): pause
            case .end: nil
            }
        }
    }

    @Test("A connection that served and was closed costs a short pause, however often it happens", arguments: 0..<20)
    func served(seed: UInt64) {
        for pause in pauses(Array(repeating: .served(.milliseconds(200)), count: 100), seed: seed) {
            #expect(pause.map { $0 >= .zero && $0 <= first } == true)
        }
    }

    @Test(
        "Connections that fail, or are closed as soon as they are ready, are tried more and more rarely",
        arguments: [.failed, .served(.zero), .served(.milliseconds(199))] as [Reconnecting.Outcome])
    func failing(outcome: Reconnecting.Outcome) {
        for seed: UInt64 in 0..<20 {
            let all = pauses(Array(repeating: outcome, count: 100), seed: seed).compactMap(\.self)
            #expect(all.count == 100)
            #expect(all.allSatisfy { $0 >= first && $0 <= most })
            // In a minute there are some dozens of attempts, where without growing pauses there would be a thousand.
            var time = Duration.zero
            for pause in all.prefix(90) { time += pause }
            #expect(time > .seconds(60))
        }
    }

    @Test("One that served makes up for all that failed before it", arguments: 0..<20)
    func reset(seed: UInt64) {
        let outcomes = Array(repeating: Reconnecting.Outcome.failed, count: 50) + [.served(.seconds(1)), .failed]
        let all = pauses(outcomes, seed: seed)
        #expect(all.suffix(2).allSatisfy { $0.map { $0 <= first * 3 } == true })
    }

    @Test("Hosts of one round follow each other at once, unless a connection was good")
    func rounds() {
        #expect(pauses([.failed, .passedOver], endsRound: false, seed: 1) == [.zero, .zero])
        let short = pauses([.served(.zero)], endsRound: false, seed: 1)
        #expect(short[0].map { $0 >= first } == true)
    }

    @Test("What is refused for now is tried after pauses that double up to half a minute", arguments: 0..<20)
    func refused(seed: UInt64) {
        let all = pauses(Array(repeating: .refusedForNow, count: 20), seed: seed).compactMap(\.self)
        #expect(all.count == 20)
        for (index, pause) in all.enumerated() {
            let full = min(.seconds(30), Duration.milliseconds(500) * (1 << index))
            #expect(pause >= full / 2 && pause <= full)
        }
        // What is put right is noticed in about the time that it took: the next attempt comes before twice as much has passed.
        var time = Duration.zero
        for pause in all.prefix(6) {
            #expect(pause <= time * 2 + .seconds(1))
            time += pause
        }
        let again = pauses(
            Array(repeating: .refusedForNow, count: 20) + [.served(.seconds(1)), .refusedForNow], seed: seed)
        #expect(again.last!.map { $0 <= .milliseconds(500) } == true)
    }

    @Test("What is refused for good is the end")
    func end() {
        #expect(pauses([.refusedForGood], seed: 1) == [nil])
    }

    // MARK: Hosts and verdicts

    private let login = ConnectionLoss(.init(code: 403, text: "ACCESS_REFUSED"), duringLogin: true)
    private let declaration = ConnectionLoss(.init(code: 541, text: "transient_nonexcl_queues"), duringLogin: false)
    private let method = ConnectionLoss("no such method", isRefusal: true)

    private func endpoint(_ host: String, password: Secret = "p") -> Endpoint {
        Endpoint(host: host, port: 5672, username: "u", password: password, virtualHost: "/")
    }

    private func outcome(
        _ dialing: inout Dialing, _ loss: ConnectionLoss, ready: Duration? = nil, lasted: Duration = .zero,
        isNews: Bool = true
    ) -> Reconnecting.Outcome {
        let host = dialing.next()
        return dialing.outcome(of: .init(loss: loss, ready: ready, lasted: lasted, isNews: isNews), at: host)
    }

    private func dialing(_ endpoints: [Endpoint]) -> Dialing {
        var generator = SeededGenerator(1)
        return Dialing(endpoints, first: first, most: most, using: &generator)
    }

    @Test("Every verdict ends a driver that never had a good connection, and none ends one that had")
    func verdicts() {
        for loss in [login, declaration, method] {
            var fresh = dialing([endpoint("a")])
            #expect(outcome(&fresh, loss) == .refusedForGood)
            var proven = dialing([endpoint("a")])
            for _ in 0..<10 { #expect(outcome(&proven, loss, isNews: false) == .refusedForNow) }
        }
    }

    @Test("A loss is none of them, and tells how long the connection served")
    func losses() {
        var dialing = dialing([endpoint("a")])
        let loss = ConnectionLoss("gone")
        #expect(outcome(&dialing, loss) == .failed)
        #expect(outcome(&dialing, loss, ready: .seconds(1), lasted: .seconds(2)) == .served(.seconds(1)))
        #expect(outcome(&dialing, loss, lasted: .seconds(6)) == .served(.seconds(6)))
    }

    @Test("Hosts with other logins come first; when all are refused, each has its turn again")
    func otherLogins() {
        for isNews in [true, false] {
            var dialing = dialing([
                endpoint("a", password: "1"), endpoint("b", password: "2"), endpoint("c", password: "1"),
            ])
            for _ in 0..<3 {
                #expect(outcome(&dialing, login, isNews: isNews) == .passedOver)
                #expect(outcome(&dialing, login, isNews: isNews) == (isNews ? .refusedForGood : .refusedForNow))
            }
        }
    }
}
#endif
