#if RabbitMQ
    import NovaCompute
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    #if MariaDB
        import SwitchboardMariaDB
    #endif

    /// Two cells of a real Nova, by `Tests/Peers/nova_cell.py`: a virtual host, a nova-conductor and a nova-compute with Nova's
    /// fake hypervisor each. And what a service above the cells has: a directory of them, on MariaDB where this package was
    /// built for that, and a queue of its own, on which nobody listens.
    struct RealNova: Sendable {
        let manager: CellContextManager
        let compute: ComputeAPI
        let conductor: NovaConductor
        /// For what ``compute`` and ``conductor`` would not send.
        let client: RPCClient

        let first: CellMapping
        let second: CellMapping

        /// The host of the first cell's services.
        static let computeHost = "cmp1"
        /// The host of the second cell's services.
        static let secondHost = "cmp2"

        /// Runs the cells for as long as `body` runs. When it throws, the ends of the services' logs are shown.
        static func withCells(_ body: @escaping @Sendable (RealNova) async throws -> Void) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { own async throws in
                try await broker.withVirtualHost { first async throws in
                    try await broker.withVirtualHost { second async throws in
                        try await withServices([first, second].map { broker.url(virtualHost: $0) }) { cells in
                            try await withManager(of: cells, own: broker.url(virtualHost: own), body)
                        }
                    }
                }
            }
        }

        private static func withServices(
            _ urls: [TransportURL], _ body: @escaping @Sendable ([TransportURL]) async throws -> Void
        ) async throws {
            let directory = try ScratchDirectory(prefix: "switchboard-nova")
            defer { directory.remove() }
            let texts = urls.map { $0.formatted(revealingSecrets: true) }
            let arguments = [
                "--directory", directory.path, "--cell", "first=\(texts[0])", "--cell", "second=\(texts[1])",
                "--compute", "first=\(computeHost)", "--compute", "second=\(secondHost)",
            ]
            try await PythonPeer.withPeer(
                "nova_cell.py", arguments, readyWithin: .seconds(300)
            ) { peer async throws in
                do {
                    try await body(urls)
                } catch {
                    let logs = try? await peer.result(["do": "logs"]).string
                    Issue.record("The logs of Nova's services end so:\n\(logs ?? "They cannot be had.")")
                    throw error
                }
            }
        }

        private static func withManager(
            of urls: [TransportURL], own: TransportURL, _ body: @escaping @Sendable (RealNova) async throws -> Void
        ) async throws {
            #if MariaDB
                let server = try await TestDatabase.shared()
                try await server.withDatabase { name in
                    var configuration = MariaDBConfiguration()
                    configuration.createsIfMissing = true
                    let directory = try MariaDBCellDirectory(
                        server.url(database: name), configuration: configuration, logger: quietLogger)
                    try await withManager(over: directory, of: urls, own: own, body)
                }
            #else
                try await withManager(over: InMemoryCellDirectory(), of: urls, own: own, body)
            #endif
        }

        private static func withManager(
            over directory: any MutableCellDirectory, of urls: [TransportURL], own: TransportURL,
            _ body: @escaping @Sendable (RealNova) async throws -> Void
        ) async throws {
            let template = "{scheme}://{username}:{password}@{hostname}:{port}/\(urls[1].virtualHost ?? "")"
            var cells: [CellMapping] = []
            for (name, url) in [("first", urls[0].formatted(revealingSecrets: true)), ("second", template)] {
                let mapping = CellMapping(
                    id: .random(), name: name, transportURL: URLTemplate(url),
                    databaseConnection: URLTemplate("sqlite:///\(name)"))
                cells.append(try await directory.createCell(mapping))
            }
            _ = try await directory.mapHosts([computeHost], to: cells[0].id)
            _ = try await directory.mapHosts([secondHost], to: cells[1].id)

            let drivers = DriverRegistry(.rabbitMQ())
            let manager = CellContextManager(
                directory: directory, drivers: drivers,
                base: BaseURLs(transportURL: own.formatted(revealingSecrets: true)), logger: quietLogger)
            let connection = try MessageQueueConnection(own, drivers: drivers, logger: quietLogger)
            let client = RPCClient(
                connection, target: RPCTarget(topic: "compute", exchange: "nova"), timeout: .seconds(20))
            let nova = RealNova(
                manager: manager, compute: ComputeAPI(client, longTimeout: .seconds(60)),
                conductor: NovaConductor(client), client: client, first: cells[0], second: cells[1])
            try await withRunning(connection, manager) { try await body(nova) }
        }

        /// Asks a service for a sign of life; returns what it calls itself.
        func ping(_ topic: String, at host: String? = nil, context: RequestContext) async throws -> JSONValue {
            var client = client
            client.target = RPCTarget(topic: topic, exchange: "nova")
            return try await client.call(
                "ping", ["arg": .string("from \(topic)")], namespace: "baseapi", version: "1.0", to: host,
                context: context)
        }
    }

    /// What a cell's conductor does for services that have no database: it calls the methods of Nova's objects for them.
    struct NovaConductor: Sendable {
        private let client: RPCClient

        init(_ client: RPCClient) {
            var client = client
            client.target = RPCTarget(topic: "conductor", exchange: "nova")
            self.client = client
        }

        /// Calls a method of a class, such as a look-up.
        ///
        /// - Parameter version: the version of the object that is returned.
        func call(
            _ method: String, of object: String, version: RPCVersion, _ arguments: [JSONValue],
            named: JSONObject = [:], context: RequestContext
        ) async throws -> JSONValue {
            try await client.call(
                "object_class_action_versions",
                [
                    "objname": .string(object), "objmethod": .string(method),
                    // Without the others' versions the conductor would not know how to write objects inside it.
                    "object_versions": .object(Self.versions.merging(object, version)),
                    "args": .array(arguments), "kwargs": .object(named),
                ],
                version: "3.0", context: context)
        }

        /// Writes an object to the cell's database.
        func create(_ object: NovaObject, context: RequestContext) async throws {
            _ = try await client.call(
                "object_action",
                ["objinst": object.json, "objmethod": "create", "args": [], "kwargs": [:]], version: "3.0",
                context: context)
        }

        /// The hosts that have told the cell's database of a conductor.
        func conductorHosts(context: RequestContext) async throws -> [String] {
            let list = try await call(
                "get_by_topic", of: "ServiceList", version: "1.19", ["conductor"], context: context)
            return try NovaObject(json: list).objects.compactMap { $0["host"]?.string }
        }

        func instance(_ uuid: String, context: RequestContext) async throws -> NovaObject {
            try await NovaObject(
                json: call(
                    "get_by_uuid", of: "Instance", version: "2.8", [.string(uuid)], named: ["expected_attrs": []],
                    context: context))
        }

        private static let versions: JSONObject = ["Service": "1.22", "InstanceInfoCache": "1.5"]
    }

    extension JSONObject {
        fileprivate func merging(_ object: String, _ version: RPCVersion) -> JSONObject {
            var copy = self
            copy[object] = .string(version.description)
            return copy
        }
    }
#endif
