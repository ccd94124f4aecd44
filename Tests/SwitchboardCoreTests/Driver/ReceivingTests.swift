import SwitchboardCore
import SwitchboardTesting
import Testing

/// Deliveries that a function takes, instead of a task.
@Suite("Receiving", .timeLimit(.minutes(5)))
struct ReceivingTests {
    private static func delivery(_ number: Int) -> Delivery {
        Delivery(message: Message(body: [UInt8(truncatingIfNeeded: number)])) { _ in }
    }

    private static func hand(_ number: Int, _ buffer: DeliveryBuffer) -> Bool {
        defer { buffer.handOut() }
        return buffer.append(delivery(number))
    }

    /// Receives while `body` runs, in the order of what was taken.
    private static func receive(
        _ deliveries: Deliveries, _ take: @escaping @Sendable (UInt8) -> Bool = { _ in true },
        while body: (Locked<[UInt8]>) async throws -> Void
    ) async throws -> [UInt8] {
        let taken = Locked<[UInt8]>([])
        let receiver = Task {
            try await deliveries.receive { delivery in
                guard take(delivery.message.body[0]) else { return false }
                taken.withLock { $0.append(delivery.message.body[0]) }
                return true
            }
        }
        let result = await Result { try await body(taken) }
        if case .failure = result { receiver.cancel() }
        try result.get()
        try await receiver.value
        return taken.withLock { $0 }
    }

    @Test(
        "What comes before, while and after the subscriber begins is taken in order, up to the end")
    func order() async throws {
        for _ in 0..<200 {
            let buffer = DeliveryBuffer()
            let taken = try await Self.receive(Deliveries(buffer)) { _ in
                for number in 0..<100 {
                    #expect(Self.hand(number, buffer))
                    if number.isMultiple(of: 16) { await Task.yield() }
                }
                buffer.finish(nil)
                #expect(!Self.hand(100, buffer))
            }
            #expect(taken == (0..<100).map { UInt8($0) })
        }
    }

    @Test("What is handed out is taken on the thread that hands it out, before that goes on")
    func sameThread() async throws {
        let buffer = DeliveryBuffer()
        _ = try await Self.receive(Deliveries(buffer)) { taken in
            // Once the subscriber is there.
            try await yieldsWhile {
                guard taken.withLock({ $0.isEmpty }) else { return false }
                #expect(Self.hand(0, buffer))
                return true
            }
            for number in 1..<50 {
                #expect(Self.hand(number, buffer))
                #expect(taken.withLock { $0.last } == UInt8(number))
            }
            buffer.finish(nil)
        }
    }

    @Test("Many threads hand out: each delivery is taken once, and never two at a time")
    func manyThreads() async throws {
        let buffer = DeliveryBuffer()
        let inside = Locked(0)
        let taken = try await Self.receive(Deliveries(buffer)) { _ in
            #expect(
                inside.withLock {
                    $0 += 1; return $0
                } == 1)
            inside.withLock { $0 -= 1 }
            return true
        } while: { _ in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for number in 0..<200 { #expect(Self.hand(number, buffer)) }
                    }
                }
            }
            buffer.finish(nil)
        }
        #expect(taken.sorted() == (0..<8).flatMap { _ in (0..<200).map { UInt8($0) } }.sorted())
    }

    @Test(
        "A delivery that cannot be taken waits at the front until resumed; the end waits for it")
    func refused() async throws {
        for _ in 0..<200 {
            let buffer = DeliveryBuffer()
            let deliveries = Deliveries(buffer)
            let room = Locked(0)
            let taken = try await Self.receive(deliveries) { _ in
                room.withLock { room in
                    guard room > 0 else { return false }
                    room -= 1
                    return true
                }
            } while: { taken in
                for number in 0..<10 { #expect(Self.hand(number, buffer)) }
                buffer.finish(nil)
                for count in 0..<10 {
                    #expect(taken.withLock { $0.count } <= count)
                    room.withLock { $0 += 1 }
                    // Twice does no harm, and nothing is taken for which there is no room.
                    deliveries.resume()
                    deliveries.resume()
                    if count.isMultiple(of: 3) { await Task.yield() }
                }
            }
            #expect(taken == (0..<10).map { UInt8($0) })
        }
    }

    @Test("What is withdrawn is not taken, and does not keep the end waiting")
    func withdrawn() async throws {
        let buffer = DeliveryBuffer()
        let isAsked = Locked(false)
        let taken = try await Self.receive(Deliveries(buffer)) { _ in
            isAsked.withLock { $0 = true }
            return false
        } while: { _ in
            for number in 0..<10 { #expect(Self.hand(number, buffer)) }
            try await yieldsWhile { !isAsked.withLock({ $0 }) }
            buffer.finish(nil)
            // The first one may be before the subscriber's eyes.
            var withdrawn = 0
            try await yieldsWhile {
                withdrawn += buffer.removeAll().count
                return withdrawn < 10
            }
        }
        #expect(taken == [])
    }

    @Test("The driver's error reaches the subscriber after what is left, and cancelling ends it without one")
    func ends() async throws {
        let buffer = DeliveryBuffer()
        let error = await #expect(throws: TransportError.self) {
            try await Self.receive(Deliveries(buffer)) { _ in
                #expect(Self.hand(0, buffer))
                buffer.finish(TransportError(.closed, "The transport was shut down."))
            }
        }
        #expect(error?.code == .closed)

        let other = DeliveryBuffer()
        let others = Deliveries(other)
        let receiver = Task { try await others.receive { _ in true } }
        receiver.cancel()
        try await receiver.value
        #expect(!Self.hand(0, other))
    }

    @Test("Cancelled, the subscriber's task takes by itself what the driver has not handed out, and ends")
    func cancelledWithSome() async throws {
        for _ in 0..<200 {
            let buffer = DeliveryBuffer()
            let deliveries = Deliveries(buffer)
            let taken = Locked<[UInt8]>([])
            let receiver = Task {
                try await deliveries.receive { delivery in
                    taken.withLock { $0.append(delivery.message.body[0]) }
                    return true
                }
            }
            #expect(buffer.append(Self.delivery(0)))
            await Task.yield()
            #expect(buffer.append(Self.delivery(1)))
            receiver.cancel()
            try await receiver.value
            #expect(taken.withLock { $0 } == [0, 1])
        }
    }

    @Test("What settles in the background is settled once, by both kinds of drivers", arguments: [true, false])
    func background(atOnce: Bool) async throws {
        let (settlements, settled) = AsyncStream.makeStream(of: Settlement.self)
        let message = Message(body: [])
        let delivery =
            atOnce
            ? Delivery(message, settle: { settlement, _ in settled.yield(settlement) })
            : Delivery(message: message, settle: { settled.yield($0) })
        delivery.settleInBackground(.accept)
        delivery.settleInBackground(.requeue)
        let error = await #expect(throws: TransportError.self) { try await delivery.requeue() }
        #expect(error?.code == .alreadySettled)
        var seen = settlements.makeAsyncIterator()
        #expect(await seen.next() == .accept)
        settled.finish()
        #expect(await seen.next() == nil)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
