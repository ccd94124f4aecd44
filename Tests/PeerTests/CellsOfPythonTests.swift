#if RabbitMQ
    import Logging
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    /// The whole point: two cells, each a virtual host with an unmodified oslo.messaging server, and a Swift client that
    /// aims each call at the cell of an instance.
    @Suite("Cells of unmodified oslo.messaging servers", .timeLimit(.minutes(3)))
    struct CellsOfPythonTests {
        private static let instances = [
            "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002",
            "10000000-0000-4000-8000-000000000003",
        ]

        private func withPython(
            _ name: String, at url: TransportURL, _ body: @escaping @Sendable () async throws -> Void
        ) async throws {
            let arguments = ["--url", url.formatted(revealingSecrets: true), "--topic", "t", "--server", name]
            try await PythonPeer.withPeer("oslo_server.py", arguments) { _ async throws in try await body() }
        }

        private func makeDirectory(_ urls: [TransportURL]) async throws -> InMemoryCellDirectory {
            let directory = InMemoryCellDirectory()
            let ids = [CellID.cell0, .random(), .random()]
            let texts = ["none:///"] + urls.map { $0.formatted(revealingSecrets: true) }
            for (index, id) in ids.enumerated() {
                try await directory.createCell(
                    CellMapping(
                        id: id, name: "cell\(index)", transportURL: URLTemplate(texts[index]),
                        databaseConnection: URLTemplate("sqlite:///cell\(index)")))
            }
            _ = try await directory.mapInstances(
                zip(Self.instances, [ids[1], ids[2], ids[0]]).map {
                    InstanceMapping(instanceUUID: $0, cell: $1, projectID: "p")
                })
            return directory
        }

        @Test("A call reaches the Python server of its instance's cell, and nobody else's")
        func routed() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { first async throws in
                try await broker.withVirtualHost { second async throws in
                    let urls = [broker.url(virtualHost: first), broker.url(virtualHost: second)]
                    let directory = try await makeDirectory(urls)
                    try await withPython("in-cell1", at: urls[0]) {
                        try await withPython("in-cell2", at: urls[1]) {
                            try await ask(directory, own: broker.url(virtualHost: first))
                        }
                    }
                }
            }
        }

        private func ask(_ directory: InMemoryCellDirectory, own: TransportURL) async throws {
            let drivers = DriverRegistry(.rabbitMQ())
            let manager = CellContextManager(directory: directory, drivers: drivers, logger: quietLogger)
            let own = try MessageQueueConnection(own, drivers: drivers, logger: quietLogger)
            let client = RPCClient(own, target: RPCTarget(topic: "t"), timeout: .seconds(20))
            try await withRunning(own, manager) {
                let context = RequestContext(userID: "alice")
                for _ in 0..<3 {
                    for (instance, expected) in zip(Self.instances, ["in-cell1", "in-cell2"]) {
                        let answer = try await manager.withTargetCell(forInstance: instance, context) { context in
                            try await client.call("who", context: context)
                        }
                        #expect(answer == .string(expected))
                    }
                    try await manager.withTargetCell(forInstance: Self.instances[2], context) { context in
                        let error = await #expect(throws: RPCError.self) {
                            try await client.call("who", context: context)
                        }
                        #expect(error?.code == .noQueue)
                        #expect(error?.message.contains("cell0") == true)
                    }
                    let untargeted = try await client.call("who", context: context)
                    #expect(untargeted == "in-cell1")
                }
            }
        }
    }
#endif
