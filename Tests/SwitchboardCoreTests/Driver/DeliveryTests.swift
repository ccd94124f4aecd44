import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("Deliveries", .timeLimit(.minutes(5)))
struct DeliveryTests {
    @Test("A delivery is settled once; the second settlement is an error and changes nothing")
    func once() async throws {
        let settlements = Locked<[Settlement]>([])
        let delivery = Delivery(message: Message(body: [])) { settlement in
            settlements.withLock { $0.append(settlement) }
        }
        try await delivery.requeue()
        for settle in [delivery.accept, delivery.requeue, { try await delivery.discard(reason: "late") }] {
            let error = await #expect(throws: TransportError.self) { try await settle() }
            #expect(error?.code == .alreadySettled)
        }
        #expect(settlements.withLock { $0 } == [.requeue])
    }

    @Test("Of many tasks that settle one delivery at once, one succeeds")
    func race() async {
        for _ in 0..<50 {
            let calls = Locked(0)
            let delivery = Delivery(message: Message(body: [])) { _ in calls.withLock { $0 += 1 } }
            let successes = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        do {
                            try await delivery.accept()
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(successes == 1)
            #expect(calls.withLock { $0 } == 1)
        }
    }

    @Test("A settlement that fails in the driver is not tried a second time")
    func failing() async {
        let delivery = Delivery(message: Message(body: [])) { _ throws(TransportError) in
            throw TransportError(.unavailable, "gone")
        }
        let first = await #expect(throws: TransportError.self) { try await delivery.accept() }
        #expect(first?.code == .unavailable)
        let second = await #expect(throws: TransportError.self) { try await delivery.accept() }
        #expect(second?.code == .alreadySettled)
    }

    @Test("Deliveries come in order; the end and the error of the driver reach the subscriber")
    func sequence() async throws {
        let buffer = DeliveryBuffer()
        let deliveries = Deliveries(buffer)
        for number: UInt8 in 0..<5 {
            #expect(buffer.append(Delivery(message: Message(body: [number])) { _ in }))
        }
        buffer.finish(TransportError(.closed, "The transport was shut down."))
        #expect(!buffer.append(Delivery(message: Message(body: [9])) { _ in }))
        var bodies: [[UInt8]] = []
        let error = await #expect(throws: TransportError.self) {
            for try await delivery in deliveries { bodies.append(delivery.message.body) }
        }
        #expect(error?.code == .closed)
        #expect(bodies == [[0], [1], [2], [3], [4]])
    }
}
