#if RabbitMQ
package import SwitchboardCore

/// A queue or an exchange, against what the driver would declare.
package struct InspectedObject: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case queue, exchange
    }

    package enum State: Hashable, Sendable {
        case missing
        /// It is as it would be declared, or the user may not find that out.
        case fitting
        /// It is otherwise. `options` are those that decide the argument, where some do.
        case conflict(argument: String, options: String?, text: String)
        /// A queue that belongs to another connection.
        case locked(text: String)
        /// Something else that the broker says.
        case refused(text: String)
    }

    package var kind: Kind
    package var name: String
    /// Whether it would be declared durable.
    package var isDurable: Bool
    /// Whether it is one of those that come and go with their users: of a fanout.
    package var isTransient: Bool
    package var state: State
    /// Of a queue that is there: messages that wait.
    package var ready: Int?
    package var consumers: Int?
}

extension BrokerLook {
    /// The queues and exchanges that requests to a topic, and to one server of it, go through.
    package func objects(of topic: Topic, server: String?) async throws(InspectionFailure) -> [InspectedObject] {
        var found: [InspectedObject] = []
        for declaration in try declarations(of: topic, server) {
            if let object = try await inspect(declaration) { found.append(object) }
        }
        return found
    }

    /// Whether the exchange of requests to a topic isn't there. A sender of one would make it.
    package func lacksExchange(of topic: Topic) async throws(InspectionFailure) -> Bool {
        for case .exchange(let exchange) in (try? topology.plan(publishingTo: .topic(topic)).declarations) ?? [] {
            let conversation = try await session.ask([.inspectExchange(exchange.name)])
            if conversation.closure?.code == 404 { return true }
        }
        return false
    }

    /// Without the queue of a subscription to a fanout, which has a name of its own each time.
    private func declarations(of topic: Topic, _ server: String?) throws(InspectionFailure) -> [Declaration] {
        do throws(TransportError) {
            var declarations = try topology.plan(subscribingTo: .topic(topic), fanoutSuffix: "").declarations
            if let server {
                declarations += try topology.plan(subscribingTo: .server(topic, server: server), fanoutSuffix: "")
                    .declarations
            }
            declarations += try topology.plan(publishingTo: .fanout(topic)).declarations
            var seen: Set<Declaration> = []
            let unique = declarations.filter { seen.insert($0).inserted }
            // What messages come to first is told first.
            return unique.filter { if case .exchange = $0 { true } else { false } }
                + unique.filter { if case .queue = $0 { true } else { false } }
        } catch {
            throw InspectionFailure(.open, error.message)
        }
    }

    private func inspect(_ declaration: Declaration) async throws(InspectionFailure) -> InspectedObject? {
        let question: OutgoingMethod
        var object: InspectedObject
        switch declaration {
        case .exchange(let exchange):
            question = .inspectExchange(exchange.name)
            object = InspectedObject(
                kind: .exchange, name: exchange.name, isDurable: exchange.isDurable,
                isTransient: exchange.type == .fanout, state: .fitting)
        case .queue(let queue):
            question = .inspectQueue(queue.name)
            object = InspectedObject(
                kind: .queue, name: queue.name, isDurable: queue.isDurable, isTransient: false, state: .fitting)
        case .binding: return nil
        }
        // Together on one channel: where the question is answered by its end, the declaration behind it is never read.
        let conversation = try await session.ask([question, declaration.method])
        if case .queueDeclareOK(let ready, let consumers)? = conversation.answers.first {
            object.ready = Int(ready)
            object.consumers = Int(consumers)
        }
        if let closure = conversation.closure {
            object.state = state(declaration, closure, isThere: !conversation.answers.isEmpty)
        }
        return object
    }

    private func state(
        _ declaration: Declaration, _ closure: IncomingMethod.Closure, isThere: Bool
    ) -> InspectedObject.State {
        switch closure.code {
        case 404: return .missing
        case 405: return .locked(text: closure.text)
        // Which permission that is, the look at permissions says.
        case 403 where isThere: return .fitting
        case 406:
            guard let argument = ConflictingArgument(in: closure.text) else { return .refused(text: closure.text) }
            return .conflict(
                argument: argument.name, options: argument.options(for: declaration), text: closure.text)
        default: return .refused(text: "\(closure.code) \(closure.text)")
        }
    }
}
#endif
