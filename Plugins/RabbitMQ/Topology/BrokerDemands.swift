#if RabbitMQ
import SwitchboardCore

/// Where a broker doesn't take what is configured, and what is declared instead. A driver's connections share one.
///
/// RabbitMQ 4.3 refuses transient queues that aren't exclusive, and closes the connection over one. From then on all queues are
/// durable, and the exchanges of fanouts and notifications, as oslo.messaging declares them there. The exchange of requests stays
/// as configured: oslo.messaging's clients have it so with `rabbit_transient_quorum_queue`, all that they need there. Programs learn that at different times, and
/// oslo.messaging's have options of their own: what exists with another durability is taken as it is.
///
/// None of it concerns what is configured to be durable.
final class BrokerDemands: Sendable {
    private struct Name: Hashable {
        var isQueue: Bool
        var name: String
    }

    private struct State {
        var refusesTransientQueues = false
        /// Of what exists: whether it is durable.
        var durability: [Name: Bool] = [:]
        var revision = 0
    }

    private let topology: RabbitMQTopology
    private let state = Locked(State())

    init(_ topology: RabbitMQTopology) {
        self.topology = topology
    }

    /// Counts what was learned: plans that were adapted before are to be adapted anew.
    var revision: Int { state.withLock { $0.revision } }

    var refusesTransientQueues: Bool { state.withLock { $0.refusesTransientQueues } }

    /// Notes that the broker refuses transient queues. `false` when that was known.
    func refuseTransientQueues() -> Bool {
        state.withLock { state in
            guard !state.refusesTransientQueues else { return false }
            state.refusesTransientQueues = true
            state.revision += 1
            return true
        }
    }

    /// Learns from a refused declaration. `false` when there is nothing to learn: it was refused for good.
    func learn(from closure: IncomingMethod.Closure, _ declaration: Declaration, _ version: BrokerVersion?) -> Bool {
        guard closure.code == 406, version?.mayRefuseTransientQueues == true,
            closure.text.contains("inequivalent arg 'durable'")
        else { return false }
        let isDurable = closure.text.contains("but current is 'true'")
        switch declaration {
        case .exchange(let exchange) where exchange.isDurable != isDurable && !isConfigured(exchange):
            return learn(isDurable, of: Name(isQueue: false, name: exchange.name))
        case .queue(let queue) where !queue.isDurable && isDurable:
            return learn(isDurable, of: Name(isQueue: true, name: queue.name))
        default: return false
        }
    }

    private func learn(_ isDurable: Bool, of name: Name) -> Bool {
        state.withLock { state in
            state.durability[name] = isDurable
            state.revision += 1
        }
        return true
    }

    /// Whether the exchange is durable by configuration.
    private func isConfigured(_ exchange: ExchangeDeclaration) -> Bool {
        switch exchange.type {
        case .topic: topology.durableQueues || topology.quorumQueues
        case .fanout: topology.transientQuorumQueues || topology.durableTransientQueues
        }
    }

    func adapted(_ declarations: [Declaration], for address: Address) -> [Declaration] {
        let isNotification =
            switch address {
            case .notifications, .pool: true
            default: false
            }
        return state.withLock { state in
            guard state.revision > 0 else { return declarations }
            return declarations.map { declaration in
                switch declaration {
                case .queue(var queue):
                    let isKnown = state.durability[Name(isQueue: true, name: queue.name)] == true
                    queue.isDurable = queue.isDurable || isKnown || state.refusesTransientQueues
                    return .queue(queue)
                case .exchange(var exchange) where !exchange.isDurable:
                    exchange.isDurable =
                        state.durability[Name(isQueue: false, name: exchange.name)]
                        ?? (state.refusesTransientQueues && (exchange.type == .fanout || isNotification))
                    return .exchange(exchange)
                case .exchange, .binding: return declaration
                }
            }
        }
    }
}
#endif
