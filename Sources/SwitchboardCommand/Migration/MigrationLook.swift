#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ

    /// Looks at a virtual host with the management API and over AMQP.
    struct MigrationLook: Sendable {
        let inspection: BrokerInspection
        let host: BrokerInspection.Host
        let api: ManagementAPI
        /// What queues and exchanges have to go that the options would declare otherwise; `nil`: all.
        let target: RabbitMQTopology?

        func state() async throws -> MigrationState {
            let listing = try await BusListing.of(host.virtualHost, api, notificationTopics: [])
            let queues = listing.queues.filter { queue in
                queue.listed.role != .foreign && !queue.listed.isExclusive
                    && (target.map { !$0.differences(of: queue.listed).isEmpty } ?? true)
            }
            let exchanges = listing.exchanges.filter { exchange in
                let isOfFanout = exchange.type == "fanout" && exchange.name.hasSuffix("_fanout")
                guard isOfFanout || listing.exchangesInUse.contains(exchange.name) else { return false }
                return target.map { !$0.differences(of: exchange, isOfFanout: isOfFanout).isEmpty } ?? true
            }
            let counts = try await count(queues.map(\.name))
            return MigrationState(
                queues: queues.compactMap { queue in
                    counts[queue.name].map {
                        .init(
                            name: queue.name, role: queue.listed.role, type: queue.listed.type, ready: $0.ready,
                            consumers: $0.consumers)
                    }
                },
                exchanges: exchanges.map(\.name), programs: try await programs(consuming: Set(queues.map(\.name))))
        }

        /// Messages and consumers of queues, of those that are there.
        func count(_ names: [String]) async throws(InspectionFailure) -> [String: (ready: Int, consumers: Int)] {
            guard !names.isEmpty else { return [:] }
            let look = try await inspection.logIn(to: host)
            let result = await Result { () async throws(InspectionFailure) in
                var found: [String: (ready: Int, consumers: Int)] = [:]
                for name in names {
                    if case .counted(let ready, let consumers) = try await look.count(name) {
                        found[name] = (ready, consumers)
                    }
                }
                return found
            }
            await look.close()
            return try result.get()
        }

        /// Who is connected to the virtual host.
        private func programs(consuming queues: Set<String>) async throws(ManagementError) -> [MigrationState.Program] {
            let path = ManagementAPI.escaped(host.virtualHost)
            let consumers = try await api.list(
                "/api/consumers/\(path)?columns=queue.name,channel_details.connection_name")
            var serving: Set<String> = []
            for consumer in consumers {
                guard let queue = consumer["queue"]?["name"]?.string, queues.contains(queue),
                    !queue.hasPrefix("reply_"), let name = consumer["channel_details"]?["connection_name"]?.string
                else { continue }
                serving.insert(name)
            }
            var programs: [String: MigrationState.Program] = [:]
            for connection in try await api.connections() where connection.virtualHost == host.virtualHost {
                let own = connection.program ?? ""
                // Looks such as this one's.
                if own.hasSuffix(":inspect") { continue }
                let name = own.isEmpty ? "a program without a name" : String(own.prefix { $0 != ":" })
                let peer = connection.peer.lastIndex(of: ":").map { String(connection.peer[..<$0]) } ?? connection.peer
                var program = programs[name] ?? .init(name: name, peers: [], connections: 0, isServer: false)
                program.connections += 1
                if !program.peers.contains(peer) { program.peers.append(peer) }
                program.isServer = program.isServer || serving.contains(connection.name)
                programs[name] = program
            }
            return programs.values.sorted { $0.name < $1.name }
        }
    }
#endif
