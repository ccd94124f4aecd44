#if RabbitMQ
import SwitchboardCore

/// Where a broker doesn't take what is configured, and what is declared instead. A driver's connections share one.
///
/// RabbitMQ 4.3 refuses transient queues that aren't exclusive, and closes the connection over one. From then on all queues are
/// durable, and fanout exchanges too, as oslo.messaging declares them there. The exchange of a topic stays as configured, but
/// for one that somebody has declared as durable before.
final class BrokerDemands: Sendable {
    private struct State {
        var refusesTransientQueues = false
        var durableExchanges: Set<String> = []
        var revision = 0
    }

    private let state = Locked(State())

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
        guard closure.code == 406, case .exchange(let exchange) = declaration, !exchange.isDurable,
            version?.mayRefuseTransientQueues == true,
            closure.text.contains("inequivalent arg 'durable' for exchange"),
            closure.text.contains("received 'false' but current is 'true'")
        else { return false }
        return state.withLock { state in
            guard state.durableExchanges.insert(exchange.name).inserted else { return false }
            state.revision += 1
            return true
        }
    }

    func adapted(_ declarations: [Declaration]) -> [Declaration] {
        state.withLock { state in
            guard state.revision > 0 else { return declarations }
            return declarations.map { declaration in
                switch declaration {
                case .queue(var queue):
                    queue.isDurable = queue.isDurable || state.refusesTransientQueues
                    return .queue(queue)
                case .exchange(var exchange):
                    let isFanout = exchange.type == .fanout && state.refusesTransientQueues
                    exchange.isDurable =
                        exchange.isDurable || isFanout || state.durableExchanges.contains(exchange.name)
                    return .exchange(exchange)
                case .binding: return declaration
                }
            }
        }
    }
}
#endif
