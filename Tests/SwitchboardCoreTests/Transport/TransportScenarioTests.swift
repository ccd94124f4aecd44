import SwitchboardTesting
import Testing

@testable import SwitchboardCore

@Suite("A transport publishes", .timeLimit(.minutes(1)))
struct TransportScenarioTests {
    private let refusal = TransportError(.refused, "The peer refuses it.")

    @Test("What is published before the connection is up goes out in order when it is")
    func early() async throws {
        let bed = TransportBed()
        let early = (1...3).map { bed.publish($0) }
        try await bed.run { _ in
            let connection = try await bed.driver.connection(1)
            for publish in try await connection.publishes(3) {
                #expect(publish.begin())
                publish.finish(.accepted)
            }
            #expect(connection.bodies == [1, 2, 3])
            for sending in early { #expect(await sending.error == nil) }
        }
    }

    @Test("A publish has its deadline before run() as well")
    func noConnection() async throws {
        let bed = TransportBed()
        let sending = bed.publish(1, within: .seconds(3))
        bed.clock.turn(by: .seconds(2))
        #expect(!sending.isOver)
        bed.clock.turn(by: .seconds(1))
        let error = await sending.error
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("3.0 s") == true && error?.message.contains("not running yet") == true)
    }

    @Test(
        "An awaited publish that is cancelled ends at once, and says whether it may have been sent",
        arguments: [false, true])
    func cancelled(isBegun: Bool) async throws {
        let bed = TransportBed()
        bed.driver.onPublish { _, publish in if isBegun { _ = publish.begin() } }
        try await bed.run { _ in
            await bed.until(.ready)
            let task = Task {
                try await bed.transport.publish(
                    Message(body: [1]), to: bed.address, deadline: bed.clock.now + .seconds(9))
            }
            let publish = try await bed.driver.connection(1).publishes(1)[0]
            task.cancel()
            let error = await #expect(throws: TransportError.self) { try await task.value }
            #expect(error?.code == (isBegun ? .indeterminate : .cancelled))
            #expect(publish.isOver && !publish.begin())
        }
    }

    @Test("A publish that waits is cancelled, and is never handed over")
    func cancelledWaiting() async throws {
        let bed = TransportBed()
        let sending = bed.publish(1)
        let task = Task { try await bed.transport.publish(Message(body: [2]), to: bed.address) }
        sending.pending?.cancel()
        #expect(await sending.code == .cancelled)
        task.cancel()
        #expect(await #expect(throws: TransportError.self) { try await task.value }?.code == .cancelled)
        try await bed.run { _ in
            await bed.until(.ready)
            _ = bed.publish(3)
            let publish = try await bed.driver.connection(1).publishes(1)[0]
            #expect(publish.message.body == [3])
        }
    }

    @Test("At a deadline each gets the error of where it was")
    func deadlines() async throws {
        let bed = TransportBed()
        let refusal = refusal
        bed.driver.onPublish { _, publish in
            switch publish.message.body[0] {
            case 2: _ = publish.begin()
            case 3: publish.hold(refusal)
            case 4: publish.finish(.again(wasSent: false, after: .seconds(90), otherwise: refusal))
            default: break
            }
        }
        try await bed.run { _ in
            await bed.until(.ready)
            let sendings = (1...4).map { bed.publish($0) }
            bed.clock.turn(by: .seconds(30))
            var codes: [TransportError.Code?] = []
            for sending in sendings { codes.append(await sending.code) }
            #expect(codes == [.unavailable, .indeterminate, .refused, .refused])
            #expect(await sendings[2].error?.message.contains("refuses it; it has waited 30.0 s") == true)
        }
    }

    @Test("A try that is to be repeated after a pause is, and remembers what its driver wants to know")
    func again() async throws {
        let bed = TransportBed()
        let refusal = refusal
        let note = Changes()
        bed.driver.onPublish { connection, publish in
            if publish.memory === note { return publish.finish(.accepted) }
            publish.memory = note
            publish.finish(.again(wasSent: false, after: .seconds(5), otherwise: refusal))
        }
        try await bed.run { _ in
            await bed.until(.ready)
            let sending = bed.publish(1)
            bed.clock.turn(by: .seconds(4))
            #expect(!sending.isOver)
            bed.clock.turn(by: .seconds(1))
            #expect(await sending.error == nil)
            let tries = try await bed.driver.connection(1).publishes
            #expect(tries.count == 2)
        }
    }

    @Test(
        "A lost connection's publishes go to the next one where they may, before later ones, and its late words don't count"
    )
    func loss() async throws {
        let bed = TransportBed()
        bed.driver.onPublish { connection, publish in
            if connection.number == 1, publish.message.body[0] > 1 { _ = publish.begin() }
        }
        try await bed.run { _ in
            await bed.until(.ready)
            let sendings = (1...4).map { bed.publish($0, allowsDuplicates: $0 == 3) }
            let first = try await bed.driver.connection(1)
            let sent = try await first.publishes(4)
            sent[3].finish(.accepted)
            // The connection gives way while its publishes are finished by another thread.
            first.signals.lost("the peer left")
            let later = bed.publish(5)
            let second = try await bed.driver.connection(2)
            let again = try await second.publishes(3)
            #expect(second.bodies == [1, 3, 5])
            #expect(first.isClosed)
            #expect(await sendings[1].error?.message.contains("the peer left") == true)
            #expect(await sendings[1].code == .indeterminate)
            sent[0].finish(.failed(refusal))
            sent[2].finish(.accepted)
            #expect(!sendings[0].isOver && !sendings[2].isOver)
            for publish in again { publish.finish(.accepted) }
            for sending in [sendings[0], sendings[2], sendings[3], later] { #expect(await sending.error == nil) }
        }
    }

    @Test("Late signals of a lost connection are ignored, also before there is another one")
    func lateSignals() async throws {
        let bed = TransportBed(ScriptedDriver(pause: .seconds(10)))
        let (gate, source) = AsyncStream.makeStream(of: Void.self)
        bed.driver.onConnect { connection in
            if connection.number == 2 { for await _ in gate { break } }
        }
        bed.driver.onPublish { $1.finish(.accepted) }
        let refusal = refusal
        try await bed.run { _ in
            try await bed.transport.withSubscription(to: bed.address) { deliveries in
                let first = try await bed.driver.connection(1)
                let late = {
                    let subscription = first.subscribed[0]
                    first.signals.send(.broken(refusal))
                    first.signals.send(.blocked(reason: "late"))
                    first.signals.send(.window(messages: 0, bytes: 0))
                    first.signals.send(.failed(subscription, refusal))
                    first.signals.send(.lost(ConnectionFailure(refusal, retry: .never)))
                }
                first.signals.lost("the peer left")
                late()
                await bed.turn { bed.driver.attempts == 2 }
                late()
                source.finish()
                await bed.until(.ready)
                late()
                #expect(await bed.publish(1).error == nil)
                let second = try await bed.driver.connection(2)
                #expect(second.subscribed.map(\.id) == first.subscribed.map(\.id))
                let settler = NullSettler()
                #expect(second.subscribed[0].append(Delivery(Message(body: [7]), token: 1, settler: settler)))
                second.subscribed[0].handOut()
                for try await delivery in deliveries {
                    #expect(delivery.message.body == [7])
                    break
                }
            }
        }
    }

    @Test("A blocked peer gets nothing until it takes messages again")
    func blocked() async throws {
        let bed = TransportBed()
        try await bed.run { _ in
            let connection = try await bed.driver.connection(1)
            await bed.until(.ready)
            connection.signals.send(.blocked(reason: "a memory alarm"))
            #expect(bed.transport.state == .blocked(reason: "a memory alarm"))
            let short = bed.publish(1, within: .seconds(1))
            let long = bed.publish(2)
            bed.clock.turn(by: .seconds(1))
            #expect(await short.code == .exhausted)
            #expect(await short.error?.message.contains("a memory alarm") == true)
            connection.signals.send(.blocked(reason: nil))
            #expect(bed.transport.state == .ready)
            try await connection.publishes(1)[0].finish(.accepted)
            #expect(await long.error == nil)
        }
    }

    @Test("A connection that takes no more fails publishes with its error, until it is replaced")
    func broken() async throws {
        let bed = TransportBed()
        bed.driver.onPublish { $1.finish(.accepted) }
        try await bed.run { _ in
            let connection = try await bed.driver.connection(1)
            await bed.until(.ready)
            connection.signals.send(.broken(refusal))
            #expect(await bed.publish(1).code == .refused)
            connection.signals.lost("it is replaced")
            await bed.until(.ready)
            #expect(await bed.publish(2).error == nil)
        }
    }

    @Test("A window that a connection names before it is up counts from the start, and its room is used in order")
    func window() async throws {
        let bed = TransportBed()
        bed.driver.onConnect { $0.signals.send(.window(messages: 2, bytes: .max)) }
        let sendings = (1...5).map { bed.publish($0) }
        try await bed.run { _ in
            let connection = try await bed.driver.connection(1)
            _ = try await connection.publishes(2)
            await bed.until(.ready)
            #expect(connection.bodies == [1, 2])
            connection.publishes[1].finish(.accepted)
            #expect(connection.bodies == [1, 2, 3])
            sendings[3].pending?.cancel()
            connection.signals.send(.window(messages: .max, bytes: .max))
            #expect(connection.bodies == [1, 2, 3, 5])
            connection.signals.send(.window(messages: 0, bytes: 0))
            for publish in connection.publishes { publish.finish(.accepted) }
            let last = bed.publish(6)
            #expect(connection.bodies == [1, 2, 3, 5])
            connection.signals.send(.window(messages: 1, bytes: 1))
            #expect(connection.bodies == [1, 2, 3, 5, 6])
            connection.publishes[4].finish(.accepted)
            #expect(await last.error == nil)
        }
    }

    @Test("No more wait for a connection than may")
    func bound() async throws {
        let bed = TransportBed(waiting: 2)
        let sendings = (1...3).map { bed.publish($0) }
        let error = await sendings[2].error
        #expect(error?.code == .exhausted)
        #expect(error?.message.contains("2 messages wait already") == true)
        sendings[0].pending?.cancel()
        let last = bed.publish(4)
        #expect(!last.isOver)
        bed.clock.turn(by: .seconds(30))
        for sending in [sendings[1], last] { #expect(await sending.code == .unavailable) }
    }

    @Test("A function that is told may publish again, in the same moment")
    func reentrant() async throws {
        let bed = TransportBed()
        bed.driver.onPublish { $1.finish(.accepted) }
        try await bed.run { _ in
            await bed.until(.ready)
            let count = Locked(0)
            @Sendable func next(_ error: TransportError?) {
                guard
                    count.withLock({
                        $0 += 1; return $0
                    }) < 100
                else { return bed.driver.changes.notify() }
                _ = try? bed.transport.publish(
                    Message(body: [1]), to: bed.address, deadline: bed.clock.now + .seconds(1), completion: next)
            }
            next(nil)
            await bed.driver.changes.until { count.withLock { $0 } == 100 }
        }
    }
}

final class NullSettler: DeliverySettler {
    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        completion?(nil)
    }
}
