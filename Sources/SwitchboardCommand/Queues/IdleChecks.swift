#if RabbitMQ
    import SwitchboardRabbitMQ

    /// What queues without consumers mean: it depends on what they are for.
    struct IdleChecks {
        let audit: QueueAudit
        let listing: BusListing
        /// Of queues that nobody consumes.
        let counts: [String: IdleQueues.Count]

        /// More lines than this say no more.
        private static let mostLines = 50

        var results: [CheckResult] {
            notifications + [unserved, leftovers] + [
                orphaned(.replies, "reply queues"), orphaned(.fanout, "fanout queues"),
            ]
        }

        private func idle(_ role: ListedQueue.Role) -> [BusListing.Queue] {
            listing.queues(role).filter { counts[$0.name] != nil }
        }

        // MARK: Notifications

        private var notifications: [CheckResult] {
            let all = listing.queues(.notifications)
            if all.isEmpty { return [.ok("notifications", "there are no queues of notifications")] }
            let unread = idle(.notifications).sorted { ready($0) > ready($1) }
            if unread.isEmpty {
                return [.ok("notifications", "\(QueueAudit.count(all.count, "queue")), each with a reader")]
            }
            let rest = unread.dropFirst(Self.mostLines)
            let more: [CheckResult] =
                rest.isEmpty
                ? [] : [.ok("notifications", "\(rest.count) more without a reader, with no more messages than these")]
            return unread.prefix(Self.mostLines).map(Self.line(audit, counts)) + more
        }

        private func ready(_ queue: BusListing.Queue) -> Int { counts[queue.name]?.ready ?? 0 }

        private static func line(
            _ audit: QueueAudit, _ counts: [String: IdleQueues.Count]
        ) -> (BusListing.Queue) -> CheckResult {
            { queue in
                unread(queue.name, counts[queue.name] ?? .init(ready: 0), bytes: queue.bytes, audit)
            }
        }

        /// A queue of notifications without a reader.
        static func unread(
            _ name: String, _ count: IdleQueues.Count, bytes: Int?, _ audit: QueueAudit
        ) -> CheckResult {
            var measurements = [
                CheckMeasurement(
                    "unread", .messages, Double(count.ready), audit.thresholds.unread,
                    help: "How many messages wait in a notification queue without a reader")
            ]
            var words = ["nobody reads it, \(QueueAudit.count(count.ready, "message"))"]
            if let bytes, count.ready > 0 {
                words.append("\(bytes) bytes")
                measurements.append(
                    CheckMeasurement("size", .bytes, Double(bytes), help: "How large a queue's messages are"))
            }
            if let growth = count.growth {
                words.append("\(growth >= 0 ? "+" : "")\((growth * 10).rounded() / 10) a second")
                measurements.append(
                    CheckMeasurement(
                        "growth", .messagesPerSecond, growth, audit.thresholds.growth,
                        help: "How fast a queue without a consumer grows"))
            }
            return .measured(
                "notifications", of: name, words.joined(separator: ", "), measurements,
                otherwise: .init(
                    "Services send notifications that no program takes; they fill the broker's disk until it blocks every publisher.",
                    do:
                        "Start what should read them, such as ceilometer-agent-notification; or set driver=noop in "
                        + "[oslo_messaging_notifications] of the services that send, and purge the queue ('rabbitmqctl purge_queue')."
                ))
        }

        // MARK: Requests

        /// Servers' queues with requests that nobody takes.
        private var unserved: CheckResult {
            let waiting = idle(.requests).filter { ready($0) > 0 }
            guard !waiting.isEmpty else { return .ok("unserved", "no requests wait without a server") }
            let total = waiting.reduce(0) { $0 + ready($1) }
            let growth = waiting.compactMap { counts[$0.name]?.growth }
            let rate = growth.isEmpty ? "" : ", \((growth.reduce(0, +) * 10).rounded() / 10) more a second"
            return .warning(
                "unserved",
                "\(QueueAudit.count(total, "request")) wait\(rate), and nobody takes them: \(audit.list(waiting.map(\.name)))",
                .init(
                    "The server has stopped, or it lost its consumer and doesn't know: it is deaf until it is restarted.",
                    do:
                        "Start or restart it; 'switchboard doctor --topic' looks closer. Of a server that is gone for good, delete the queue."
                ),
                [
                    CheckMeasurement(
                        "unserved", .messages, Double(total), help: "How many requests wait in queues without a server")
                ])
        }

        /// Servers' queues that are as they left them.
        private var leftovers: CheckResult {
            let empty = idle(.requests).filter { ready($0) == 0 }
            let number = [
                CheckMeasurement("leftover", .queues, Double(empty.count), help: "How many empty queues nobody serves")
            ]
            guard !empty.isEmpty else { return .ok("leftovers", "every queue of requests has a server", number) }
            return .warning(
                "leftovers", "empty, and nobody serves: \(audit.list(empty.map(\.name)))",
                .init(
                    "The service has stopped, or its host was removed and the queue stayed. Calls to it wait until they time out, instead of "
                        + "failing at once.",
                    do:
                        "Start the service; or delete the queue where the host is gone: 'rabbitmqctl delete_queue NAME --if-empty --if-unused'."
                ), number)
        }

        // MARK: Replies and fanouts

        /// Queues whose program has gone.
        private func orphaned(_ role: ListedQueue.Role, _ word: String) -> CheckResult {
            let orphans = idle(role)
            let lasting = orphans.filter { $0.listed.arguments["x-expires"] == nil && !$0.listed.deletesItself }
            let number = [
                CheckMeasurement(
                    "orphaned", .queues, Double(orphans.count), audit.thresholds.orphaned,
                    help: "How many reply or fanout queues no program consumes")
            ]
            if orphans.isEmpty { return .ok("orphaned", of: word, "each has its program", number) }
            let waiting = orphans.reduce(0) { $0 + ready($1) }
            let contents = waiting > 0 ? ", with \(QueueAudit.count(waiting, "message"))" : ""
            if !lasting.isEmpty {
                return .warning(
                    "orphaned", of: word,
                    "\(lasting.count) of \(orphans.count) without a program will never expire\(contents): \(audit.list(lasting.map(\.name)))",
                    .init(
                        "Their programs have gone, and nothing deletes them"
                            + (role == .fanout ? "; each keeps collecting every fanout of its topic." : "."),
                        do:
                            "Give the programs a rabbit_transient_queues_ttl, which is 1800 by default, and delete these queues: "
                            + "'rabbitmqctl delete_queue NAME --if-unused'."), number)
            }
            return .measured(
                "orphaned", of: word,
                "\(orphans.count) without a program\(contents), all of which expire by themselves", number,
                otherwise: .init(
                    "Programs come and go faster than their queues expire: a service that is restarted again and again, or one that loses "
                        + "its connection.",
                    do:
                        "Look for a service that restarts or reconnects all the time; its log, and the broker's, say why."
                ))
        }
    }
#endif
