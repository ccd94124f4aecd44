#if RabbitMQ
    import SwitchboardCore
    package import SwitchboardRabbitMQ
    package import SwitchboardTesting

    /// A virtual host of its own for each world, on a broker that the process shares.
    ///
    /// Laws of restarts have a second broker, one law at a time: a restart ends everybody's connections.
    package struct RabbitMQHarness: TransportHarness {
        /// Which queues are declared.
        package enum Preset: String, Sendable, CaseIterable {
            case osloDefaults, durable, quorum

            package var configuration: RabbitMQConfiguration {
                switch self {
                case .osloDefaults: .osloDefaults
                case .durable: .durable
                case .quorum: .limitedQuorum
                }
            }
        }

        let preset: Preset
        let restarts: Bool

        package init(_ preset: Preset, for law: DriverLaw) {
            self.preset = preset
            restarts = law.group == .restarting
        }

        package func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
            guard restarts else { return try await withWorld(on: TestBroker.shared(), body) }
            let end = Latch()
            let turn = Task<Void, Never> { try? await end.wait() }
            let previous = Self.turns.withLock { turns in
                defer { turns = turn }
                return turns
            }
            defer { end.open() }
            await previous?.value
            try await withWorld(on: Self.restartable(), body)
        }

        private func withWorld(on broker: TestBroker, _ body: (TransportWorld) async throws -> Void) async throws {
            try await broker.withVirtualHost { [preset, restarts] name in
                let url = broker.url(virtualHost: name)
                var world = TransportWorld {
                    try Transport(url, drivers: DriverRegistry(.rabbitMQ(preset.configuration)), logger: quietLogger)
                }
                if preset == .quorum {
                    world.makeLimitedTransport = { attempts, logger in
                        var configuration = preset.configuration
                        // How often it may come back.
                        configuration.topology.quorumDeliveryLimit = attempts - 1
                        return try Transport(
                            url, drivers: DriverRegistry(.rabbitMQ(configuration)), logger: logger)
                    }
                    world.countsReleases = try await broker.version() < [4, 3]
                }
                world.untakeable = UntakeableMessages {
                    var configuration = preset.configuration
                    configuration.maximumMessageSize = 1000
                    return try Transport(url, drivers: DriverRegistry(.rabbitMQ(configuration)), logger: quietLogger)
                } plant: { address in
                    let transport = try Transport(
                        url, drivers: DriverRegistry(.rabbitMQ(preset.configuration)), logger: quietLogger)
                    try await transport.whileRunning {
                        for size in [1001, 1_000_000] {
                            try await transport.publish(Message(body: [UInt8](repeating: 1, count: size)), to: address)
                        }
                    }
                }
                world.interrupt = { try await broker.cutConnections(in: name) }
                world.inOtherProcess = LawPeer.conformanceTool(preset.rawValue, url: url).perform
                if restarts { world.restart = { try await broker.restart() } }
                try await body(world)
            }
        }

        private static let turns = Locked<Task<Void, Never>?>(nil)
        private static let start = Locked<Task<TestBroker, any Error>?>(nil)

        private static func restartable() async throws -> TestBroker {
            try await start.withLock { start in
                let task = start ?? Task { try await TestBroker.start() }
                start = task
                return task
            }.value
        }
    }

    extension RabbitMQConfiguration {
        /// With a limit, what comes back keeps its place on every version.
        fileprivate static var limitedQuorum: RabbitMQConfiguration {
            var configuration = RabbitMQConfiguration.quorum
            configuration.topology.quorumDeliveryLimit = 20
            return configuration
        }
    }
#endif
