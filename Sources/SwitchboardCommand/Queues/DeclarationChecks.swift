#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// What is listed against what the options would declare.
    struct DeclarationChecks {
        let audit: QueueAudit
        let topology: RabbitMQTopology
        /// Whether programs of ours take what exists with another durability.
        let takesOtherDurability: Bool
        let listing: BusListing

        /// Things that differ in the same way.
        private struct Clash: Hashable {
            var difference: ListedDifference
            var kind: InspectedObject.Kind
            /// Whether each program declares its own, so that nothing is refused.
            var isOwn: Bool
        }

        var results: [CheckResult] {
            audit.topics.flatMap(presence) + clashes
        }

        /// The topic's and its servers' queues, and the exchange.
        private func presence(of topic: Topic) -> [CheckResult] {
            let wanted = [topic.name] + audit.servers.map { "\(topic.name).\($0)" }
            let missing = wanted.filter { name in !listing.queues.contains { $0.name == name } }
            guard listing.exchanges.contains(where: { $0.name == topic.exchange }) else {
                return [
                    .failed(
                        "topic", of: topic.name, "the exchange \(topic.exchange) is not there",
                        .init(
                            "No service has ever used this exchange in this virtual host.",
                            do:
                                "Compare --exchange with the services' control_exchange (Nova's is nova), and the virtual host "
                                + "with theirs."))
                ]
            }
            guard missing.isEmpty else {
                return [
                    .failed(
                        "topic", of: topic.name, "not there: \(audit.list(missing))",
                        .init(
                            "A server makes its queue when it starts; requests to one that isn't there are returned at once.",
                            do:
                                "Start the service, and compare the topic and the server's name (Nova's is the host's) with its."
                        ))
                ]
            }
            return [.ok("topic", of: topic.name, "the exchange \(topic.exchange) and \(audit.list(wanted)) are there")]
        }

        private var clashes: [CheckResult] {
            var found: [Clash: [String]] = [:]
            var number = 0
            for queue in listing.queues where queue.listed.role != .foreign {
                number += 1
                let isOwn = queue.listed.role == .replies || queue.listed.role == .fanout
                for difference in topology.differences(of: queue.listed) {
                    found[Clash(difference: difference, kind: .queue, isOwn: isOwn), default: []].append(queue.name)
                }
            }
            for exchange in listing.exchanges {
                let isOfFanout = exchange.type == "fanout" && exchange.name.hasSuffix("_fanout")
                guard isOfFanout || listing.exchangesInUse.contains(exchange.name) else { continue }
                number += 1
                for difference in topology.differences(of: exchange, isOfFanout: isOfFanout) {
                    found[Clash(difference: difference, kind: .exchange, isOwn: false), default: []].append(
                        exchange.name)
                }
            }
            // What a broker accepts otherwise is no news there.
            let counted = found.filter {
                !(takesOtherDurability && $0.key.isOwn && $0.key.difference.argument == "durable")
            }
            if counted.isEmpty {
                return [
                    number == 0
                        ? .skipped("declared", because: "there is no queue or exchange of oslo.messaging's programs")
                        : .ok(
                            "declared",
                            "\(QueueAudit.count(number, "queue")) and exchanges are as the options declare them")
                ]
            }
            return counted.sorted { Self.order($0.key) < Self.order($1.key) }.map(result)
        }

        /// Failures first, then by name.
        private static func order(_ clash: Clash) -> (Int, String, String) {
            (clash.isOwn ? 1 : 0, clash.kind.rawValue, clash.difference.argument + clash.difference.found)
        }

        private func result(_ clash: Clash, _ names: [String]) -> CheckResult {
            let difference = clash.difference
            let object = "\(clash.kind.rawValue) \(difference.argument)"
            let what =
                "\(difference.argument) is \(difference.found) where \(difference.declared) would be declared: \(audit.list(names))"
            let options = difference.options
            if clash.isOwn {
                return .warning(
                    "declared", of: "own \(object)", what,
                    .init(
                        "The programs that made these queues for themselves have other options than these. They work, and others may not "
                            + "survive what the options are for, such as the loss of a node.",
                        do: "Give every program the same \(options ?? "options"), and restart it."))
            }
            if difference.argument == "durable", takesOtherDurability, difference.found == "true" {
                return .warning(
                    "declared", of: object, what,
                    .init(
                        "Switchboard takes it as it is on this broker; oslo.messaging's programs with these options get 406.",
                        do: "Give every program the same \(options ?? "options")."))
            }
            let advice =
                options.map {
                    "Give all programs the same \($0); or stop those that use it, delete it, and start them again."
                } ?? "No option decides this: stop those that use it, delete it, and start them again."
            return .failed(
                "declared", of: object, what,
                .init(
                    clash.kind == .exchange && difference.argument == "durable" && difference.found == "false"
                        ? "A leftover from before the options made it durable. A program with these options is refused (406)."
                        : "A program with these options is refused (406), and can neither serve nor call.", do: advice))
        }
    }
#endif
