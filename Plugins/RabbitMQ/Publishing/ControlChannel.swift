#if RabbitMQ
import DequeModule
import Logging
import SwitchboardCore

/// The channel on which a publishing connection declares what addresses need, once per connection, so that a refused
/// declaration doesn't take publishes down with it. Publishes whose address is being declared wait here.
///
///     opening ──open-ok──▶ ready ──refused──▶ opening (the rest is declared again)
///                            │
///                            └── no answer in time: another channel takes over, up to a limit
final class ControlChannel {
    static let firstNumber: UInt16 = 2
    /// How many channels one connection leaves behind before it is given up.
    static let limit: UInt16 = 8

    private enum State {
        case closed, opening, ready
    }

    private let demands: BrokerDemands
    private let memory: DeclarationMemory
    private let metrics: DriverMetrics
    private let errors: BrokerErrors
    private let outcomes: PublishOutcomes
    private let answerTime: Duration
    private let logger: Logger

    private var connection: AMQPConnection?
    private var state = State.closed
    private(set) var number = ControlChannel.firstNumber
    /// When the broker should have answered.
    private(set) var answerDeadline: Moment?
    /// What is declared on this connection.
    private var declared: Set<Declaration> = []
    /// Counts the times that ``declared`` has lost something, so that a route need not look into it for each publish.
    private var epoch: UInt64 = 1
    /// In the order in which the broker answers.
    private var declaring: Deque<RouteDeclaration> = []
    /// Publishes whose exchange or queue is being declared.
    private var parked: [Address: [Publish]] = [:]
    private var generator = SystemRandomNumberGenerator()

    init(
        demands: BrokerDemands, memory: DeclarationMemory, metrics: DriverMetrics, errors: BrokerErrors,
        outcomes: PublishOutcomes, answerTime: Duration, logger: Logger
    ) {
        self.demands = demands
        self.memory = memory
        self.metrics = metrics
        self.errors = errors
        self.outcomes = outcomes
        self.answerTime = answerTime
        self.logger = logger
    }

    var isReady: Bool { state == .ready }

    /// Whether something of what is being declared never was before.
    var isDeclaringNews: Bool {
        declaring.contains { !$0.steps.allSatisfy(memory.wasDeclared) }
    }

    // MARK: The channel

    func open(_ connection: AMQPConnection) {
        self.connection = connection
        openChannel()
    }

    private func openChannel() {
        state = .opening
        send(.channelOpen)
        expectAnswer()
    }

    private func send(_ method: OutgoingMethod) {
        guard let connection else { return }
        do {
            try connection.send(method, channel: number)
        } catch {
            connection.end(error.message)
        }
    }

    /// The broker has answered, or is asked something.
    private func expectAnswer() {
        answerDeadline = state == .opening || !declaring.isEmpty ? .now + answerTime : nil
    }

    /// The broker reads nothing for now.
    func postponeAnswer() {
        if answerDeadline != nil { answerDeadline = .now + answerTime }
    }

    /// The broker has not answered. One that hangs in a declaration answers nothing else on that channel: what waits
    /// behind it goes on on another one, and it is asked again as the last.
    ///
    /// - Returns: why the connection has to be given up, if it has.
    func answerIsLate() -> String? {
        guard let connection, state == .ready else { return "the broker did not answer the opening of a channel" }
        let next = number + 1
        guard next < Self.firstNumber + Self.limit, next <= connection.tuning.channelMax else {
            return "the broker did not answer declarations on \(Self.limit) channels"
        }
        send(.channelClose(code: 200, text: "No answer"))
        number = next
        if let silent = declaring.popFirst(), parked[silent.address]?.isEmpty == false { declaring.append(silent) }
        openChannel()
        return nil
    }

    /// The connection is gone. What was parked is taken back by `Transport`.
    func closed(_ loss: ConnectionLoss) {
        noteFailure(loss)
        connection = nil
        state = .closed
        parked.removeAll()
    }

    /// The broker fails over one thing after another on a channel: what it has not answered first is what it failed over.
    private func noteFailure(_ loss: ConnectionLoss) {
        guard loss.isFailureOfBroker, state == .ready, let address = declaring.first?.address else { return }
        guard memory.failed(address, loss.reason, using: &generator) else { return }
        logger.warning(
            "The broker fails to declare what an address needs, and closes the connection: it is declared again later",
            metadata: ["address": "\(address)", "rabbitmq.reason": "\(loss.reason)"])
    }

    // MARK: Declaring

    func isDeclared(_ route: PublishRoute) -> Bool {
        if route.declaredEpoch == epoch { return true }
        guard route.plan.declarations.allSatisfy({ declared.contains($0) }) else { return false }
        route.declaredEpoch = epoch
        return true
    }

    /// Keeps a publish until what its address needs is declared.
    func park(_ publish: Publish, _ plan: PublishPlan) {
        let address = publish.address
        if let failure = memory.failure(of: address) {
            let pause = Moment.now.duration(to: failure.until)
            return outcomes.add(
                publish,
                .again(
                    wasSent: false, after: max(pause, .milliseconds(1)),
                    otherwise: errors.undeclarable(address, failure.reason)))
        }
        publish.hold(errors.undeclared(address))
        parked[address, default: []].append(publish)
        guard !declaring.contains(where: { $0.address == address }) else { return }
        let route = RouteDeclaration(address: address, plan: plan)
        declaring.append(route)
        guard state == .ready else { return }
        declare(route)
        if declaring.count == 1 { expectAnswer() }
    }

    private func declare(_ route: RouteDeclaration) {
        for declaration in route.steps { send(declaration.method) }
        metrics.declared(route.steps.count)
    }

    /// Plans again what the broker doesn't take as planned.
    func adapt() {
        for index in declaring.indices { declaring[index].adapt(to: demands) }
    }

    /// Somebody deleted something: everything is declared again before it is used.
    func forgetDeclarations() {
        declared.removeAll()
        epoch += 1
    }

    private func noteDeclared(_ declaration: Declaration) {
        declared.insert(declaration)
        memory.declared(declaration)
    }

    // MARK: Answers

    /// What came on this channel, or on one that was left behind.
    ///
    /// - Returns: publishes whose address is declared now.
    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation) -> [Publish] {
        guard channel == number else {
            // Late answers.
            if case .channelClose = method, let connection { try? connection.send(.channelCloseOK, channel: channel) }
            return []
        }
        switch method {
        case .channelOpenOK where state == .opening:
            state = .ready
            for index in declaring.indices {
                declaring[index].done = 0
                declare(declaring[index])
            }
            expectAnswer()
            return []
        case .exchangeDeclareOK, .queueDeclareOK, .queueBindOK:
            defer { expectAnswer() }
            return try declarationAnswered()
        case .channelClose(let closure):
            send(.channelCloseOK)
            return refused(closure)
        default:
            throw ProtocolViolation("the broker sent \(method) on the publishing connection's channel \(channel)")
        }
    }

    private func declarationAnswered() throws(ProtocolViolation) -> [Publish] {
        guard var first = declaring.first else {
            throw ProtocolViolation("the broker answered a declaration that was not made")
        }
        noteDeclared(first.steps[first.done])
        first.done += 1
        if first.done < first.steps.count {
            declaring[0] = first
            return []
        }
        declaring.removeFirst()
        return isDeclaredNow(first.address)
    }

    private func isDeclaredNow(_ address: Address) -> [Publish] {
        memory.declared(address)
        return parked.removeValue(forKey: address) ?? []
    }

    /// A declaration was refused. Those behind it were dropped with the channel and are made again.
    ///
    /// What somebody deleted between two steps (404), or what is just moving (405), is worth another try.
    private func refused(_ closure: IncomingMethod.Closure) -> [Publish] {
        defer { openChannel() }
        guard var first = declaring.popFirst() else { return [] }
        first.attempts += 1
        let declaration = first.steps[first.done]
        if demands.learn(from: closure, declaration, connection?.brokerVersion) {
            declaring.prepend(first)
            adapt()
        } else if memory.wasDeclared(declaration), declaration.isDispensable(after: closure) {
            goOn(without: first.leaveOut(), closure, for: first.address)
            if first.steps.isEmpty { return isDeclaredNow(first.address) }
            declaring.prepend(first)
        } else if first.attempts < Self.attempts(after: closure.code) {
            forgetDeclarations()
            declaring.prepend(first)
        } else {
            for publish in parked.removeValue(forKey: first.address) ?? [] {
                outcomes.add(publish, .failed(errors.refused(declaration, closure, for: first.address)))
            }
        }
        return []
    }

    /// What could be declared before, and is there otherwise now or may not be declared any more, is used as it is.
    private func goOn(
        without declaration: Declaration, _ closure: IncomingMethod.Closure, for address: Address
    ) {
        noteDeclared(declaration)
        let error = errors.refused(declaration, closure, for: address)
        guard memory.tells(error.message) else { return }
        logger.warning(
            "The broker refuses a declaration that it took before; publishers use what is there",
            metadata: ["address": "\(address)", "error": "\(error)"])
    }

    /// Each is a round trip. A broker may need many for a deletion: until it is done, the exchange is still declared with
    /// success, and not found by a binding.
    private static func attempts(after code: UInt16) -> Int {
        switch code {
        case 404: 500
        case 405: 10
        default: 0
        }
    }
}
#endif
