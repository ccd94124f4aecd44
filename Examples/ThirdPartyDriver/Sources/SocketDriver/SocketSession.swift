import SwitchboardCore
import Synchronization

/// One connection to the hub: requests that wait for their answers, and subscriptions that get deliveries.
final class SocketSession: Sendable {
    /// What a request came to.
    enum Answer: Sendable {
        case done
        case failed(TransportError)
        /// The connection was lost before the answer.
        case lost
        /// The deadline passed, or the task was cancelled, before the answer.
        case tooLate
    }

    private struct State: Sendable {
        var nextID: UInt64 = 0
        var isOver = false
        var waiting: [UInt64: CheckedContinuation<Answer, Never>] = [:]
        var subscriptions: [UInt64: SocketSubscription] = [:]
    }

    private let socket: FrameSocket
    private let state = Mutex(State())

    init(_ socket: FrameSocket) {
        self.socket = socket
    }

    /// Takes what the hub sends until the connection ends, or the task is cancelled.
    func serve() async {
        await withTaskCancellationHandler {
            for await frame in socket.frames() { receive(frame) }
        } onCancel: {
            socket.shut()
        }
        let (waiting, subscriptions) = state.withLock { state in
            state.isOver = true
            defer { (state.waiting, state.subscriptions) = ([:], [:]) }
            return (Array(state.waiting.values), Array(state.subscriptions.values))
        }
        for continuation in waiting { continuation.resume(returning: .lost) }
        for subscription in subscriptions { subscription.withdraw() }
    }

    private func receive(_ frame: Frame) {
        switch frame {
        case .done(let id): answer(id, .done)
        case .failed(let id, let code, let message):
            answer(id, .failed(TransportError(TransportError.Code(code), message)))
        case .delivery(let subscription, let delivery, let attempt, let isRedelivered, let message):
            deliver(message, attempt, isRedelivered, delivery, subscription)
        case .publish, .subscribe, .pause, .unsubscribe, .settle:
            // A hub that speaks like a client is none.
            socket.shut()
        }
    }

    private func answer(_ id: UInt64, _ answer: Answer) {
        let continuation = state.withLock { $0.waiting.removeValue(forKey: id) }
        continuation?.resume(returning: answer)
    }

    // MARK: Requests

    /// Sends a request with a number of its own and waits for the answer.
    func request(
        until deadline: ContinuousClock.Instant?, _ frame: @Sendable (UInt64) -> Frame
    ) async -> Answer {
        let id = makeID()
        return await request(id, until: deadline, frame(id))
    }

    private func request(_ id: UInt64, until deadline: ContinuousClock.Instant?, _ frame: Frame) async -> Answer {
        await withTaskGroup(of: Void.self) { group in
            if let deadline {
                group.addTask {
                    try? await Task.sleep(until: deadline, clock: .continuous)
                    self.answer(id, .tooLate)
                }
            }
            let answer = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let early: Answer? = state.withLock { state in
                        if state.isOver { return .lost }
                        if Task.isCancelled || deadline.map({ $0 <= .now }) == true { return .tooLate }
                        state.waiting[id] = continuation
                        return nil
                    }
                    if let early { continuation.resume(returning: early) } else { socket.send(frame) }
                }
            } onCancel: {
                self.answer(id, .tooLate)
            }
            group.cancelAll()
            return answer
        }
    }

    private func makeID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    // MARK: Subscriptions

    /// Subscribes, unless that was done in this session already.
    func subscribe(_ subscription: SocketSubscription, until deadline: ContinuousClock.Instant?) async -> Answer {
        let id = makeID()
        guard subscription.enter(self, id: id) else { return .done }
        // Deliveries may come before the answer.
        state.withLock { $0.subscriptions[id] = subscription }
        return await request(
            id, until: deadline, .subscribe(id, subscription.address, prefetch: UInt64(subscription.prefetch)))
    }

    /// Ends a subscription; what it had not settled has gone back when this returns.
    func unsubscribe(_ subscription: SocketSubscription) async {
        guard let id = subscription.id(in: self) else { return }
        state.withLock { _ = $0.subscriptions.removeValue(forKey: id) }
        // Also when the task is cancelled: who subscribes next counts on it.
        _ = await Task { await self.request(until: .now + .seconds(5)) { .unsubscribe($0, subscription: id) } }.value
    }

    private func deliver(
        _ message: Message, _ attempt: UInt64, _ isRedelivered: Bool, _ number: UInt64, _ id: UInt64
    ) {
        guard let subscription = state.withLock({ $0.subscriptions[id] }) else { return }
        let delivery = Delivery(message: message, isRedelivered: isRedelivered, attempt: Int(clamping: attempt)) {
            [weak self] settlement throws(TransportError) in
            guard let self, self.holds(id) else {
                throw TransportError(
                    .closed, "The subscription that the delivery came by is gone; the message went back before.")
            }
            self.socket.send(.settle(subscription: id, delivery: number, settlement))
        }
        if !subscription.yield(delivery) {
            socket.send(.settle(subscription: id, delivery: number, .release))
            socket.send(.pause(id))
        }
    }

    private func holds(_ id: UInt64) -> Bool {
        state.withLock { $0.subscriptions[id] != nil }
    }
}
