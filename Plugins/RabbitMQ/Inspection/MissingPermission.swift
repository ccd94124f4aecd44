#if RabbitMQ
package import SwitchboardCore

/// A permission that a user needs and doesn't have.
package struct MissingPermission: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case configure, write, read
    }

    package var kind: Kind
    /// The queue's or exchange's name, which the permission's pattern doesn't match.
    package var resource: String
    /// What needs it.
    package var purpose: String
    /// What the broker says.
    package var text: String
}

extension BrokerLook {
    /// What the user may not do that a caller and a server of the topic do; without a topic, what every caller does.
    ///
    /// Nothing is made, moved or deleted: a broker looks at permissions before all else, so each probe is a request that it would
    /// refuse anyway (an argument that no queue can have, a message that would expire too late), or one that does nothing
    /// (taking a binding away that isn't there).
    ///
    /// - Parameter publishes: whether the broker takes messages; one with an alarm would answer nothing after the first.
    package func missingPermissions(
        topic: Topic?, server: String?, publishes: Bool
    ) async throws(InspectionFailure) -> [MissingPermission] {
        var missing: [MissingPermission] = []
        var writable: Set<String> = []
        for probe in probes(topic, server) where publishes || !probe.isMessage {
            let conversation =
                switch probe.request {
                case .ask(let method): try await session.ask([method])
                case .publish: try await session.publishRefused(to: probe.exchange, key: Self.probeName())
                }
            // With an alarm nothing more is answered; the look at alarms says so.
            if await session.blockedReason != nil { return missing }
            guard let closure = conversation.closure, closure.code == 403 else {
                if probe.isMessage { writable.insert(probe.resource) }
                continue
            }
            // Of another name, with a probe of its own.
            guard closure.text.contains("'\(probe.resource)'") else { continue }
            // Some requests need two permissions, and RabbitMQ before 3.11 doesn't say which one it is.
            let kind = Self.kind(in: closure.text)
            let needs = probe.needs.filter { need in
                kind.map { $0 == need.kind } ?? (need.kind != .write || !writable.contains(probe.resource))
            }
            guard let need = needs.first else { continue }
            if missing.contains(where: { $0.kind == need.kind && $0.resource == probe.resource }) { continue }
            missing.append(
                MissingPermission(
                    kind: need.kind, resource: probe.resource, purpose: need.purpose, text: closure.text))
        }
        return missing
    }

    private struct Probe {
        enum Request {
            case ask(OutgoingMethod)
            case publish
        }

        var request: Request
        var resource: String
        /// In the order in which a broker looks at them.
        var needs: [(kind: MissingPermission.Kind, purpose: String)]

        /// The name of an exchange that is published to.
        var exchange: String { resource == Self.defaultExchange ? "" : resource }

        /// How permissions call the exchange without a name.
        static let defaultExchange = "amq.default"

        var isMessage: Bool { if case .publish = request { true } else { false } }
    }

    private func probes(_ topic: Topic?, _ server: String?) -> [Probe] {
        let replies = Self.probeName()
        var probes = [
            configure(replies, "callers declare their reply queue"),
            read(replies, "callers take replies"),
            Probe(request: .publish, resource: Probe.defaultExchange, needs: [(.write, "servers send replies")]),
        ]
        guard let topic else { return probes }
        let key = replies
        let queues = [topic.name] + (server.map { ["\(topic.name).\($0)"] } ?? [])
        let fanout = "\(topic.name)_fanout"
        for exchange in [topic.exchange, fanout] {
            probes.append(configure(exchange, "callers and servers declare the exchange"))
            probes.append(
                Probe(request: .publish, resource: exchange, needs: [(.write, "callers publish requests")]))
            probes.append(
                Probe(
                    request: .ask(.unbindExchange(destination: exchange, source: exchange, key: key)),
                    resource: exchange,
                    needs: [(.write, "callers publish requests"), (.read, "servers bind their queues to the exchange")])
            )
        }
        for queue in queues {
            probes.append(configure(queue, "servers declare their queue"))
            probes.append(
                Probe(
                    request: .ask(.unbind(Binding(queue: queue, exchange: topic.exchange, key: key))), resource: queue,
                    needs: [(.write, "servers bind their queue")]))
            probes.append(read(queue, "servers take requests"))
        }
        return probes
    }

    /// `x-expires` must be over 0, in every version.
    private func configure(_ name: String, _ purpose: String) -> Probe {
        let queue = QueueDeclaration(
            name: name, isDurable: true, deletesItself: false, arguments: ["x-expires": .int32(0)])
        return Probe(request: .ask(.declareQueue(queue)), resource: name, needs: [(.configure, purpose)])
    }

    /// `x-priority` must be a number, in every version.
    private func read(_ name: String, _ purpose: String) -> Probe {
        Probe(
            request: .ask(.consume(queue: name, tag: "switchboard.doctor", arguments: ["x-priority": .string("none")])),
            resource: name, needs: [(.read, purpose)])
    }

    /// `ACCESS_REFUSED - read access to queue 'T' in vhost 'v' refused for user 'u'`; before 3.11, `access to queue 'T' …`.
    private static func kind(in text: String) -> MissingPermission.Kind? {
        for kind in [MissingPermission.Kind.configure, .write, .read] where text.contains("\(kind.rawValue) access") {
            return kind
        }
        return nil
    }
}
#endif
