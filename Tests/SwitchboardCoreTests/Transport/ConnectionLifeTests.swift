import Testing

@testable import SwitchboardCore

@Suite("The life of one connection")
struct ConnectionLifeTests {
    private let now = Moment.now
    private let lost = ConnectionFailure("the peer left")

    /// A life whose connection is up.
    private func up() throws -> (life: ConnectionLife, generation: UInt64) {
        var life = ConnectionLife(ReconnectBackoff())
        life.begin()
        let generation = try unwrap(life.willConnect())
        check(life.connected(generation))
        check(life.restored(now))
        return (life, generation)
    }

    @Test("It is idle, connects, is restored, and is up")
    func straight() throws {
        var life = ConnectionLife(ReconnectBackoff())
        #expect(life.state(nil) == .idle)
        check(life.willConnect() == nil)
        life.begin()
        #expect(life.state(nil) == .connecting(attempt: 1, reason: nil))
        let generation = try unwrap(life.willConnect())
        check(!life.restored(now))
        check(life.connected(generation))
        #expect(life.isConnected)
        #expect(life.state(nil) == .connecting(attempt: 1, reason: nil))
        check(life.restored(now))
        check(!life.restored(now))
        #expect(life.state(nil) == .ready)
        #expect(life.state("the subscription") == .connecting(attempt: 1, reason: "the subscription"))
        life.close()
        #expect(life.state(nil) == .closed(reason: nil))
        check(life.willConnect() == nil)
    }

    @Test("Attempts are counted from the last connection that was up, and the last reason stays")
    func attempts() throws {
        var life = ConnectionLife(ReconnectBackoff())
        life.begin()
        for attempt in 1...3 {
            let generation = try unwrap(life.willConnect())
            check(life.lost(ConnectionFailure("reason \(attempt)"), generation))
            #expect(life.state(nil) == .connecting(attempt: attempt + 1, reason: "reason \(attempt)"))
        }
        let generation = try unwrap(life.willConnect())
        check(life.connected(generation) && life.restored(now))
        check(life.lost(lost, generation))
        #expect(life.state(nil) == .connecting(attempt: 1, reason: "the peer left"))
    }

    @Test("What an attempt that is over says doesn't count, not even before the next one")
    func late() throws {
        var (life, generation) = try up()
        #expect(life.isCurrent(generation))
        check(life.lost(lost, generation))
        #expect(!life.isCurrent(generation))
        check(!life.lost(ConnectionFailure("late"), generation))
        check(!life.connected(generation))
        #expect(life.reason == "the peer left")
        let next = try unwrap(life.willConnect())
        #expect(!life.isCurrent(generation) && life.isCurrent(next))
        check(!life.lost(ConnectionFailure("late"), generation))
        check(life.connected(next))
    }

    @Test("A connection that is lost before its attempt has returned was never up")
    func lostEarly() throws {
        var life = ConnectionLife(ReconnectBackoff())
        life.begin()
        let generation = try unwrap(life.willConnect())
        check(life.lost(lost, generation))
        check(!life.connected(generation))
        check(!life.restored(now))
    }

    @Test("Being blocked ends with the connection")
    func blocked() throws {
        var (life, generation) = try up()
        life.blocked = "a memory alarm"
        #expect(life.state(nil) == .blocked(reason: "a memory alarm"))
        check(life.lost(lost, generation))
        let next = try unwrap(life.willConnect())
        check(life.connected(next) && life.restored(now))
        #expect(life.state(nil) == .ready)
    }

    @Test("How long a connection was up decides about the pause, once")
    func pauses() throws {
        var generator = SeededGenerator(seed: 1)
        var (life, generation) = try up()
        check(life.lost(lost, generation))
        let good = life.step(wasEverReady: true, now + .seconds(1), using: &generator)
        guard case .connect(let short) = good else { return check(false, "\(good)") }
        #expect(short <= .milliseconds(50))
        for _ in 0..<50 {
            let next = try unwrap(life.willConnect())
            check(life.lost(lost, next))
            guard case .connect(let pause) = life.step(wasEverReady: true, now + .seconds(2), using: &generator) else {
                return check(false)
            }
            #expect(pause >= .milliseconds(50))
        }
        let next = try unwrap(life.willConnect())
        check(life.lost(ConnectionFailure(TransportError(.refused, "No."), retry: .never), next))
        check(life.step(wasEverReady: true, now, using: &generator) == .end)
    }

    @Test("A transport is as ready as the least ready of its connections")
    func merged() {
        func merged(_ states: TransportState...) -> TransportState { .merged(states) }
        #expect(merged(.ready, .ready) == .ready)
        #expect(merged(.ready, .blocked(reason: "x")) == .blocked(reason: "x"))
        #expect(
            merged(.connecting(attempt: 1, reason: nil), .blocked(reason: "x")) == .connecting(attempt: 1, reason: nil))
        #expect(
            merged(.connecting(attempt: 1, reason: "a"), .connecting(attempt: 4, reason: "b"))
                == .connecting(attempt: 4, reason: "a"))
        #expect(merged(.closed(reason: nil), .idle) == .closed(reason: nil))
    }
}
