#if RabbitMQ
import SwitchboardCore

/// Where a publish goes, and what has to exist before.
struct PublishPlan: Hashable, Sendable {
    var exchange: String
    var routingKey: String
    var declarations: [Declaration]
}

/// What a subscription declares and takes from.
struct SubscriptionPlan: Hashable, Sendable {
    var declarations: [Declaration]
    var queue: String
    var consumeArguments: FieldTable
    /// Whether the queue is this subscription's own and goes with it.
    var deletesQueueAtEnd: Bool
    var isStream: Bool
    /// Whether its queue is declared as a quorum queue, the only ones that count how often a message comes back.
    var isQuorum: Bool
    /// How often a message may come back to a quorum queue by our own declaration; 0: it says nothing of that.
    var deliveryLimit: Int?
}

/// Addresses in oslo.messaging's names and declarations, frame for frame (oslo-wire.md §2.1, §2.3). No I/O.
struct Topology: Sendable {
    let options: RabbitMQTopology
    /// ``RabbitMQConfiguration/directRequests``
    let directRequests: Bool

    init(_ options: RabbitMQTopology, directRequests: Bool = false) {
        self.options = options
        self.directRequests = directRequests
    }

    func plan(publishingTo address: Address) throws(TransportError) -> PublishPlan {
        switch address {
        case .topic(let topic):
            return request(to: topic.name, of: topic)
        case .server(let topic, let server):
            let queue = "\(topic.name).\(server)"
            try check(queue, of: address)
            return request(to: queue, of: topic)
        case .fanout(let topic):
            let exchange = fanoutExchange(of: topic)
            try check(exchange.name, of: address)
            return PublishPlan(exchange: exchange.name, routingKey: "", declarations: [.exchange(exchange)])
        case .mailbox(let mailbox):
            return PublishPlan(exchange: "", routingKey: mailbox.name, declarations: [])
        case .notifications(let topic):
            return PublishPlan(
                exchange: topic.exchange, routingKey: topic.name, declarations: shared(topic.name, on: topic))
        case .pool:
            throw TransportError(
                .invalidAddress, "\(address) cannot be published to: publish to the notifications of its topic.")
        }
    }

    /// A request's queue has the name of the key that binds it.
    private func request(to queue: String, of topic: Topic) -> PublishPlan {
        if directRequests { return PublishPlan(exchange: "", routingKey: queue, declarations: []) }
        return PublishPlan(
            exchange: topic.exchange, routingKey: queue, declarations: [.exchange(exchange(of: topic))])
    }

    /// `suffix` is what tells this subscription's fanout queue from those of others; it stays the same over reconnects.
    func plan(
        subscribingTo address: Address, fanoutSuffix suffix: String
    ) throws(TransportError) -> SubscriptionPlan {
        switch address {
        case .topic(let topic), .notifications(let topic):
            return plan(taking: topic.name, declarations: shared(topic.name, on: topic))
        case .server(let topic, let server):
            let queue = "\(topic.name).\(server)"
            try check(queue, of: address)
            return plan(taking: queue, declarations: shared(queue, on: topic))
        case .pool(let pool, let topic):
            return plan(taking: pool, declarations: shared(pool, on: topic, key: topic.name))
        case .mailbox(let mailbox):
            return plan(taking: mailbox.name, declarations: [.queue(transientQueue(mailbox.name))])
        case .fanout(let topic):
            return try fanoutPlan(topic, suffix, address)
        }
    }

    private func fanoutPlan(
        _ topic: Topic, _ suffix: String, _ address: Address
    ) throws(TransportError) -> SubscriptionPlan {
        let exchange = fanoutExchange(of: topic)
        let queue = options.streamFanout ? streamQueue(exchange.name) : transientQueue("\(exchange.name)_\(suffix)")
        try check(queue.name, of: address)
        var plan = plan(
            taking: queue.name,
            declarations: [
                // A broker that refuses the queue has made no exchange then.
                .queue(queue), .exchange(exchange),
                .binding(Binding(queue: queue.name, exchange: exchange.name, key: topic.name)),
            ])
        plan.isStream = options.streamFanout
        if plan.isStream {
            plan.consumeArguments.append("x-stream-offset", .string("last"))
        }
        plan.deletesQueueAtEnd = !options.streamFanout && !(options.stableNames && options.keepsFanoutQueues)
        return plan
    }

    private func plan(taking queue: String, declarations: [Declaration]) -> SubscriptionPlan {
        SubscriptionPlan(
            declarations: declarations, queue: queue,
            consumeArguments: options.cancelOnFailover ? ["x-cancel-on-ha-failover": .bool(true)] : [:],
            deletesQueueAtEnd: false, isStream: false,
            isQuorum: declarations.contains { declaration in
                guard case .queue(let queue) = declaration else { return false }
                return queue.arguments["x-queue-type"] == .string("quorum")
            }, deliveryLimit: options.quorumDeliveryLimit)
    }

    /// A queue that several consumers share, bound to the topic's exchange.
    private func shared(_ queue: String, on topic: Topic, key: String? = nil) -> [Declaration] {
        var arguments = arguments(quorum: options.quorumQueues)
        if let life = options.trialTTL { arguments.append("x-expires", life.wholeSeconds * 1000) }
        let declaration = QueueDeclaration(
            name: queue, isDurable: options.durableQueues || options.quorumQueues,
            deletesItself: options.autoDelete, arguments: arguments)
        return [
            .queue(declaration), .exchange(exchange(of: topic)),
            .binding(Binding(queue: queue, exchange: topic.exchange, key: key ?? queue)),
        ]
    }

    private func exchange(of topic: Topic) -> ExchangeDeclaration {
        ExchangeDeclaration(
            name: topic.exchange, type: .topic, isDurable: options.durableQueues || options.quorumQueues,
            deletesItself: options.autoDelete || options.trialTTL != nil)
    }

    private func fanoutExchange(of topic: Topic) -> ExchangeDeclaration {
        ExchangeDeclaration(
            name: "\(topic.name)_fanout", type: .fanout,
            isDurable: options.transientQuorumQueues || options.durableTransientQueues, deletesItself: true)
    }

    /// A fanout's or a caller's own queue, which expires when nobody uses it.
    private func transientQueue(_ name: String) -> QueueDeclaration {
        var arguments = arguments(quorum: options.transientQuorumQueues)
        if let life = options.trialTTL ?? options.transientQueuesTTL {
            arguments.append("x-expires", life.wholeSeconds * 1000)
        }
        return QueueDeclaration(
            name: name, isDurable: options.transientQuorumQueues || options.durableTransientQueues,
            deletesItself: false, arguments: arguments)
    }

    private func streamQueue(_ name: String) -> QueueDeclaration {
        var arguments: FieldTable = ["x-queue-type": .string("stream")]
        if let life = options.transientQueuesTTL {
            arguments.append("x-max-age", .string("\(life.wholeSeconds)s"))
        }
        return QueueDeclaration(name: name, isDurable: true, deletesItself: false, arguments: arguments)
    }

    private func arguments(quorum: Bool) -> FieldTable {
        var arguments = FieldTable()
        if quorum {
            arguments.append("x-queue-type", .string("quorum"))
            let limits = [
                ("x-delivery-limit", options.quorumDeliveryLimit),
                ("x-max-in-memory-length", options.quorumMaxMemoryLength),
                ("x-max-in-memory-bytes", options.quorumMaxMemoryBytes),
            ]
            for case (let name, let limit?) in limits { arguments.append(name, limit) }
        } else if options.haQueues {
            arguments.append("x-ha-policy", .string("all"))
        }
        return arguments
    }

    /// AMQP's names end at 255 bytes; those made here are longer than what they are made of.
    private func check(_ name: String, of address: Address) throws(TransportError) {
        guard name.utf8.count <= 255 else {
            throw TransportError(
                .invalidAddress,
                "RabbitMQ cannot carry \(address): the name \(name) has \(name.utf8.count) bytes; 255 is the most.")
        }
    }
}

extension Duration {
    /// In whole seconds, as AMQP counts: rounded up, so that a short span isn't none, and bounded.
    var wholeSeconds: Int {
        let (seconds, attoseconds) = components
        return Int(Int32(clamping: seconds)) + (attoseconds > 0 ? 1 : 0)
    }
}
#endif
