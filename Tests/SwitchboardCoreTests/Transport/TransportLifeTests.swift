import SwitchboardTesting
import Testing

@testable import SwitchboardCore

@Suite("A transport connects and ends", .timeLimit(.minutes(1)))
struct TransportLifeTests {
    private static let refused = ConnectionFailure(TransportError(.refused, "Wrong password."), retry: .unlessFirst)

    @Test("What is refused at first ends it, and all that waits, with the error")
    func refusedFirst() async throws {
        let bed = TransportBed()
        bed.driver.onConnect { _ throws(ConnectionFailure) in throw Self.refused }
        let sending = bed.publish(1)
        let subscribing = Task { try await bed.transport.withSubscription(to: bed.address) { _ in } }
        try await bed.run { run in
            #expect(await #expect(throws: TransportError.self) { try await run.value }?.code == .refused)
            #expect(await sending.code == .refused)
            #expect(await #expect(throws: TransportError.self) { try await subscribing.value }?.code == .refused)
            #expect(bed.transport.state == .closed(reason: "refused: Wrong password."))
            #expect(bed.driver.attempts == 1)
        }
    }

    @Test("What is refused later, or may pass, is tried again after a pause", arguments: [true, false])
    func refusedLater(wasReady: Bool) async throws {
        let bed = TransportBed()
        let refusal = wasReady ? Self.refused : ConnectionFailure("Not yet", retry: .afterLongPause)
        bed.driver.onConnect { connection throws(ConnectionFailure) in
            if (2...4).contains(connection.number + (wasReady ? 0 : 1)) { throw refusal }
        }
        try await bed.run { _ in
            if wasReady {
                await bed.until(.ready)
                bed.driver.last?.signals.lost("the peer left")
            }
            await bed.turn { bed.driver.connections.count == (wasReady ? 2 : 1) }
            await bed.until(.ready)
            #expect(bed.driver.attempts == (wasReady ? 5 : 4))
        }
    }

    @Test("A pause lasts as long as the clock says")
    func pause() async throws {
        let bed = TransportBed(ScriptedDriver(pause: .seconds(10)))
        bed.driver.onConnect { connection throws(ConnectionFailure) in
            if connection.number == 1 { throw ConnectionFailure("no route") }
        }
        try await bed.run { _ in
            await bed.until(.connecting(attempt: 2, reason: "no route"))
            bed.clock.turn(by: .seconds(9))
            for _ in 0..<100 { await Task.yield() }
            #expect(bed.driver.attempts == 1)
            await bed.turn { bed.driver.attempts == 2 }
            await bed.until(.ready)
        }
    }

    @Test("The next host has its turn without a pause")
    func atOnce() async throws {
        let bed = TransportBed(ScriptedDriver(pause: .seconds(10)))
        bed.driver.onConnect { connection throws(ConnectionFailure) in
            if connection.number < 5 { throw ConnectionFailure("no route", retry: .atOnce) }
        }
        try await bed.run { _ in
            await bed.until(.ready)
            #expect(bed.driver.attempts == 5)
        }
    }

    @Test("What stood against connecting is mended: the pause is over, or left out")
    func tryAgain() async throws {
        for isEarly in [true, false] {
            let bed = TransportBed()
            let failed = Locked<ConnectionSignals?>(nil)
            bed.driver.onConnect { connection throws(ConnectionFailure) in
                guard connection.number == 1 else { return }
                failed.withLock { $0 = connection.signals }
                if isEarly { connection.signals.send(.tryAgain) }
                throw ConnectionFailure("the token has expired", retry: .afterLongPause)
            }
            try await bed.run { _ in
                if !isEarly {
                    await bed.until(.connecting(attempt: 2, reason: "the token has expired"))
                    failed.withLock { $0 }?.send(.tryAgain)
                }
                await bed.until(.ready)
            }
        }
    }

    @Test("A connection stays when there is nothing to try again")
    func tryAgainReady() async throws {
        let bed = TransportBed()
        bed.driver.onPublish { $1.finish(.accepted) }
        try await bed.run { _ in
            await bed.until(.ready)
            let connection = try await bed.driver.connection(1)
            connection.signals.send(.tryAgain)
            for _ in 0..<100 { await Task.yield() }
            #expect(await bed.publish(1).error == nil)
            #expect(!connection.isClosed && bed.driver.attempts == 1)
        }
    }

    @Test("A connection that is lost before its attempt returns is closed, and another one follows")
    func lostEarly() async throws {
        let bed = TransportBed()
        bed.driver.onConnect { if $0.number == 1 { $0.signals.lost("at once") } }
        try await bed.run { _ in
            await bed.until(.ready)
            #expect(bed.driver.attempts == 2)
            #expect(bed.driver.connections[0].isClosed && bed.driver.connections[0].publishes.isEmpty)
        }
    }

    @Test("Attempts follow each other without a hang, however short the pauses are")
    func shortPauses() async throws {
        // Real time: what is raced for here is the moment between the end of an attempt and the wait.
        let driver = ScriptedDriver(pause: .nanoseconds(100))
        driver.onConnect { connection throws(ConnectionFailure) in
            if connection.number < 3_000 { throw ConnectionFailure("no route") }
        }
        let transport = Transport(
            driver: driver, url: TransportURL(scheme: "test"), configuration: TransportConfiguration(), clock: .real,
            logger: TransportBed.logger)
        let run = Task { try await transport.run() }
        await driver.changes.until { driver.attempts >= 3_000 }
        run.cancel()
        _ = await run.result
    }

    // MARK: The end

    @Test("What is under way may finish when it ends, and nothing else is let in")
    func drained() async throws {
        let bed = TransportBed()
        bed.driver.onConnect { $0.signals.send(.window(messages: 1, bytes: .max)) }
        try await bed.run { run in
            let connection = try await bed.driver.connection(1)
            let sent = bed.publish(1)
            let waiting = bed.publish(2)
            let publish = try await connection.publishes(1)[0]
            #expect(publish.begin())
            run.cancel()
            #expect(await waiting.code == .closed)
            connection.signals.send(.window(messages: 9, bytes: .max))
            #expect(await bed.publish(3).code == .closed)
            #expect(!connection.isClosed && !sent.isOver)
            publish.finish(.accepted)
            #expect(await sent.error == nil)
            try await run.value
            #expect(connection.isClosed && connection.bodies == [1])
        }
    }

    @Test("What doesn't finish in time was maybe sent, or was not")
    func undrained() async throws {
        let bed = TransportBed()
        bed.driver.onPublish { if $1.message.body == [1] { _ = $1.begin() } }
        try await bed.run { run in
            await bed.until(.ready)
            let (begun, unbegun) = (bed.publish(1), bed.publish(2))
            run.cancel()
            await bed.turn { bed.driver.last?.isClosed == true }
            #expect(await begun.code == .indeterminate)
            #expect(await unbegun.code == .closed)
        }
    }

    @Test("A caller that gives up what is under way ends the wait for it")
    func drainedByCancellation() async throws {
        let bed = TransportBed()
        bed.driver.onConnect { $0.signals.send(.window(messages: 1, bytes: .max)) }
        try await bed.run { run in
            await bed.until(.ready)
            let (sent, waiting) = (bed.publish(1), bed.publish(2))
            run.cancel()
            #expect(await waiting.code == .closed)
            // It waits for the first one by now.
            for _ in 0..<200 { await Task.yield() }
            sent.pending?.cancel()
            try await run.value
            #expect(await sent.code == .cancelled)
        }
    }

    @Test("A transport that ends while it restores lets nobody in")
    func closedWhileRestoring() async throws {
        let bed = TransportBed()
        bed.driver.onSubscribe { if $0.number == 1 { $0.signals.send(.live($1)) } }
        let task = Task {
            try await bed.transport.withSubscription(to: bed.address) { for try await _ in $0 {} }
        }
        try await bed.run { run in
            let first = try await bed.driver.connection(1)
            await bed.driver.changes.until { first.subscribed.count == 1 }
            await bed.until(.ready)
            first.signals.lost("the peer left")
            let second = try await bed.driver.connection(2)
            await bed.driver.changes.until { second.subscribed.count == 1 }
            let gate = Gate()
            defer { gate.open() }
            bed.driver.onClose { _ in await gate.wait() }
            let waiting = bed.publish(1)
            run.cancel()
            #expect(await waiting.code == .closed)
            second.signals.send(.live(second.subscribed[0]))
            #expect(await bed.publish(2).code == .closed)
            #expect(second.publishes.isEmpty)
            gate.open()
            try await run.value
            #expect(await #expect(throws: TransportError.self) { try await task.value }?.code == .closed)
        }
    }

    @Test("Whatever comes after the end is told so")
    func closed() async throws {
        let bed = TransportBed()
        try await bed.run { run in
            await bed.until(.ready)
            run.cancel()
            try await run.value
        }
        #expect(bed.transport.state == .closed(reason: nil))
        #expect(await bed.publish(1).code == .closed)
        let error = await #expect(throws: TransportError.self) {
            try await bed.transport.withSubscription(to: bed.address) { _ in }
        }
        #expect(error?.code == .closed)
        #expect(await #expect(throws: TransportError.self) { try await bed.transport.run() }?.code == .closed)
        #expect(bed.driver.attempts == 1)
    }

    @Test("Two connections have each its own life, and one transport's state")
    func roles() async throws {
        let bed = TransportBed(ScriptedDriver(roles: [.publishing, .consuming]))
        bed.driver.onPublish { $1.finish(.accepted) }
        try await bed.run { _ in
            await bed.until(.ready)
            let publishing = try #require(bed.driver.connections.first { $0.role == .publishing })
            let consuming = try #require(bed.driver.connections.first { $0.role == .consuming })
            try await bed.transport.withSubscription(to: bed.address) { _ in
                #expect(publishing.subscribed.isEmpty && consuming.subscribed.count == 1)
                #expect(await bed.publish(1).error == nil)
                consuming.signals.lost("gone")
                await bed.driver.changes.until { bed.driver.connections.count == 3 }
                await bed.until(.ready)
                #expect(!publishing.isClosed && bed.driver.last?.role == .consuming)
                #expect(bed.driver.last?.subscribed.count == 1)
                #expect(publishing.bodies == [1] && consuming.bodies == [])
            }
        }
    }

    @Test("A reason never tells a secret, nor does the error that is made of it")
    func masked() {
        let failure = ConnectionFailure("could not open amqp://me:hunter2@there/")
        #expect(!failure.reason.contains("hunter2") && !failure.error.message.contains("hunter2"))
        #expect(failure.error.code == .unavailable)
    }
}
