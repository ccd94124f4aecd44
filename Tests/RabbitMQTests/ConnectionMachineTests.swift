#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("The life of a connection")
struct ConnectionMachineTests {
    private func login(
        _ method: RabbitMQConfiguration.LoginMethod = .plain, heartbeat: UInt16 = 60
    ) -> Login {
        Login(
            method: method, username: "u", password: "p", virtualHost: "v", properties: ["product": .string("S")],
            heartbeat: heartbeat)
    }

    private let start = IncomingMethod.start(mechanisms: "AMQPLAIN PLAIN", product: "RabbitMQ", version: "3")
    private let tune = IncomingMethod.tune(channelMax: 2047, frameMax: 131_072, heartbeat: 60)

    private func machine(in state: ConnectionMachine.State) throws -> ConnectionMachine {
        var machine = ConnectionMachine(login())
        if state == .created { return machine }
        _ = machine.connected()
        if state == .awaitingStart { return machine }
        _ = try machine.received(start)
        if state == .awaitingTune { return machine }
        _ = try machine.received(tune)
        if state == .awaitingOpenOK { return machine }
        _ = try machine.received(.openOK)
        if state == .open { return machine }
        _ = machine.close()
        return machine
    }

    @Test("A login goes from the protocol header to open")
    func login() throws {
        var machine = ConnectionMachine(login())
        #expect(machine.connected() == [.writeProtocolHeader])
        #expect(
            try machine.received(start) == [
                .send(.startOK(properties: ["product": .string("S")], mechanism: "PLAIN", response: [0, 117, 0, 112]))
            ])
        let tuning = Tuning(channelMax: 2047, frameMax: 131_072, heartbeat: 60)
        #expect(
            try machine.received(tune) == [
                .send(.tuneOK(channelMax: 2047, frameMax: 131_072, heartbeat: 60)), .tune(tuning),
                .send(.open(virtualHost: "v")),
            ])
        #expect(try machine.received(.openOK) == [.opened])
        #expect(machine.state == .open)
    }

    @Test("AMQPLAIN sends what py-amqp sends")
    func amqplain() throws {
        var machine = ConnectionMachine(
            Login(
                method: .amqplain, username: "guest", password: "guest", virtualHost: "/", properties: [:],
                heartbeat: 0))
        _ = machine.connected()
        let expected = Array("\u{5}LOGINS\0\0\0\u{5}guest\u{8}PASSWORDS\0\0\0\u{5}guest".utf8)
        #expect(
            try machine.received(start) == [
                .send(.startOK(properties: [:], mechanism: "AMQPLAIN", response: expected))
            ])
    }

    @Test("A login method that the broker has not is a refusal that names those it has")
    func mechanism() throws {
        var machine = ConnectionMachine(login(.external))
        _ = machine.connected()
        guard case .lost(let loss)? = try machine.received(start).last else {
            Issue.record("not lost")
            return
        }
        #expect(loss.isRefusal)
        #expect(loss.reason.contains("AMQPLAIN PLAIN"))
    }

    @Test(
        "Wrong credentials and virtual hosts are refusals; limits pass, and so does a close after the login",
        arguments: [
            (403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.", true),
            (530, "NOT_ALLOWED - vhost v not found", true),
            (530, "NOT_ALLOWED - access to vhost 'v' refused for user 'u'", true),
            (530, "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (1) is reached", false),
            (530, "NOT_ALLOWED - access to vhost 'v' refused for user 'u': vhost 'v' is down", false),
            (320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'", false),
        ] as [(UInt16, String, Bool)])
    func refusals(code: UInt16, text: String, isRefusal: Bool) throws {
        var machine = try machine(in: .awaitingTune)
        let loss = ConnectionLoss(.init(code: code, text: text), duringLogin: true)
        #expect(loss.isRefusal == isRefusal)
        #expect(loss.reason.contains("\(code) \(text)"))
        #expect(try machine.received(.close(.init(code: code, text: text))) == [.send(.closeOK), .lost(loss)])
        #expect(machine.state == .closed)
        var open = try self.machine(in: .open)
        guard case .lost(let later)? = try open.received(.close(.init(code: code, text: text))).last else {
            Issue.record("not lost")
            return
        }
        #expect(!later.isRefusal)
    }

    @Test("A broker that refuses transient queues ends it with the options that settle it")
    func transientQueues() {
        let text = "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated."
        let loss = ConnectionLoss(.init(code: 541, text: text), duringLogin: false)
        #expect(loss.isRefusal)
        #expect(!loss.isAboutLogin)
        #expect(loss.reason.contains("rabbit_transient_queues_durable=true"))
    }

    @Test("The smaller of both limits holds, and 0 means that the other says")
    func tuning() throws {
        func agreed(_ ours: UInt16, _ frame: UInt32, _ theirs: UInt16) throws -> Tuning? {
            var machine = ConnectionMachine(login(heartbeat: ours))
            _ = machine.connected()
            _ = try machine.received(start)
            for case .tune(let tuning) in try machine.received(
                .tune(channelMax: 0, frameMax: frame, heartbeat: theirs))
            {
                return tuning
            }
            return nil
        }
        #expect(try agreed(60, 0, 30) == Tuning(channelMax: 2047, frameMax: 131_072, heartbeat: 30))
        #expect(try agreed(10, 4096, 60) == Tuning(channelMax: 2047, frameMax: 4096, heartbeat: 10))
        #expect(try agreed(0, 0, 60)?.heartbeat == 0)
        #expect(try agreed(60, 0, 0)?.heartbeat == 60)
        #expect(throws: ProtocolViolation.self) { try agreed(60, 100, 60) }
    }

    @Test("Blocked and unblocked are told")
    func blocked() throws {
        var machine = try machine(in: .open)
        #expect(try machine.received(.blocked(reason: "low on memory")) == [.blocked(reason: "low on memory")])
        #expect(try machine.received(.unblocked) == [.unblocked])
    }

    @Test("Closing says goodbye and waits for the answer; nothing else matters any more")
    func closing() throws {
        var machine = try machine(in: .open)
        #expect(machine.close() == [.send(.close(code: 200, text: "Goodbye"))])
        #expect(machine.close() == [])
        #expect(try machine.received(.blocked(reason: "x")) == [])
        #expect(try machine.received(.closeOK) == [.lost(ConnectionLoss("the connection was closed"))])
        #expect(machine.state == .closed)
        #expect(try machine.received(.openOK) == [])
        #expect(machine.ended("x") == nil)
    }

    @Test(
        "Closing during the login ends at once",
        arguments: [ConnectionMachine.State.created, .awaitingStart, .awaitingTune])
    func closingEarly(state: ConnectionMachine.State) throws {
        var machine = try machine(in: state)
        #expect(machine.close().count == 1)
        #expect(machine.state == .closed)
    }

    @Test("A socket that ends after the password was sent makes one look at the password")
    func hangUp() throws {
        var machine = try machine(in: .awaitingTune)
        #expect(machine.ended("the broker closed the socket")?.reason.contains("user name and password") == true)
        var open = try self.machine(in: .open)
        #expect(open.ended("gone") == ConnectionLoss("gone"))
    }

    @Test(
        "A method out of turn is a violation", arguments: [ConnectionMachine.State.awaitingStart, .awaitingTune, .open])
    func outOfTurn(state: ConnectionMachine.State) throws {
        var machine = try machine(in: state)
        #expect(throws: ProtocolViolation.self) { try machine.received(.openOK) }
    }

    @Test("A heartbeat goes out each third of the interval, and silence of two intervals is death")
    func heartbeats() {
        var heartbeat = Heartbeat(interval: 60)
        #expect(heartbeat.tick == .seconds(20))
        for _ in 0..<4 { #expect(heartbeat.ticked() == .send) }
        heartbeat.read()
        for _ in 0..<6 { #expect(heartbeat.ticked() == .send) }
        #expect(heartbeat.ticked() == .dead)
        #expect(Heartbeat(interval: 0).tick == nil)
    }

    @Test("Every host has its turn, from a start that differs")
    func rotation() {
        var starts: Set<Int> = []
        for seed: UInt64 in 0..<20 {
            var generator = SeededGenerator(seed)
            var rotation = HostRotation([1, 2, 3], using: &generator)
            let round = (0..<3).map { _ in rotation.next() }
            #expect(Set(round.map(\.host)) == [1, 2, 3])
            #expect(round.map(\.endsRound) == [false, false, true])
            #expect(rotation.next().host == round[0].host)
            starts.insert(round[0].host)
        }
        #expect(starts.count > 1)
    }
}
#endif
