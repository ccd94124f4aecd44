#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ

    /// Counts over AMQP what the management API, some seconds late, calls queues without consumers.
    struct IdleQueues {
        /// A queue that nobody consumes.
        struct Count: Hashable, Sendable {
            var ready: Int
            /// In messages a second; `nil` without a second look.
            var growth: Double?
        }

        let audit: QueueAudit
        let inspection: BrokerInspection
        let host: BrokerInspection.Host

        /// Those that nobody consumes now, by name.
        func counted(_ listing: BusListing) async throws(InspectionFailure) -> [String: Count] {
            let suspects = listing.queues.filter { queue in
                queue.listed.role != .foreign && !queue.listed.isExclusive && (queue.consumers ?? 0) == 0
            }
            let growing = Set(listing.queues.filter { Self.grows($0.listed.role) }.map(\.name))
            return try await counted(suspects.map(\.name)) { growing.contains($0) }
        }

        /// The same of queues with these names.
        func counted(
            _ names: [String], growing: (String) -> Bool
        ) async throws(InspectionFailure) -> [String: Count] {
            var counts = try await idle(names).mapValues { Count(ready: $0) }
            let again = counts.keys.filter(growing)
            guard audit.growth > .zero, !again.isEmpty else { return counts }
            let begin = ContinuousClock.now
            try? await Task.sleep(for: audit.growth)
            let later = try await idle(again)
            let seconds = begin.duration(to: .now) / .seconds(1)
            for name in again {
                // One that is consumed by now is no longer of interest, nor one that has gone.
                guard let ready = later[name], let before = counts[name]?.ready else {
                    counts[name] = nil
                    continue
                }
                counts[name] = Count(ready: ready, growth: Double(ready - before) / seconds)
            }
            return counts
        }

        /// Whether anyone cares how fast such a queue grows.
        private static func grows(_ role: ListedQueue.Role) -> Bool { role == .notifications || role == .requests }

        /// How many messages wait in each queue without a consumer.
        private func idle(_ names: [String]) async throws(InspectionFailure) -> [String: Int] {
            guard !names.isEmpty else { return [:] }
            let look = try await inspection.logIn(to: host)
            let result = await Result { () async throws(InspectionFailure) -> [String: Int] in
                var idle: [String: Int] = [:]
                for name in names {
                    if case .counted(let ready, 0) = try await look.count(name) { idle[name] = ready }
                }
                return idle
            }
            await look.close()
            return try result.get()
        }
    }
#endif
