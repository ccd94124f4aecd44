#if RabbitMQ
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Keeping the ways to subscriptions")
struct RouteChecksTests {
    private let start = Moment.now
    private let interval = Duration.seconds(30)

    private let noRight = IncomingMethod.Closure(code: 403, text: "ACCESS_REFUSED")
    private let gone = IncomingMethod.Closure(code: 404, text: "NOT_FOUND - no exchange 'e' in vhost '/'")

    private func exchange(_ name: String) -> Declaration {
        .exchange(ExchangeDeclaration(name: name, type: .topic, isDurable: false, deletesItself: false))
    }

    private func binding(_ queue: String, _ exchange: String) -> Declaration {
        .binding(Binding(queue: queue, exchange: exchange, key: queue))
    }

    private func route(_ number: UInt64, _ exchange: String) -> RouteChecks.Route {
        RouteChecks.Route(
            subscription: number, steps: [self.exchange(exchange), binding("q\(number)", exchange)])
    }

    /// One that sweeps `routes` on channel 7.
    private func sweeping(_ routes: [RouteChecks.Route]) -> (RouteChecks, sent: [OutgoingMethod]) {
        var checks = RouteChecks()
        _ = checks.begin(start)
        #expect(checks.isDue(start, next: interval) == true)
        #expect(checks.sweep(routes) == true)
        let sent = checks.open(7, until: start + .seconds(1))
        return (checks, sent)
    }

    @Test("A sweep is due when it is time, once, and not while another is under way")
    func due() {
        var checks = RouteChecks()
        #expect(checks.isDue(start, next: interval) == false)
        #expect(checks.begin(start + .seconds(1)) == start + .seconds(1))
        #expect(checks.begin(start + .seconds(2)) == start + .seconds(1))
        #expect(checks.isDue(start, next: interval) == false)
        #expect(checks.isDue(start + .seconds(1), next: interval) == true)
        #expect(checks.nextAt == start + .seconds(31))
        #expect(checks.sweep([route(1, "e")]) == true)
        _ = checks.open(7, until: start + .seconds(40))
        #expect(checks.isDue(start + .seconds(31), next: interval) == false)
        #expect(checks.nextAt == start + .seconds(61))
    }

    @Test("One route after the other, what they share once, on a channel that is opened and closed for it")
    func order() throws {
        let later = start + .seconds(2)
        var (checks, sent) = sweeping([route(1, "e"), route(2, "e"), RouteChecks.Route(subscription: 3, steps: [])])
        #expect(sent == [.channelOpen, exchange("e").method, binding("q1", "e").method])
        #expect(try checks.answered(until: later) == [])
        #expect(checks.channel == 7)
        #expect(checks.answerAt == later)
        #expect(try checks.answered(until: later) == [binding("q2", "e").method])
        #expect(try checks.answered(until: later) == [.channelClose(code: 200, text: "Done")])
        #expect(checks.state == .leaving(7))
        checks.left()
        #expect(checks.state == .resting)
        #expect(checks.channel == nil)
        #expect(throws: ProtocolViolation.self) { try checks.answered(until: later) }
    }

    @Test("What the broker refuses is left out, now and for some sweeps; the rest goes on on another channel")
    func refused() throws {
        let both = [route(1, "e"), route(2, "f")]
        var (checks, _) = sweeping(both)
        #expect(checks.refused(noRight) == .init(subscription: 1, step: exchange("e")))
        #expect(checks.isInterrupted)
        #expect(checks.open(8, until: start) == [.channelOpen, binding("q1", "e").method])
        #expect(try checks.answered(until: start) == [exchange("f").method, binding("q2", "f").method])
        _ = try checks.answered(until: start)
        _ = try checks.answered(until: start)
        checks.left()
        #expect(!checks.isInterrupted)
        var silent = 0
        while true {
            #expect(checks.sweep(both) == true)
            let sent = checks.open(9, until: start)
            if sent.contains(exchange("e").method) { break }
            silent += 1
            for _ in 0..<3 { _ = try checks.answered(until: start) }
            checks.left()
        }
        #expect((10...30).contains(silent))
    }

    @Test("The last step may be refused, and what is gone is asked for in the next sweep")
    func refusedLast() throws {
        var (checks, _) = sweeping([route(1, "e")])
        #expect(try checks.answered(until: start) == [])
        #expect(checks.refused(gone) == .init(subscription: 1, step: binding("q1", "e")))
        #expect(checks.state == .resting)
        #expect(!checks.isInterrupted)
        #expect(checks.sweep([route(1, "e")]) == true)
        #expect(checks.open(7, until: start).count == 3)
    }

    @Test("Nothing is bound to an exchange that somebody has declared with another type")
    func otherType() throws {
        var (checks, _) = sweeping([route(1, "e"), route(2, "f"), route(3, "e")])
        let text =
            "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'topic' but current is 'fanout'"
        #expect(checks.refused(.init(code: 406, text: text)) == .init(subscription: 1, step: exchange("e")))
        #expect(checks.open(8, until: start) == [.channelOpen, exchange("f").method, binding("q2", "f").method])
        _ = try checks.answered(until: start)
        #expect(try checks.answered(until: start) == [.channelClose(code: 200, text: "Done")])
        checks.left()
        #expect(checks.sweep([route(1, "e"), route(3, "e")]) == false)
    }

    @Test("To one that is only durable where ours is not, everything is")
    func otherArgument() {
        var (checks, _) = sweeping([route(1, "e")])
        let text =
            "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'e' in vhost '/': received 'false' but current is 'true'"
        #expect(checks.refused(.init(code: 406, text: text)) == .init(subscription: 1, step: exchange("e")))
        #expect(checks.open(8, until: start) == [.channelOpen, binding("q1", "e").method])
    }

    @Test("A broker that does not answer keeps its channel, and no other is used until it does")
    func silent() throws {
        var (checks, _) = sweeping([route(1, "e")])
        #expect(checks.expire(start) == [])
        #expect(checks.expire(start + .seconds(1)) == [.channelClose(code: 200, text: "Done")])
        #expect(try checks.answered(until: start) == [])
        #expect(checks.isDue(start + interval, next: interval) == false)
        checks.left()
        #expect(checks.isDue(start + interval * 2, next: interval) == true)
    }

    @Test("A lost connection ends a sweep, and the next one begins with the next subscription that is live")
    func closed() {
        var (checks, _) = sweeping([route(1, "e")])
        checks.closed()
        #expect(checks.state == .resting)
        #expect(!checks.isInterrupted)
        #expect(checks.nextDeadline == nil)
        #expect(checks.isDue(start + interval * 9, next: interval) == false)
    }

    @Test("Nothing to ask for is no sweep")
    func nothing() {
        var checks = RouteChecks()
        #expect(checks.sweep([RouteChecks.Route(subscription: 1, steps: [])]) == false)
        #expect(!checks.isInterrupted)
    }
}
#endif
