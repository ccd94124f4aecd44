import SwitchboardCore

/// What a subscription of a law has received and the law has not looked at.
final class Inbox: Sendable {
    private struct State {
        var deliveries: [Delivery] = []
        var received = 0
        var end: String?
        var waiter: (id: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var nextID: UInt64 = 0
    }

    let address: Address
    private let patience: Duration
    private let state = Locked(State())

    init(_ address: Address, patience: Duration) {
        self.address = address
        self.patience = patience
    }

    /// How many deliveries have come, all in all.
    var received: Int { state.withLock { $0.received } }

    /// Why there will be no more.
    var end: String? { state.withLock { $0.end } }

    /// Takes all deliveries until they end.
    func fill(from deliveries: Deliveries) async {
        do {
            for try await delivery in deliveries {
                change { state in
                    state.deliveries.append(delivery)
                    state.received += 1
                }
            }
            change { $0.end = "ended" }
        } catch {
            change { $0.end = "\(error)" }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let continuation: CheckedContinuation<Void, Never>? = state.withLock { state in
            body(&state)
            defer { state.waiter = nil }
            return state.waiter?.continuation
        }
        continuation?.resume()
    }

    /// The next delivery; waits for it as long as the world's patience.
    func next() async throws -> Delivery {
        let deadline = ContinuousClock.now + patience
        while true {
            let (delivery, end): (Delivery?, String?) = state.withLock { state in
                (state.deliveries.isEmpty ? nil : state.deliveries.removeFirst(), state.end)
            }
            if let delivery { return delivery }
            if let end { throw Finding("the deliveries of \(address) ended early (\(end)).") }
            guard .now < deadline else {
                throw Finding("nothing arrived at \(address) within \(patience) (\(received) before).")
            }
            try Task.checkCancellation()
            await waitForChange(until: deadline)
        }
    }

    /// Waits until the deliveries have ended, for whatever reason.
    func waitForEnd() async throws {
        let deadline = ContinuousClock.now + patience
        while end == nil {
            guard .now < deadline else { throw Finding("the deliveries of \(address) did not end within \(patience).") }
            try Task.checkCancellation()
            await waitForChange(until: deadline)
        }
    }

    /// As many deliveries, unsettled.
    func take(_ count: Int) async throws -> [Delivery] {
        var deliveries: [Delivery] = []
        for _ in 0..<count { deliveries.append(try await next()) }
        return deliveries
    }

    /// The next delivery's text, accepted.
    func accept() async throws -> String {
        let delivery = try await next()
        try await delivery.accept()
        return delivery.text
    }

    /// The texts of as many deliveries, accepted.
    func accept(_ count: Int) async throws -> [String] {
        var texts: [String] = []
        for _ in 0..<count { texts.append(try await accept()) }
        return texts
    }

    /// Accepts the next delivery, which must have this text.
    func expect(_ text: String) async throws {
        let found = try await accept()
        guard found == text else {
            throw Finding("\(address) delivered \"\(found)\" where \"\(text)\" was next.")
        }
    }

    private func waitForChange(until deadline: ContinuousClock.Instant) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                self.wake(id)
            }
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if Task.isCancelled || .now >= deadline || !state.deliveries.isEmpty || state.end != nil {
                        return true
                    }
                    state.waiter = (id, continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
            group.cancelAll()
        }
    }

    /// Also called when the waiting task is cancelled, as that cancels the sleep.
    private func wake(_ id: UInt64) {
        let continuation: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiter?.id == id else { return nil }
            defer { state.waiter = nil }
            return state.waiter?.continuation
        }
        continuation?.resume()
    }
}

extension Delivery {
    /// The body as text.
    var text: String { String(decoding: message.body, as: UTF8.self) }
}
