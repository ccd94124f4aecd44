#if RabbitMQ
/// The argument over which a declaration clashed, from the broker's text.
struct ConflictingArgument: Hashable, Sendable {
    var name: String

    init(name: String) {
        self.name = name
    }

    /// `… inequivalent arg 'durable' for queue 'T' in vhost '/': received 'true' but current is 'false'` → `durable`
    init?(in text: String) {
        guard let range = text.firstRange(of: "inequivalent arg '"),
            let end = text[range.upperBound...].firstIndex(of: "'")
        else { return nil }
        name = String(text[range.upperBound..<end])
    }

    func advice(for declaration: Declaration, _ topology: RabbitMQTopology) -> String {
        guard let options = options(for: declaration) else {
            return "It exists with another \(name), declared by another program: remove it, or use another name."
        }
        return "It exists with another \(name): give this program the option \(options) as the programs beside it have "
            + "it, or delete what exists."
    }

    /// The options that decide the argument, in words; `nil` where none does.
    func options(for declaration: Declaration) -> String? {
        let isTransient =
            switch declaration {
            case .exchange(let exchange): exchange.type == .fanout
            case .queue(let queue): queue.arguments["x-expires"] != nil || queue.arguments["x-max-age"] != nil
            case .binding: false
            }
        return switch name {
        case "durable" where isTransient: "rabbit_transient_quorum_queue or rabbit_transient_queues_durable"
        case "durable": "amqp_durable_queues or rabbit_quorum_queue"
        case "auto_delete": "amqp_auto_delete"
        case "x-queue-type" where isTransient: "rabbit_transient_quorum_queue or rabbit_stream_fanout"
        case "x-queue-type": "rabbit_quorum_queue"
        case "x-expires", "x-max-age": "rabbit_transient_queues_ttl"
        case "x-delivery-limit": "rabbit_quorum_delivery_limit"
        case "x-max-in-memory-length": "rabbit_quorum_max_memory_length"
        case "x-max-in-memory-bytes": "rabbit_quorum_max_memory_bytes"
        case "x-ha-policy": "rabbit_ha_queues"
        default: nil
        }
    }
}

extension Declaration {
    /// Whether a program that has declared it before can go without, where the broker refuses it now.
    ///
    /// Without the right to declare (403) what is there may still do. So may what exists otherwise than it would be declared
    /// (406), but not an exchange of another type, which sends messages elsewhere.
    func isDispensable(after closure: IncomingMethod.Closure) -> Bool {
        if closure.code == 403 { return true }
        guard closure.code == 406, let argument = ConflictingArgument(in: closure.text) else { return false }
        return switch self {
        case .exchange: argument.name != "type"
        case .queue: true
        case .binding: false
        }
    }
}

extension SubscriptionPlan {
    /// Whether a subscription that worked can go without a declaration that the broker refuses now; not with a stream in the
    /// place of a queue or the other way round, as a stream's consumers get every message each.
    func canGo(without declaration: Declaration, _ closure: IncomingMethod.Closure) -> Bool {
        if case .queue = declaration, closure.code == 406, isStream || closure.text.contains("'stream'") {
            return false
        }
        return declaration.isDispensable(after: closure)
    }
}
#endif
