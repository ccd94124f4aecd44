#if RabbitMQ
    import SwitchboardRabbitMQ

    /// Whether quorum queues and streams have as many replicas as they should, and those are up.
    struct ReplicaCheck {
        let audit: QueueAudit
        let listing: BusListing

        var result: CheckResult {
            let replicated = listing.queues.filter { $0.listed.type != "classic" && !$0.members.isEmpty }
            if replicated.isEmpty {
                let unseen = listing.queues.filter { ["quorum", "stream"].contains($0.listed.type) }
                return unseen.isEmpty
                    ? .ok("replicas", "there are no quorum queues and no streams")
                    : .skipped(
                        "replicas", because: "the management API tells no replicas of \(audit.list(unseen.map(\.name)))"
                    )
            }
            let lost = replicated.filter { $0.online.count * 2 <= $0.members.count }
            if !lost.isEmpty {
                return .failed(
                    "replicas", "no majority of the replicas is up: \(described(lost))",
                    .init(
                        "These queues take no messages and give none until more of their nodes are up: calls time out.",
                        do: "Start the nodes that are down: 'rabbitmqctl cluster_status' names them."), measured(lost))
            }
            let down = replicated.filter { $0.online.count < $0.members.count }
            if !down.isEmpty {
                return .warning(
                    "replicas", "replicas are down: \(described(down))",
                    .init(
                        "The queues work; the loss of another node may stop them.",
                        do: "Start the nodes that are down: 'rabbitmqctl cluster_status' names them."), measured(down))
            }
            let few = replicated.filter { queue in wanted(queue).map { queue.members.count < $0 } ?? false }
            if !few.isEmpty {
                return .warning(
                    "replicas", "fewer replicas than wanted: \(described(few, wanted: true))",
                    .init(
                        "They were made while nodes were down or before they joined; the loss of one node may stop them.",
                        do:
                            "'rabbitmq-queues grow NODE all --queue-pattern NAME' adds replicas of quorum queues, 'rabbitmq-streams add_replica "
                            + "NAME NODE' one of a stream."), measured(few))
            }
            let fewest = replicated.map(\.members.count).min() ?? 0
            let scope =
                listing.nodes == nil && audit.replicas == nil ? "; how many nodes there are, the user may not see" : ""
            return .ok(
                "replicas",
                "\(QueueAudit.count(replicated.count, "queue")) with \(fewest) or more, all of them up\(scope)",
                measured([]))
        }

        /// As many as the options or the queue's own arguments ask for, and no more than there are nodes.
        private func wanted(_ queue: BusListing.Queue) -> Int? {
            if let replicas = audit.replicas { return replicas }
            guard let nodes = listing.nodes else { return nil }
            let asked = ["x-quorum-initial-group-size", "x-initial-cluster-size"].lazy
                .compactMap { queue.listed.arguments[$0].flatMap { Int($0) } }.first
            return min(asked ?? 3, nodes)
        }

        private func described(_ queues: [BusListing.Queue], wanted isWanted: Bool = false) -> String {
            audit.list(
                queues.map { queue in
                    isWanted
                        ? "\(queue.name) (\(queue.members.count) of \(wanted(queue) ?? 0))"
                        : "\(queue.name) (\(queue.online.count) of \(queue.members.count))"
                })
        }

        private func measured(_ queues: [BusListing.Queue]) -> [CheckMeasurement] {
            [
                CheckMeasurement(
                    "underreplicated", .queues, Double(queues.count),
                    help: "How many quorum queues and streams lack replicas")
            ]
        }
    }
#endif
