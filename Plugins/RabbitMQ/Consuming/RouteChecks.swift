#if RabbitMQ
import DequeModule
import SwitchboardCore

/// Keeps the ways by which messages come to live subscriptions: the exchange and its binding to the queue. Somebody may delete
/// either, and the consumer hears nothing. AMQP has no question for that; declaring again changes nothing of what is there,
/// and mends what is not. The queue is not declared: it is asked about by ``SelfCheck``, and one that was just deleted with its
/// subscription must not come back.
///
/// All subscriptions of a connection in one sweep, on a channel of its own that is closed afterwards: what the broker refuses
/// there costs none of them its channel. No I/O.
///
///     resting ──due──▶ asking ──all answered, or not in time──▶ leaving ──close-ok──▶ resting
///                       ▲  │ the broker closed the channel over a step: the rest goes on on another one
///                       └──┘
struct RouteChecks: Sendable {
    enum State: Hashable, Sendable {
        case resting
        case asking(UInt16)
        case leaving(UInt16)
    }

    /// What one subscription needs besides its queue.
    struct Route: Hashable, Sendable {
        var subscription: UInt64
        var steps: [Declaration]
    }

    /// A step that the broker has refused.
    struct Refusal: Hashable, Sendable {
        var subscription: UInt64
        var step: Declaration
    }

    /// For how many sweeps a step is left out that was refused: each refusal is an error in the broker's log.
    private static let rest = 20

    private(set) var state = State.resting
    /// When the next sweep is due; `nil`: nothing is subscribed to yet.
    private(set) var nextAt: Moment?
    /// When the broker should have answered.
    private(set) var answerAt: Moment?
    /// Those of this sweep that are not done; the first is under way.
    private var routes: Deque<Route> = []
    /// Steps that were refused, and for how many sweeps more they are left out.
    private var leftOut: [Declaration: Int] = [:]

    /// The channel that is in use.
    var channel: UInt16? {
        switch state {
        case .resting: nil
        case .asking(let channel), .leaving(let channel): channel
        }
    }

    /// The next moment at which something has to happen.
    var nextDeadline: Moment? {
        if case .asking = state { answerAt } else { nextAt }
    }

    /// There is something to keep. Returns when the first sweep is due.
    mutating func begin(_ first: Moment) -> Moment? {
        nextAt = nextAt ?? first
        return nextDeadline
    }

    /// Whether a sweep is due. Then the next one comes after `interval`, whatever becomes of this one.
    mutating func isDue(_ now: Moment, next interval: Duration) -> Bool {
        guard let nextAt, nextAt <= now else { return false }
        self.nextAt = now + interval
        // The last one is not over: the broker is slow, or does not answer on its channel any more.
        return state == .resting
    }

    /// Begins a sweep; only while resting. What several routes have in common is asked for once. `false`: there is nothing to
    /// ask for.
    mutating func sweep(_ all: [Route]) -> Bool {
        let steps = Set(all.lazy.flatMap(\.steps))
        leftOut = leftOut.filter { steps.contains($0.key) }.compactMapValues { $0 > 1 ? $0 - 1 : nil }
        var seen = Set(leftOut.keys)
        for route in all {
            let steps = route.steps.filter { seen.insert($0).inserted }
            if !steps.isEmpty { routes.append(Route(subscription: route.subscription, steps: steps)) }
        }
        return !routes.isEmpty
    }

    /// Goes on with the sweep on a channel that is to be opened. Returns what to send on it.
    mutating func open(_ channel: UInt16, until deadline: Moment) -> [OutgoingMethod] {
        state = .asking(channel)
        answerAt = deadline
        return [.channelOpen] + (routes.first?.steps.map(\.method) ?? [])
    }

    /// There is no channel for it.
    mutating func skip() {
        routes.removeAll()
        state = .resting
    }

    /// The broker has answered a step. Returns what to send next.
    mutating func answered(until deadline: Moment) throws(ProtocolViolation) -> [OutgoingMethod] {
        if case .leaving = state { return [] }
        guard case .asking = state, !routes.isEmpty else {
            throw ProtocolViolation("the broker answered a declaration that was not made")
        }
        answerAt = deadline
        routes[0].steps.removeFirst()
        guard routes[0].steps.isEmpty else { return [] }
        routes.removeFirst()
        return routes.first.map { $0.steps.map(\.method) } ?? leave()
    }

    /// The broker has closed the channel over the step that is under way; what is left goes on after ``open(_:until:)``.
    mutating func refused(_ closure: IncomingMethod.Closure) -> Refusal? {
        guard case .asking = state, let route = routes.first else { return nil }
        state = .resting
        let step = route.steps[0]
        routes[0].steps.removeFirst()
        // What is gone (404) may be back with the next sweep, by somebody else's hands.
        if closure.code != 404 { leftOut[step] = Self.rest }
        if case .exchange(let exchange) = step, !step.isDispensable(after: closure) { leaveOut(exchange) }
        routes.removeAll { $0.steps.isEmpty }
        return Refusal(subscription: route.subscription, step: step)
    }

    /// An exchange of another type sends other messages to what is bound to it.
    private mutating func leaveOut(_ exchange: ExchangeDeclaration) {
        for index in routes.indices {
            routes[index].steps.removeAll { step in
                guard case .binding(let binding) = step, binding.exchange == exchange.name else { return false }
                leftOut[step] = Self.rest
                return true
            }
        }
    }

    /// Whether a sweep has lost its channel and is not done.
    var isInterrupted: Bool { state == .resting && !routes.isEmpty }

    /// Gives the sweep up where the broker does not answer. Returns what to send.
    mutating func expire(_ now: Moment) -> [OutgoingMethod] {
        guard case .asking = state, let answerAt, answerAt <= now else { return [] }
        return leave()
    }

    private mutating func leave() -> [OutgoingMethod] {
        guard case .asking(let channel) = state else { return [] }
        routes.removeAll()
        state = .leaving(channel)
        return [.channelClose(code: 200, text: "Done")]
    }

    /// The broker has answered the end of the channel.
    mutating func left() {
        state = .resting
        routes.removeAll()
    }

    /// The connection is gone.
    mutating func closed() {
        state = .resting
        routes.removeAll()
        nextAt = nil
    }
}
#endif
