#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Which host is tried next, and when")
struct DialingTests {
    private let login = ConnectionLoss(.init(code: 403, text: "ACCESS_REFUSED"), duringLogin: true)
    private let declaration = ConnectionLoss(.init(code: 541, text: "transient_nonexcl_queues"), duringLogin: false)
    private let method = ConnectionLoss("no such method", isRefusal: true)

    private func endpoint(_ host: String, password: Secret = "p") -> Endpoint {
        Endpoint(host: host, port: 5672, username: "u", password: password, virtualHost: "/")
    }

    private func retry(
        _ dialing: inout Dialing, _ loss: ConnectionLoss, wasReady: Bool = false, wasSettingUpNews: Bool = false
    ) -> ConnectionFailure.Retry {
        let host = dialing.next()
        return dialing.retry(after: loss, at: host, wasReady: wasReady, wasSettingUpNews: wasSettingUpNews)
    }

    private func dialing(_ endpoints: [Endpoint]) -> Dialing {
        var generator = SeededGenerator(1)
        return Dialing(endpoints, using: &generator)
    }

    @Test("A refused login ends a driver that never had a good connection, as often as it comes")
    func refusals() {
        for loss in [login, method] {
            var dialing = dialing([endpoint("a")])
            for _ in 0..<10 { #expect(retry(&dialing, loss) == .unlessFirst) }
        }
    }

    @Test("A refused declaration is the end when it is news, and may pass when it was made before")
    func declarations() {
        var dialing = dialing([endpoint("a")])
        #expect(retry(&dialing, declaration, wasReady: true, wasSettingUpNews: true) == .never)
        #expect(retry(&dialing, declaration, wasReady: true) == .afterLongPause)
    }

    @Test("A pause belongs between rounds, not between the hosts of one, unless the connection had been ready")
    func rounds() {
        let loss = ConnectionLoss("gone")
        var one = dialing([endpoint("a")])
        #expect(retry(&one, loss) == .afterPause)
        var two = dialing([endpoint("a"), endpoint("b")])
        #expect(retry(&two, loss) == .atOnce)
        #expect(retry(&two, loss) == .afterPause)
        #expect(retry(&two, loss, wasReady: true) == .afterPause)
    }

    @Test("Hosts with other logins come first; when all are refused, each has its turn again")
    func otherLogins() {
        var dialing = dialing([
            endpoint("a", password: "1"), endpoint("b", password: "2"), endpoint("c", password: "1"),
        ])
        for _ in 0..<3 {
            #expect([.atOnce, .afterPause].contains(retry(&dialing, login)))
            #expect(retry(&dialing, login) == .unlessFirst)
        }
    }

    @Test("A host that worked clears what was refused before")
    func success() {
        var dialing = dialing([endpoint("a", password: "1"), endpoint("b", password: "2")])
        #expect([.atOnce, .afterPause].contains(retry(&dialing, login)))
        dialing.succeeded()
        #expect([.atOnce, .afterPause].contains(retry(&dialing, login)))
    }
}
#endif
