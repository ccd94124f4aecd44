import SwitchboardCore
import Synchronization

// snippet.socket-connection
/// One connection to the hub: requests that wait for their answers, and subscriptions that get deliveries.
final class SocketConnection: DriverConnection {
    /// Takes the hub's answer: `nil` if it has done what was asked.
    private typealias Answer = @Sendable (TransportError?) -> Void

    private struct State: Sendable {
        var lastID: UInt64 = 0
        var requests: [UInt64: Answer] = [:]
        /// By the number of the request that made it, which is what the hub calls it.
        var subscriptions: [UInt64: SocketSubscription] = [:]
        var isClosing = false

        mutating func ask(_ answer: @escaping Answer) -> UInt64 {
            lastID += 1
            requests[lastID] = answer
            return lastID
        }
    }

    private let socket: FrameSocket
    private let path: SocketPath
    private let signals: ConnectionSignals
    private let state = Mutex(State())

    init(_ socket: FrameSocket, _ path: SocketPath, _ signals: ConnectionSignals) {
        self.socket = socket
        self.path = path
        self.signals = signals
    }

    /// Takes what the hub sends, on a thread of the socket's, until the connection ends.
    func start() {
        // What the hub has not read yet is in memory.
        signals.send(.window(messages: 1_000, bytes: 16 << 20))
        socket.receive({ self.take($0) }, atEnd: { self.end() })
    }

    // snippet.socket-publish
    func publish(_ publish: Publish) {
        socket.send { [self] in
            // Its turn has come; until now its caller could give it up.
            guard publish.begin() else { return nil }
            let id = state.withLock { $0.ask { publish.finish($0.map { .failed($0) } ?? .accepted) } }
            return .publish(
                id, publish.address, publish.message, mandatory: publish.mandatory,
                milliseconds: max(1, publish.timeLeft.wholeMilliseconds))
        }
    }

    // snippet.socket-subscribe
    func subscribe(_ subscription: Subscription) {
        let id = state.withLock { [signals] state in
            let id = state.ask { [weak self] error in
                if error != nil { _ = self?.forget(subscription) }
                signals.send(error.map { .failed(subscription, $0) } ?? .live(subscription))
            }
            // Deliveries may come before the answer.
            state.subscriptions[id] = SocketSubscription(subscription, id, socket)
            return id
        }
        socket.send(.subscribe(id, subscription.address, prefetch: UInt64(subscription.prefetch)))
    }

    func unsubscribe(_ subscription: Subscription) {
        guard let id = forget(subscription) else { return signals.send(.ended(subscription)) }
        let request = state.withLock { [signals] in $0.ask { _ in signals.send(.ended(subscription)) } }
        socket.send(.unsubscribe(request, subscription: id))
    }

    /// - Returns: its number; `nil` if the hub doesn't have it.
    private func forget(_ subscription: Subscription) -> UInt64? {
        state.withLock { state in
            let id = state.subscriptions.first { $0.value.subscription.id == subscription.id }?.key
            if let id { state.subscriptions.removeValue(forKey: id)?.end() }
            return id
        }
    }

    // snippet.socket-close
    /// Says goodbye for each subscription, so that what is unsettled goes back unhandled: what a client had that vanishes
    /// counts as an attempt.
    func close() async {
        let open = state.withLock { state in
            state.isClosing = true
            return state.subscriptions.values.map(\.subscription)
        }
        for subscription in open { unsubscribe(subscription) }
        socket.finish(within: .seconds(1))
    }

    // snippet.socket-answers
    private func take(_ frame: Frame) {
        switch frame {
        case .done(let id): answer(id, nil)
        case .failed(let id, let code, let message): answer(id, TransportError(.init(code), message))
        case .delivery(let id, let number, let attempt, let isRedelivered, let message):
            let subscription = state.withLock { $0.subscriptions[id] }
            subscription?.deliver(message, Int(clamping: attempt), isRedelivered, number)
        // A hub that speaks like a client isn't one.
        case .publish, .subscribe, .pause, .unsubscribe, .settle: socket.shut()
        }
    }

    private func answer(_ id: UInt64, _ error: TransportError?) {
        // Not under the lock: what follows may publish.
        state.withLock { $0.requests.removeValue(forKey: id) }?(error)
    }

    private func end() {
        let isNews = state.withLock { state in
            for subscription in state.subscriptions.values { subscription.end() }
            return !state.isClosing
        }
        if isNews { signals.lost("the hub at \(path) closed the connection") }
    }
    // snippet.end
}

// snippet.socket-settler
/// A subscription on one connection, which settles what it delivers.
private final class SocketSubscription: DeliverySettler {
    let subscription: Subscription
    private let id: UInt64
    private let socket: FrameSocket
    private let isOver = Mutex(false)

    init(_ subscription: Subscription, _ id: UInt64, _ socket: FrameSocket) {
        self.subscription = subscription
        self.id = id
        self.socket = socket
    }

    func deliver(_ message: Message, _ attempt: Int, _ isRedelivered: Bool, _ number: UInt64) {
        let delivery = Delivery(message, isRedelivered: isRedelivered, attempt: attempt, token: number, settler: self)
        if subscription.append(delivery) { return subscription.handOut() }
        socket.send(.settle(subscription: id, delivery: number, .release))
        socket.send(.pause(id))
    }

    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        if isOver.withLock({ $0 }) {
            throw TransportError(.closed, "The subscription of the delivery is gone; the message went back before.")
        }
        socket.send(.settle(subscription: id, delivery: token, settlement))
        completion?(nil)
    }

    func end() { isOver.withLock { $0 = true } }
}
// snippet.end
