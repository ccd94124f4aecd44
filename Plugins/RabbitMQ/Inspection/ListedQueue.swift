#if RabbitMQ
import SwitchboardCore

/// A queue as a list of a broker's shows it, such as its management API's.
package struct ListedQueue: Hashable, Sendable {
    /// What a queue is for, as far as its name and its bindings tell.
    package enum Role: Hashable, Sendable, CaseIterable {
        /// Requests to a topic or to one server of it.
        case requests
        case notifications
        /// One subscription to a fanout.
        case fanout
        /// A stream that all subscriptions to a fanout read.
        case fanoutStream
        case replies
        /// Something that oslo.messaging's programs don't declare.
        case foreign
    }

    package var name: String
    package var role: Role
    /// `classic`, `quorum`, `stream`.
    package var type: String
    package var isDurable: Bool
    package var deletesItself: Bool
    package var isExclusive: Bool
    /// The arguments of its declaration, values as text.
    package var arguments: [String: String]

    package init(
        name: String, role: Role, type: String, isDurable: Bool, deletesItself: Bool = false, isExclusive: Bool = false,
        arguments: [String: String] = [:]
    ) {
        self.name = name
        self.role = role
        self.type = type
        self.isDurable = isDurable
        self.deletesItself = deletesItself
        self.isExclusive = isExclusive
        self.arguments = arguments
    }
}

/// An exchange as a list shows it.
package struct ListedExchange: Hashable, Sendable {
    package var name: String
    /// `topic`, `fanout`, …
    package var type: String
    package var isDurable: Bool
    package var deletesItself: Bool

    package init(name: String, type: String, isDurable: Bool, deletesItself: Bool) {
        self.name = name
        self.type = type
        self.isDurable = isDurable
        self.deletesItself = deletesItself
    }
}

/// A property of something that exists that isn't as the options would declare it.
package struct ListedDifference: Hashable, Sendable {
    /// As the broker calls it: `durable`, `x-queue-type`.
    package var argument: String
    package var found: String
    package var declared: String
    /// The options that decide it, in words; `nil` where none does.
    package var options: String?
}

extension RabbitMQTopology {
    /// How a queue differs from what these options would declare. Empty for foreign and exclusive queues.
    ///
    /// Of queues with random names, which only their owner declares, the type and the durability count: the rest clashes with nothing.
    package func differences(of queue: ListedQueue) -> [ListedDifference] {
        guard !queue.isExclusive, let declaration = declaration(of: queue) else { return [] }
        func difference(_ argument: String, _ found: String, _ declared: String) -> ListedDifference {
            let options = ConflictingArgument(name: argument).options(for: .queue(declaration))
            return ListedDifference(argument: argument, found: found, declared: declared, options: options)
        }
        let type = declaration.arguments["x-queue-type"]?.text ?? "classic"
        guard queue.type == type else {
            // Its durability follows from the type.
            return [difference("x-queue-type", queue.type, type)]
        }
        var found: [ListedDifference] = []
        if queue.isDurable != declaration.isDurable {
            found.append(difference("durable", "\(queue.isDurable)", "\(declaration.isDurable)"))
        }
        if queue.role == .fanout || queue.role == .replies { return found }
        if queue.deletesItself != declaration.deletesItself {
            found.append(difference("auto_delete", "\(queue.deletesItself)", "\(declaration.deletesItself)"))
        }
        var arguments: [String: String] = [:]
        for entry in declaration.arguments.entries { arguments[entry.name] = entry.value.text }
        for name in Set(arguments.keys).union(queue.arguments.keys).intersection(Self.compared).sorted()
        where arguments[name] != queue.arguments[name] {
            found.append(difference(name, queue.arguments[name] ?? "unset", arguments[name] ?? "unset"))
        }
        return found
    }

    /// How an exchange differs from what these options would declare. Empty unless it has the type of an exchange of requests or the
    /// name of a fanout's.
    package func differences(of exchange: ListedExchange, isOfFanout: Bool) -> [ListedDifference] {
        guard let declaration = exchangeDeclaration(exchange.name, isOfFanout: isOfFanout) else { return [] }
        let pairs = [
            ("type", exchange.type, declaration.type.rawValue),
            ("durable", "\(exchange.isDurable)", "\(declaration.isDurable)"),
            ("auto_delete", "\(exchange.deletesItself)", "\(declaration.deletesItself)"),
        ]
        return pairs.filter { $0.1 != $0.2 }.map { argument, found, declared in
            // Exchanges of fanouts always go with their last queue.
            let isDecided = !(isOfFanout && argument == "auto_delete")
            let options = isDecided ? ConflictingArgument(name: argument).options(for: .exchange(declaration)) : nil
            return ListedDifference(argument: argument, found: found, declared: declared, options: options)
        }
    }

    /// The arguments that a broker compares, but for the type. Others, such as `x-ha-policy`, clash with nothing.
    private static let compared: Set<String> = [
        "x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes", "x-overflow", "x-max-priority", "x-max-age",
        "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-single-active-consumer", "x-delivery-limit",
        "x-max-in-memory-length", "x-max-in-memory-bytes", "x-stream-max-segment-size-bytes",
    ]

    private func declaration(of queue: ListedQueue) -> QueueDeclaration? {
        let address: Address
        switch queue.role {
        case .requests, .notifications: address = .topic(Topic(queue.name))
        case .replies: address = .mailbox(Mailbox(named: queue.name))
        case .fanout, .fanoutStream:
            let end = queue.name.firstRange(of: "_fanout")?.lowerBound ?? queue.name.endIndex
            address = .fanout(Topic(String(queue.name[..<end])))
        case .foreign: return nil
        }
        guard let plan = try? Topology(self).plan(subscribingTo: address, fanoutSuffix: "") else { return nil }
        for case .queue(let declaration) in plan.declarations { return declaration }
        return nil
    }

    private func exchangeDeclaration(_ name: String, isOfFanout: Bool) -> ExchangeDeclaration? {
        let address: Address =
            isOfFanout ? .fanout(Topic(String(name.dropLast("_fanout".count)))) : .topic(Topic("any", exchange: name))
        guard let plan = try? Topology(self).plan(subscribingTo: address, fanoutSuffix: "") else { return nil }
        for case .exchange(let declaration) in plan.declarations { return declaration }
        return nil
    }
}

extension FieldTable.Value {
    /// As a management API shows it, without a string's quotes.
    fileprivate var text: String {
        switch self {
        case .bool(let value): "\(value)"
        case .int32(let value): "\(value)"
        case .int64(let value): "\(value)"
        case .string(let value): value
        case .table: "a table"
        }
    }
}
#endif
